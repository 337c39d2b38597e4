"""The demo from its first server to its last word."""

from __future__ import annotations

import asyncio
import shutil
import signal
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from functools import partial
from pathlib import Path
from typing import Any

from psycopg_pool import AsyncConnectionPool

from digital_cs.background import running
from digital_cs.catalog.milestones import load_milestones
from digital_cs.catalog.policy import load_policy
from digital_cs.catalog.programs import load_programs
from digital_cs.catalog.segments import load_segments
from digital_cs.catalog.triggers import load_triggers
from digital_cs.channels.sink import read_index
from digital_cs.clock import Clock, FastClock, pace
from digital_cs.demo.colleagues import Colleagues
from digital_cs.demo.company import generate
from digital_cs.demo.driver import HISTORY, Doors, Driver
from digital_cs.demo.editors import Editors
from digital_cs.demo.face import Face
from digital_cs.demo.product import Product
from digital_cs.demo.readers import Readers
from digital_cs.demo.snapshot import look
from digital_cs.demo.stage import Stage
from digital_cs.demo.story import story_of
from digital_cs.demo.summary import Places, Summary, summarise
from digital_cs.demo.support import HelpDesk
from digital_cs.demo.told import Interlude
from digital_cs.demo.view import Frame
from digital_cs.domain.milestone import Milestone
from digital_cs.domain.programs.program import Program
from digital_cs.domain.rules.segment import Segment
from digital_cs.domain.rules.trigger import Trigger
from digital_cs.domain.sending.policy import Policy
from digital_cs.errors import UsageError
from digital_cs.ingest.events.collector import NOTE_SECONDS
from digital_cs.ingest.rules.calendars import calendar_of
from digital_cs.ingest.rules.entries import Entries
from digital_cs.store.database import pool as pools
from digital_cs.store.migrate import migrate
from digital_cs.store.product import sources
from digital_cs.temporal.gateway import Gateway
from digital_cs.temporal.playbook import take_in
from digital_cs.temporal.policies import publish_policy
from digital_cs.temporal.segments import publish_segments
from digital_cs.temporal.triggers import publish_triggers

DAYS = 90
ACCOUNTS = 240
SECONDS = 90.0
CATCH_UP_SECONDS = 5.0
"""How long the engine may finish what is due when the days are over, before they are summed up."""

INTERRUPTED = 130
"""Exit code of a demo that was stopped before its summary, as shells know it."""

_ZONE = "UTC"

Pool = AsyncConnectionPool[Any]


@dataclass(frozen=True, slots=True)
class Options:
    """What to show. `seconds` is the real length of the days; None: 90, and then stay up."""

    state_dir: Path
    content_dir: Path
    accounts: int = ACCOUNTS
    seed: int = 1
    seconds: float | None = None

    @property
    def length(self) -> float:
        """Real seconds that the days take."""
        return self.seconds if self.seconds is not None else SECONDS


def run(options: Options, face: Face) -> int:
    """Run the demo; returns the exit code. Ctrl-C stops everything, at any moment.

    A signal to end counts as one. Call it from the main thread.
    """
    demo = _Demo(options, face)
    for number in (signal.SIGTERM, signal.SIGHUP):
        # Not by way of SIGINT: a shell lets its background jobs ignore that.
        signal.signal(number, signal.default_int_handler)
    try:
        demo.run()
    except KeyboardInterrupt:
        face.say("Everything is stopped.")
        return 0 if demo.is_told else INTERRUPTED
    face.say("Everything is stopped.")
    return 0


@dataclass(frozen=True, slots=True)
class Playbook:
    """All that is published: programs, and the segments, triggers and milestones they go by.

    Without a `policy` its defaults hold.
    """

    programs: list[Program]
    segments: list[Segment]
    triggers: list[Trigger]
    milestones: Sequence[Milestone]
    policy: Policy | None = None

    def words(self) -> str:
        """How many of each."""
        parts = [
            f"{len(self.programs)} programs", f"{len(self.segments)} segments",
            f"{len(self.triggers)} triggers", f"{len(self.milestones)} milestones",
            *["the policy"] * (self.policy is not None),
        ]  # fmt: skip
        return f"{', '.join(parts[:-1])} and {parts[-1]}"


def usable_playbook(content_dir: Path) -> Playbook:
    """What the content folder holds. Raises UsageError when there is an error in it."""
    programs, segments = load_programs(content_dir), load_segments(content_dir)
    triggers, milestones = load_triggers(content_dir), load_milestones(content_dir)
    policy = load_policy(content_dir)
    errors = (
        *programs.errors, *segments.errors, *triggers.errors, *policy.errors,
        *(problem for problem in milestones.problems if problem.severity == "error"),
    )  # fmt: skip
    if errors:
        first = errors[0]
        raise UsageError(
            f"{first.file}:{first.line}: {first.message} `digital-cs check` shows everything."
        )
    return Playbook(
        list(programs.programs.values()), list(segments.segments.values()),
        list(triggers.by_name.values()), milestones.milestones, policy.policy,
    )  # fmt: skip


