"""Kept membership: who matches a rule is found out when it may have changed, and only then."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from psycopg import AsyncConnection

from digital_cs import logs
from digital_cs.background import running
from digital_cs.domain.rules.condition_tickets import FEED_PATIENCE
from digital_cs.domain.rules.kept_rule import ENTRY
from digital_cs.domain.rules.segment import in_order
from digital_cs.ingest.rules.entries import Entries
from digital_cs.ingest.rules.judge import Judge
from digital_cs.ingest.rules.moves import FAULTS, Follower, Moved
from digital_cs.store.database.deadlock import again_after_deadlock
from digital_cs.store.programs import enrollments
from digital_cs.store.rules import changes, segment_members, segment_queue, segments
from digital_cs.store.rules.segment_members import Move
from digital_cs.store.rules.segments import SegmentRow

log = logs.get(__name__)

Connection = AsyncConnection[Any]

BATCH = 10_000
"""Changes of a lane, or due accounts of a rule, that are looked at in one transaction."""
PAGE = 1000
"""Of many who moved at once, so many are told of at a time."""
MOST_ROUNDS = 100
"""Batches of a lane in one call of `look`: its caller has other things to do as well."""
SPARE = 2
"""Connections that lanes leave to others, among them those who read the calendar for a rule."""

TIME_PASSED = "Time passed."
AGAIN = "It was looked at again after a change."

AFTER_A_FAULT = timedelta(minutes=10)
"""Then the same is asked again: in business time for some accounts, in real time for all."""


@dataclass(slots=True)
class Looked:
    """What was done. `verdicts`: how many pairs of rule and account were evaluated one by one;
    `sets`: how many rules were evaluated for everybody."""

    verdicts: int = 0
    sets: int = 0
    entered: int = 0
    left: int = 0

    def count(self, moves: Iterable[Move]) -> None:
        """Count who moved."""
        for move in moves:
            self.entered += move.kind == "entered"
            self.left += move.kind == "left"


class Membership:
    """Keeps the members of all published rules, and tells followers who moves.

    Safe to run twice at once and to be interrupted anywhere: each batch is one transaction, which
    takes what it looks at out of its queue and writes down all that follows.
    """

    def __init__(self, entries: Entries, followers: Sequence[Follower] = ()) -> None:
        self._pool = entries.pool
        self._clock = entries.clock
        self._judge = Judge(entries.workspace_zone, entries.calendar)
        self._faulty: dict[str, float] = {}
        self._followers = (entries.follow, entries.triggers.follow, *followers)

    # What changed, and whose moment has come

    async def look(self) -> Looked:
        """Look at accounts that changed and at those whose moment has come."""
        total, lanes = Looked(), range(segment_queue.LANES)
        if self._pool.max_size < len(lanes) + SPARE:
            for lane in lanes:
                await self._look_at_lane(lane, total)
        else:
            async with running(*(self._look_at_lane(lane, total) for lane in lanes)) as tasks:
                await asyncio.gather(*tasks)
        return total

    async def _look_at_lane(self, lane: int, total: Looked) -> None:
        for _ in range(MOST_ROUNDS):
            changed = await self._look_at_changes(lane, total)
            if not await self._look_at_due(lane, total) and not changed:
                break

    @again_after_deadlock
    async def _look_at_changes(self, lane: int, total: Looked) -> bool:
        async with self._pool.connection() as connection, connection.transaction():
            changed = await segment_queue.take_changes(connection, lane, BATCH)
            if changed:
                rules = await segments.kept(connection)
                await self._by_keys(connection, lane, rules, changed, {}, total)
        return bool(changed)

    @again_after_deadlock
    async def _look_at_due(self, lane: int, total: Looked) -> bool:
        async with self._pool.connection() as connection, connection.transaction():
            due = await segment_queue.take_due(connection, lane, self._clock.now(), BATCH)
            rules = await segments.kept(connection) if due else ()
            return await self._by_keys(connection, lane, rules, {}, due, total)

    async def _by_keys(
        self, connection: Connection, lane: int, rules: Sequence[SegmentRow],
        by_key: dict[str, set[str]], due: Mapping[str, Mapping[str, bool]], total: Looked,
    ) -> bool:  # fmt: skip
        """Evaluate the rules that read what changed, each after those that it rests on: whoever
        moves in one has changed for those that read it. Returns whether any was."""
        now, looked = self._clock.now(), False
        for rule in _in_order(rules):
            heard = {key: by_key[key] for key in rule.reads if key in by_key}
            because = {id: AGAIN if asked else TIME_PASSED
                       for id, asked in due.get(rule.id, {}).items()}  # fmt: skip
            because |= _because(heard)
            if not because:
                continue
            if not await segment_queue.hold_lane(connection, rule.id, lane):
                await segment_queue.look_later(connection, rule.id, because)
                continue
            looked = True
            total.verdicts += len(because)
            for move in await self._some(connection, rule, because, now, total):
                by_key.setdefault(f"segment:{rule.id}", set()).add(move.account_id)
        return looked

    async def _some(
        self, connection: Connection, rule: SegmentRow, because: Mapping[str, str], now: datetime,
        total: Looked,
    ) -> Sequence[Move]:  # fmt: skip
        """Evaluate a rule for some accounts. A fault of one rule is not one of the others: they
        are asked again later."""
        try:
            async with connection.transaction():
                ids = sorted(because)
                verdicts = await self._judge.some(connection, rule, ids, now)
                moves = await segment_members.write(
                    connection, rule.id, verdicts, now, ids, because
                )
                if moves:
                    await self._tell(connection, Moved(rule.id, tuple(moves), now))
        except FAULTS as error:
            log.error("rule.fault", rule=rule.id, error=type(error).__name__)
            await segment_queue.look_later(connection, rule.id, because, now + AFTER_A_FAULT)
            return ()
        total.count(moves)
        return moves

    async def _tell(self, connection: Connection, moved: Moved) -> None:
        if ":" not in moved.rule_id:
            await enrollments.wake_listeners(
                connection, [m.account_id for m in moved.moves], [f"segment:{moved.rule_id}"]
            )
        for follow in self._followers:
            await follow(connection, moved)

    # Everybody: a new rule, a new day, a further day of a feed

    async def turn(self, only: Sequence[str] | None = None) -> Looked:
        """Look at everybody by the rules for which a new day or a feed may have changed anybody,
        and by those that are new. Nothing is done where that was done already.

        `only` are the ids of the rules to think of, by default all.
        """
        total = Looked()
        done, ids = await self._turning(only)
        for id in ids:
            if self._faulty.get(id, 0.0) > time.monotonic():
                continue
            try:
                await self._turn(id, done, total)
            except FAULTS as error:
                log.error("rule.fault", rule=id, error=type(error).__name__)
                self._faulty[id] = time.monotonic() + AFTER_A_FAULT.total_seconds()
        return total

    async def _turning(self, only: Sequence[str] | None) -> tuple[int, list[str]]:
        now = self._clock.now()
        async with self._pool.connection() as connection:
            done = await segments.raise_fences(connection)
            feeds = await _feeds(connection, now)
            rules = await segments.kept(connection, only)
        return done, [
            rule.id for rule in _in_order(rules)
            if _why(rule, now.date(), feeds, done) is not None
        ]  # fmt: skip

    @again_after_deadlock
    async def _turn(self, id: str, done: int, total: Looked) -> None:
        async with self._pool.connection() as connection, connection.transaction():
            await segment_queue.hold(connection, id)
            rule = await segments.lock(connection, id)
            now = self._clock.now()
            feeds = await _feeds(connection, now)
            because = _why(rule, now.date(), feeds, done) if rule is not None else None
            if rule is None or because is None:
                return  # somebody else was quicker
            await self._everybody(connection, rule, feeds, done, because, total, crowd=False)

    async def settle(self, connection: Connection, ids: Iterable[str], because: str) -> Looked:
        """Find out who belongs by new or changed rules, and by all that rest on them, in the
        caller's transaction. It is no reason for anybody to enter a program (P20).

        A segment's first members have moved nowhere, and no trace is left of that.
        """
        total, now, anew = Looked(), self._clock.now(), set(ids)
        feeds = await _feeds(connection, now)
        for rule in _in_order(await segments.kept(connection, closed=True)):
            if rule.id not in anew and not any(f"segment:{id}" in rule.reads for id in anew):
                continue
            anew.add(rule.id)
            await segment_queue.hold(connection, rule.id)
            why = because if rule.version > 1 or rule.evaluated_at is not None else None
            await self._everybody(connection, rule, feeds, -1, why, total, crowd=True)
        return total

    async def _everybody(
        self, connection: Connection, rule: SegmentRow, feeds: Mapping[str, str], done: int,
        because: str | None, total: Looked, *, crowd: bool,
    ) -> None:  # fmt: skip
        now = self._clock.now()
        async for page in self._write_all(connection, rule, now, because, crowd):
            total.count(page)
            await self._tell(connection, Moved(rule.id, tuple(page), now, crowd))
            if not crowd and ":" not in rule.id:
                key = f"segment:{rule.id}"
                await changes.tell_readers(connection, [m.account_id for m in page], key)
        fence = None if rule.fence is None or 0 < rule.fence <= done else rule.fence
        await segments.evaluated(connection, rule.id, now, now.date(), _fed(rule, feeds), fence)
        total.sets += 1

    async def _write_all(
        self, connection: Connection, rule: SegmentRow, now: datetime, because: str | None,
        crowd: bool,
    ) -> AsyncIterator[list[Move]]:  # fmt: skip
        """Write down the verdicts on everybody; gives who moved, page by page."""
        if self._judge.reads_dates(rule):
            async for ids, verdicts in self._judge.pages(connection, rule, now):
                yield await segment_members.write(connection, rule.id, verdicts, now, ids, because)
            return
        # Who belonged by another rule, and is not known by this one, does not belong.
        strict = crowd and rule.evaluated_at is None and not rule.id.startswith(ENTRY)
        verdicts = await self._judge.everybody(rule, now, strict=strict)
        await segment_members.write_all(connection, rule.id, verdicts, now, because)
        after = ""
        while page := await segment_members.moves(connection, after, PAGE):
            after = page[-1].account_id
            yield page


def _in_order(rules: Sequence[SegmentRow]) -> list[SegmentRow]:
    """The rules, each after those that it rests on."""
    by_id = {rule.id: rule for rule in rules}
    rests_on = {
        rule.id: [key[8:] for key in rule.reads if key.startswith("segment:")] for rule in rules
    }
    return [by_id[id] for id in in_order(rests_on)]


def _because(heard: Mapping[str, set[str]]) -> dict[str, str]:
    """What changed for each account, in words."""
    keys: dict[str, list[str]] = {}
    for key in sorted(heard):
        for account in heard[key]:
            keys.setdefault(account, []).append(key)
    return {account: f"Changed: {', '.join(names)}." for account, names in keys.items()}


async def _feeds(connection: Connection, now: datetime) -> dict[str, str]:
    return await segment_queue.feeds_now(connection, now, FEED_PATIENCE.total_seconds())


def _fed(rule: SegmentRow, feeds: Mapping[str, str]) -> str:
    """How far the feeds are that the rule reads; empty for a rule that reads none."""
    return ", ".join(f"{feed} {feeds.get(feed, 'none')}" for feed in rule.feeds)


def _why(rule: SegmentRow, today: date, feeds: Mapping[str, str], done: int) -> str | None:
    """Why everybody must be looked at by this rule now, in words; None: no need."""
    if rule.evaluated_at is None:
        return "The rule is looked at for the first time."
    if rule.fence is not None and 0 < rule.fence <= done:
        return "The rule was published."
    if rule.turns_daily and rule.turned_on != today:
        return f"A new day: {today}."
    fed = _fed(rule, feeds)
    if fed != (rule.fed or ""):
        return f"Data came in: {fed}."
    return None
