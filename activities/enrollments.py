"""Enrollments: ask what comes next, and do it. May run twice; the ledger sees to once."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from psycopg_pool import AsyncConnectionPool
from temporalio import activity
from temporalio.exceptions import ApplicationError

from activities.calls import Calls
from activities.claiming import Refused
from activities.faults import without_words
from activities.mailing import Mailing, Sent
from activities.programs import ProgramShelf
from digital_cs import metrics
from digital_cs.clock import Clock
from digital_cs.domain.programs.enrollment import (
    CallWebhook,
    Decision,
    Facts,
    MessageFact,
    MessageState,
    Outcome,
    SendMessage,
    WebhookFact,
)
from digital_cs.domain.programs.program_graph import Graph
from digital_cs.domain.programs.what_next import advance
from digital_cs.domain.sending.reason import Reason
from digital_cs.domain.timing.business_calendar import BusinessCalendar
from digital_cs.messages.enrollment import ADVANCE_ACTIVITY, AdvanceReply, AdvanceRequest
from digital_cs.store.database.pool import insist
from digital_cs.store.programs import effects, touch_facts, touches
from digital_cs.store.sending import claims

MOST_ROUNDS = 50
"""A touch that starts over more often than this is in a fight with somebody: try again later."""

MARGIN = 0.2
"""A claim is looked at again so many real seconds after it has run out."""

DEFAULT_TIMEOUT = timedelta(seconds=60)


@dataclass(frozen=True)
class Workspace:
    """What holds for every enrollment. `grace` and `spread` are in real seconds."""

    zone: str
    grace: float
    spread: float


class CalendarShelf:
    """The calendar in force; replaced as a whole when somebody adds a holiday (P5)."""

    def __init__(self, calendar: BusinessCalendar) -> None:
        self.current = calendar


class EnrollmentActivities:
    """The one activity of an enrollment, with everything it needs handed in."""

    def __init__(
        self, *, pool: AsyncConnectionPool[Any], clock: Clock, programs: ProgramShelf,
        calendar: CalendarShelf, mailing: Mailing, calls: Calls, workspace: Workspace,
    ) -> None:  # fmt: skip
        self._pool = pool
        self._clock = clock
        self._programs = programs
        self._calendar = calendar
        self._mailing = mailing
        self._calls = calls
        self._workspace = workspace

    @activity.defn(name=ADVANCE_ACTIVITY)
    async def advance(self, request: AdvanceRequest) -> AdvanceReply:
        """Do what is due for one enrollment and say until when it rests.

        Safe to repeat: the position moves by compare-and-set, a message is claimed once.
        """
        try:
            return await self._advance(request)
        except ApplicationError:
            raise
        except Exception as error:
            raise without_words(error) from None

    async def _advance(self, request: AdvanceRequest) -> AdvanceReply:
        metrics.ADVANCES.inc()
        for _ in range(MOST_ROUNDS):
            async with self._pool.connection() as connection:
                loaded = await touch_facts.load(
                    connection, request.enrollment_id, self._clock.now(), self._calendar.current
                )
            if loaded is None or loaded.ended:
                return AdvanceReply(ended=True)
            done = await _Attempt(self, request.enrollment_id, loaded).run()
            if done is not None:
                return done
        raise ApplicationError("the enrollment is being changed all the time", type="Contended")

    def reply(self, outcome: Outcome) -> AdvanceReply:
        """What the workflow is told, in real seconds from this moment."""
        if outcome.ending is not None:
            return AdvanceReply(ended=True)
        sleep = None
        if outcome.wake_at is not None:
            sleep = max(self._clock.seconds_until(outcome.wake_at), 0.001)
        return AdvanceReply(False, sleep, outcome.label, outcome.next_label)


class _Attempt:
    """One pass from a loaded state to a moved position, or to starting over."""

    def __init__(
        self, house: EnrollmentActivities, enrollment_id: str, loaded: touch_facts.Loaded
    ) -> None:
        self.house = house
        self.id = enrollment_id
        self.loaded = loaded
        self.revision = loaded.revision
        self.position = loaded.position
        self.result: touches.MessageResult | None = None
        self.before: tuple[Decision, ...] = ()  # on the way to an act, not written yet
        self.policy: int | None = None  # the version that decided last
        self.now = self._moment()

    def _moment(self) -> datetime:
        """The moment that counts: the planned one while we are hardly late, else the present.

        A touch planned for 16:59:59 that a worker gets at 17:00:01 is on time. On a fast clock
        the grace, which is real, also hides how slow this machine is.
        """
        clock, planned = self.house._clock, self.loaded.wake_at
        now = clock.now()
        if planned is None or planned > now:
            return now
        late = (now - planned).total_seconds() / clock.speed
        metrics.LATENESS.observe(late)
        return planned if late <= self.house._workspace.grace else now

    async def run(self) -> AdvanceReply | None:
        """The reply; None: somebody changed something in between, start over."""
        graph = await self.house._programs.graph(self.loaded.program_id, self.loaded.version)
        facts = await self._facts()
        for _ in range(MOST_ROUNDS):
            outcome = advance(graph, self.position, facts, self.now)
            act = outcome.act
            if act is None:
                moved = await self._move(outcome)
                return self.house.reply(outcome) if moved else None
            if outcome.effects or self.result is not None:
                if not await self._move(outcome):
                    return None
            else:
                self.before += outcome.decisions
            self.position = outcome.position
            if isinstance(act, SendMessage):
                sent = await self._send(act, graph)
                if sent is None:
                    return None
                if isinstance(sent, Refused):
                    if sent.ruling.reason is Reason.SUPPRESSED:
                        return None  # since we looked: somebody else may be written to (P1)
                    self.policy = sent.policy
                    facts = replace(facts, rulings={act.visit: sent.ruling})
                    continue
                self.result = sent.result
                facts = replace(facts, messages={**facts.messages, act.visit: sent.fact})
            else:
                fact = await self._call(act)
                facts = replace(facts, calls={**facts.calls, act.visit: fact})
        raise ApplicationError("the enrollment does not come to rest", type="Restless")

    async def _facts(self) -> Facts:
        loaded, house = self.loaded, self.house
        messages = dict(loaded.messages)
        for visit, claim in loaded.claims.items():
            messages[visit] = await self._resolve(claim, messages[visit])
        workspace = house._workspace
        return Facts(
            enrollment_id=self.id, account=loaded.account, started_at=loaded.started_at,
            calendar=house._calendar.current, workspace_zone=workspace.zone,
            controls=loaded.controls,
            messages=messages, tasks=loaded.tasks, calls=loaded.calls,
            spread=timedelta(seconds=workspace.spread * house._clock.speed),
            grace=timedelta(seconds=workspace.grace * house._clock.speed),
            topics=house._mailing.topics(),
        )  # fmt: skip

    async def _resolve(self, claim: touch_facts.Claim, message: MessageFact) -> MessageFact:
        """Another attempt has this message in hand, or died with it (P14)."""
        if claim.seconds_left > 0:
            wait = timedelta(seconds=(claim.seconds_left + MARGIN) * self.house._clock.speed)
            return replace(message, retry_at=self.now + wait)
        async with self.house._pool.connection() as connection:
            gave_up = await claims.give_up_claim(connection, claim.key, self.now)
        if not gave_up:
            raise ApplicationError("the message was settled meanwhile", type="Contended")
        metrics.TOUCHES.labels(self.loaded.program_id, "unknown").inc()
        return replace(message, state=MessageState.UNKNOWN)

    async def _send(self, act: SendMessage, graph: Graph) -> Sent | Refused | None:
        return await self.house._mailing.send(
            act, graph, self.loaded, enrollment_id=self.id, revision=self.revision,
            calendar=self.house._calendar.current, now=self.now, deadline=self._deadline(),
        )  # fmt: skip

    async def _call(self, act: CallWebhook) -> WebhookFact:
        return await self.house._calls.call(act, self.loaded, enrollment_id=self.id, now=self.now)

    async def _move(self, outcome: Outcome) -> bool:
        """Write the outcome down. False when somebody moved the enrollment in between."""
        if self.result is None:
            async with self.house._pool.connection() as connection:
                moved = await self._write(connection, outcome)
        else:  # what became of a message is known only here: do not lose it to a restart
            moved = await insist(
                self.house._pool, lambda c: self._write(c, outcome), self._deadline()
            )
        self.result, self.before = None, ()
        self.revision += 1
        return moved

    async def _write(self, connection: touches.Connection, outcome: Outcome) -> bool:
        loaded = self.loaded
        if not outcome.effects:
            return await self._write_position(connection, outcome)
        async with connection.transaction():
            moved = await self._write_position(connection, outcome)
            if moved:
                await effects.apply(
                    connection, outcome.effects, enrollment_id=self.id,
                    program_id=loaded.program_id, version=loaded.version,
                    account_id=loaded.account.id, now=self.now,
                )  # fmt: skip
        return moved

    async def _write_position(self, connection: touches.Connection, outcome: Outcome) -> bool:
        return await touches.move(
            connection, enrollment_id=self.id, revision=self.revision, outcome=outcome,
            now=self.now, as_of=self.loaded.data_as_of, result=self.result, before=self.before,
            policy=self.policy,
        )  # fmt: skip

    def _deadline(self) -> float:
        """The loop's time at which Temporal gives this attempt up."""
        info = activity.info()
        allowed = info.start_to_close_timeout or DEFAULT_TIMEOUT
        spent = datetime.now(UTC) - info.started_time
        return asyncio.get_running_loop().time() + (allowed - spent).total_seconds()
