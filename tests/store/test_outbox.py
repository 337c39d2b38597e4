"""The outbox: every wish is taken by one relay, and given back by one that dies."""

from __future__ import annotations

import asyncio
from typing import Any

from psycopg import AsyncConnection

from digital_cs.store.programs import outbox
from digital_cs.store.programs.enrollments import ask_to_exit, enroll, wake
from tests import rig

Connection = AsyncConnection[Any]


async def _crowd(connection: Connection, count: int) -> list[str]:
    await rig.publish(connection, rig.drip("welcome", 1, "1 day"), rig.MONDAY)
    ids = await rig.people(connection, count, rig.MONDAY)
    await enroll(connection, "welcome", ids, source="test", now=rig.MONDAY, again="never")
    return [f"welcome:{id}:1" for id in ids]


async def test_two_relays_never_take_the_same_wish_and_nothing_is_lost(
    connection: Connection, other: Connection
) -> None:
    wanted = await _crowd(connection, 60)
    taken: list[str] = []

    async def relay(somebody: Connection) -> None:
        while True:
            async with somebody.transaction():
                wishes = await outbox.take(somebody, 7)
                await asyncio.sleep(0)
                await outbox.fulfilled(somebody, [id for wish in wishes for id in wish.ids])
            if not wishes and await outbox.lag(somebody) == (0, 0.0):
                return
            taken.extend(wish.enrollment_id for wish in wishes)

    await asyncio.gather(relay(connection), relay(other))

    assert sorted(taken) == wanted


async def test_while_one_relay_holds_a_batch_another_takes_the_next(
    connection: Connection, other: Connection
) -> None:
    wanted = await _crowd(connection, 4)
    async with connection.transaction():
        first = await outbox.take(connection, 2)
        async with other.transaction():
            second = await outbox.take(other, 10)

    assert {wish.enrollment_id for wish in first}.isdisjoint(w.enrollment_id for w in second)
    assert sorted(wish.enrollment_id for wish in [*first, *second]) == wanted


async def test_what_a_relay_held_when_it_died_is_taken_again(
    connection: Connection, database: str
) -> None:
    wanted = await _crowd(connection, 3)
    dying = await AsyncConnection.connect(database)
    taken = await outbox.take(dying, 10)
    await outbox.fulfilled(dying, [id for wish in taken for id in wish.ids])
    await dying.close()  # without a commit

    again: list[outbox.Wish] = []
    while not again:  # the server notices in its own time
        async with connection.transaction():
            again = await outbox.take(connection, 10)
    assert [wish.enrollment_id for wish in again] == wanted


async def test_wishes_about_one_enrollment_are_one(connection: Connection) -> None:
    first, second = await _crowd(connection, 2)
    await wake(connection, [first, first])
    await connection.execute("update enrollments set ended_at = now() where id = %s", (second,))

    async with connection.transaction():
        wishes = await outbox.take(connection, 10)

    assert [(w.enrollment_id, len(w.ids), w.wake, w.ended) for w in wishes] == [
        (first, 3, True, False), (second, 1, False, True)
    ]  # fmt: skip
    assert (wishes[0].program_id, wishes[0].account_id) == ("welcome", "acct-00000")


async def test_how_many_wishes_wait_and_since_when(connection: Connection) -> None:
    await _crowd(connection, 3)
    await connection.execute("update outbox set created_at = now() - interval '90 seconds'")

    waiting, oldest = await outbox.lag(connection)

    assert waiting == 3
    assert oldest >= 90


async def test_a_missing_workflow_is_wished_for_once(connection: Connection) -> None:
    first, second = await _crowd(connection, 2)
    await connection.execute("delete from outbox where enrollment_id = %s", (first,))

    assert await outbox.inside(connection, rig.MONDAY) == set()  # they have just been touched
    await connection.execute("update enrollments set touched_at = touched_at - interval '1 hour'")
    assert await outbox.inside(connection, rig.MONDAY) == {first}  # the other's wish still waits

    await outbox.wish_starts(connection, [first, second])
    await outbox.wish_starts(connection, [first, second])
    assert (await outbox.lag(connection))[0] == 2


async def test_only_those_inside_are_known_to_run(connection: Connection) -> None:
    first, second = await _crowd(connection, 2)
    await connection.execute("update enrollments set ended_at = now() where id = %s", (second,))

    assert await outbox.known(connection, [first, second, "no:such:1"]) == {first}


async def test_overslept_are_those_whose_moment_passed_while_they_may_move(
    connection: Connection,
) -> None:
    late, paused, woken, ended = await _crowd(connection, 4)
    await connection.execute("delete from outbox")
    await connection.execute("update enrollments set wake_at = %s", (rig.MONDAY,))
    await connection.execute("update enrollments set paused = true where id = %s", (paused,))
    await connection.execute("update enrollments set ended_at = now() where id = %s", (ended,))
    await ask_to_exit(connection, enrollment_id=woken, because="a wish waits for it already")
    due = rig.MONDAY.replace(hour=10)

    assert await outbox.overdue(connection, due) == [late]
    assert await outbox.due_counts(connection, due, rig.MONDAY) == (3, 3)
    await connection.execute("update programs set state = 'paused'")
    assert await outbox.overdue(connection, due) == []
