"""A running engine: takes up changed content, outlives faults around it, stops cleanly."""

from __future__ import annotations

import asyncio
import resource
import shutil
from pathlib import Path

import psycopg
import pytest

from digital_cs.bootstrap import open_engine
from digital_cs.channels.sink_faults import FaultMode, Faults
from digital_cs.domain.content.content_item import Review
from digital_cs.domain.content.content_source import ContentSource, SourceKind
from digital_cs.errors import SettingsError
from digital_cs.ingest.content.library import import_source
from digital_cs.store.content import reviews
from digital_cs.store.people.accounts import AccountRecord
from digital_cs.store.people.contacts import ContactRecord
from tests import rig
from tests.engine.house import House, Visit, running, until

HOUR_A_SECOND = 3600.0
PLANNED_ON = "select 1 from enrollments where program_id = 'holiday' and wake_at::date = %s::date"


@pytest.fixture
def content(tmp_path: Path) -> Path:
    """The starter content, to be changed at will."""
    return Path(shutil.copytree(rig.ROOT / "content", tmp_path / "content"))


async def one_in(visit: Visit, name: str) -> str:
    """One account in a program that sends one message at once."""
    await visit.publish(rig.drip(name, 1, "1 day"))
    [enrollment] = await visit.enroll(name, *await visit.people(1, name))
    return enrollment


async def test_mending_a_broken_text_releases_whom_it_held_at_once_P12(
    house: House, content: Path
) -> None:
    email = content / "emails" / "welcome-trial-1.md"
    good = email.read_text()
    email.write_text(f"{good}\nHi {{{{ account.nothing_like_it }}}}!\n")
    async with house.at_work(content_dir=content, clock_speed=60.0) as visit:
        enrollment = await one_in(visit, "mended")
        [(kind, owner, words)] = await visit.sees("select kind, owner, words from alerts")
        assert (kind, owner) == ("template", "maya")
        assert "nothing_like_it" in words
        assert await visit.ask("select 1 from messages where account_id = 'mended-00000'") == []
        email.write_text(good)
        await visit.ended(enrollment)  # it would be tried again by itself only after hours
        assert await visit.ask("select 1 from alerts where closed_at is null") == []
    assert len(house.mails("mended-00000@company.test")) == 1


@pytest.mark.parametrize("way", ["review", "rule"])
async def test_what_waits_for_a_review_goes_by_itself_when_that_is_over_P25(
    house: House, content: Path, way: str
) -> None:
    email = content / "emails" / "welcome-trial-1.md"
    good = email.read_text()
    email.write_text(good.replace("---\n", "---\nreviewed: 2020-01-01\nwhen_stale: hold\n", 1))
    name = f"waiting-for-{way}"
    async with house.at_work(content_dir=content, clock_speed=60.0) as visit:
        pool, source = visit.engine.pool, ContentSource(name, SourceKind.CONTENT, str(content))
        async with pool.connection() as connection:
            await import_source(connection, source, visit.now)
        enrollment = await one_in(visit, name)
        [(owner, words)] = await visit.sees(
            "select owner, words from alerts where kind = 'content' and program_id = %s", name
        )
        assert owner == "maya"
        assert "It waits for a review" in words
        if way == "review":
            [(item,)] = await visit.ask(
                "select id from content_items where source = %s and locator = %s", name,
                "emails/welcome-trial-1.md",
            )  # fmt: skip
            async with pool.connection() as connection, connection.transaction():
                review = Review(item, visit.now.date(), "maya", changed=False)
                await reviews.record(connection, review, visit.now)
        else:
            email.write_text(email.read_text().replace("when_stale: hold", "when_stale: warn"))
        await visit.ended(enrollment)  # it would wait for days
        await visit.sees(
            "select 1 from alerts where program_id = %s and closed_at is not null", name
        )
        await visit.tell("update content_items set reviewed_on = now() where source = %s", name)
    assert len(house.mails(f"{name}-00000@company.test")) == 1


async def test_a_holiday_announced_after_a_touch_was_planned_moves_it_P5(
    house: House, content: Path
) -> None:
    program = rig.program(
        "holiday", [{"wait": "1 day"}, {"send": "welcome-trial-1", "id": "tuesday"}],
        send_window={"days": "business days", "hours": "09:00-17:00", "holidays": "skip"},
    )  # fmt: skip
    async with house.at_work(content_dir=content, clock_speed=17_280.0) as visit:
        await visit.publish(program)
        await visit.enroll("holiday", *await visit.people(1, "holiday"))
        await visit.sees(PLANNED_ON, "2026-03-03")
        holidays = content / "holidays.yaml"
        mine = "add:\n  everywhere:\n    - 2026-03-03   # announced today"
        holidays.write_text(holidays.read_text().replace("add:\n  everywhere:", mine))
        await visit.sees(PLANNED_ON, "2026-03-04")
        assert house.mails("holiday-00000@company.test") == []