class _Demo:
    """One run. The days end today, so that every date that is shown is of the recent past."""

    def __init__(self, options: Options, face: Face) -> None:
        self.options = options
        self.face = face
        self.is_told = False
        self.until = datetime.combine(datetime.now(UTC).date(), time(), UTC)
        self.origin = self.until - timedelta(days=DAYS)

    def run(self) -> None:
        """Start everything, perform, stop everything."""
        playbook = usable_playbook(self.options.content_dir)
        folder, content = self.options.state_dir, self.options.content_dir
        with Stage(folder, content, self.face.progress) as stage:
            migrate(stage.database_url)
            asyncio.run(self._perform(stage, playbook))

    async def _perform(self, stage: Stage, playbook: Playbook) -> None:
        async with pools.opened(stage.database_url, 4) as pool:
            # Until everything is ready, business time stands still at the first moment.
            standing = FastClock(
                self.origin, datetime.max.replace(tzinfo=UTC),
                timedelta(days=DAYS).total_seconds() / self.options.length, self.until,
            )  # fmt: skip
            driver = await self._move_in(pool, standing, playbook)
            clock = await stage.start_workers(standing)
            self.face.say(f"\n{DAYS} days of programs in {self.options.length:g} seconds:")
            await asyncio.sleep((clock.started - datetime.now(UTC)).total_seconds())
            gateway = _gateway(pool, clock)
            colleagues = Colleagues(gateway, pool, clock, self.origin, stage.mail_folder)
            editors = Editors(gateway, pool, clock, self.origin, self.options.content_dir)
            async with (
                Product(stage.api_url, stage.write_key) as product,
                Readers(stage.mail_folder, stage.returned_port, clock, self.origin) as readers,
            ):
                help_desk = HelpDesk(pool, clock, gateway.intake)
                doors = Doors(gateway.intake, product, help_desk)
                async with running(
                    driver.run(doors, clock), colleagues.run(), editors.run(), readers.run()
                ) as helpers:
                    await self._watch(stage, pool, clock, driver, helpers)
            # What came last is noted a moment later: until then its source looks late.
            await asyncio.sleep(2 * pace(clock, NOTE_SECONDS))
            summary = await self._sum_up(stage, pool, clock.now(), colleagues.interlude)
        self.face.tell(summary)
        self.is_told = True
        if self.options.seconds is None:
            self.face.say("\nThe demo stays up. Ctrl-C stops it.")
            while True:
                await asyncio.sleep(1.0)
                stage.require_alive()

    async def _move_in(self, pool: Pool, clock: Clock, playbook: Playbook) -> Driver:
        """Make the company known up to the first day, and only then publish the playbook."""
        company = generate(self.options.accounts, self.options.seed, self.origin, DAYS)
        driver = Driver(story_of(company))
        gateway = _gateway(pool, clock)
        await driver.look_back(gateway.intake, self.origin)
        async with pool.connection() as connection:
            # It ended where the product itself begins to tell: nothing may wait for more of it.
            await sources.retire(connection, HISTORY, clock.now())
        if playbook.policy is not None:
            await publish_policy(gateway, playbook.policy)
        await gateway.declare_milestones(playbook.milestones)
        coming = [each.trigger for each in playbook.triggers]
        await publish_segments(gateway, playbook.segments, coming=coming)
        await publish_triggers(gateway, playbook.triggers)
        await gateway.publish(playbook.programs)
        folder = self.options.content_dir
        calendar = await calendar_of(pool, clock, folder)()
        taken = await take_in(gateway, folder, calendar, _ZONE)
        seed = self.options.seed
        self.face.progress("Company", f"{len(company.customers)} accounts, from seed {seed}")
        self.face.progress("Playbook", f"{playbook.words()} published")
        self.face.progress(
            "Library",
            f"{taken.items} items, {taken.topics} topics of support, a monthly newsletter",
        )
        return driver

    async def _watch(
        self, stage: Stage, pool: Pool, clock: FastClock, driver: Driver,
        helpers: Sequence[asyncio.Task[None]],
    ) -> None:  # fmt: skip
        """Show what happens until the days are over and what was due by then is done."""
        frame = Frame(self.origin, DAYS, f"Ctrl-C stops everything. Temporal: {stage.temporal_ui}")
        end = clock.started + timedelta(seconds=self.options.length)
        with self.face.live():
            while True:
                stage.require_alive()
                for helper in helpers:
                    if helper.done():
                        helper.result()  # raises what broke it
                async with pool.connection() as connection:
                    snapshot = await look(connection, clock.now())
                self.face.show(snapshot, frame)
                late = (datetime.now(UTC) - end).total_seconds()
                idle = not (driver.to_come or snapshot.overdue or snapshot.waiting)
                if late >= CATCH_UP_SECONDS or (late >= 0 and idle):
                    return
                await asyncio.sleep(self.face.pause)

    async def _sum_up(
        self, stage: Stage, pool: Pool, now: datetime, interlude: Interlude | None
    ) -> Summary:
        places = Places(
            _from_here(stage.state_dir), _from_here(stage.mail_folder), _command(),
            temporal_ui=stage.temporal_ui,
        )  # fmt: skip
        async with pool.connection() as connection, connection.transaction():
            # All figures are of one moment, although the engine goes on.
            await connection.execute("set transaction isolation level repeatable read, read only")
            return await summarise(
                connection,
                first=self.origin.date(),
                now=now,
                seed=self.options.seed,
                places=places,
                mail=partial(read_index, stage.mail_folder),
                interlude=interlude,
            )


def _command() -> str:
    """How `digital-cs` is called: an environment made by `make` is not on the search path."""
    if shutil.which("digital-cs"):
        return "digital-cs"
    script = Path(sys.executable).with_name("digital-cs")
    return str(_from_here(script)) if script.exists() else f"{sys.executable} -m digital_cs"


def _from_here(path: Path) -> Path:
    """The path as it is shortest to type."""
    return path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path


def _gateway(pool: Pool, clock: Clock) -> Gateway:
    return Gateway(pool, clock, Entries(pool, clock, _ZONE))
