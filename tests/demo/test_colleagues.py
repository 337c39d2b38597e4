"""The people at our end: they do most tasks a day later, and pause one enrollment for a while."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from psycopg_pool import AsyncConnectionPool

from digital_cs.channels.sink_faults import FAULTS_FILE, FaultMode, Faults
from digital_cs.demo.colleagues import (
    PAUSE_ON_DAY,
    RESUME_ON_DAY,
    STOP_FROM_DAY,
    STOP_HOURS,
    Colleagues,
    OpenTask,
    is_done_by_somebody,
)
from digital_cs.ingest.rules.entries import Entries
from digital_cs.store.sending import stops
from digital_cs.temporal.gateway import Gateway
from tests.demo.conftest import ORIGIN, Scene, StoppedClock, day


@pytest.fixture
def colleagues(pool: AsyncConnectionPool[Any], clock: StoppedClock, tmp_path: Path) -> Colleagues:
    gateway = Gateway(pool, clock, Entries(pool, clock, "UTC"))
    return Colleagues(gateway, pool, clock, ORIGIN, tmp_path)


async def test_most_tasks_are_done_a_working_day_later(
    scene: Scene, colleagues: Colleagues, clock: StoppedClock
) -> None:
    await scene.program("welcome-trial", "Welcome")
    await scene.account("a", "A")
    id = await scene.enrollment("welcome-trial", "a", 1)
    friday = 4.5
    keys = [await scene.task(id, friday, f"Task {number}") for number in range(12)]
    diligent = {key for key in keys if is_done_by_somebody(OpenTask(key, "csm", day(friday)))}
    assert 0 < len(diligent) < len(keys)

    done: dict[float, set[str]] = {}
    for number in (friday + 0.5, friday + 1.5, friday + 3):
        clock.at = day(number)
        await colleagues.tick(scene.connection)
        cursor = await scene.connection.execute("select key from tasks where state = 'done'")
        done[number] = {row[0] for row in await cursor.fetchall()}
    assert done == {friday + 0.5: set(), friday + 1.5: set(), friday + 3: diligent}


async def test_every_reply_is_looked_at_on_a_working_day(
    scene: Scene, colleagues: Colleagues, clock: StoppedClock
) -> None:
    """P18: what somebody wrote back keeps their account quiet until it is looked at."""
    await scene.account("a", "A", ("Ada Byron", "champion"))
    friday = 4.5
    for question in range(12):
        await scene.reply("a", 1, friday, f"Question {question}")

    done: dict[float, int] = {}
    for number in (friday + 0.2, friday + 1.5, friday + 3):
        clock.at = day(number)
        await colleagues.tick(scene.connection)
        cursor = await scene.connection.execute(
            "select count(*) from tasks where state = 'done' and closed_by = 'priya'"
        )
        ((done[number],),) = await cursor.fetchall()
    assert done == {friday + 0.2: 0, friday + 1.5: 0, friday + 3: 12}


async def test_all_sending_is_stopped_once_for_some_hours(
    scene: Scene, colleagues: Colleagues, clock: StoppedClock
) -> None:
    seen = []
    for hours in (-24, 24, 24 + STOP_HOURS - 1, 24 + STOP_HOURS, 24 * 9):
        clock.at = day(STOP_FROM_DAY) + timedelta(hours=hours)
        await colleagues.tick(scene.connection)
        stop = await stops.current(scene.connection)
        seen.append(stop is not None)
    assert seen == [False, True, True, False, False]
    cursor = await scene.connection.execute("select by, lifted_by from stops")
    assert await cursor.fetchall() == [("maya", "maya")]


async def test_one_welcome_is_paused_in_the_middle_and_resumed(
    scene: Scene, colleagues: Colleagues, clock: StoppedClock
) -> None:
    """P10: a person pauses, and resumes with a choice for what is overdue by then."""
    await scene.program("welcome-trial", "Welcome")
    await scene.account("a", "A")
    id = await scene.enrollment("welcome-trial", "a", 1, wake_at=day(PAUSE_ON_DAY + 2))

    async def paused() -> bool:
        cursor = await scene.connection.execute("select paused from enrollments")
        row = await cursor.fetchone()
        assert row is not None
        return bool(row[0])

    for number, expected in (
        (PAUSE_ON_DAY - 1, False), (PAUSE_ON_DAY, True), (RESUME_ON_DAY - 1, True),
        (RESUME_ON_DAY, False), (RESUME_ON_DAY + 1, False),
    ):  # fmt: skip
        clock.at = day(number)
        await colleagues.tick(scene.connection)
        assert await paused() is expected, f"on day {number}"
    assert colleagues.interlude is not None
    assert colleagues.interlude.enrollment_id == id
    assert colleagues.interlude.resumed_at == day(RESUME_ON_DAY)


async def test_where_nobody_is_inside_nobody_is_paused(
    scene: Scene, colleagues: Colleagues, clock: StoppedClock
) -> None:
    for number in (PAUSE_ON_DAY, RESUME_ON_DAY):
        clock.at = day(number)
        await colleagues.tick(scene.connection)
    assert colleagues.interlude is None


async def test_the_mail_server_has_bad_days(
    scene: Scene, colleagues: Colleagues, clock: StoppedClock, tmp_path: Path
) -> None:
    modes = []
    for moment in (timedelta(0), timedelta(days=50), timedelta(days=53)):
        clock.at = ORIGIN + moment
        await colleagues.tick(scene.connection)
        modes.append(Faults.read(tmp_path / FAULTS_FILE).mode)
    assert modes == [
        FaultMode.REFUSE_RCPT_UNKNOWN, FaultMode.REFUSE_4XX, FaultMode.REFUSE_RCPT_UNKNOWN,
    ]  # fmt: skip
