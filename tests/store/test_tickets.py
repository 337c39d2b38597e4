"""Tickets come to the right account, once, in any order, and their texts are forgotten."""

from __future__ import annotations

import dataclasses
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from psycopg import AsyncConnection

from digital_cs.store.support import ticket_matches, tickets
from digital_cs.store.support.tickets import SavedTickets, TicketRecord

Connection = AsyncConnection[Any]

NOW = datetime(2026, 3, 2, 9, tzinfo=UTC)
DAY = timedelta(days=1)


def ticket(number: str = "1", **parts: Any) -> TicketRecord:
    """An open ticket of an hour ago."""
    moment = NOW - timedelta(hours=1)
    return TicketRecord(
        **{"source": "desk", "number": number, "status": "open", "opened_at": moment,
           "updated_at": moment, **parts}
    )  # fmt: skip


async def save(connection: Connection, *records: TicketRecord, days: int = 180) -> SavedTickets:
    return await tickets.save_tickets(connection, records, NOW, text_days=days)


async def get(connection: Connection, number: str = "1") -> tickets.TicketView:
    found = await tickets.find(connection, f"desk:{number}")
    assert found is not None
    return found


async def account(connection: Connection, id: str, *domains: str) -> str:
    await connection.execute(
        "insert into accounts (id, name, domains, created_at, updated_at) values (%s, %s, %s,"
        " %s, %s)",
        (id, id, list(domains), NOW, NOW),
    )
    return id


async def person(
    connection: Connection, id: str, email: str | None, *accounts: str, joined: datetime = NOW
) -> None:
    await connection.execute(
        "insert into contacts (id, email, created_at, updated_at) values (%s, %s, %s, %s)"
        " on conflict do nothing",
        (id, email, NOW, NOW),
    )
    for account_id in accounts:
        await connection.execute(
            "insert into memberships (contact_id, account_id, joined_at) values (%s, %s, %s)",
            (id, account_id, joined),
        )


async def left(connection: Connection, contact: str, account_id: str) -> None:
    await connection.execute(
        "update memberships set left_at = %s where contact_id = %s and account_id = %s",
        (NOW, contact, account_id),
    )


@pytest.fixture
async def acme(connection: Connection) -> str:
    """The account `acme` with ada@acme.example in it."""
    id = await account(connection, "acme")
    await person(connection, "ada", "Ada@acme.example", "acme")
    return id


async def whose(connection: Connection, number: str = "1") -> tuple[str | None, str | None]:
    found = await get(connection, number)
    return found.account_id, found.matched_by


