"""Sending a broadcast: a set of recipients is claimed, handed over, and settled; then the next."""

from __future__ import annotations

import asyncio
import contextlib
import uuid
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Protocol

from psycopg_pool import AsyncConnectionPool

from activities.broadcast_deciding import Decided, Deciding
from activities.broadcast_rates import make_room
from activities.broadcast_results import INSISTING, HandedOver, write_down
from activities.broadcast_texts import Texts, Writers, waits
from activities.mass_writing import MassWriter, Written
from digital_cs import metrics
from digital_cs.channels.bulk import Handed
from digital_cs.channels.delivery import Delivery, DeliveryOutcome
from digital_cs.clock import Clock
from digital_cs.domain.content.stale_rule import Doubt, Resolved
from digital_cs.domain.programs.enrollment import MessageState, Verdict
from digital_cs.domain.sending.broadcast import Broadcast
from digital_cs.domain.sending.eligibility import SERVICE
from digital_cs.domain.sending.policy import Policy
from digital_cs.domain.sending.reason import Reason
from digital_cs.domain.timing.business_calendar import BusinessCalendar
from digital_cs.errors import DigitalCsError
from digital_cs.rendering.context import AccountView, ContactView
from digital_cs.store.broadcasts import broadcast_claims as claims
from digital_cs.store.broadcasts import broadcast_standing
from digital_cs.store.broadcasts.broadcast_claims import Connection, Due, PutOff
from digital_cs.store.broadcasts.broadcast_standing import Recipient, Set
from digital_cs.store.content import doubts
from digital_cs.store.database.pool import in_one_go, insist
from digital_cs.store.sending import policies, rates

TEXT_PATIENCE = timedelta(hours=6)
"""Business time after which a message that could not be made is tried again."""

MARGIN = 5.0
"""Real seconds by which a claim outlives the longest dialogue."""


class Line(Protocol):
    """One connection to the mail server: `channels.bulk.BulkLine`."""

    async def hand_over(self, batch: Iterable[Handed], *, until: float = ...) -> list[Delivery]:
        """What became of each, in the same order; none is begun after `until`, the loop's time."""
        ...


@dataclass(slots=True)
class SetDone:
    """What became of one set: how many the server took or refused for good, and how many were put
    off or left out before that. `refusing`: it would take none at all. `again` are those for whom
    there was no room in a rate, to be asked again after `wait` real seconds. `stopped`: the whole
    broadcast may not go on. `fault`: why a message could not be made, if one could not. `away`: why
    the mail server could not be used, if it could not.
    """

    handed_over: int = 0
    put_off: int = 0
    again: list[Due] = field(default_factory=list)
    wait: float = 0.0
    stopped: bool = False
    refusing: bool = False
    fault: str = ""
    away: str = ""


@dataclass(slots=True)
class _Claimed:
    """A set that may be handed over: each with its text, and the number of the attempt."""

    token: str
    written: dict[str, Written] = field(default_factory=dict)
    recipients: dict[str, Recipient] = field(default_factory=dict)
    attempts: Mapping[str, int] = field(default_factory=dict)
    notes: dict[str, str] = field(default_factory=dict)
    asked: bool = False
    began: float = 0.0
    done: SetDone = field(default_factory=SetDone)


