"""The casebook: all items that need a look and their cases, seen at once; it opens new cases."""

from __future__ import annotations

import asyncio
import uuid
from collections import defaultdict
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import cached_property
from typing import Any

from psycopg import AsyncConnection

from activities.enrollments import CalendarShelf
from digital_cs.domain.content import evidence
from digital_cs.domain.content.content_item import ContentItem
from digital_cs.domain.content.digest import Weight, ranked
from digital_cs.domain.content.exposure import Exposure
from digital_cs.domain.content.freshness import State
from digital_cs.domain.content.review_case import (
    Because,
    InLine,
    Next,
    ReviewCase,
    Rules,
    need_of,
    opened,
    what_next,
)
from digital_cs.domain.content.team import Person, Team
from digital_cs.store.content import library, review_cases
from digital_cs.store.content.review_cases import Kept
from digital_cs.store.sending import policies

Connection = AsyncConnection[Any]
ExposureOf = Callable[[Connection, datetime], Awaitable[Mapping[str, Exposure]]]
"""Who will be shown what within two weeks, by item; who is shown to nobody is missing."""

CONTACTS_OF = timedelta(days=28)
"""Tickets of so many days say how much a topic is asked about."""


class TeamShelf:
    """The team as its file says now; replaced as a whole when it changes."""

    def __init__(self, team: Team) -> None:
        self.current = team


@dataclass(frozen=True, slots=True)
class Swept:
    """What a look at everything came to: cases opened, cases to look at again, and how many of
    all open ones are urgent."""

    opened: int
    woken: int
    urgent: int


@dataclass(frozen=True)
class View:
    """Items and open cases at a moment."""

    now: datetime
    rules: Rules
    items: Mapping[str, ContentItem]
    cases: tuple[Kept, ...]
    exposure: Mapping[str, Exposure]
    contacts: Mapping[str, int]

    def weight(self, item_id: str) -> Weight:
        """What ranks an item."""
        item, seen = self.items[item_id], self.exposure.get(item_id)
        return Weight(
            item_id, seen.people if seen else 0, evidence.staleness(item, self.now.date()),
            self.contacts.get(item.topic or "", 0), self.urgent(item_id),
        )  # fmt: skip

    def urgent(self, item_id: str) -> bool:
        """Whether people are about to read it although it is stale or wrong."""
        item, seen, day = self.items[item_id], self.exposure.get(item_id), self.now.date()
        if seen is None or item.state(day) not in (State.STALE, State.BLOCKED):
            return False
        return seen.first_on <= self.rules.soon(day, self.rules.policy.at_once_within)

    def holder(self, case: ReviewCase) -> Person:
        """Whose turn it is."""
        return self.rules.team.find(case.holder) or Person(name=case.holder or "")

    def zone_of(self, case: ReviewCase) -> str:
        """The time zone of whose turn it is."""
        return self.holder(case).zone or self.rules.zone

    def zones(self) -> set[str]:
        """All zones in which reviewers may be."""
        people = self.rules.team.people.values()
        return {self.rules.zone, *(each.zone for each in people if each.zone)}

    @cached_property
    def candidates(self) -> Mapping[str | None, Sequence[tuple[ContentItem, Because]]]:
        """Items that need a look and have no case, by the address of who would be asked first."""
        day = self.now.date()
        asked_until = self.rules.soon(day, self.rules.policy.ask_before)
        taken = {kept.case.item_id for kept in self.cases}
        known: dict[tuple[str | None, str | None], str | None] = {}
        found: dict[str | None, list[tuple[ContentItem, Because]]] = defaultdict(list)
        for item in self.items.values():
            if item.id in taken or (because := need_of(item, day, asked_until)) is None:
                continue
            named = (item.owner, item.backup)
            if named not in known:
                known[named] = opened("", item, because, self.rules, self.now).case.reviewer
            found[known[named]].append((item, because))
        return found


