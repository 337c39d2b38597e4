"""Claims: the right to hand a message over is given once, and only while it may go out (P13)."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from psycopg import AsyncConnection

from digital_cs.domain.programs.enrollment import MessageState
from digital_cs.store.database.pool import opened
from digital_cs.store.people.contacts import ContactRecord, save_contacts
from digital_cs.store.programs.enrollments import ask_to_exit, set_paused, skip_step
from digital_cs.store.sending import claims
from tests import rig
from tests.store.touching import (
    ACME,
    ADA,
    KEY,
    an_act,
    claim,
    enrolled,
    load,
    message,
    rows,
    suppressed,
)

Connection = AsyncConnection[Any]


async def test_a_claim_is_a_row_of_the_ledger(connection: Connection, accounts: list[str]) -> None:
    await enrolled(connection)

    assert await claim(connection) == 1

    row = await message(connection)
    assert (row["key"], row["state"], row["attempts"]) == (KEY, "claimed", 1)
    assert (row["account_id"], row["contact_id"], row["version"]) == (ACME, ADA, 1)
    assert (row["zone"], row["zone_source"]) == ("Europe/Berlin", "contact")  # P4
    assert (row["message_id"], row["content_hash"]) == ("<id@test>", "hash")
    assert row["useful_until"] == rig.MONDAY + timedelta(days=3)


async def test_of_twenty_workers_at_once_one_may_send(
    connection: Connection, database: str, accounts: list[str]
) -> None:
    await enrolled(connection)
    async with opened(database, 20) as pool:

        async def worker(number: int) -> int | None:
            async with pool.connection() as own:
                return await claim(own, token=f"worker-{number}")

        found = await asyncio.gather(*(worker(number) for number in range(20)))

    assert sorted(found, key=str) == [1, *[None] * 19]


async def test_the_same_token_gets_the_same_claim(
    connection: Connection, accounts: list[str]
) -> None:
    """The answer to a claim may be lost with the connection; asking again is the same claim."""
    await enrolled(connection)

    assert await claim(connection, token="mine") == 1
    assert await claim(connection, token="mine") == 1
    assert await claim(connection, token="another") is None


@pytest.mark.parametrize(
    "change",
    [
        "insert into suppressions values ('address:acct-00000@company.test', 'asked')",
        "insert into suppressions values ('domain:company.test', 'asked')",
        "insert into suppressions values ('account:acct-00000', 'asked')",
        "update contacts set active = false",
        "update memberships set account_id = 'acct-00001' where account_id = 'acct-00000'",
        "update memberships set left_at = now()",
        "update programs set state = 'paused'",
        "update programs set state = 'paused-closed'",
        "update enrollments set paused = true",
        "update enrollments set ended_at = now()",
    ],
)
async def test_no_claim_once_something_forbids_it(
    connection: Connection, accounts: list[str], change: str
) -> None:
    """P16: read in the statement that claims, however fresh what was loaded before it is."""
    await enrolled(connection)
    await connection.execute(change)

    assert await claim(connection) is None
    assert await rows(connection, "messages") == []


async def test_no_claim_for_an_address_that_was_suppressed_in_other_letters(
    connection: Connection, accounts: list[str]
) -> None:
    """P16."""
    await enrolled(connection)
    await connection.execute("update contacts set email = 'Ada@Company.Test'")
    await suppressed(connection, "aDA@company.test", "manual")

    assert await claim(connection) is None


@pytest.mark.parametrize(("reason", "taken"), [("unsubscribed", True), ("hard bounce", False)])
async def test_a_service_notice_is_claimed_for_who_unsubscribed_but_not_for_a_dead_address(
    connection: Connection, accounts: list[str], reason: str, taken: bool
) -> None:
    """P17."""
    await enrolled(connection)
    await suppressed(connection, "acct-00000@company.test", reason)

    assert await claim(connection, act=replace(an_act(), kind="marketing")) is None
    assert (await claim(connection, act=replace(an_act(), kind="service")) == 1) is taken


async def test_no_claim_after_anybody_touched_the_enrollment(
    connection: Connection, accounts: list[str]
) -> None:
    """P16: the revision makes whoever came in between win."""
    loaded = await enrolled(connection)
    await set_paused(connection, "welcome:acct-00000:1", True)
    await set_paused(connection, "welcome:acct-00000:1", False)
    assert await claim(connection, revision=loaded.revision) is None

    revision = (await load(connection)).revision
    await skip_step(connection, "welcome:acct-00000:1")
    assert await claim(connection, revision=revision) is None

    revision = (await load(connection)).revision
    await ask_to_exit(connection, enrollment_id="welcome:acct-00000:1", because="asked")
    assert await claim(connection, revision=revision) is None

    assert await claim(connection, revision=(await load(connection)).revision) == 1


@pytest.mark.parametrize(
    ("state", "kind", "again"),
    [
        ("planned", "marketing", 2), ("planned", "service", 2), ("unknown", "service", 2),
        ("unknown", "marketing", None), ("claimed", "marketing", None),
        ("claimed", "service", None), ("accepted", "service", None), ("failed", "service", None),
        ("bounced", "marketing", None), ("skipped", "marketing", None),
    ],
)  # fmt: skip
async def test_which_messages_may_be_tried_again(
    connection: Connection, accounts: list[str], state: str, kind: str, again: int | None
) -> None:
    """P14: what may have arrived is sent again for a service notice only, and by its rule."""
    await enrolled(connection)
    act = an_act(kind=kind)
    await claim(connection, act=act)
    await connection.execute("update messages set state = %s, retry_at = %s", (state, rig.MONDAY))

    assert await claim(connection, act=act, token="second") == again

    row = await message(connection)
    assert row["state"] == ("claimed" if again else state)
    assert row["retry_at"] == (None if again else rig.MONDAY)


async def test_an_earlier_try_for_somebody_else_is_over(
    connection: Connection, accounts: list[str]
) -> None:
    await enrolled(connection)
    await claim(connection)
    await connection.execute("update messages set state = 'planned'")
    await save_contacts(connection, [ContactRecord("bob", ACME, "bob@company.test")], rig.MONDAY)

    assert await claim(connection, act=an_act("bob"), token="second") == 1

    found = {row["contact_id"]: (row["state"], row["reason"]) for row in
             await rows(connection, "messages")}  # fmt: skip
    assert found == {ADA: ("skipped", "other_contact"), "bob": ("claimed", None)}


async def test_a_claim_becomes_unknown_only_when_its_time_is_up(
    connection: Connection, accounts: list[str]
) -> None:
    """P14: listed with its moment."""
    await enrolled(connection)
    await claim(connection)
    later = rig.MONDAY + timedelta(hours=1)
    assert not await claims.give_up_claim(connection, KEY, later)
    assert (await load(connection)).messages[1].state is MessageState.CLAIMED

    await connection.execute("update messages set claim_until = now() - interval '1 second'")
    assert (await load(connection)).claims[1].seconds_left < 0
    assert not await claims.give_up_claim(connection, None, later)  # its own worker may ask first
    assert await claims.give_up_claim(connection, KEY, later)

    row = await message(connection)
    assert (row["state"], row["reason"], row["settled_at"]) == ("unknown", "crash", later)
    (told,) = await rows(connection, "decisions")
    assert (told["verdict"], told["reason"], told["contact_id"]) == ("unknown", "crash", ADA)
    assert not await claims.give_up_claim(connection, KEY, later)
