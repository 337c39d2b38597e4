"""Moving: by compare-and-set, with the decisions and the result of a message in one statement."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import timedelta
from typing import Any

from psycopg import AsyncConnection

from digital_cs.domain.programs.enrollment import Decision, Ending, MessageState, Position, Verdict
from digital_cs.store.database.pool import opened
from digital_cs.store.programs import alerts
from digital_cs.store.programs.positions import position_from_json, position_to_json
from tests import rig
from tests.store.touching import a_result, claim, enrolled, load, message, move, resting_at, rows

Connection = AsyncConnection[Any]


async def test_a_move_writes_where_it_stands_and_why(
    connection: Connection, accounts: list[str]
) -> None:
    await enrolled(connection)
    due = rig.MONDAY + timedelta(days=3)
    outcome = resting_at(
        "wait-2", 2, wake_at=due, listens=frozenset({"stage", "event:login"}),
        next_label="send welcome-2",
        decisions=(Decision("touch-1", 1, Verdict.HELD, "nobody", "Nobody there.", "ada"),),
    )  # fmt: skip

    assert await move(connection, outcome)

    (row,) = await rows(connection, "enrollments")
    assert (row["step"], row["visit"], row["wake_at"], row["revision"]) == ("wait-2", 2, due, 1)
    assert (row["label"], row["next_label"]) == ("rest at wait-2", "send welcome-2")
    assert row["listens"] == ["event:login", "stage"]
    assert (await load(connection)).position == outcome.position
    (told,) = await rows(connection, "decisions")
    assert (told["at"], told["step"], told["visit"], told["verdict"], told["reason"], told["words"],
            told["contact_id"], told["version"], told["data_as_of"]) == (
        rig.MONDAY, "touch-1", 1, "held", "nobody", "Nobody there.", "ada", 1, rig.MONDAY
    )  # fmt: skip


async def test_an_ending_is_final(connection: Connection, accounts: list[str]) -> None:
    await enrolled(connection)
    over = replace(resting_at("touch-1", 1), ending=Ending.GOAL, because="First send")

    assert await move(connection, over)

    (row,) = await rows(connection, "enrollments")
    assert (row["ended_at"], row["ending"], row["because"]) == (rig.MONDAY, "goal", "First send")
    assert not await move(connection, resting_at("touch-1", 1), revision=1)


async def test_of_ten_who_move_at_once_one_does(
    connection: Connection, database: str, accounts: list[str]
) -> None:
    await enrolled(connection)
    async with opened(database, 10) as pool:

        async def mover(number: int) -> bool:
            async with pool.connection() as own:
                return await move(own, resting_at(f"step-{number}", 2))

        assert sum(await asyncio.gather(*(mover(number) for number in range(10)))) == 1
    assert (await load(connection)).revision == 1


async def test_the_result_of_a_message_is_kept_although_somebody_else_moved(
    connection: Connection, accounts: list[str]
) -> None:
    """P14: what became of a message is not forgotten because a pause came in between."""
    await enrolled(connection)
    await claim(connection)
    await connection.execute("update enrollments set revision = 7")

    moved = await move(
        connection, resting_at("wait-2", 2), result=a_result(MessageState.ACCEPTED, code=250)
    )

    assert not moved
    assert (await load(connection)).position.step == "touch-1"
    row = await message(connection)
    assert (row["state"], row["smtp_code"], row["settled_at"]) == ("accepted", 250, rig.MONDAY)
    assert [told["verdict"] for told in await rows(connection, "decisions")] == ["sent"]


async def test_a_result_is_written_once(connection: Connection, accounts: list[str]) -> None:
    """A statement whose answer was lost is asked again."""
    await enrolled(connection)
    await claim(connection)

    assert await move(connection, resting_at("a", 2), result=a_result(MessageState.ACCEPTED))
    assert not await move(connection, resting_at("a", 2), result=a_result(MessageState.FAILED))

    assert (await message(connection))["state"] == "accepted"
    assert len(await rows(connection, "decisions")) == 1


async def test_the_result_of_an_attempt_that_was_given_up_comes_too_late(
    connection: Connection, accounts: list[str]
) -> None:
    await enrolled(connection)
    await claim(connection)
    await connection.execute("update messages set state = 'planned'")
    assert await claim(connection, token="second") == 2

    await move(connection, resting_at("a", 2), result=a_result(MessageState.FAILED, attempts=1))

    assert (await message(connection))["state"] == "claimed"


async def test_a_refused_message_keeps_when_to_try_again(
    connection: Connection, accounts: list[str]
) -> None:
    await enrolled(connection)
    await claim(connection)
    later = rig.MONDAY + timedelta(minutes=1)

    await move(
        connection, resting_at("touch-1", 1),
        result=a_result(MessageState.PLANNED, code=451, retry_at=later),
    )  # fmt: skip

    fact = (await load(connection)).messages[1]
    assert (fact.state, fact.attempts, fact.retry_at) == (MessageState.PLANNED, 1, later)


async def test_a_message_that_goes_through_ends_the_alert_about_the_mail_server(
    connection: Connection, accounts: list[str]
) -> None:
    await enrolled(connection)
    for step, kind in [("touch-1", "smtp"), ("touch-1", "template"), ("touch-2", "smtp")]:
        await alerts.tell(
            connection, program_id="welcome", step=step, kind=kind, owner="maya", words="!",
            now=rig.MONDAY,
        )  # fmt: skip
    await claim(connection)

    await move(connection, resting_at("a", 2), result=a_result(MessageState.ACCEPTED))

    left = {(alert["step"], alert["kind"]) for alert in await alerts.open_alerts(connection)}
    assert left == {("touch-1", "template"), ("touch-2", "smtp")}


def test_a_position_survives_being_kept() -> None:
    at = rig.MONDAY
    for position in (
        Position("a", 1, at),
        Position("a", 2, at, due_at=at, held_since=at, not_before=at, noted="held:nobody:x"),
    ):
        assert position_from_json(position_to_json(position)) == position