class TestWhose:
    async def test_the_account_that_a_ticket_names_comes_before_all(
        self, connection: Connection, acme: str
    ) -> None:
        await account(connection, "globex")
        saved = await save(
            connection, ticket(account_given="globex", requester_email="ada@acme.example")
        )
        assert saved == SavedTickets(("globex",), new=1)
        assert await whose(connection) == ("globex", "given")
        assert (await get(connection)).contact_id == "ada"

    async def test_a_linked_organization_comes_before_what_its_external_id_says(
        self, connection: Connection, acme: str
    ) -> None:
        await account(connection, "globex")
        await account(connection, "initech", "initech.example")
        await ticket_matches.link(connection, "desk", "77", "globex")
        await save(
            connection,
            ticket("1", organization="77", organization_account="acme"),
            ticket("2", organization="78", organization_account="acme",
                   organization_domains=("initech.example",)),
            ticket("3", organization="79", organization_account="nobody",
                   organization_domains=("Initech.example", "gmail.com")),
            ticket("4", source="other", organization="77", requester_email="ada@acme.example"),
        )  # fmt: skip
        assert await whose(connection, "1") == ("globex", "organization")
        assert await whose(connection, "2") == ("acme", "organization")
        assert await whose(connection, "3") == ("initech", "organization")
        other = await tickets.find(connection, "other:4")
        assert other is not None
        assert (other.account_id, other.matched_by) == ("acme", "address")

    async def test_the_address_finds_the_account_that_its_person_joined_last(
        self, connection: Connection, acme: str
    ) -> None:
        await account(connection, "globex", "acme.example")
        await person(connection, "ada", None, "globex", joined=NOW - DAY)
        await save(connection, ticket("1", requester_email=" ADA@ACME.example "))
        assert await whose(connection, "1") == ("acme", "address")
        await left(connection, "ada", "acme")
        await save(connection, ticket("2", requester_email="ada@acme.example"))
        assert await whose(connection, "2") == ("globex", "address")

    async def test_a_domain_is_a_declared_one_else_that_of_one_accounts_people(
        self, connection: Connection, acme: str
    ) -> None:
        await account(connection, "globex", "globex.example", "both.example")
        await account(connection, "initech", "both.example")
        await person(connection, "bob", "bob@both.example", "initech")
        await person(connection, "eve", "eve@shared.example", "acme", "globex")
        await person(connection, "zoe", "zoe@gone.example", "acme")
        await left(connection, "zoe", "acme")
        wanted = {
            "new@globex.example": ("globex", "domain"),
            "new@acme.example": ("acme", "domain"),
            "new@both.example": (None, None),
            "new@shared.example": (None, None),
            "new@gone.example": (None, None),
            "new@sub.acme.example": (None, None),
            "acme.example": (None, None),
        }
        await save(connection, *(ticket(address, requester_email=address) for address in wanted))
        for address, (account_id, how) in wanted.items():
            assert await whose(connection, address) == (account_id, how), address

    async def test_a_free_mail_domain_never_says_whose_a_ticket_is(
        self, connection: Connection
    ) -> None:
        await account(connection, "acme", "gmail.com")
        await person(connection, "ada", "ada@gmail.com", "acme")
        await person(connection, "bob", "bob@hotmail.com", "acme")
        await save(
            connection,
            ticket("1", requester_email="eve@gmail.com"),
            ticket("2", requester_email="eve@hotmail.com"),
            ticket("3", organization="1", organization_domains=("gmail.com",)),
            ticket("4", requester_email="bob@hotmail.com"),
        )
        for number in "123":
            assert await whose(connection, number) == (None, None)
        assert await whose(connection, "4") == ("acme", "address")

    async def test_it_stays_when_its_person_moves_on_and_follows_its_own_change(
        self, connection: Connection, acme: str
    ) -> None:
        await account(connection, "globex")
        await save(connection, ticket(requester_email="ada@acme.example"))
        await left(connection, "ada", "acme")
        await person(connection, "ada", None, "globex", joined=NOW + DAY)
        later = ticket(requester_email="ada@acme.example", updated_at=NOW, status="pending")
        await save(connection, later)
        assert await whose(connection) == ("acme", "address")
        await person(connection, "bob", "bob@globex.example", "globex")
        moved = dataclasses.replace(later, requester_email="bob@globex.example")
        saved = await save(connection, moved)
        assert await whose(connection) == ("globex", "address")
        assert saved.changed_accounts == ("acme", "globex")

    async def test_a_surer_ground_takes_it_over(self, connection: Connection, acme: str) -> None:
        await account(connection, "globex")
        await save(connection, ticket(requester_email="eve@acme.example"))
        assert await whose(connection) == ("acme", "domain")
        await person(connection, "eve", "eve@acme.example", "globex")
        await save(connection, ticket(requester_email="eve@acme.example", updated_at=NOW))
        assert await whose(connection) == ("globex", "address")


class TestWaiting:
    async def test_tickets_wait_and_are_matched_when_somebody_says_whose(
        self, connection: Connection
    ) -> None:
        saved = await save(
            connection,
            ticket("1", account_given="acme"),
            ticket("2", organization="5", organization_account="acme"),
            ticket("3", requester_email="ada@acme.example"),
            ticket("4", requester_email="eve@acme.example"),
            ticket("5", requester_email="eve@nowhere.example"),
        )
        assert saved == SavedTickets((), new=5, unmatched=5)
        assert await ticket_matches.match_waiting(connection) == {}
        await account(connection, "acme")
        await person(connection, "ada", "ada@acme.example", "acme")
        assert await ticket_matches.match_waiting(connection) == {"acme": 4}
        assert [(await whose(connection, n))[1] for n in "12345"] == [
            "given", "organization", "address", "domain", None,
        ]  # fmt: skip
        assert await ticket_matches.match_waiting(connection) == {}
        waiting = await tickets.list_tickets(connection, unmatched=True)
        assert [each.id for each in waiting] == ["desk:5"]

    async def test_a_link_takes_the_older_tickets_of_its_organization_along(
        self, connection: Connection, acme: str
    ) -> None:
        await account(connection, "globex")
        await save(
            connection,
            ticket("1", organization="7"),
            ticket("2", organization="7", requester_email="ada@acme.example"),
            ticket("3", organization="7", account_given="acme"),
            ticket("4", organization="8"),
        )
        assert await ticket_matches.link(connection, "desk", "7", "globex") == (
            True, {"globex": 2, "acme": 1},
        )  # fmt: skip
        assert await ticket_matches.link(connection, "desk", "7", "globex") == (False, {})
        assert [(await whose(connection, n))[0] for n in "1234"] == [
            "globex", "globex", "acme", None,
        ]  # fmt: skip


