"""Triggers as they run: judged when something turns or is due, and fired once."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from psycopg import AsyncConnection
from psycopg_pool import AsyncConnectionPool

from digital_cs import logs
from digital_cs.catalog.triggers import trigger_from_json
from digital_cs.clock import Clock
from digital_cs.domain.rules.kept_rule import TRIGGER
from digital_cs.domain.rules.reads import reads
from digital_cs.domain.rules.trigger import Trigger
from digital_cs.domain.rules.trigger_state import (
    FRESH,
    PASSED_OVER,
    Dynamics,
    Fired,
    due,
    step,
    worth_keeping,
)
from digital_cs.domain.rules.trigger_words import reason
from digital_cs.domain.rules.verdict import Verdict
from digital_cs.ingest.rules.calendars import Calendar, calendar_for
from digital_cs.ingest.rules.moves import FAULTS, Moved
from digital_cs.store.database.deadlock import again_after_deadlock
from digital_cs.store.people import accounts
from digital_cs.store.product import sources
from digital_cs.store.product.events import EventRecord
from digital_cs.store.programs import facts
from digital_cs.store.rules import changes
from digital_cs.store.rules import triggers as store
from digital_cs.store.rules.condition_sql import Compiled, compile_condition, evaluate
from digital_cs.store.rules.segment_members import Move

log = logs.get(__name__)

Connection = AsyncConnection[Any]
Enter = Callable[[Connection, str, Mapping[str, str], datetime], Awaitable[object]]
"""Puts accounts into the programs that listen to a trigger, each with the reason in words."""

PAGE = 1000
LOOK_AGAIN_SECONDS = 300.0
"""What is due and not known is asked again when a feed moves, and after so many real seconds."""

STILL_NEWS = timedelta(days=7)
"""An event that is told later than this is history: somebody imports, and nobody is written to."""

_BEGINNING = (datetime.min.replace(tzinfo=UTC), "", "")


@dataclass(frozen=True, slots=True)
class _Running:
    """A running trigger, ready to be judged."""

    version: int
    trigger: Trigger
    dynamics: Dynamics
    condition: Compiled | None


class Triggers:
    """All that fires does so in the transaction in which it is found out: the firing, what it
    wakes and who enters by it are there together, or not at all."""

    def __init__(
        self, pool: AsyncConnectionPool[Any], clock: Clock,
        calendar: Calendar, enter: Enter,
    ) -> None:  # fmt: skip
        self._pool = pool
        self._clock = clock
        self._calendar = calendar
        self._enter = enter
        self._parsed: dict[tuple[str, int], _Running] = {}
        self._feeds: object = None
        self._looked_through = _BEGINNING
        self._looked_at = 0.0

    async def _running(
        self, connection: Connection, ids: Iterable[str] | None = None
    ) -> dict[str, _Running]:
        found = {}
        for row in await store.list_triggers(connection, ids, running_only=True):
            key = (row.id, row.version)
            if key not in self._parsed:
                trigger = trigger_from_json(row.spec)
                asked = trigger.condition
                compiled = compile_condition(asked) if asked is not None else None
                self._parsed[key] = _Running(row.version, trigger, trigger.dynamics, compiled)
            found[row.id] = self._parsed[key]
        return found

    async def follow(self, connection: Connection, moved: Moved) -> None:
        """Take up who entered and left the kept rule of a trigger, in the same transaction.

        Those who come by the rule itself being new or another one are passed over, unless the
        trigger says otherwise.
        """
        if not moved.rule_id.startswith(TRIGGER):
            return
        name = moved.rule_id.removeprefix(TRIGGER)
        running = (await self._running(connection, [name])).get(name)
        if running is None:
            return
        moves = moved.moves
        if moved.crowd and running.trigger.at_launch == "skip":
            await self._pass_over(connection, name, [m for m in moves if m.kind == "entered"])
            moves = tuple(move for move in moves if move.kind == "left")
        verdicts = {move.account_id: Verdict.of(move.kind == "entered") for move in moves}
        await self._judge(connection, name, running, verdicts, moved.now)

    async def _pass_over(self, connection: Connection, name: str, moves: Sequence[Move]) -> None:
        ids = [move.account_id for move in moves]
        before = await store.states(connection, name, ids)
        kept = {
            id: replace(before[id], armed=False, since=None) if id in before else PASSED_OVER
            for id in ids
        }
        await store.save_states(connection, name, {id: (s, None) for id, s in kept.items()}, ())

    async def event_names(self, connection: Connection) -> set[str]:
        """The events that a trigger waits for."""
        running = (await self._running(connection)).values()
        return {each.trigger.event for each in running if each.trigger.event is not None}

    async def by_events(self, connection: Connection, events: Sequence[EventRecord]) -> int:
        """Fire what waits for one of these events, in the transaction that keeps them.

        History that is brought in later fires nothing.
        """
        names, now = {event.name for event in events}, self._clock.now()
        fired = 0
        for name, running in (await self._running(connection)).items():
            if running.trigger.event not in names:
                continue
            wanted = running.trigger.event
            happened = {
                event.account_id
                for event in events
                if event.name == wanted and event.at >= now - STILL_NEWS
            }
            # Of two that bring the same event at once, the second must see what the first fired.
            ids = sorted(await accounts.lock(connection, happened))
            verdicts = dict.fromkeys(ids, Verdict.YES)
            if running.condition is not None:
                verdicts = await self._verdicts(connection, running, ids, now)
            fired += await self._judge(connection, name, running, verdicts, now)
        return fired

    async def _verdicts(
        self, connection: Connection, running: _Running, ids: Sequence[str], now: datetime
    ) -> dict[str, Verdict]:
        assert running.condition is not None
        calendar = await calendar_for(running.trigger.condition, self._calendar)
        judged = await evaluate(connection, running.condition, now, calendar, ids)
        return {each.account_id: each.verdict for each in judged}

    async def judge(self) -> int:
        """Look at what time alone has made something of; returns for how many it fires.

        Safe to repeat, and for two at once.
        """
        now = self._clock.now()
        async with self._pool.connection() as connection:
            feeds = (
                await sources.usage_through(connection), await sources.tickets_through(connection)
            )  # fmt: skip
        if feeds != self._feeds or time.monotonic() - self._looked_at > LOOK_AGAIN_SECONDS:
            self._feeds, self._looked_at = feeds, time.monotonic()
            self._looked_through = _BEGINNING
        fired, full = 0, True
        while full:
            found, fired_now = await self._page(now)
            fired += fired_now
            full = len(found) == PAGE
            last = found[-1] if full else None
            self._looked_through = (
                (last.due_at, last.trigger, last.account) if last is not None else (now, "", "")
            )
        return fired

    @again_after_deadlock
    async def _page(self, now: datetime) -> tuple[list[store.Due], int]:
        fired = 0
        async with self._pool.connection() as connection, connection.transaction():
            found = await store.due(connection, now, self._looked_through, PAGE)
            if not found:
                return [], 0
            await accounts.lock(connection, (each.account for each in found))
            rules = await self._running(connection, {each.trigger for each in found})
            for name, running in rules.items():
                members = {each.account: each.member for each in found if each.trigger == name}
                try:
                    async with connection.transaction():
                        fired += await self._due(connection, name, running, members, now)
                except FAULTS as error:
                    # It is asked again later, and holds up no other.
                    log.error("trigger.fault", trigger=name, error=type(error).__name__)
        return found, fired

    async def _due(
        self, connection: Connection, name: str, running: _Running, members: Mapping[str, bool],
        now: datetime,
    ) -> int:  # fmt: skip
        if running.condition is None:
            return 0
        found = await self._verdicts(connection, running, sorted(members), now)
        # Where what is kept says otherwise, its own change is still to come, and judged then.
        agreed = {
            id: verdict for id, verdict in found.items()
            if (verdict is Verdict.YES) is members[id]
        }  # fmt: skip
        return await self._judge(connection, name, running, agreed, now)

    async def _judge(
        self, connection: Connection, name: str, running: _Running,
        verdicts: Mapping[str, Verdict], now: datetime,
    ) -> int:  # fmt: skip
        """Step the state of every account by its verdict; returns for how many it fires."""
        if not verdicts:
            return 0
        dynamics = running.dynamics
        moment = dynamics.counted_from(now)
        before = await store.states(connection, name, verdicts)
        late = running.trigger.is_late(await sources.usage_through(connection), now)
        kept, forgotten, fired = {}, [], []
        for id, verdict in sorted(verdicts.items()):
            state, outcome = step(dynamics, before.get(id, FRESH), verdict, moment, late=late)
            if isinstance(outcome, Fired):
                fired.append(id)
            if worth_keeping(dynamics, state, moment):
                kept[id] = state, due(dynamics, state)
            elif id in before:
                forgotten.append(id)
        await store.save_states(connection, name, kept, forgotten)
        for start in range(0, len(fired), PAGE):
            await self._fire(connection, name, running, fired[start : start + PAGE], now)
        return len(fired)

    async def _fire(
        self, connection: Connection, name: str, running: _Running, ids: Sequence[str],
        now: datetime,
    ) -> None:  # fmt: skip
        asked = [running.trigger.condition] if running.condition is not None else []
        calendar = await calendar_for(running.trigger.condition, self._calendar)
        seen = await facts.facts_page(
            connection, now, calendar, reads=reads(asked), ids=ids, most=PAGE
        )
        reasons = {account.id: reason(running.trigger, account, now) for account in seen}
        await store.record(
            connection, name, running.version, now,
            {id: (found.words, found.figures) for id, found in reasons.items()},
        )  # fmt: skip
        await changes.tell_all(connection, ids, [f"trigger:{name}"])
        words = {id: found.words for id, found in reasons.items()}
        await self._enter(connection, name, words, now)
