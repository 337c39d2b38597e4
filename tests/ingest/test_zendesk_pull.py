"""Tickets are pulled from Zendesk completely, once, through every bad day of its API."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from psycopg import AsyncConnection
from psycopg_pool import AsyncConnectionPool

from digital_cs.channels import zendesk
from digital_cs.channels.zendesk import ZendeskAwayError, ZendeskClient, ZendeskRefusedError
from digital_cs.clock import FastClock
from digital_cs.errors import SettingsError
from digital_cs.ingest.support.zendesk_pull import LOCK, ZendeskPull
from digital_cs.store.database import pool as pools
from digital_cs.store.product import sources
from digital_cs.store.programs.enrollments import enroll
from digital_cs.store.support import tickets
from tests import rig
from tests.ingest.zendesk_desk import BREAK, EMAIL, TOKEN, Desk, ticket

Connection = AsyncConnection[Any]

STOPPED = FastClock(rig.MONDAY, datetime(2999, 1, 1, tzinfo=UTC), 1.0)
SAMPLES = rig.ROOT.parent / "shared" / "samples" / "zendesk-api"
EVERY = timedelta(minutes=5)


class Puller:
    """A pull against a desk, whose waiting takes no time but is written down."""

    def __init__(self, pool: AsyncConnectionPool[Any], desk: Desk, **client: Any) -> None:
        self.pauses: list[float] = []
        self._pool = pool
        self.client = ZendeskClient(
            **{"url": desk.url, "user": EMAIL, "token": TOKEN, "timeout": 5.0,
               "pause": self._pause, **client}
        )  # fmt: skip
        self.restart()

    def restart(self) -> None:
        """Begin as a new process would."""
        self.pull = ZendeskPull(
            pool=self._pool, clock=STOPPED, client=self.client, text_days=100_000, every=EVERY
        )

    async def _pause(self, seconds: float) -> None:
        self.pauses.append(seconds)
        await asyncio.sleep(0)


@pytest.fixture
async def desk() -> AsyncIterator[Desk]:
    async with Desk() as opened:
        yield opened


@pytest.fixture
async def puller(database: str, desk: Desk) -> AsyncIterator[Puller]:
    async with pools.opened(database, 3) as pool:
        found = Puller(pool, desk)
        yield found
        await found.client.close()


async def ids(connection: Connection) -> set[str]:
    cursor = await connection.execute("select id from tickets")
    return {row[0] for row in await cursor.fetchall()}


async def account(connection: Connection, id: str, *domains: str) -> None:
    await connection.execute(
        "insert into accounts (id, name, domains, created_at, updated_at)"
        " values (%s, %s, %s, now(), now())",
        (id, id, list(domains)),
    )


async def test_all_pages_are_kept_with_a_watermark_and_the_place_of_the_next_pull(
    puller: Puller, desk: Desk, connection: Connection
) -> None:
    desk.page = 10
    desk.tickets = [ticket(n, f"2026-03-01T09:{n:02}:00Z") for n in range(1, 36)]
    first = await puller.pull.once()
    assert (first.pages, first.tickets, first.new, first.complete) == (4, 35, 35, True)
    source = await sources.get(connection, "zendesk")
    assert source is not None
    assert source.complete_through == rig.MONDAY - timedelta(minutes=1)
    assert (source.received, source.kind, source.feeds) == (35, "zendesk", ["tickets"])

    desk.tickets[3] = ticket(3, "2026-03-02T08:00:00Z", status="solved")
    second = await puller.pull.once()
    assert (second.pages, second.tickets, second.updated) == (1, 1, 1)
    found = await tickets.find(connection, "zendesk:3")
    assert found is not None
    assert (found.status, found.solved_at) == ("solved", datetime(2026, 3, 2, 8, tzinfo=UTC))
    assert (await puller.pull.once()).tickets == 0


async def test_limits_faults_and_broken_connections_are_waited_out_and_nothing_is_lost(
    puller: Puller, desk: Desk, connection: Connection
) -> None:
    desk.page = 5
    desk.tickets = [ticket(n, f"2026-03-01T09:{n:02}:00Z") for n in range(1, 21)]
    desk.faults = [
        (429, {"retry-after": "93"}, b""), None, BREAK, (503, {}, b""),
        (502, {}, b"<html>"), None, (200, {}, b"<html>maintenance</html>"),
        (429, {"retry-after": "Mon, 02 Mar 1970 09:00:00 GMT"}, b""),
    ]  # fmt: skip
    pulled = await puller.pull.once()
    assert pulled.new == 20
    assert await ids(connection) == {f"zendesk:{n}" for n in range(1, 21)}
    waits = puller.pauses
    assert 93 <= waits[0] <= 93 * 1.25
    assert 1 <= waits[1] <= 1.25 < 2 <= waits[2] <= 2.5 < 4 <= waits[3] <= 5


async def test_an_interrupted_pull_goes_on_where_it_was(
    puller: Puller, desk: Desk, connection: Connection
) -> None:
    desk.page = 5
    desk.tickets = [ticket(n, f"2026-03-01T09:{n:02}:00Z") for n in range(1, 21)]
    desk.faults = [None, None, *[(500, {}, b"")] * zendesk.MOST_TRIES]
    with pytest.raises(ZendeskAwayError, match="7 tries, the last time with HTTP 500"):
        await puller.pull.once()
    assert len(await ids(connection)) == 10
    source = await sources.get(connection, "zendesk")
    assert source is not None
    assert source.complete_through is None
    assert source.last_error is not None
    assert "did not answer" in source.last_error

    puller.restart()
    pulled = await puller.pull.once()
    assert (pulled.pages, pulled.tickets) == (2, 10)
    assert len(await ids(connection)) == 20


async def test_a_refused_token_is_said_at_once(puller: Puller, desk: Desk, database: str) -> None:
    async with pools.opened(database, 2) as pool:
        other = Puller(pool, desk, token="another")
        with pytest.raises(ZendeskRefusedError, match="ZENDESK_TOKEN"):
            await other.pull.once()
        assert (len(desk.asked), other.pauses) == (1, [])
        await other.client.close()


async def test_a_place_that_zendesk_forgot_is_said_and_left_by_beginning_anew(
    puller: Puller, desk: Desk
) -> None:
    desk.tickets = [ticket(1)]
    await puller.pull.once()
    desk.faults = [(422, {}, b"{}")]
    with pytest.raises(ZendeskRefusedError, match="pull --since"):
        await puller.pull.once()
    again = await puller.pull.once(since=datetime(2026, 1, 1, tzinfo=UTC))
    assert (again.tickets, again.complete) == (1, True)
    assert "start_time=1767225600" in desk.asked[-1]


async def test_neither_a_redirect_nor_a_page_elsewhere_is_followed(
    puller: Puller, desk: Desk
) -> None:
    desk.faults = [(302, {"location": "http://169.254.169.254/"}, b"")]
    with pytest.raises(ZendeskRefusedError, match="redirects are not followed"):
        await puller.pull.once()
    async with Desk() as elsewhere:
        desk.next_host, desk.page = elsewhere.url, 1
        desk.organizations = [{"id": 1}, {"id": 2}]
        with pytest.raises(ZendeskRefusedError, match="not that of"):
            async for _ in puller.client.pages("/api/v2/organizations.json", "organizations"):
                pass
        assert elsewhere.asked == []


@pytest.mark.parametrize(
    "url", ["http://company.zendesk.com", "ftp://a", "company", "https://a@b.example", ""]
)
def test_an_address_that_would_give_the_token_away_is_refused(url: str) -> None:
    with pytest.raises(SettingsError, match="ZENDESK_URL"):
        ZendeskClient(url=url, user=EMAIL, token=TOKEN)


@pytest.mark.parametrize("numbered", [False, True])
async def test_lists_are_read_page_by_page_both_the_new_way_and_the_old(
    puller: Puller, desk: Desk, numbered: bool
) -> None:
    desk.numbered_pages, desk.page = numbered, 3
    desk.users = [{"id": n} for n in range(1, 11)]
    found = [u["id"] async for page in puller.client.pages("/api/v2/users.json", "users")
             for u in page]  # fmt: skip
    assert found == [*range(1, 11)]


@pytest.mark.parametrize("side_loads", [True, False])
async def test_requesters_organizations_and_times_of_solving_come_beside_or_from_lists(
    puller: Puller, desk: Desk, connection: Connection, side_loads: bool
) -> None:
    await account(connection, "acme")
    await account(connection, "globex", "globex.example")
    desk.side_loads, desk.page = side_loads, 2
    desk.users = [{"id": 1, "email": "ada@globex.example"}, {"id": 2, "email": None}]
    desk.organizations = [
        {"id": 7, "external_id": "acme", "domain_names": []},
        {"id": 8, "external_id": None, "domain_names": ["globex.example"]},
    ]
    desk.metrics = [{"ticket_id": 1, "solved_at": "2026-02-28T12:00:00Z"},
                    {"ticket_id": 2, "solved_at": None}]  # fmt: skip
    desk.tickets = [
        ticket(1, status="closed"),
        ticket(2, organization_id=7, requester_id=2),
        ticket(3, organization_id=8, requester_id=2),
        ticket(4, requester_id=2),
        ticket(5, requester_id=99, organization_id=99),
    ]
    await puller.pull.once()
    cursor = await connection.execute("select account_id, matched_by from tickets order by id")
    assert await cursor.fetchall() == [
        ("globex", "domain"), ("acme", "organization"), ("globex", "organization"),
        (None, None), (None, None),
    ]  # fmt: skip
    solved = await tickets.find(connection, "zendesk:1")
    assert solved is not None
    assert solved.solved_at == datetime(2026, 2, 28, 12, tzinfo=UTC)


async def test_waiting_tickets_follow_what_zendesk_says_later_of_their_organization(
    puller: Puller, desk: Desk, connection: Connection
) -> None:
    await account(connection, "acme")
    desk.organizations = [{"id": 7, "external_id": None, "domain_names": []}]
    desk.tickets = [ticket(1, organization_id=7)]
    assert (await puller.pull.once()).unmatched == 1
    desk.organizations = [{"id": 7, "external_id": "acme", "domain_names": []}]
    puller.restart()
    await puller.pull.once()
    found = await tickets.find(connection, "zendesk:1")
    assert found is not None
    assert (found.account_id, found.matched_by) == ("acme", "organization")


async def test_one_bad_ticket_does_not_lose_the_others(
    puller: Puller, desk: Desk, connection: Connection
) -> None:
    desk.tickets = [
        ticket(1), ticket(2, created_at="yesterday"), ticket(3, status="simmering"),
        ticket(4, subject="nul \x00 and \ud800", description=None, priority="odd", tags="a b"),
    ]  # fmt: skip
    pulled = await puller.pull.once()
    assert (pulled.new, pulled.refused) == (2, 2)
    assert pulled.problems == (
        "Ticket 2 has no created_at that can be read: write it like 2026-03-02T09:00:00Z.",
        "Ticket 3 has no status that is known.",
    )
    source = await sources.get(connection, "zendesk")
    assert source is not None
    assert (source.received, source.refused) == (2, 2)
    found = await tickets.find(connection, "zendesk:4")
    assert found is not None
    assert (found.subject, found.body, found.severity) == ("nul  and", None, None)
    assert found.tags == ["a", "b"]


async def test_who_rests_on_the_feed_is_woken_once_a_day_is_complete(
    puller: Puller, desk: Desk, connection: Connection
) -> None:
    """P9: what nobody could know before may be known now."""
    await rig.publish(connection, rig.drip("welcome", 1, "1 day"), rig.MONDAY)
    await rig.people(connection, 2, rig.MONDAY)
    people = await connection.execute("select id from accounts order by id")
    ids = [row[0] for row in await people.fetchall()]
    await enroll(connection, "welcome", ids, source="test", now=rig.MONDAY, again="never")
    await connection.execute(
        "update enrollments set listens = '{feed:tickets}' where account_id = %s", (ids[0],)
    )
    await connection.execute("delete from outbox")
    await puller.pull.once()
    await puller.pull.once()
    woken = await connection.execute("select kind, enrollment_id from outbox")
    assert await woken.fetchall() == [("wake", f"welcome:{ids[0]}:1")]


async def test_only_one_of_the_fleet_pulls_and_only_when_it_is_time(
    puller: Puller, desk: Desk, connection: Connection
) -> None:
    desk.tickets = [ticket(1)]
    await connection.execute("select pg_advisory_lock(%s)", (LOCK,))
    assert not (await puller.pull.once()).complete
    await connection.execute("select pg_advisory_unlock(%s)", (LOCK,))
    assert (await puller.pull.once(only_when_due=True)).complete
    asked = len(desk.asked)
    assert not (await puller.pull.once(only_when_due=True)).complete
    assert len(desk.asked) == asked


async def test_the_samples_of_a_real_zendesk_come_in_on_a_bad_day(
    puller: Puller, desk: Desk, connection: Connection
) -> None:
    if not SAMPLES.is_dir():
        pytest.skip(f"the samples of a real Zendesk are not here: {SAMPLES}")
    lists = {"tickets": desk.tickets, "users": desk.users, "organizations": desk.organizations,
             "ticket_metrics": desk.metrics}  # fmt: skip
    for name, rows in lists.items():
        rows += json.loads((SAMPLES / f"{name}.json").read_text())
    await account(connection, "smersh")
    desk.organizations = [
        {**each, "external_id": "smersh" if each["name"] == "Smersh" else None}
        for each in desk.organizations
    ]
    desk.page = 50
    desk.faults = [None, BREAK, (429, {"retry-after": "7"}, b""), None, (500, {}, b""), BREAK]
    pulled = await puller.pull.once()
    assert (pulled.new, pulled.refused, pulled.unmatched) == (360, 0, 260)
    cursor = await connection.execute(
        "select status, count(*), count(distinct severity) from tickets group by 1 order by 1"
    )
    assert await cursor.fetchall() == [("closed", 14, 1), ("new", 345, 1), ("pending", 1, 1)]
    cursor = await connection.execute(
        "select count(*) filter (where account_id = 'smersh' and matched_by = 'organization'),"
        " count(*) filter (where cardinality(tags) = 2) from tickets"
    )
    assert await cursor.fetchall() == [(100, 100)]
    before = await connection.execute(
        "select md5(string_agg(t::text, '' order by id)) from tickets t"
    )
    fingerprint = await before.fetchone()
    again = await puller.pull.once(since=datetime(2001, 1, 1, tzinfo=UTC))
    assert (again.tickets, again.new, again.updated) == (360, 0, 0)
    after = await connection.execute(
        "select md5(string_agg(t::text, '' order by id)) from tickets t"
    )
    assert await after.fetchone() == fingerprint