class TestOnce:
    async def test_a_repeat_changes_nothing_and_an_older_update_neither(
        self, connection: Connection, acme: str
    ) -> None:
        first = ticket(account_given="acme", subject="Late", tags=("b", "a", "b"))
        second = dataclasses.replace(first, status="solved", updated_at=NOW)
        assert (await save(connection, first)).new == 1
        assert await save(connection, first) == SavedTickets(same=1)
        assert await save(connection, second) == SavedTickets(("acme",), updated=1)
        assert await save(connection, first) == SavedTickets(stale=1)
        found = await get(connection)
        assert (found.status, found.tags, found.solved_at) == ("solved", ["a", "b"], NOW)

    async def test_of_two_in_one_call_the_newer_counts(self, connection: Connection) -> None:
        newer = ticket(status="closed", updated_at=NOW)
        assert (await save(connection, newer, ticket())).new == 1
        assert (await get(connection)).status == "closed"

    async def test_what_an_update_does_not_say_stays_as_it_was(
        self, connection: Connection, acme: str
    ) -> None:
        await save(
            connection,
            ticket(requester_email="ada@acme.example", subject="Late", body="Very late.",
                   severity="high", tags=("billing",), topic="invoices", organization="7"),
        )  # fmt: skip
        await save(connection, ticket(status="pending", updated_at=NOW))
        found = await get(connection)
        assert (found.subject, found.body, found.severity) == ("Late", "Very late.", "high")
        assert (found.tags, found.topic, found.organization) == (["billing"], "invoices", "7")
        assert (found.account_id, found.status) == ("acme", "pending")

    async def test_the_moment_of_solving_is_the_first_known_and_goes_with_reopening(
        self, connection: Connection
    ) -> None:
        solved, closed = NOW - DAY, NOW
        await save(connection, ticket(status="solved", updated_at=solved))
        await save(connection, ticket(status="closed", updated_at=closed))
        assert (await get(connection)).solved_at == solved
        await save(connection, ticket(status="open", updated_at=NOW + DAY))
        assert (await get(connection)).solved_at is None
        said = NOW + timedelta(hours=30)
        await save(connection, ticket(status="solved", updated_at=NOW + 2 * DAY, solved_at=said))
        assert (await get(connection)).solved_at == said

    @settings(max_examples=25, deadline=None,
              suppress_health_check=[HealthCheck.function_scoped_fixture])  # fmt: skip
    @given(st.lists(st.tuples(st.integers(0, 2), st.integers(0, 4)), max_size=12), st.data())
    async def test_the_newest_wins_in_whatever_order_and_pieces_updates_arrive(
        self, connection: Connection, updates: list[tuple[int, int]], data: st.DataObject
    ) -> None:
        await connection.execute("truncate tickets")
        records = [
            ticket(str(number), updated_at=NOW + timedelta(minutes=minute), topic=f"at {minute}")
            for number, minute in updates
        ]
        cut = data.draw(st.integers(0, len(records)))
        await save(connection, *records[:cut])
        await save(connection, *records[cut:])
        await save(connection, *records)
        for number in {number for number, _ in updates}:
            newest = max(minute for each, minute in updates if each == number)
            assert (await get(connection, str(number))).topic == f"at {newest}"