class Casebook:
    """Opens cases as fast as their reviewers can be told of them, the most important first."""

    def __init__(
        self, *, team: TeamShelf, calendar: CalendarShelf, zone: str, exposure_of: ExposureOf
    ) -> None:
        """`zone`: of colleagues who state none."""
        self._team = team
        self._calendar = calendar
        self._zone = zone
        self._exposure_of = exposure_of

    async def rules(self, connection: Connection) -> Rules:
        """By what it is decided now."""
        found = await policies.current(connection)
        reviews = found.policy.content.reviews
        return Rules(self._team.current, self._calendar.current, reviews, self._zone)

    async def exposure(self, connection: Connection, now: datetime) -> Mapping[str, Exposure]:
        """Who will be shown what within two weeks."""
        return await self._exposure_of(connection, now)

    async def view(self, connection: Connection, now: datetime) -> View:
        """Everything at a moment. The cost grows with the items, some 0.1 ms each."""
        rules = await self.rules(connection)
        cases = await review_cases.open_cases(connection)
        found = await library.items(connection, retired=True)
        held = {kept.case.item_id for kept in cases}
        items = {item.id: item for item in found if item.retired is None or item.id in held}
        view = View(now, rules, items, tuple(cases), {}, {})
        if not cases and not await asyncio.to_thread(lambda: view.candidates):
            return view  # then nobody needs to know who reads what
        return replace(
            view, exposure=await self._exposure_of(connection, now),
            contacts=await review_cases.contacts_on_topics(connection, now - CONTACTS_OF),
        )  # fmt: skip

    async def sweep(self, connection: Connection, now: datetime, view: View | None = None) -> Swept:
        """Open the cases that are due, and wake those that something around them moves on.

        Of each reviewer, so many items are in line as one digest holds: the first import of
        thousands opens a few, and each digest that went out makes room for the next (P26).
        """
        view = view or await self.view(connection, now)
        stirred, fresh = await asyncio.to_thread(self._found, view)
        async with connection.transaction():
            await review_cases.touch(connection, stirred)
            ids = await review_cases.open_many(connection, fresh)
        waiting = [kept.case.item_id for kept in view.cases if kept.case.at_once_at is None]
        urgent = sum(view.urgent(item) for item in (*waiting, *(n.case.item_id for n in fresh)))
        return Swept(len(ids), len(stirred), urgent)

    def _found(self, view: View) -> tuple[list[str], list[Next]]:
        """Cases that something around them moves on, and new ones; in a thread, as thousands of
        items take long enough for others to notice."""
        stirred = [
            kept.case.id
            for kept in view.cases
            if what_next(kept.case, view.items[kept.case.item_id], view.rules, view.now).case
            != kept.case
        ]
        return stirred, list(self._fresh(view))

    def with_fresh(self, view: View) -> View:
        """As if it were swept now: with the cases that would be opened. Nothing is kept."""
        fresh = (Kept(found.case, 1) for found in self._fresh(view))
        return replace(view, cases=(*view.cases, *fresh))

    def _fresh(self, view: View) -> Iterator[Next]:
        """New cases of those that are among the first that their reviewer is to be told of."""
        in_line: dict[str | None, list[Weight]] = defaultdict(list)
        for kept in view.cases:
            # What nobody can be asked about waits too, or each look would open more of it.
            if kept.case.in_line is InLine.TELL or kept.case.holder is None:
                in_line[kept.case.reviewer].append(view.weight(kept.case.item_id))
        for reviewer, waiting in view.candidates.items():
            because = {item.id: why for item, why in waiting}
            pool = [*in_line[reviewer], *(view.weight(item) for item in because)]
            for weight in ranked(pool)[: view.rules.policy.digest.at_most]:
                if weight.item in because:
                    id = f"r-{uuid.uuid4().hex[:12]}"
                    item = view.items[weight.item]
                    yield opened(id, item, because[weight.item], view.rules, view.now)
