"""A backtest: when a trigger would have fired on the history that is kept, for whom, and to whom
it would have led a message."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from typing import Any

from psycopg import AsyncConnection

from digital_cs.catalog.programs import program_from_json
from digital_cs.domain.programs.program import Program
from digital_cs.domain.programs.program_graph import SendNode, compile_program
from digital_cs.domain.programs.touch import choose_recipient
from digital_cs.domain.rules.backtest import Day, Rehearsal, judged_at
from digital_cs.domain.rules.reads import reads
from digital_cs.domain.rules.trigger import Trigger
from digital_cs.domain.rules.trigger_words import reason
from digital_cs.domain.rules.verdict import Verdict
from digital_cs.domain.timing.business_calendar import BusinessCalendar
from digital_cs.store.product import sources
from digital_cs.store.programs import facts
from digital_cs.store.rules import past, triggers
from digital_cs.store.rules.condition_sql import Compiled, compile_condition

Connection = AsyncConnection[Any]

PAGE = 1000
A_DAY = timedelta(days=1)
USUAL_CHAIN = ("champion", "admin", "any")
"""Who is counted as written to, while no program listens."""


@dataclass(frozen=True, slots=True)
class WouldFire:
    """The trigger would have fired for an account when this day was complete.

    `contacts` would have been written to by the programs that listen.
    """

    day: date
    account: str
    words: str
    contacts: tuple[str, ...]


@dataclass(slots=True)
class Backtest:
    """What came of a whole range of days.

    `unknown` counts verdicts that were not known, by day, where there were any; `waiting` those
    of them that would have fired if they still held. `programs` are those that listen.
    """

    trigger: str
    first: date
    last: date
    firings: list[WouldFire] = field(default_factory=list)
    passed_over: int = 0
    unknown: dict[date, int] = field(default_factory=dict)
    waiting: dict[date, int] = field(default_factory=dict)
    usage_through: date | None = None
    programs: tuple[str, ...] = ()
    chains: tuple[tuple[str, ...], ...] = ()

    @property
    def accounts(self) -> int:
        """For how many accounts it would have fired."""
        return len({firing.account for firing in self.firings})

    @property
    def people(self) -> int:
        """How many different people would have been written to."""
        return len({contact for firing in self.firings for contact in firing.contacts})

    @property
    def nobody(self) -> int:
        """For how many firings there is nobody to write to."""
        return sum(not firing.contacts for firing in self.firings)

    def by_week(self) -> dict[date, int]:
        """How often it would have fired in each week, by its Monday, weeks without any included."""
        monday = self.first - timedelta(days=self.first.weekday())
        weeks = {}
        while monday <= self.last:
            weeks[monday] = 0
            monday += timedelta(days=7)
        for firing in self.firings:
            weeks[firing.day - timedelta(days=firing.day.weekday())] += 1
        return weeks


async def run(
    connection: Connection, trigger: Trigger, first: date, last: date, calendar: BusinessCalendar,
    on_day: Callable[[Day], None] = lambda day: None,
) -> Backtest:  # fmt: skip
    """Judge every day of history from `first` to `last`, both included; nothing is written.

    It is as if the trigger had been published in the morning of `first`: for whom it holds then is
    passed over, unless the trigger says otherwise. The condition is compiled, and stepped, as it
    is when the trigger runs; each day is judged as of its end, with usage, milestones and tickets
    as far as that day. Traits, stages and people are those of today. The calendar must have the
    holidays of the years that are looked at. The same data gives the same answer. Memory is taken
    by accounts for which it holds, or fired.
    """
    result = Backtest(trigger.trigger, first, last)
    found = await triggers.listeners(connection, trigger.trigger)
    programs = [program_from_json(spec) for _, spec in found]
    result.programs = tuple(program.program for program in programs)
    result.chains = _chains(programs)
    rehearsal = Rehearsal(trigger)
    compiled = compile_condition(trigger.condition) if trigger.condition is not None else None
    async with past.past(connection):
        result.usage_through = await sources.usage_through(connection)
        # What is known in the morning of the first day is the day before; an event is over then.
        for day in _days(first if trigger.event is not None else first - A_DAY, last):
            await past.go_to(connection, day)
            rehearsal.begin(day, result.usage_through)
            async for page in _verdicts(connection, trigger, compiled, day, calendar):
                rehearsal.take(page)
            judged = rehearsal.end()
            if day < first:
                result.passed_over = judged.passed_over
                judged = replace(judged, day=first)
            elif judged.unknown:
                result.unknown[day], result.waiting[day] = judged.unknown, judged.waiting
            result.firings += await _would_fire(
                connection, trigger, judged, judged_at(day), calendar, result.chains
            )
            if day >= first:
                on_day(judged)
    return result


def _days(first: date, last: date) -> Iterator[date]:
    return (first + timedelta(days=n) for n in range((last - first).days + 1))


async def _verdicts(
    connection: Connection, trigger: Trigger, compiled: Compiled | None, day: date,
    calendar: BusinessCalendar,
) -> AsyncIterator[list[tuple[str, Verdict]]]:  # fmt: skip
    """What is not no, as it is known when the day is complete."""
    ids: list[str] | None = None
    if trigger.event is not None:
        ids = await past.events_of_day(connection, trigger.event, day)
        if compiled is None:
            yield [(id, Verdict.YES) for id in ids]
            return
    assert compiled is not None
    async for page in past.verdicts(connection, compiled, judged_at(day), calendar, ids):
        yield page


async def _would_fire(
    connection: Connection, trigger: Trigger, judged: Day, now: datetime,
    calendar: BusinessCalendar, chains: Sequence[tuple[str, ...]],
) -> list[WouldFire]:  # fmt: skip
    found = []
    asked = [trigger.condition] if trigger.condition is not None else []
    looked_at = replace(reads(asked), contacts=True)
    for start in range(0, len(judged.fired), PAGE):
        ids = judged.fired[start : start + PAGE]
        for account in await facts.facts_page(
            connection, now, calendar, reads=looked_at, ids=ids, most=PAGE
        ):
            chosen = (choose_recipient(account.contacts, chain) for chain in chains)
            people = dict.fromkeys(contact.id for contact in chosen if contact is not None)
            words = reason(trigger, account, now).words
            found.append(WouldFire(judged.day, account.id, words, tuple(people)))
    return found


def _chains(programs: Sequence[Program]) -> tuple[tuple[str, ...], ...]:
    """The chains of roles by which the programs choose whom to write to, each once."""
    found: dict[tuple[str, ...], None] = {}
    for program in programs:
        graph, _ = compile_program(program)
        found |= dict.fromkeys(n.to for n in graph.nodes.values() if isinstance(n, SendNode))
    return tuple(found) if programs else (USUAL_CHAIN,)