class TestForgetting:
    async def test_texts_are_erased_when_their_days_are_over(self, connection: Connection) -> None:
        await save(
            connection,
            ticket("old", subject="Old", body="b", updated_at=NOW - 179 * DAY),
            ticket("new", subject="New", body="b"),
        )
        assert await tickets.forget_texts(connection, NOW, 180) == 0
        assert await tickets.forget_texts(connection, NOW + DAY, 180) == 1
        old, new = await get(connection, "old"), await get(connection, "new")
        assert (old.subject, old.body, old.text_kept_until) == (None, None, None)
        assert (new.subject, new.body) == ("New", "b")
        assert new.text_kept_until == new.updated_at + 180 * DAY

    async def test_a_shorter_setting_holds_for_what_is_here_already(
        self, connection: Connection
    ) -> None:
        await save(
            connection, ticket("1", body="b", updated_at=NOW - 20 * DAY), ticket("2", body="b")
        )
        assert await tickets.forget_texts(connection, NOW, 10) == 1
        assert await tickets.forget_texts(connection, NOW, 0) == 1

    async def test_zero_days_and_a_ticket_that_is_too_old_store_no_text(
        self, connection: Connection
    ) -> None:
        ahead = ticket("1", subject="s", body="b", updated_at=NOW + DAY)
        await save(connection, ahead, days=0)
        await save(connection, ticket("2", subject="s", updated_at=NOW - 181 * DAY))
        for number in "12":
            found = await get(connection, number)
            assert (found.subject, found.body, found.text_kept_until) == (None, None, None)

    async def test_a_deleted_ticket_leaves_nothing_but_its_id(
        self, connection: Connection, acme: str
    ) -> None:
        asked = ticket(requester_email="ada@acme.example", subject="s", body="b", tags=("x",),
                       organization="7", organization_domains=("acme.example",))  # fmt: skip
        await save(connection, asked)
        gone = dataclasses.replace(asked, status="deleted", updated_at=NOW)
        assert await save(connection, gone) == SavedTickets(("acme",), updated=1)
        row = await (
            await connection.execute(
                "select account_id, contact_id, requester_email, subject, body, organization,"
                " organization_domains, tags from tickets"
            )
        ).fetchone()
        assert row == (None, None, None, None, None, None, [], [])
        assert await save(connection, asked) == SavedTickets(stale=1)
        assert await ticket_matches.match_waiting(connection) == {}
        assert await tickets.list_tickets(connection, unmatched=True) == []


async def test_whoever_reads_tickets_is_told_of_each_change_once(
    connection: Connection, acme: str
) -> None:
    await connection.execute(
        "insert into segments (id, version, content_hash, reads, state, changed_at)"
        " values ('unhappy', 1, '', '{tickets}', 'kept', %s)",
        (NOW,),
    )

    async def told() -> list[tuple[str, list[str]]]:
        cursor = await connection.execute("delete from account_changes returning account_id, keys")
        return await cursor.fetchall()

    waiting = ticket("2", organization="7")
    await save(connection, ticket(account_given="acme"), waiting)
    assert await told() == [("acme", ["tickets"])]
    await save(connection, ticket(account_given="acme"), waiting)
    assert await told() == []
    await ticket_matches.link(connection, "desk", "7", "acme")
    assert await told() == [("acme", ["tickets"])]
    await connection.execute("update tickets set account_id = null where id = 'desk:2'")
    await ticket_matches.match_waiting(connection)
    assert await told() == [("acme", ["tickets"])]


@pytest.mark.parametrize("evil", ["'; drop table tickets; --", "%s %(id)s", "a\\'b", "\u202e{}"])
async def test_whatever_is_written_in_a_ticket_is_only_ever_data(
    connection: Connection, evil: str
) -> None:
    await save(
        connection,
        ticket(evil, subject=evil, body=evil, tags=(evil,), topic=evil, organization=evil,
               organization_account=evil, account_given=evil, organization_domains=(evil,),
               requester_email=f"{evil}@{evil}"),
    )  # fmt: skip
    assert await ticket_matches.match_waiting(connection) == {}
    found = await get(connection, evil)
    assert (found.subject, found.tags, found.organization) == (evil, [evil], evil)
    assert await tickets.find(connection, evil) is None