async def test_a_full_disk_of_the_mail_server_delays_messages_and_loses_none(house: House) -> None:
    pid = house.sink.pid
    assert pid is not None
    async with house.at_work(clock_speed=HOUR_A_SECOND) as visit:
        await visit.publish(rig.drip("disk", 1, "1 day"))
        unlimited = resource.prlimit(pid, resource.RLIMIT_FSIZE)
        resource.prlimit(pid, resource.RLIMIT_FSIZE, (16, unlimited[1]))
        try:
            ids = await visit.enroll("disk", *await visit.people(3, "disk"))
            await visit.sees(
                "select 1 from messages where program_id = 'disk' and state = 'planned'"
                " and smtp_code = 452 having count(*) = 3"
            )
        finally:
            resource.prlimit(pid, resource.RLIMIT_FSIZE, unlimited)
        await visit.ended(*ids)
        states = await visit.ask("select distinct state from messages where program_id = 'disk'")
        assert states == [("accepted",)]
    for number in range(3):
        assert len(house.mails(f"disk-{number:05d}@company.test")) == 1


async def test_a_database_that_goes_away_stops_nobody_for_good(house: House, content: Path) -> None:
    """Whatever each part was doing at that moment, among it taking up changed content (P12)."""

    def allow_connections(allowed: bool) -> None:
        url = house.postgres.url_for("postgres")
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute(f'alter database "{house.name}" allow_connections {allowed}')
            connection.execute(
                "select pg_terminate_backend(pid) from pg_stat_activity where datname = %s",
                (house.name,),
            )

    async with house.at_work(content_dir=content) as visit:
        before = await one_in(visit, "before")
        await visit.ended(before)
        (content / "emails" / "welcome-trial-2.md").touch()
        await asyncio.to_thread(allow_connections, False)
        await asyncio.sleep(2.5)  # longer than the watch over the content rests
        await asyncio.to_thread(allow_connections, True)

        async def back() -> bool:
            try:
                return bool(await visit.ask("select 1"))
            except psycopg.OperationalError:
                return False

        await until(back)
        await visit.ended(await one_in(visit, "after"))
    assert len(house.mails("after-00000@company.test")) == 1


async def test_stopping_finishes_what_is_under_way_and_leaves_nothing_behind(house: House) -> None:
    tasks = asyncio.all_tasks()
    async with house.engine() as visit:
        Faults(mode=FaultMode.DELAY, seconds=1.0).write(house.mail)
        try:
            async with running(visit.engine):
                await one_in(visit, "stopped")
                await visit.sees("select 1 from messages where account_id = 'stopped-00000'"
                                 " and state = 'claimed'")  # fmt: skip
        finally:
            Faults(mode=FaultMode.NONE).write(house.mail)
        states = await visit.ask("select state from messages where account_id = 'stopped-00000'")
        assert states == [("accepted",)]
    assert asyncio.all_tasks() <= tasks  # those of earlier tests may have ended meanwhile


async def test_a_worker_that_starts_takes_over_what_another_left(house: House) -> None:
    async with house.engine() as visit:  # its workflow starts, and nobody is there to run it
        enrollment = await one_in(visit, "left")
        await visit.engine.relay.pass_once()
        async with running(visit.engine):
            await visit.ended(enrollment)
    assert len(house.mails("left-00000@company.test")) == 1


async def test_an_account_whose_zone_is_made_up_is_written_to_all_the_same_P4(
    house: House,
) -> None:
    async with house.at_work() as visit:
        await visit.publish(rig.drip("zone", 1, "1 day"))
        await visit.people(1, "zone")
        record = AccountRecord("zone-00000", "Company", zone="Mars/Olympus", country="XX")
        await visit.intake.save_accounts([record])
        contact = ContactRecord("zone-00000-c1", "zone-00000", "zone@company.test", "Ada",
                                "Ada", ("champion",), zone="Not/AZone")  # fmt: skip
        await visit.intake.save_contacts([contact])
        await visit.ended(*await visit.enroll("zone", "zone-00000"))
        rows = await visit.ask(
            "select state, zone, zone_source from messages where account_id = 'zone-00000'"
        )
        assert rows == [("accepted", "UTC", "workspace")]


async def test_a_touch_that_could_outlive_its_attempt_is_refused_at_the_start(
    house: House,
) -> None:
    with pytest.raises(SettingsError, match="TOUCH_TIMEOUT"):
        async with open_engine(house.settings(smtp_timeout=20.0, touch_timeout=20.0)):
            pass
