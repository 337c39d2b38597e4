"""Broadcasts: see what one needs and do it, and send its chunks. Each may run twice."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Coroutine
from datetime import datetime
from typing import Any

from psycopg_pool import AsyncConnectionPool
from temporalio import activity
from temporalio.exceptions import ApplicationError

from activities.broadcast_sending import BroadcastSending, SetDone
from activities.broadcast_texts import BroadcastTexts, Texts, fallbacks, waits
from activities.enrollments import CalendarShelf
from activities.faults import without_words
from digital_cs import logs
from digital_cs.background import running
from digital_cs.clock import Clock, pace
from digital_cs.domain.sending.broadcast import (
    Around,
    Broadcast,
    Do,
    Next,
    places,
    useful_until,
    what_next,
)
from digital_cs.messages.broadcast import (
    LOOK_ACTIVITY,
    SEND_CHUNK_ACTIVITY,
    ChunkReply,
    ChunkRequest,
    LookReply,
    LookRequest,
)
from digital_cs.store.broadcasts import broadcast_audience, broadcasts
from digital_cs.store.broadcasts import broadcast_claims as claims
from digital_cs.store.broadcasts.broadcast_audience import LEAST
from digital_cs.store.newsletters import issue_merges
from digital_cs.store.programs import alerts
from digital_cs.store.sending import incidents, policies, stops

log = logs.get(__name__)

AT_ONCE = 50
"""Most chunks that are under way at the same time, over all workers."""

SWEPT_AT_ONCE = 5000
ALERT = "broadcast"
AWAY = "smtp"
EVERY_STEP = "*"

LOOK_SECONDS = 10.0
"""Who is due within this is sent to together, where messages fall due one by one; after as long
a broadcast that is held, or whose mail server takes nothing, is looked at again."""

A_WHILE = 0.2
"""Where a rate lets only some go, it is not asked again before there is room for a few."""

SIGN_OF_LIFE = 3.0

TURN_SECONDS = 10.0
"""Real seconds after which a chunk gives its place in the worker to whoever waits for one: a slow
broadcast must not keep others waiting. Whatever was changed meanwhile is in force from then on."""


class BroadcastActivities:
    """The two activities of a broadcast, with everything they need handed in."""

    def __init__(
        self, *, pool: AsyncConnectionPool[Any], clock: Clock, texts: BroadcastTexts,
        sending: BroadcastSending, set_size: int, calendar: CalendarShelf, workspace_zone: str,
        mail_domain: str, turn: float = TURN_SECONDS,
    ) -> None:  # fmt: skip
        """`set_size`: recipients that are claimed at a time, and that a crash may leave unknown.
        `turn`: real seconds that a chunk is sent for in one go."""
        self._pool = pool
        self._clock = clock
        self._texts = texts
        self._sending = sending
        self._set_size = set_size
        self._calendar = calendar
        self._zone = workspace_zone
        self._mail_domain = mail_domain
        self._turn = turn

    @activity.defn(name=LOOK_ACTIVITY)
    async def look(self, request: LookRequest) -> LookReply:
        """Do what is to be done for the whole broadcast; say which chunks to send, or how long
        to rest."""
        try:
            async with running(_signs_of_life()):
                return await self._look(request.broadcast_id)
        except ApplicationError:
            raise
        except Exception as error:
            raise without_words(error) from None

    @activity.defn(name=SEND_CHUNK_ACTIVITY)
    async def send_chunk(self, request: ChunkRequest) -> ChunkReply:
        """Send those of a chunk that are due, set by set, until all are through, its turn is over,
        the broadcast may not go on, or this worker is to stop."""
        try:
            async with running(_signs_of_life()):
                return await self._send_chunk(request.broadcast_id, request.chunk)
        except ApplicationError:
            raise
        except Exception as error:
            raise without_words(error) from None

    async def _look(self, id: str) -> LookReply:
        while True:
            now = self._clock.now()
            async with self._pool.connection() as connection:
                broadcast = await broadcasts.get(connection, id)
                if broadcast is None:
                    return LookReply(ended=True)
                texts = await self._texts.of(connection, broadcast)
                around, in_hand = await self._around(connection, broadcast, texts, now)
            step = what_next(broadcast, around, now, self._zone)
            reply = await self._do(broadcast, texts, step, in_hand, now)
            if reply is not None:
                return reply

    async def _around(
        self, connection: broadcasts.Connection, broadcast: Broadcast, texts: Texts, now: datetime
    ) -> tuple[Around, float | None]:
        """What is known around it, and in how many real seconds the last claim runs out."""
        left = await claims.left(connection, broadcast.id, now)
        stop = await stops.current(connection)
        policy = (await policies.current(connection)).policy
        quiet = [each for each in await incidents.list_incidents(connection) if not each.accounts]
        content = None
        if texts.hash is not None:
            due_at = left.next_due or now
            resolved = texts.resolved(
                await self._texts.doubts(connection, texts, now.date()), policy.content.stale,
                due_at=due_at, useful_until=useful_until(broadcast.plan, due_at), now=now,
            )  # fmt: skip
            instead = fallbacks(resolved)
            if instead and await issue_merges.let_wait_on(connection, broadcast.id, instead):
                left = await claims.left(connection, broadcast.id, now)
            wait = waits(resolved)
            content = wait.words(_moment) if wait is not None else None
        around = Around(
            current_hash=texts.hash, fault=texts.fault,
            stopped=stop.because if stop is not None else None,
            incident=quiet[0].title if quiet and policy.quiet.incidents else None,
            content=content, open=left.open, next_due=left.next_due,
        )  # fmt: skip
        return around, left.claims_end

    async def _do(
        self, broadcast: Broadcast, texts: Texts, step: Next, in_hand: float | None, now: datetime
    ) -> LookReply | None:
        """Do one thing. None: look again, for something has changed."""
        match step.do:
            case Do.END:
                return LookReply(ended=True)
            case Do.FINISH:
                await self._finish(broadcast, now)
                return None
            case Do.SWEEP:
                if await self._sweep(broadcast.id, now):
                    return None
                return LookReply(sleep_seconds=self._until_given_up(in_hand), label="in hand")
            case Do.FREEZE:
                await self._freeze(broadcast, texts, now)
                return None
        await self._hold(broadcast, step, now)
        if step.hold is not None and await self._expire(broadcast.id, step.words, now):
            return None
        if step.do is Do.SEND:
            async with self._pool.connection() as connection:
                rates = (await policies.current(connection)).policy.damage.a_minute
                most = places(rates, broadcast.per_minute, self._turn, LEAST, AT_ONCE)
                chunks = await claims.due_chunks(connection, broadcast.id, now, most)
            return LookReply(chunks=tuple(chunks), label=f"send {len(chunks)} chunks")
        return self._rest(step, in_hand)

    def _rest(self, step: Next, in_hand: float | None) -> LookReply:
        least = pace(self._clock, LOOK_SECONDS)
        if step.hold is not None:
            return LookReply(sleep_seconds=least, label=f"held: {step.hold}")
        if step.until is None:
            # What was in hand at the pause is not to be forgotten if its worker died.
            seconds = None if in_hand is None else self._until_given_up(in_hand)
            return LookReply(sleep_seconds=seconds, label="paused")
        seconds = self._clock.seconds_until(step.until)
        if seconds <= 0:  # nobody is due: all who are left are in somebody's hand
            return LookReply(sleep_seconds=self._until_given_up(in_hand), label="in hand")
        # Those who fall due one after the other are not worth a look each.
        return LookReply(sleep_seconds=max(seconds, least), label="wait until the next is due")

    def _until_given_up(self, in_hand: float | None) -> float:
        return max(in_hand or 0.0, 0.0) + 0.2

    async def _freeze(self, broadcast: Broadcast, texts: Texts, now: datetime) -> None:
        topic = broadcast.plan.topic or texts.topic
        async with self._pool.connection() as connection:
            frozen = await broadcast_audience.freeze(
                connection, broadcast, topic, now, self._zone, self._calendar.current,
                self._mail_domain,
            )  # fmt: skip
        log.info("broadcast.frozen", broadcast=broadcast.id, recipients=frozen)

    async def _sweep(self, id: str, now: datetime) -> bool:
        """Settle some of those who are left; whether there were any that nobody has in hand."""
        async with self._pool.connection() as connection:
            return await claims.sweep(connection, id, now, SWEPT_AT_ONCE) > 0

    async def _expire(self, id: str, because: str, now: datetime) -> bool:
        """Settle some of those for whom it is too late by now, though all of it is held."""
        async with self._pool.connection() as connection:
            return await claims.expire(connection, id, because, now, SWEPT_AT_ONCE) > 0

    async def _finish(self, broadcast: Broadcast, now: datetime) -> None:
        async with self._pool.connection() as connection, connection.transaction():
            if await broadcasts.finish(connection, broadcast.id, now):
                await alerts.close_one(connection, alert_name(broadcast.id), now)
                log.info("broadcast.finished", broadcast=broadcast.id)

    async def _hold(self, broadcast: Broadcast, step: Next, now: datetime) -> None:
        """Write down what holds all of it, and tell its owner; or that nothing does any more."""
        words = step.words or None
        if words == broadcast.held_because:
            return
        async with self._pool.connection() as connection, connection.transaction():
            await broadcasts.hold(connection, broadcast.id, words, now)
            if words is None:
                await alerts.close_one(connection, alert_name(broadcast.id), now, ALERT)
        if words is not None:
            await self._tell(broadcast, ALERT, words)

    async def _tell(self, broadcast: Broadcast, kind: str, words: str) -> None:
        """Tell the owner that something keeps messages back."""
        async with self._pool.connection() as connection:
            await alerts.tell(
                connection, program_id=alert_name(broadcast.id), step=EVERY_STEP, kind=kind,
                owner=broadcast.owner, words=words, now=self._clock.now(),
            )  # fmt: skip

    async def _send_chunk(self, id: str, chunk: int) -> ChunkReply:
        handed_over = put_off = 0
        rest = 0.0
        over = asyncio.get_running_loop().time() + self._turn
        async with self._pool.connection() as connection:
            broadcast = await broadcasts.get(connection, id)
            if broadcast is None:
                return ChunkReply()
            texts = await self._texts.of(connection, broadcast)
            waiting = await claims.due(connection, id, chunk, self._clock.now())
        # Sets of one size: a small one costs nearly as much as a big one.
        size = math.ceil(len(waiting) / max(math.ceil(len(waiting) / self._set_size), 1))
        while waiting and not activity.is_worker_shutdown():
            some, waiting = waiting[:size], waiting[size:]
            done = await _to_its_end(
                self._sending.send(broadcast, texts, some, self._calendar.current)
            )
            handed_over += done.handed_over
            put_off += done.put_off
            if done.fault:
                await self._tell(broadcast, "template", done.fault)
            if done.away:
                await self._tell(broadcast, AWAY, done.away)
            if done.stopped or done.refusing:
                rest = pace(self._clock, LOOK_SECONDS)
                break
            waiting = done.again + waiting
            if asyncio.get_running_loop().time() >= over:
                break
            if done.again:
                await asyncio.sleep(min(max(done.wait, A_WHILE), 1.0))
        if handed_over:
            async with self._pool.connection() as connection:
                await alerts.close_one(connection, alert_name(id), self._clock.now(), AWAY)
        if not handed_over and not put_off:  # somebody else was quicker, or it may not go on
            rest = pace(self._clock, LOOK_SECONDS)
        return ChunkReply(handed_over, put_off, rest)


async def _to_its_end(sending: Coroutine[Any, Any, SetDone]) -> SetDone:
    """A set that is in hand is settled also when the activity is given up meanwhile, because its
    worker stops or Temporal was away: else nobody would know what became of it (P14)."""
    task = asyncio.create_task(sending)
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        try:
            await asyncio.wait([task])
        finally:  # asked a second time, it is over at once
            task.cancel()
        raise


async def _signs_of_life() -> None:
    while True:
        activity.heartbeat()
        await asyncio.sleep(SIGN_OF_LIFE)


def alert_name(id: str) -> str:
    """What stands in an alert about a broadcast where else there is a program."""
    return f"broadcast:{id}"


def _moment(moment: datetime) -> str:
    return f"{moment:%a %-d %b %Y %H:%M} UTC"
