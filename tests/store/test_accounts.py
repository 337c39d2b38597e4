"""Accounts, people, events and usage: kept once, and whoever listens is known."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest
from psycopg import AsyncConnection

from digital_cs.domain.account import NO_HOLIDAYS
from digital_cs.domain.rules.reads import Reads
from digital_cs.store.people import accounts as store
from digital_cs.store.people.accounts import AccountRecord
from digital_cs.store.people.contacts import ContactRecord, save_contacts
from digital_cs.store.people.suppressions import add, address_subject, suppress
from digital_cs.store.product.events import EventRecord, record_events
from digital_cs.store.product.usage import UsageRecord, save_usage
from digital_cs.store.programs.enrollments import enroll, wake_by_feed, wake_listeners
from digital_cs.store.programs.facts import facts_page
from tests import rig
from tests.store.touching import rows

Connection = AsyncConnection[Any]
NOW = rig.MONDAY


async def _page(connection: Connection, **asked: Any) -> list[str]:
    page = await facts_page(connection, NOW, NO_HOLIDAYS, reads=Reads(), **asked)
    return [account.id for account in page]


async def test_what_changed_of_an_account_is_told_by_key(connection: Connection) -> None:
    async def save(**facts: Any) -> list[str]:
        return sorted(
            (await store.save_accounts(connection, [AccountRecord("a", "A", **facts)], NOW))["a"]
        )

    assert await save(stage="trial", traits={"plan": "free", "seats": 1}) == [
        "account", "managed", "stage", "trait:plan", "trait:seats"
    ]  # fmt: skip
    assert await save(stage="trial", traits={"plan": "free"}) == []
    assert await save(traits={"plan": "pro"}) == ["trait:plan"]
    assert await save(stage="paying", managed=True) == ["managed", "stage"]
    assert await save(zone="Asia/Tokyo", country="JP") == ["country", "zone"]
    (row,) = await rows(connection, "accounts")
    assert (row["stage"], row["managed"], row["traits"]) == (
        "paying", True, {"plan": "pro", "seats": 1}
    )  # fmt: skip


async def test_what_a_source_does_not_say_stays_as_it_is(connection: Connection) -> None:
    full = AccountRecord("a", "A", "trial", True, "Asia/Tokyo", "JP", {"plan": "pro"})
    await store.save_accounts(connection, [full], NOW)
    await store.save_accounts(connection, [AccountRecord("a", "Renamed")], NOW)
    (row,) = await rows(connection, "accounts")
    assert (row["name"], row["managed"], row["zone"], row["country"], row["traits"]) == (
        "Renamed", True, "Asia/Tokyo", "JP", {"plan": "pro"}
    )  # fmt: skip


async def test_people_of_unknown_accounts_are_told_and_left_out(
    connection: Connection, accounts: list[str]
) -> None:
    known = ContactRecord("c", accounts[0], "c@x.test")
    saved = await save_contacts(connection, [known, ContactRecord("d", "nobody", "d@x.test")], NOW)
    assert (saved.unknown, saved.changed) == (("d",), (accounts[0],))
    assert (await save_contacts(connection, [known], NOW)).changed == ()


async def test_an_event_is_kept_once(connection: Connection, accounts: list[str]) -> None:
    def event(id: str, hours: int, account: str = accounts[0]) -> EventRecord:
        return EventRecord(id, account, "first_send", NOW + timedelta(hours=hours))

    fresh = await record_events(
        connection, [event("1", 5), event("2", 3), event("3", 1, "nobody")], NOW
    )
    assert [each.id for each in fresh] == ["1", "2"]
    assert await record_events(connection, [event("1", 5)], NOW) == []

    (usage,) = await rows(connection, "usage_days")
    assert (usage["n"], usage["first_at"]) == (2, NOW + timedelta(hours=3))


async def test_usage_is_replaced_by_day_and_says_how_far_the_feed_is(
    connection: Connection, accounts: list[str]
) -> None:
    first, second = accounts[:2]

    async def save(*records: UsageRecord) -> list[str]:
        return list((await save_usage(connection, records, NOW)).moved)

    day = date(2026, 2, 20)
    assert await save(
        UsageRecord(first, day, "login", 3), UsageRecord(second, day, "login", 0)
    ) == [first]
    assert await save(UsageRecord(first, day, "login", 5)) == []
    await rig.usage_complete(connection, date(2026, 3, 1))

    (usage, _) = await rows(connection, "usage_days")
    page = await facts_page(connection, NOW, NO_HOLIDAYS, reads=Reads())
    found = {account.id: account for account in page}
    assert usage["n"] in (0, 5)
    assert found[first].last_active_on == day
    assert found[second].last_active_on is None
    assert {account.usage_through for account in found.values()} == {date(2026, 3, 1)}


async def test_a_page_of_facts_goes_on_where_the_last_one_ended(
    connection: Connection, accounts: list[str]
) -> None:
    assert await _page(connection, most=2) == accounts[:2]
    assert await _page(connection, most=10, after=accounts[1]) == accounts[2:]
    assert await _page(connection, ids=[accounts[3], "nobody"]) == [accounts[3]]


async def test_a_change_wakes_those_whose_program_ever_listens_to_it(
    connection: Connection, accounts: list[str]
) -> None:
    """By all that the version listens to: an enrollment may be moving to such a step just now."""
    waiting = rig.program(
        "listens",
        [{"wait": "1 day"}, {"wait_for": {"event": "login"}, "for_up_to": "3 days"}],
    )
    await rig.publish(connection, waiting, NOW)
    for program in ("welcome", "listens"):
        await enroll(connection, program, accounts[:2], source="test", now=NOW, again="never")
    await connection.execute("delete from outbox")

    assert await wake_listeners(connection, accounts[0], ["event:login", "event:other"]) == 1
    assert await wake_listeners(connection, accounts, ["event:other"]) == 0
    assert await wake_listeners(connection, accounts, []) == 0
    assert [(row["kind"], row["enrollment_id"]) for row in await rows(connection, "outbox")] == [
        ("wake", f"listens:{accounts[0]}:1")
    ]
    assert await wake_listeners(connection, accounts, ["contacts"]) == 4


async def test_news_of_usage_wakes_those_who_rest_on_it(
    connection: Connection, accounts: list[str]
) -> None:
    """P9: silence and amounts alike, and versions of before amounts could be asked for."""
    await enroll(connection, "welcome", accounts[:2], source="test", now=NOW, again="never")
    await connection.execute("delete from outbox")
    assert await wake_by_feed(connection, "usage") == 0
    await connection.execute(
        "update enrollments set listens = '{past:sent,feed:usage}' where account_id = %s",
        (accounts[1],),
    )
    assert await wake_by_feed(connection, "usage") == 1
    await connection.execute(
        "update enrollments set listens = '{usage,stage}' where account_id = %s", (accounts[0],)
    )
    assert await wake_by_feed(connection, "usage") == 2


async def test_a_weightier_reason_of_a_suppression_wins(
    connection: Connection, accounts: list[str]
) -> None:
    contact, address = f"{accounts[0]}-c1", f"{accounts[0]}@company.test"
    for reason, counts in (("unsubscribed", "unsubscribed"), ("hard bounce", "hard bounce"),
                           ("complaint", "hard bounce")):  # fmt: skip
        await suppress(connection, contact, reason, "smtp", NOW)
        await suppress(connection, contact, reason, "smtp", NOW)
        (row,) = await rows(connection, "suppressions")
        assert (row["subject"], row["reason"]) == (f"address:{address}", counts)
    assert len(await rows(connection, "suppression_entries")) == 3


async def test_the_same_reason_of_a_suppression_is_kept_once(
    connection: Connection, accounts: list[str]
) -> None:
    contact, address = f"{accounts[0]}-c1", f"{accounts[0]}@company.test"
    await suppress(connection, contact, "hard bounce", "smtp", NOW)
    subject = address_subject(address.upper())
    assert await add(connection, [subject], "hard bounce", "x", NOW) == []
    (row,) = await rows(connection, "suppression_entries")
    assert (row["subject"], row["source"]) == (f"address:{address}", "smtp")


@pytest.mark.parametrize("by", ["contact", "address"])
async def test_an_address_that_is_written_to_no_more_is_told_in_all_its_accounts_once(
    connection: Connection, accounts: list[str], by: str
) -> None:
    """A champion whose address bounces is a champion who is gone."""
    contact, address = f"{accounts[0]}-c1", f"{accounts[0]}@company.test"
    twin = ContactRecord("twin", accounts[1], address.upper(), "Ada", "Ada again", ("champion",))
    await save_contacts(connection, [twin], NOW)
    await connection.execute(
        "insert into segments (id, version, content_hash, reads, state, changed_at)"
        " values ('trigger:gone', 1, '', '{contacts}', 'kept', %s)",
        (NOW,),
    )
    for _ in range(2):
        if by == "contact":
            await suppress(connection, contact, "hard bounce", "smtp", NOW)
        else:
            await add(connection, [address_subject(address)], "hard bounce", "csv", NOW)
    told = [(row["account_id"], row["keys"]) for row in await rows(connection, "account_changes")]
    assert told == [(accounts[0], ["contacts"]), (accounts[1], ["contacts"])]


async def test_only_known_accounts_are_known_locked_and_counted_by_country(
    connection: Connection, accounts: list[str]
) -> None:
    await connection.execute("update accounts set country = 'DE' where id <> %s", (accounts[0],))
    assert await store.known(connection, [*accounts, "nobody"]) == set(accounts)
    async with connection.transaction():
        assert await store.lock(connection, [accounts[1], "nobody"]) == {accounts[1]}
    assert await store.countries(connection) == ["DE"]