class BroadcastSending:
    """Sends sets. The order is the promise: decide and claim in one transaction, then hand over."""

    def __init__(
        self, *, pool: AsyncConnectionPool[Any], clock: Clock, writers: Writers,
        lines: Iterable[Line], timeout: float,
    ) -> None:  # fmt: skip
        """`timeout`: real seconds in which a set is to be handed over; after as many again a line
        has given up what was begun. A set is claimed while others are on the wire, and waits for
        the first line that is free."""
        self._pool = pool
        self._clock = clock
        self._writers = writers
        self._timeout = timeout
        self._claim_seconds = 2 * timeout + MARGIN
        self._lines: asyncio.Queue[Line] = asyncio.Queue()
        for line in lines:
            self._lines.put_nowait(line)
        self._version = -1  # none is known yet
        self._policy = Policy()

    async def send(
        self, broadcast: Broadcast, texts: Texts, due: Sequence[Due], calendar: BusinessCalendar
    ) -> SetDone:
        """Send to those of these that may be sent to now."""
        now = self._clock.now()
        claimed = _Claimed(uuid.uuid4().hex)
        deadline = asyncio.get_running_loop().time() + INSISTING
        await insist(
            self._pool,
            lambda c: self._claim(c, claimed, broadcast, texts, due, calendar, now),
            deadline,
        )
        done, keys = claimed.done, list(claimed.attempts)
        if not keys:
            return done
        handed = [_handed(claimed.written[key], claimed.recipients[key]) for key in keys]
        async with self._line() as line:
            deliveries = await line.hand_over(handed, until=claimed.began + self._timeout)
        done.handed_over = sum(each.outcome in _GOT_ON for each in deliveries)
        done.refusing = not done.handed_over
        handed_over = [
            HandedOver(claimed.recipients[key], claimed.attempts[key], delivery, claimed.notes[key])
            for key, delivery in zip(keys, deliveries, strict=True)
        ]
        if done.refusing:
            done.away = next(filter(None, map(_away, handed_over)), "")
        await write_down(self._pool, broadcast, claimed.token, handed_over, self._clock.now())
        return done

    @contextlib.asynccontextmanager
    async def _line(self) -> AsyncIterator[Line]:
        """A line that nobody else has meanwhile."""
        line = await self._lines.get()
        try:
            yield line
        finally:
            self._lines.put_nowait(line)

    async def _claim(
        self, connection: Connection, claimed: _Claimed, broadcast: Broadcast, texts: Texts,
        due: Sequence[Due], calendar: BusinessCalendar, now: datetime,
    ) -> None:  # fmt: skip
        """Decide about the set and claim it. It may be asked twice, if an answer was lost."""
        if claimed.asked:
            claimed.attempts = await claims.held_by(connection, broadcast.id, claimed.token)
            if claimed.attempts:
                return
        claimed.asked, claimed.began = True, asyncio.get_running_loop().time()
        while True:
            cursor = None
            claimed.done = done = SetDone()
            unmet: Mapping[str, float] = {}
            async with in_one_go(connection):
                found, resolved = await self._look(connection, broadcast, texts, due, now)
                wait = waits(resolved)
                quiet = found.quiet and broadcast.plan.kind != SERVICE
                if found.stopped or quiet or wait is not None:
                    done.stopped = True
                    return
                decided = self._decide(broadcast, texts, found, resolved, calendar, now)
                self._write(claimed, broadcast, texts, decided, resolved, now)
                room = await make_room(connection, broadcast, self._policy, decided)
                unmet = room.unmet
                done.again = [each for each in due if each.key in room.over]
                done.wait = room.wait
                if not unmet:
                    if decided.put_off:
                        await claims.put_off(
                            connection, broadcast.id, decided.put_off, self._version, now
                        )
                    keys = [each.key for each in decided.sendable]
                    cursor = await claims.claim(
                        connection, broadcast.id,
                        [(k, claimed.written[k].message_id, claimed.written[k].content_hash)
                         for k in keys],
                        token=claimed.token, approved=texts.hash or "", policy=self._version,
                        now=now, seconds=self._claim_seconds,
                    )  # fmt: skip
            if not unmet:
                break
            await rates.meet(connection, unmet)
        claimed.attempts = await claims.claimed_of(cursor) if cursor is not None else {}
        done.put_off = len(decided.put_off)
        faults = (each.words for each in decided.put_off if each.reason is Reason.FAULT)
        done.fault = next(faults, "")
        done.stopped = bool(keys) and not claimed.attempts

    async def _look(
        self, connection: Connection, broadcast: Broadcast, texts: Texts, due: Sequence[Due],
        now: datetime,
    ) -> tuple[Set, dict[str, Resolved]]:  # fmt: skip
        """What is known of each, and how the texts are to be shown, by the policy in force."""
        templates = texts.templates.values()
        while True:
            asked = await broadcast_standing.ask(connection, broadcast.id, due, self._policy, now)
            cursors = [(await doubts.asking(connection, t.content), t.content) for t in templates]
            found = await asked.found()
            if found.policy_version == self._version:
                break
            current = await policies.current(connection)
            self._version, self._policy = current.version, current.policy
        doubted: dict[str, Doubt] = {}
        for cursor, content in cursors:
            doubted |= await doubts.found(cursor, content, now.date())
        if not found.recipients:
            return found, {}
        first = found.recipients[0]
        return found, texts.resolved(
            doubted, self._policy.content.stale, due_at=first.due_at,
            useful_until=first.useful_until, now=now,
        )  # fmt: skip

    def _decide(
        self, broadcast: Broadcast, texts: Texts, found: Set, resolved: Mapping[str, Resolved],
        calendar: BusinessCalendar, now: datetime,
    ) -> Decided:  # fmt: skip
        never = {v: each.wait for v, each in resolved.items() if each.wait is not None}
        return Deciding(
            broadcast, broadcast.plan.window, broadcast.plan.topic or texts.topic, self._policy,
            calendar, now, never,
        ).decide(found)  # fmt: skip

    def _write(
        self, claimed: _Claimed, broadcast: Broadcast, texts: Texts, decided: Decided,
        resolved: Mapping[str, Resolved], now: datetime,
    ) -> None:  # fmt: skip
        """Make the messages. One that cannot be made waits, and its owner is told (P12)."""
        sendable, decided.sendable = decided.sendable, []
        writers: dict[str, MassWriter] = {}
        notes = {variant: each.words() for variant, each in resolved.items()}
        for each in sendable:
            # Somebody may have been given a variant that is no more: then the plain one.
            variant = each.variant if each.variant in texts.templates else ""
            if (template := texts.templates.get(variant)) is None:
                decided.put_off.append(_unmade(each, f"it has no text '{each.variant}'.", now))
                continue
            try:
                if (writer := writers.get(variant)) is None:
                    writer = writers[variant] = self._writers.of(
                        broadcast, variant, template, resolved[variant].swaps
                    )
                claimed.written[each.key] = writer.write(
                    key=each.key, account=_account(each), contact_id=each.contact_id,
                    contact=ContactView(
                        each.first_name, each.full_name, each.role, each.language or ""
                    ),
                    address=each.address, now=now,
                )  # fmt: skip
            except DigitalCsError as error:
                metrics.HELD.labels(broadcast.id, "template").inc()
                decided.put_off.append(_unmade(each, str(error), now))
                continue
            claimed.recipients[each.key] = each
            claimed.notes[each.key] = notes[variant]
            decided.sendable.append(each)


_GOT_ON = (DeliveryOutcome.ACCEPTED, DeliveryOutcome.REFUSED_FOR_GOOD)
"""The server takes messages, or at least looks at them one by one."""


def _away(each: HandedOver) -> str:
    if each.delivery.outcome is not DeliveryOutcome.FAULT:
        return ""
    return f"The mail server could not be used: {each.delivery.detail}"


def _handed(written: Written, recipient: Recipient) -> Handed:
    return Handed(written.envelope_from, recipient.address, written.payload, dotless=True)


def _account(each: Recipient) -> AccountView:
    plan = str(each.traits.get("plan", ""))
    return AccountView(each.account_id, each.account_name, plan, each.stage or "", each.traits)


def _unmade(each: Recipient, why: str, now: datetime) -> PutOff:
    words = f"The message cannot be made: {why}"
    return PutOff(
        each.key, MessageState.PLANNED, Verdict.HELD, Reason.FAULT, words, None,
        min(now + TEXT_PATIENCE, each.useful_until), each.told != Reason.FAULT,
    )  # fmt: skip
