"""What people may ask of broadcasts: plan, check, approve, start, pause, and see how far one is."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from psycopg import AsyncConnection
from psycopg_pool import AsyncConnectionPool
from pydantic import TypeAdapter, ValidationError

from activities.broadcast_texts import BroadcastTexts, Texts
from digital_cs.clock import Clock
from digital_cs.domain.grammar import Name
from digital_cs.domain.rules.reads import triggers_named
from digital_cs.domain.rules.segment import segments_named
from digital_cs.domain.sending.broadcast import (
    Broadcast,
    BroadcastPlan,
    BroadcastState,
    due_by_zone,
    freeze_at,
)
from digital_cs.domain.sending.policy import Policy
from digital_cs.errors import NotFoundError, UsageError
from digital_cs.ingest.rules.calendars import Calendar, calendar_for, no_holidays
from digital_cs.rendering.library import EmailLibrary
from digital_cs.store.broadcasts import broadcast_audience, broadcast_progress, broadcasts
from digital_cs.store.broadcasts.broadcast_audience import Share
from digital_cs.store.broadcasts.broadcast_progress import Progress
from digital_cs.store.broadcasts.broadcasts import Choice
from digital_cs.store.programs import programs
from digital_cs.store.rules import segments, triggers
from digital_cs.store.sending import policies

Connection = AsyncConnection[Any]


@dataclass(frozen=True, slots=True)
class Checked:
    """A broadcast with its audience as it would be fixed now, and what stands against it.

    `hash` is what an approval would be bound to, None while its text cannot be used. `faults` are
    what must be mended before it can go.
    """

    broadcast: Broadcast
    hash: str | None
    approved: bool
    audience: list[Share]
    faults: list[str]
    freezes_at: datetime | None
    first_at: datetime | None
    last_at: datetime | None


@dataclass(frozen=True, slots=True)
class Shown:
    """A broadcast with how far it is; `freezes_at` None: as soon as it is started."""

    broadcast: Broadcast
    progress: Progress
    now: datetime
    freezes_at: datetime | None = None


class Broadcasts:
    """Each wish is one transaction, together with the word to whoever sends: no server of Temporal
    is needed to ask, and nothing that was promised is lost."""

    def __init__(
        self, pool: AsyncConnectionPool[Any], clock: Clock, library: EmailLibrary, *,
        workspace_zone: str, calendar: Calendar = no_holidays,
    ) -> None:  # fmt: skip
        self._pool = pool
        self._clock = clock
        self._texts = BroadcastTexts(library)
        self._zone = workspace_zone
        self._calendar = calendar

    @contextlib.asynccontextmanager
    async def _transaction(self) -> AsyncIterator[Connection]:
        async with self._pool.connection() as connection, connection.transaction():
            yield connection

    async def plan(
        self, id: str, plan: BroadcastPlan, *, name: str, owner: str, by: str,
        per_minute: float | None = None, texts: Mapping[str, str] | None = None,
        choices: Iterable[Choice] | None = None,
    ) -> Broadcast:  # fmt: skip
        """Write a draft down, or the same one anew, as long as it was not started.

        `texts` are Markdown with front matter by variant, where it has no e-mail of the content
        folder, and `choices` who gets which variant; None leaves both as they are. An approval
        stays only if nothing was changed. Raises UsageError.
        """
        _insist_on_a_name(id)
        now = self._clock.now()
        async with self._transaction() as connection:
            if await programs.list_programs(connection, [id]):
                raise UsageError(f"There is a program '{id}': give the broadcast another id.")
            saved = await broadcasts.save_draft(
                connection, id, name, owner, plan, per_minute, by, now
            )
            if saved is None:
                raise UsageError(
                    f"The broadcast '{id}' was started already: plan another one, with an id of"
                    " its own."
                )
            if texts is not None:
                await broadcasts.save_texts(connection, id, texts)
            if choices is not None:
                await broadcasts.save_choices(connection, id, choices)
        return saved

    async def check(self, id: str) -> Checked:
        """The audience as it would be now, and all that stands against sending."""
        now = self._clock.now()
        async with self._pool.connection() as connection:
            broadcast = await self._get(connection, id)
            texts = await self._texts.of(connection, broadcast)
            policy = (await policies.current(connection)).policy
            unknown = await _unknown(connection, broadcast.plan)
        faults = [*_faults(texts, broadcast, policy), *unknown]
        audience = [] if unknown else await self._audience(broadcast, texts, now)
        receiving = [share for share in audience if share.reason is None]
        if not unknown and not receiving:
            faults.append("Nobody would get it.")
        dues = due_by_zone(broadcast.plan, now).values()
        return Checked(
            broadcast, texts.hash, _approved(broadcast, texts), audience, faults,
            freeze_at(broadcast.plan, self._zone),
            receiving[0].first_at if receiving else min(dues),
            receiving[0].last_at if receiving else max(dues),
        )  # fmt: skip

    async def _audience(self, broadcast: Broadcast, texts: Texts, now: datetime) -> list[Share]:
        calendar = await calendar_for(broadcast.plan.audience, self._calendar)
        topic = broadcast.plan.topic or texts.topic
        async with self._pool.connection() as connection:
            return await broadcast_audience.count(
                connection, broadcast, topic, now, self._zone, calendar
            )

    async def approve(self, id: str, by: str, hash: str | None = None) -> Broadcast:
        """Approve it as it is now (P21): its text, audience and rules, but not the moment.

        With a `hash` only if that is what it is. Raises UsageError for what cannot be sent.
        """
        async with self._transaction() as connection:
            broadcast = await self._get(connection, id)
            texts = await self._texts.of(connection, broadcast)
            if texts.hash is None:
                raise UsageError(f"It cannot be approved. {texts.fault}")
            await _insist_on_segments(connection, broadcast.plan)
            if hash is not None and not texts.hash.startswith(hash):
                raise UsageError(
                    f"It is not what was read: it is {texts.hash[:12]} by now. Read it again."
                )
            found = await broadcasts.approve(connection, id, texts.hash, by, self._clock.now())
        return _done(found, broadcast, "approved")

    async def start(self, id: str, by: str, at: datetime | None = None) -> Broadcast:
        """Let it go: `at` this local time of its readers, else as planned, else at once.

        Raises UsageError if it is not approved as it is now.
        """
        now = self._clock.now()
        async with self._transaction() as connection:
            broadcast = await self._get(connection, id)
            if broadcast.state is not BroadcastState.DRAFT:
                raise UsageError(f"The broadcast '{id}' was started already: {_where(broadcast)}.")
            texts = await self._texts.of(connection, broadcast)
            if not _approved(broadcast, texts):
                raise UsageError(
                    "Nobody has approved it as it is now. `digital-cs broadcast check` shows it,"
                    " and `digital-cs broadcast approve` approves it."
                )
            plan = broadcast.plan
            await _insist_on_segments(connection, plan)
            if at is not None:
                plan = BroadcastPlan.model_validate({**plan.to_json(), "at": at})
            found = await broadcasts.start(connection, id, plan, by, now)
        return _done(found, broadcast, "started")

    async def pause(self, id: str, by: str) -> Broadcast:
        """Hand nothing over any more, but what is in hand at this moment."""
        async with self._transaction() as connection:
            before = await self._get(connection, id)
            found = await broadcasts.pause(connection, id, by, self._clock.now())
        return _done(found, before, "paused")

    async def resume(self, id: str, by: str) -> Broadcast:
        """Go on; what is no longer useful by now is skipped (P8)."""
        async with self._transaction() as connection:
            before = await self._get(connection, id)
            found = await broadcasts.resume(connection, id, by, self._clock.now())
        return _done(found, before, "resumed")

    async def cancel(self, id: str, by: str) -> Broadcast:
        """Send it to nobody any more, for good; those who are left are skipped."""
        async with self._transaction() as connection:
            before = await self._get(connection, id)
            found = await broadcasts.cancel(connection, id, by, self._clock.now())
        return _done(found, before, "cancelled")

    async def set_rate(self, id: str, per_minute: float | None, by: str) -> Broadcast:
        """Messages a minute, in force with the next turns; None: only the limits of the policy."""
        if per_minute is not None and per_minute <= 0:
            raise UsageError("A rate is more than nothing. `digital-cs broadcast pause` stops it.")
        async with self._transaction() as connection:
            before = await self._get(connection, id)
            found = await broadcasts.set_rate(connection, id, per_minute, by, self._clock.now())
        return _done(found, before, "changed")

    async def show(self, id: str) -> Shown:
        """How far it is. Raises NotFoundError."""
        now = self._clock.now()
        async with self._pool.connection() as connection:
            broadcast = await self._get(connection, id)
            progress = await broadcast_progress.read(connection, id, now)
        if broadcast.paused:
            progress = replace(progress, ends_at=None)
        return Shown(broadcast, progress, now, freeze_at(broadcast.plan, self._zone))

    async def list(
        self, states: Sequence[BroadcastState] | None = None, most: int = 100
    ) -> list[Broadcast]:
        """Broadcasts, what was changed last first."""
        async with self._pool.connection() as connection:
            return await broadcasts.list_broadcasts(connection, states, most)

    async def texts(self, id: str) -> Texts:
        """The texts of a broadcast, compiled."""
        async with self._pool.connection() as connection:
            return await self._texts.of(connection, await self._get(connection, id))

    async def _get(self, connection: Connection, id: str) -> Broadcast:
        found = await broadcasts.get(connection, id)
        if found is None:
            raise NotFoundError(
                f"There is no broadcast '{id}'. `digital-cs broadcast list` shows them."
            )
        return found


def _insist_on_a_name(id: str) -> None:
    """It begins the keys of messages, and the id of an issue has a slash: two that run into each
    other would leave somebody out, for whom there is a row already."""
    try:
        TypeAdapter(Name).validate_python(id)
    except ValidationError:
        raise UsageError(
            f"'{id}' cannot be the id of a broadcast: write small letters, digits and dashes, such"
            " as 'spring-release', at most 60."
        ) from None


async def _insist_on_segments(connection: Connection, plan: BroadcastPlan) -> None:
    """A segment that is not there has nobody in it: it would be through at once, sent to nobody."""
    unknown = await _unknown(connection, plan)
    if unknown:
        raise UsageError(" ".join(unknown))


async def _unknown(connection: Connection, plan: BroadcastPlan) -> list[str]:
    """A sentence for each segment and trigger that an audience names in vain."""
    if plan.audience is None:
        return []
    names = {
        "segment": await segments.missing(connection, segments_named(plan.audience)),
        "trigger": await triggers.missing(connection, triggers_named([plan.audience])),
    }
    return [
        f"There is no {kind} '{name}': publish it first."
        for kind, absent in names.items() for name in absent
    ]  # fmt: skip


def _approved(broadcast: Broadcast, texts: Texts) -> bool:
    return texts.hash is not None and texts.hash == broadcast.approved_hash


def _faults(texts: Texts, broadcast: Broadcast, policy: Policy) -> Iterable[str]:
    plan = broadcast.plan
    if texts.hash is None:
        yield texts.fault
    topic = plan.topic or texts.topic
    if topic is not None and topic != "service" and topic not in policy.topics:
        yield f"'{topic}' is no topic of the policy: it has {', '.join(policy.topics)}."
    if plan.kind == "service" and plan.email not in policy.service:
        yield "It is a service notice, but its e-mail is not among those of the policy."


def _done(found: Broadcast | None, before: Broadcast, what: str) -> Broadcast:
    if found is None:
        raise UsageError(f"It cannot be {what}: {_where(before)}.")
    return found


def _where(broadcast: Broadcast) -> str:
    if broadcast.paused and broadcast.state is BroadcastState.RUNNING:
        return "it is paused"
    return {
        BroadcastState.DRAFT: "it was not started yet", BroadcastState.RUNNING: "it is running",
        BroadcastState.DONE: "it is done", BroadcastState.CANCELLED: "it was cancelled",
    }[broadcast.state]  # fmt: skip
