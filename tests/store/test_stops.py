"""The switch that stops everything: nothing is claimed after it, and its undo lets all go on."""

from __future__ import annotations

import asyncio
import time
from datetime import timedelta
from typing import Any

from psycopg import AsyncConnection

from digital_cs.store.database.pool import opened
from digital_cs.store.sending import stops
from digital_cs.store.sending.locks import TO_CLAIM
from tests import rig
from tests.store.claiming_many import due, resting_at_a_send, resting_elsewhere, woken

Connection = AsyncConnection[Any]

WORKERS = 8
LATER = rig.MONDAY + timedelta(hours=1)


async def stop(connection: Connection, because: str = "Wrong prices") -> tuple[stops.Stop, bool]:
    async with connection.transaction():
        return await stops.stop(connection, because, "maya", rig.MONDAY)


async def start(connection: Connection) -> tuple[stops.Stop | None, int]:
    async with connection.transaction():
        return await stops.start(connection, "jonas", LATER)


async def test_nothing_is_claimed_after_the_stop_has_committed(
    database: str, connection: Connection
) -> None:
    """P16, with eight workers that claim as fast as they can while somebody presses it."""
    messages = await due(connection, 400)
    pressed = asyncio.Event()
    committed_at: list[float] = []
    claims: list[float] = []
    refused: list[float] = []
    async with opened(database, WORKERS) as pool:

        async def worker(number: int) -> None:
            async with pool.connection() as own:
                for message in messages[number::WORKERS]:
                    began = time.monotonic()
                    taken = await message.claim(own) is not None
                    (claims if taken else refused).append(began)
                    if len(claims) > 80:
                        pressed.set()

        async def press() -> int:
            await pressed.wait()
            await stop(connection)
            committed_at.append(time.monotonic())
            cursor = await connection.execute("select count(*) from messages")
            row = await cursor.fetchone()
            assert row is not None
            return int(row[0])

        done = await asyncio.gather(press(), *(worker(number) for number in range(WORKERS)))

    assert refused, "it was pressed in the middle"
    assert max(claims) <= committed_at[0]
    cursor = await connection.execute("select count(*) from messages")
    assert await cursor.fetchall() == [(done[0],)], "not one was committed after it"
    assert len(claims) == done[0]


async def test_a_claim_that_hangs_does_not_keep_the_stop_up(
    connection: Connection, other: Connection
) -> None:
    first, second = await due(connection, 2)
    async with other.transaction():
        await other.execute(TO_CLAIM, {"account": first.account, "contact": f"{first.account}-c1"})

        found, new = await stop(connection)

        assert new
        assert found.because == "Wrong prices"
        assert await second.claim(connection) is None


async def test_pressing_twice_keeps_the_first_reason(connection: Connection) -> None:
    await stop(connection)
    again, new = await stop(connection, "Somebody else saw it, too")

    assert not new
    assert (again.because, again.by, again.at) == ("Wrong prices", "maya", rig.MONDAY)
    assert await stops.current(connection) == again


async def test_two_who_press_at_once_press_once(database: str, connection: Connection) -> None:
    async with opened(database, WORKERS) as pool:

        async def press(number: int) -> bool:
            async with pool.connection() as own:
                return (await stop(own, f"reason {number}"))[1]

        assert sum(await asyncio.gather(*(press(number) for number in range(WORKERS)))) == 1


async def test_its_undo_wakes_who_was_held_and_nobody_else_and_all_may_be_claimed(
    connection: Connection,
) -> None:
    held, also_held, elsewhere, moving, paused, over = await due(connection, 6)
    await resting_at_a_send(connection, held, also_held, paused, over)
    await resting_elsewhere(connection, elsewhere)
    await connection.execute(
        "update enrollments set wake_at = wake_at + interval '1 day' where id = %s",
        (held.enrollment,),
    )
    for change, message in (("paused = true", paused), ("ended_at = now()", over)):
        await connection.execute(
            f"update enrollments set {change} where id = %s", (message.enrollment,)
        )
    await stop(connection)
    assert await held.claim(connection) is None

    lifted, wakes = await start(connection)

    assert lifted is not None
    assert (lifted.because, lifted.lifted_at, lifted.lifted_by) == ("Wrong prices", LATER, "jonas")
    assert wakes == 3
    # `moving` is due: it may be on its way to a send without listening yet. The oldest is first.
    assert await woken(connection) == [
        each.enrollment for each in (moving, also_held, held)
    ]  # fmt: skip
    assert await stops.current(connection) is None
    assert await held.claim(connection) == 1
    assert await start(connection) == (None, 0)


async def test_after_its_undo_it_may_be_pressed_again_and_every_pressing_is_kept(
    connection: Connection,
) -> None:
    await stop(connection)
    await start(connection)
    _, new = await stop(connection, "Again")

    assert new
    cursor = await connection.execute("select because, lifted_by from stops order by id")
    assert await cursor.fetchall() == [("Wrong prices", "jonas"), ("Again", None)]
