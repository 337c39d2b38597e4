"""The intake: facts are kept once, with everybody woken who listens and all who enter by them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from psycopg import AsyncConnection
from psycopg.errors import RaiseException

from digital_cs.clock import FastClock
from digital_cs.domain.programs.program import Program
from digital_cs.domain.sending.suppression import Kind, subject_of
from digital_cs.ingest.people.intake import Intake
from digital_cs.ingest.rules.entries import Entries
from digital_cs.store.database import pool
from digital_cs.store.people import accounts as facts
from digital_cs.store.people.accounts import AccountRecord
from digital_cs.store.people.contacts import ContactRecord
from digital_cs.store.product.events import EventRecord
from digital_cs.store.product.usage import UsageRecord
from digital_cs.temporal.gateway import Gateway
from tests import rig

Connection = AsyncConnection[Any]

WATCHES = [
    {"wait_for": {"milestone": "shop_connected"}, "for_up_to": "30 days"},
    {"branch": [{"when": {"trait": "plan", "is": "pro"}, "do": [{"end": "Grew up"}]}]},
]


@pytest.fixture
async def gateway(database: str) -> AsyncIterator[Gateway]:
    clock = FastClock(rig.MONDAY, datetime.now(UTC), 1.0)
    async with pool.opened(database, 6) as opened:
        yield Gateway(opened, clock, Entries(opened, clock, "UTC"))


@pytest.fixture
def intake(gateway: Gateway) -> Intake:
    return gateway.intake


@pytest.fixture
async def people(connection: Connection) -> list[str]:
    return await rig.people(connection, 4, rig.MONDAY)


@pytest.fixture
async def watching(gateway: Gateway, connection: Connection, people: list[str]) -> list[str]:
    """Two accounts inside a program that waits for a milestone and looks at the plan."""
    await gateway.publish([rig.program("watch", WATCHES)])
    await gateway.enroll("watch", people[:2])
    await connection.execute("delete from outbox")
    return people


def by_event(name: str = "trial_started") -> Program:
    return rig.program("welcome", [{"wait": "3 days"}], enter={"when": [{"event": name}]})


def event(id: str, account: str, name: str, days: float = 0) -> EventRecord:
    return EventRecord(id, account, name, rig.MONDAY + timedelta(days=days))


async def woken(connection: Connection) -> list[str]:
    cursor = await connection.execute(
        "select distinct e.account_id from outbox o join enrollments e on e.id = o.enrollment_id"
        " where o.kind = 'wake' order by 1"
    )
    return [row[0] for row in await cursor.fetchall()]


async def count(connection: Connection, table: str) -> int:
    cursor = await connection.execute(f"select count(*) from {table}")
    row = await cursor.fetchone()
    return int(row[0]) if row else 0


async def test_an_event_is_kept_once_reaches_its_milestone_and_wakes_who_waits_for_it(
    intake: Intake, connection: Connection, watching: list[str]
) -> None:
    arrived = [event("e1", watching[0], "shop_connected"), event("e2", watching[3], "logged_in")]

    first = await intake.record_events(arrived)
    again = await intake.record_events(arrived)

    assert (first.new, again.new, again.known_already) == (2, 0, 2)
    cursor = await connection.execute("select account_id, name, reached_at from milestones")
    assert await cursor.fetchall() == [(watching[0], "shop_connected", rig.MONDAY)]
    assert await woken(connection) == watching[:1]


async def test_events_are_heard_during_a_pause_p10(
    gateway: Gateway, connection: Connection, watching: list[str]
) -> None:
    await gateway.pause_program("watch")

    await gateway.intake.record_events([event("e1", watching[0], "shop_connected")])

    assert await woken(connection) == watching[:1]
    assert await count(connection, "milestones") == 1


async def test_a_milestone_that_a_program_speaks_of_only_now_is_caught_up(
    gateway: Gateway, connection: Connection, people: list[str]
) -> None:
    await gateway.intake.record_events(
        [event("e1", people[0], "shop_connected", 1), event("e2", people[0], "shop_connected", -5)]
    )
    assert await count(connection, "milestones") == 0

    await gateway.publish([rig.program("watch", WATCHES)])

    cursor = await connection.execute("select account_id, reached_at from milestones")
    assert await cursor.fetchall() == [(people[0], rig.MONDAY - timedelta(days=5))]


async def test_an_event_brings_its_account_into_a_program_once(
    gateway: Gateway, connection: Connection, people: list[str]
) -> None:
    await gateway.publish([by_event()])

    first = await gateway.intake.record_events([event("e1", people[0], "trial_started")])
    again = await gateway.intake.record_events([event("e1", people[0], "trial_started")])

    assert (first.enrolled, again.enrolled) == (1, 0)
    assert await count(connection, "enrollments") == 1


async def test_events_of_unknown_accounts_are_named_and_the_others_kept(
    intake: Intake, connection: Connection, people: list[str]
) -> None:
    done = await intake.record_events(
        [event("e1", "nobody", "logged_in"), event("e2", people[0], "logged_in")]
    )

    assert (done.new, done.known_already, done.unknown_accounts) == (1, 0, ("nobody",))


async def test_an_event_and_what_follows_from_it_are_kept_together_or_not_at_all(
    gateway: Gateway, connection: Connection, people: list[str]
) -> None:
    await gateway.publish([by_event()])
    await connection.execute(
        "create function refuse() returns trigger language plpgsql as"
        " $$ begin raise exception 'no room'; end $$"
    )
    await connection.execute(
        "create trigger refuse before insert on enrollments execute function refuse()"
    )

    with pytest.raises(RaiseException):
        await gateway.intake.record_events([event("e1", people[0], "trial_started")])

    assert await count(connection, "product_events") == 0


async def test_a_changed_trait_wakes_who_looks_at_it_and_nobody_else(
    intake: Intake, connection: Connection, watching: list[str]
) -> None:
    def pro(id: str, **traits: Any) -> AccountRecord:
        return AccountRecord(id, f"Company {id}", traits=traits)

    await intake.save_accounts([pro(watching[0], plan="pro"), pro(watching[1], color="red")])

    assert await woken(connection) == watching[:1]


async def test_what_is_loaded_again_unchanged_wakes_nobody(
    intake: Intake, connection: Connection, watching: list[str]
) -> None:
    ada = ContactRecord("ada", watching[0], "ada@company.test", "Ada", roles=("champion",))
    await intake.save_contacts([ada])
    await intake.save_accounts([AccountRecord(watching[0], "Acme", traits={"plan": "pro"})])
    await connection.execute("delete from outbox")

    saved = await intake.save_contacts([ada])
    await intake.save_accounts([AccountRecord(watching[0], "Acme", traits={"plan": "pro"})])

    assert saved.changed == ()
    assert await woken(connection) == []


async def test_of_two_records_about_the_same_the_last_one_counts(
    intake: Intake, connection: Connection
) -> None:
    await intake.save_accounts([AccountRecord("acme", "Old"), AccountRecord("acme", "New")])
    await intake.save_contacts(
        [ContactRecord("ada", "acme", "old@x.test"), ContactRecord("ada", "acme", "new@x.test")]
    )
    await intake.save_usage(
        [UsageRecord("acme", date(2026, 3, 1), "logins", n) for n in (1, 7)], None
    )

    cursor = await connection.execute(
        "select a.name, c.email, u.n from accounts a join memberships m on m.account_id = a.id"
        " join contacts c on c.id = m.contact_id"
        " join usage_days u on u.account_id = a.id"
    )
    assert await cursor.fetchall() == [("New", "new@x.test", 7)]


async def test_a_usage_feed_that_becomes_complete_wakes_who_rests_on_usage_p9(
    gateway: Gateway, connection: Connection, people: list[str]
) -> None:
    steps = [{"wait_for": {"quiet_for": "14 days"}, "for_up_to": "60 days"}]
    await gateway.publish([rig.program("quiet", steps)])
    await gateway.enroll("quiet", people[:1])
    await connection.execute("update enrollments set listens = array['usage', 'stage']")
    await connection.execute("delete from outbox")

    await gateway.intake.save_usage([UsageRecord(people[3], date(2026, 3, 1), "logins", 1)], None)
    assert await woken(connection) == []
    await gateway.intake.save_usage([], date(2026, 3, 1))

    assert await woken(connection) == people[:1]


async def test_a_suppressed_address_is_told_with_its_contacts_whatever_its_case(
    gateway: Gateway, connection: Connection, people: list[str]
) -> None:
    for name, new in ((f"{people[0]}@COMPANY.test", True), (f"{people[0]}@company.test", False)):
        done = await gateway.suppressions.add(subject_of(Kind.ADDRESS, name), note="by phone")
        assert (done.new, done.contacts) == (new, (f"{people[0]}-c1",))

    cursor = await connection.execute("select reason, note from suppression_entries")
    assert await cursor.fetchall() == [("manual", "by phone")]


async def test_sources_that_send_the_same_accounts_in_any_order_do_not_block_each_other(
    gateway: Gateway, connection: Connection
) -> None:
    people = await rig.people(connection, 40, rig.MONDAY)
    await gateway.publish([by_event("logged_in"), rig.program("watch", WATCHES)])

    async def events(turn: int) -> None:
        order = people if turn % 2 else people[::-1]
        await gateway.intake.record_events([event(f"{turn}-{id}", id, "logged_in") for id in order])

    async def accounts(turn: int) -> None:
        order = people[::-1] if turn % 2 else people
        await gateway.intake.save_accounts(
            [AccountRecord(id, "Acme", traits={"plan": turn}) for id in order]
        )

    await asyncio.gather(*(part(turn) for turn in range(8) for part in (events, accounts)))

    assert await count(connection, "product_events") == 8 * 40
    assert await count(connection, "enrollments") == 40


async def test_locked_accounts_are_those_that_exist(
    connection: Connection, people: list[str]
) -> None:
    assert await facts.lock(connection, [*people, "nobody"]) == set(people)
