"""Suppressions as they are kept: every reason by itself, lifted, expired, and what then holds."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any

import pytest
from psycopg import AsyncConnection

from digital_cs.domain.sending.suppression import Kind, subject_of
from digital_cs.store.people import suppression_lists, suppressions
from digital_cs.store.people.suppressions import (
    Entry,
    address_subject,
)
from tests import rig
from tests.store.touching import ACME, ADA, ID, claim, enrolled, rows

Connection = AsyncConnection[Any]
HERS = address_subject(f"{ACME}@{rig.MAIL_DOMAIN}")
LATER = rig.MONDAY + timedelta(days=10)


@pytest.fixture
async def inside(connection: Connection) -> None:
    """An account that waits inside a program, and listens to its contacts."""
    await rig.publish(connection, rig.drip("welcome", 2, "3 days"), rig.MONDAY)
    await rig.people(connection, 2, rig.MONDAY)
    await enrolled(connection)


async def add(connection: Connection, subject: str, reason: str, **more: Any) -> list[str]:
    async with connection.transaction():
        return await suppressions.add(connection, [subject], reason, "test", rig.MONDAY, **more)


async def lift(connection: Connection, subject: str, reason: str | None = None) -> list[str]:
    async with connection.transaction():
        return await suppressions.lift(connection, subject, reason, "jo", rig.MONDAY)


async def expire(connection: Connection, days: int) -> int:
    async with connection.transaction():
        return await suppressions.expire(connection, rig.MONDAY + timedelta(days=days))


async def in_force(connection: Connection) -> dict[str, str]:
    return {row["subject"]: row["reason"] for row in await rows(connection, "suppressions")}


async def woken(connection: Connection) -> list[str]:
    found = [row["enrollment_id"] for row in await rows(connection, "outbox")]
    await connection.execute("delete from outbox")
    return found


@pytest.mark.parametrize(
    "subject", [HERS, subject_of(Kind.DOMAIN, rig.MAIL_DOMAIN), subject_of(Kind.ACCOUNT, ACME)]
)
async def test_what_is_suppressed_is_not_claimed_and_what_is_lifted_is_again_p16(
    connection: Connection, inside: None, subject: str
) -> None:
    assert await add(connection, subject, "manual") == [subject]
    assert await woken(connection) == [ID]
    assert await claim(connection) is None

    assert await lift(connection, subject) == ["manual"]
    assert await woken(connection) == [ID]
    assert await in_force(connection) == {}
    assert await claim(connection) == 1


async def test_the_weightiest_reason_that_is_left_holds(
    connection: Connection, inside: None
) -> None:
    for reason in ("unsubscribed", "hard bounce", "manual"):
        await add(connection, HERS, reason)
    assert await in_force(connection) == {HERS: "hard bounce"}

    await lift(connection, HERS, "hard bounce")
    assert await in_force(connection) == {HERS: "manual"}
    assert await lift(connection, HERS, "complaint") == []
    assert await lift(connection, HERS) == ["manual", "unsubscribed"]
    assert await in_force(connection) == {}


async def test_an_end_is_reached_once_and_wakes_whom_it_held(
    connection: Connection, inside: None
) -> None:
    await add(connection, HERS, "manual", expires_at=LATER)
    await add(connection, subject_of(Kind.DOMAIN, "other.test"), "manual")
    await woken(connection)

    assert await expire(connection, 9) == 0
    assert await claim(connection) is None
    assert await expire(connection, 10) == 1
    assert await expire(connection, 10) == 0

    assert await woken(connection) == [ID]
    assert await in_force(connection) == {"domain:other.test": "manual"}
    (_, lifted) = await rows(connection, "suppression_entries")
    assert (lifted["lifted_by"], lifted["lifted_at"]) == ("its end", LATER)


async def test_of_two_ends_of_a_reason_the_later_one_counts(
    connection: Connection, inside: None
) -> None:
    await add(connection, HERS, "manual", expires_at=LATER, note="on holiday")
    assert await add(connection, HERS, "manual", expires_at=rig.MONDAY + timedelta(days=2)) == []
    assert await expire(connection, 5) == 0
    assert await add(connection, HERS, "manual", note="for good") == []
    await add(connection, HERS, "manual", expires_at=LATER)

    assert await expire(connection, 400) == 0
    (entry,) = await rows(connection, "suppression_entries")
    assert (entry["expires_at"], entry["note"]) == (None, "for good")


async def test_a_lifted_reason_may_come_again_and_its_history_stays(
    connection: Connection, inside: None
) -> None:
    for _ in range(2):
        await add(connection, HERS, "manual")
        await lift(connection, HERS)
    await add(connection, HERS, "complaint")

    history = await suppression_lists.history(connection, [HERS])

    assert [(each.reason, each.lifted_by) for each in history] == [
        ("manual", "jo"), ("manual", "jo"), ("complaint", None)
    ]  # fmt: skip


async def test_two_who_say_something_of_one_subject_at_once_settle_it_together(
    connection: Connection, database: str
) -> None:
    """Else the one who lifts the last reason that it knows would drop what the other one adds."""

    async def turns(reason: str) -> None:
        async with await AsyncConnection.connect(database, autocommit=True) as own:
            for _ in range(40):
                await add(own, HERS, reason)
                await lift(own, HERS, reason)
            await add(own, HERS, reason)
            if reason == "manual":
                await lift(own, HERS, reason)

    await asyncio.gather(turns("manual"), turns("complaint"), turns("unsubscribed"))

    assert await in_force(connection) == {HERS: "complaint"}
    entries = await rows(connection, "suppression_entries")
    assert {e["reason"] for e in entries if e["lifted_at"] is None} == {
        "complaint", "unsubscribed"
    }  # fmt: skip


async def test_who_takes_an_unsubscription_back_lifts_no_other_reason(
    connection: Connection, inside: None
) -> None:
    async with connection.transaction():
        assert await suppressions.unsubscribe(connection, ADA, "link", rig.MONDAY)
    await add(connection, HERS, "hard bounce")

    async with connection.transaction():
        assert await suppressions.resubscribe(connection, ADA, "link", rig.MONDAY) is True
    async with connection.transaction():
        assert await suppressions.resubscribe(connection, ADA, "link", rig.MONDAY) is False
        assert await suppressions.resubscribe(connection, "nobody", "link", rig.MONDAY) is None

    assert await in_force(connection) == {HERS: "hard bounce"}


async def test_a_link_from_before_a_merge_unsubscribes_who_is_left(
    connection: Connection, inside: None
) -> None:
    other = "acct-00001-c1"
    await connection.execute("update contacts set active = false where id = %s", (other,))
    await connection.execute(
        "insert into identities (alias, contact_id, kind, at) values (%s, %s, 'merged', %s)",
        (other, ADA, rig.MONDAY),
    )

    async with connection.transaction():
        assert await suppressions.unsubscribe(connection, other, "link", rig.MONDAY)

    assert await in_force(connection) == {
        HERS: "unsubscribed", address_subject("acct-00001@company.test"): "unsubscribed"
    }  # fmt: skip
    assert await claim(connection) is None


async def test_lists_go_in_pages_and_are_searched(connection: Connection) -> None:
    wanted = [Entry(address_subject(f"{n}@A.test"), "manual") for n in range(7)]
    wanted += [
        Entry(subject_of(Kind.DOMAIN, "b.test"), "complaint"),
        Entry(subject_of(Kind.ACCOUNT, "Acme"), "manual"),
    ]
    async with connection.transaction():
        await suppressions.add_entries(connection, wanted, "test", rig.MONDAY)
    await lift(connection, address_subject("3@a.test"))

    first = await suppression_lists.listing(connection, most=5)
    rest = await suppression_lists.listing(connection, most=5, before=first[-1].id)
    assert len({each.id for each in (*first, *rest)}) == len(first) + len(rest) == 8
    assert len(await suppression_lists.listing(connection, lifted=True)) == 9
    (found,) = await suppression_lists.listing(connection, search="acM")
    assert (found.kind, found.name) == ("account", "Acme")
    assert len(await suppression_lists.listing(connection, kind="address", search="_@")) == 0
    (found,) = await suppression_lists.listing(connection, reason="complaint")
    assert (found.kind, found.name) == ("domain", "b.test")
