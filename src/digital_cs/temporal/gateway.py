"""The gateway: what people may ask of the engine, typed, and safe to ask twice."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

from psycopg import AsyncConnection
from psycopg_pool import AsyncConnectionPool

from digital_cs.catalog.programs import program_from_json, program_hash, program_to_json
from digital_cs.catalog.segments import segments_of
from digital_cs.clock import Clock
from digital_cs.domain.milestone import Milestone
from digital_cs.domain.programs.program import Program
from digital_cs.domain.programs.program_graph import Graph, compile_program
from digital_cs.domain.rules.kept_rule import entry_rules
from digital_cs.domain.rules.reads import triggers_named
from digital_cs.domain.rules.segment import Segment
from digital_cs.errors import NotFoundError, UsageError
from digital_cs.ingest.people.identities import Identities
from digital_cs.ingest.people.intake import Intake
from digital_cs.ingest.people.preferring import Preferring
from digital_cs.ingest.people.suppressing import Suppressing
from digital_cs.ingest.rules.entries import Entries
from digital_cs.ingest.rules.membership import Membership
from digital_cs.store.database.deadlock import again_after_deadlock
from digital_cs.store.product import milestone_definitions, milestones
from digital_cs.store.product.milestone_definitions import Declared
from digital_cs.store.programs import enrollments, programs
from digital_cs.store.programs.enrollments import Enrolled
from digital_cs.store.programs.programs import Button, State
from digital_cs.store.rules import segment_members, segments
from digital_cs.temporal.segments import publish_with
from digital_cs.temporal.sending import Sending
from digital_cs.temporal.triggers import require_triggers

Connection = AsyncConnection[Any]

CHUNK = 500
"""Accounts enrolled in one transaction: long enough to be quick, short enough to be seen."""


@dataclass(frozen=True, slots=True)
class Published:
    """What publishing a program did. `matching`: accounts that matched at the first publishing."""

    program: str
    version: int
    new: bool
    first: bool = False
    matching: int = 0
    inside: int = 0


@dataclass(frozen=True, slots=True)
class OverdueChoice:
    """What becomes of the overdue at a resume (P10). Neither: all at once, if still useful."""

    spread: timedelta | None = None
    skip_older_than: timedelta | None = None


ALL_NOW = OverdueChoice()
PAUSED = (State.PAUSED, State.PAUSED_CLOSED)


@dataclass(frozen=True, slots=True)
class Pressed:
    """What a button did to a program. `refused`: something is overdue and nobody has chosen."""

    program: str
    before: State
    after: State
    inside: int = 0
    overdue: int = 0
    exited: int = 0
    paused_by_hand: int = 0
    refused: bool = False


@dataclass(frozen=True, slots=True)
class Resumed:
    """What a resume of one enrollment did; `changed` is False when it was not paused."""

    changed: bool
    overdue: int = 0
    refused: bool = False


class Gateway:
    """Everything is done in Postgres, each wish in one transaction together with its outbox row:
    no server of Temporal is needed to ask, and nothing that was promised is lost."""

    def __init__(
        self, pool: AsyncConnectionPool[Any], clock: Clock, entries: Entries,
        *, events_oldest: int = 400,
    ) -> None:  # fmt: skip
        self.pool = pool
        self.clock = clock
        self.intake = Intake(pool, clock, entries, oldest_days=events_oldest)
        self.identities = Identities(pool, clock, entries)
        self.suppressions = Suppressing(pool, clock)
        self.preferences = Preferring(pool, clock)
        self.sending = Sending(pool, clock)
        self.entries = entries
        self.membership = Membership(entries)

    @contextlib.asynccontextmanager
    async def _transaction(self) -> AsyncIterator[Connection]:
        async with self.pool.connection() as connection, connection.transaction():
            yield connection

    # Programs

    async def count_matching(self, program: Program, along: Sequence[Segment] = ()) -> int:
        """How many accounts match the entries of a program that is not published yet.

        `along` are segments that would be published before it.
        """
        graph, spec = _compiled(program), program_to_json(program)
        async with self.pool.connection() as connection, connection.transaction(
            force_rollback=True
        ):  # fmt: skip
            await publish_with(connection, self, along, triggers_named(each.when for each in along))
            await require_segments(connection, program)
            now = self.clock.now()
            await programs.publish(connection, graph, spec, program_hash(program), now)
            return await self._settle_entries(connection, program)

    async def publish(self, wanted: Sequence[Program]) -> list[Published]:
        """Publish programs that have no errors; what has not changed stays at its version.

        At the first publishing, accounts that match already are enrolled, or passed over for
        good, as the program says (`at_launch`).
        """
        done = [await self._publish(program) for program in wanted]
        async with self.pool.connection() as connection:
            rows = await programs.list_programs(connection, [each.program for each in done])
        inside = {row.id: row.inside for row in rows}
        return [
            Published(e.program, e.version, e.new, e.first, e.matching, inside[e.program])
            for e in done
        ]

    async def _publish(self, program: Program) -> Published:
        graph, spec = _compiled(program), program_to_json(program)
        rules = list(entry_rules(program.program, program.enter))
        async with self._transaction() as connection:
            now = self.clock.now()
            await require_segments(connection, program)
            await require_triggers(connection, program)
            number, new = await programs.publish(
                connection, graph, spec, program_hash(program), now
            )
            first = new and number == 1
            at_once = first and program.enter.at_launch == "enroll"
            spoken = await milestone_definitions.refresh(connection, now)
            # Who matches the rules of a new version already is no crowd to let in at once (P20).
            matching = 0 if at_once else await self._settle_entries(connection, program)
        if at_once:
            await self.membership.turn(rules)
        async with self.pool.connection() as connection:
            if at_once:
                matching = await segment_members.count_accounts(connection, rules)
            await milestones.catch_up_again(connection, spoken.caught_up)
        return Published(program.program, number, new, first, matching)

    async def declare_milestones(
        self, wanted: Sequence[Milestone], *, dry_run: bool = False
    ) -> Declared:
        """Make these the milestones; a new or changed one is reached by what happened already.

        `dry_run` only says what would change, and how often history would reach it.
        """
        async with self.pool.connection() as connection:
            async with connection.transaction(force_rollback=dry_run):
                done = await milestone_definitions.declare(connection, wanted, self.clock.now())
            if dry_run:
                return done
            late = await milestones.catch_up_again(connection, done.caught_up)
        return replace(done, reached=done.reached + late)

    async def _settle_entries(self, connection: Connection, program: Program) -> int:
        """Take those who match new entries of a program for known; returns how many they are."""
        rules = list(entry_rules(program.program, program.enter))
        known = await segments.kept(connection, rules, closed=True)
        anew = [rule.id for rule in known if rule.evaluated_at is None]
        await self.membership.settle(connection, anew, "")
        return await segment_members.count_accounts(connection, anew)

    async def pause_program(self, program_id: str) -> Pressed:
        """Hold everybody inside where they are. Events are heard and applied at resume (P10)."""
        async with self._transaction() as connection:
            return await self._press(connection, program_id, programs.PAUSE)

    async def resume_program(self, program_id: str, choice: OverdueChoice | None = None) -> Pressed:
        """Let those inside move on; refused while something is overdue and no choice is made."""
        async with self._transaction() as connection:
            return await self._resume(connection, program_id, programs.RESUME, choice)

    async def open_program(self, program_id: str) -> Pressed:
        """Let accounts enter again."""
        async with self._transaction() as connection:
            return await self._press(connection, program_id, programs.OPEN)

    async def stop_entering(self, program_id: str) -> Pressed:
        """The first button (P11): nobody enters; those inside go on, or rest, as before."""
        async with self._transaction() as connection:
            return await self._press(connection, program_id, programs.STOP_ENTERING)

    async def finish_inside(self, program_id: str, choice: OverdueChoice | None = None) -> Pressed:
        """The second button (P11): nobody enters, those inside go on to their end, and then the
        program is stopped. A pause of the program is lifted, with the choice of a resume."""
        async with self._transaction() as connection:
            return await self._resume(connection, program_id, programs.FINISH, choice)

    @again_after_deadlock
    async def stop_all(self, program_id: str, because: str) -> Pressed:
        """The third button (P11): nobody enters, and everybody inside leaves at once (P6)."""
        async with self._transaction() as connection:
            pressed = await self._press(connection, program_id, programs.STOP_ALL)
            gone = await enrollments.ask_to_exit(connection, program_id=program_id, because=because)
        return replace(pressed, exited=len(gone))

    async def _look(self, connection: Connection, program_id: str, button: Button) -> Pressed:
        """What pressing would do. The state stays as found until the transaction ends."""
        before = await programs.lock_state(connection, program_id)
        if before is None:
            raise await self.no_program(connection, program_id)
        row = (await programs.list_programs(connection, [program_id]))[0]
        held = await enrollments.count_paused(connection, program_id)
        after = button.get(before, before)
        return Pressed(program_id, before, after, row.inside, paused_by_hand=held)

    async def _press(self, connection: Connection, program_id: str, button: Button) -> Pressed:
        pressed = await self._look(connection, program_id, button)
        if pressed.after is not pressed.before:
            if pressed.before not in programs.ENTERED and pressed.after in programs.ENTERED:
                await self._before_opening(connection, program_id)
            await programs.set_state(
                connection, program_id, pressed.before, pressed.after, self.clock.now()
            )
        return pressed

    async def _before_opening(self, connection: Connection, program_id: str) -> None:
        """Its segments may be gone; and who came to match meanwhile is still to be found."""
        row = (await programs.list_programs(connection, [program_id]))[0]
        await require_segments(connection, program_from_json(row.spec))
        await segments.ask_anew(connection, program_id)

    async def _resume(
        self, connection: Connection, program_id: str, button: Button,
        choice: OverdueChoice | None,
    ) -> Pressed:  # fmt: skip
        seen = await self._look(connection, program_id, button)
        if seen.before not in PAUSED:
            return await self._press(connection, program_id, button)
        overdue = await enrollments.count_overdue(
            connection, self.clock.now(), program_id=program_id
        )
        if overdue and choice is None:
            return replace(seen, after=seen.before, overdue=overdue, refused=True)
        if overdue and choice is not None:
            await self._settle(connection, choice, program_id=program_id)
        pressed = await self._press(connection, program_id, button)
        await enrollments.wake_program(connection, program_id)
        return replace(pressed, overdue=overdue)

    async def _settle(
        self, connection: Connection, choice: OverdueChoice, *, program_id: str | None = None,
        enrollment_id: str | None = None,
    ) -> None:  # fmt: skip
        now, older = self.clock.now(), choice.skip_older_than
        await enrollments.settle_overdue(
            connection, now, program_id=program_id, enrollment_id=enrollment_id,
            spread_seconds=choice.spread.total_seconds() if choice.spread else None,
            skip_due_before=now - older if older else None,
        )  # fmt: skip

    async def no_program(self, connection: Connection, program_id: str) -> NotFoundError:
        """The error for a program that is not published, with what there is."""
        names = [row.id for row in await programs.list_programs(connection)]
        there = f"Published are: {', '.join(names)}." if names else "None is published yet."
        return NotFoundError(f"There is no published program '{program_id}'. {there}")

    # Enrollments

    async def enroll(
        self, program_id: str, account_ids: Iterable[str], *, source: str = "operator",
        dry_run: bool = False, on_progress: Callable[[int], None] = lambda done: None,
    ) -> Enrolled:  # fmt: skip
        """Put accounts into a program, by its rule of re-entry; asking twice changes nothing.

        `dry_run` only says what would become of each. `on_progress` is told how many are done.
        """
        wanted = list(dict.fromkeys(account_ids))
        async with self.pool.connection() as connection:
            rows = await programs.list_programs(connection, [program_id])
            if not rows:
                raise await self.no_program(connection, program_id)
            again = program_from_json(rows[0].spec).enter.again
            total = Enrolled()
            for start in range(0, len(wanted), CHUNK):
                chunk = wanted[start : start + CHUNK]
                async with connection.transaction(force_rollback=dry_run):
                    total += await enrollments.enroll(
                        connection, program_id, chunk, source=source, now=self.clock.now(),
                        again=again,
                    )  # fmt: skip
                on_progress(start + len(chunk))
        return total

    async def exit_enrollment(self, enrollment_id: str, because: str) -> bool:
        """Take an account out at once (P6); False when it is out already."""
        async with self._transaction() as connection:
            gone = await enrollments.ask_to_exit(
                connection, enrollment_id=enrollment_id, because=because
            )
        return bool(gone)

    async def pause_enrollment(self, enrollment_id: str) -> bool:
        """Hold one enrollment; False when it is paused or out already."""
        async with self._transaction() as connection:
            return await enrollments.set_paused(connection, enrollment_id, True)

    async def resume_enrollment(
        self, enrollment_id: str, choice: OverdueChoice | None = None
    ) -> Resumed:
        """Let one enrollment move on; refused while it is overdue and no choice is made (P10)."""
        async with self._transaction() as connection:
            overdue = await enrollments.count_overdue(
                connection, self.clock.now(), enrollment_id=enrollment_id
            )
            if overdue and choice is None:
                return Resumed(False, overdue, refused=True)
            if overdue and choice is not None:
                await self._settle(connection, choice, enrollment_id=enrollment_id)
            changed = await enrollments.set_paused(connection, enrollment_id, False)
        return Resumed(changed, overdue)

    async def skip(self, enrollment_id: str) -> bool:
        """Skip the step at which an enrollment stands; False when it is out."""
        async with self._transaction() as connection:
            return await enrollments.skip_step(connection, enrollment_id)

    async def complete_task(self, key: str, by: str) -> tuple[str, str | None] | None:
        """Mark a task as done; (title, enrollment), or None when it is not open. A reply is of no
        enrollment: its whole account goes on."""
        async with self._transaction() as connection:
            return await enrollments.complete_task(connection, key, by=by, now=self.clock.now())


def _compiled(program: Program) -> Graph:
    graph, complaints = compile_program(program)
    if complaints:
        raise UsageError(
            f"The program {program.program} cannot be published: {complaints[0].message}"
            " `digital-cs check` shows everything."
        )
    return graph


async def require_segments(connection: Connection, program: Program) -> None:
    """Raises UsageError if the program names a segment that is not published."""
    absent = await segments.missing(connection, segments_of(program))
    if absent:
        raise UsageError(
            f"The program {program.program} names the segment {absent[0]}, which is not published:"
            f" `digital-cs segment publish {' '.join(absent)}` first."
        )
