"""What a program looks at of an account, so that made-up accounts have it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cached_property
from typing import Any

from digital_cs.domain.account import LEAVING_STAGES, MANAGED
from digital_cs.domain.programs.program import DateEntry, Shift
from digital_cs.domain.programs.program_graph import BranchNode, SendNode, WaitDateNode, WaitForNode
from digital_cs.domain.programs.touch import ANYBODY
from digital_cs.domain.rules.condition import (
    DateWithin,
    EventHappened,
    MilestoneReached,
    QuietFor,
    TriggerFired,
    leaves,
)
from digital_cs.domain.simulation.played import Played
from digital_cs.domain.simulation.population_values import stages_of, traits_tried

CHANCE = 0.5
"""That an event, milestone or firing which a path waits for happens at all."""

CHANCE_OF_ENDING = 0.15
"""The same, for what ends the program: rarer, or few would see the later steps."""


@dataclass(frozen=True)
class Needs:
    """What one program needs of accounts. `chances` are by what steps listen to, "event:NAME"."""

    program: Played
    given_chances: Mapping[str, float] = field(default_factory=dict)

    @cached_property
    def _conditions(self) -> tuple[list[Any], list[Any]]:
        """The leaves of what ends the program, and of what its steps ask."""
        graph = self.program.graph
        ends = [rule.when for rule in graph.exits]
        if graph.goal is not None:
            ends.append(graph.goal.when)
        asks: list[Any] = []
        for node in graph.nodes.values():
            if isinstance(node, WaitForNode):
                asks.append(node.condition)
            elif isinstance(node, BranchNode):
                asks.extend(condition for condition, _ in node.cases)
        return [leaf for c in ends for leaf in leaves(c)], [
            leaf for c in asks for leaf in leaves(c)
        ]

    @cached_property
    def _all_leaves(self) -> list[Any]:
        ends, asks = self._conditions
        return [*self._entry_leaves(), *asks, *ends]

    def _entry_leaves(self) -> Iterator[Any]:
        if self.program.rule is not None:
            yield from leaves(self.program.rule)

    @cached_property
    def reached_before(self) -> tuple[str, ...]:
        """Milestones that the rule of entry asks for."""
        rules = [leaf for leaf in self._entry_leaves() if isinstance(leaf, MilestoneReached)]
        return tuple(dict.fromkeys(rule.milestone for rule in rules))

    @cached_property
    def chances(self) -> tuple[tuple[str, float], ...]:
        """What may happen, by what steps listen to, and how likely."""
        found: dict[str, float] = {}
        ends, asks = self._conditions
        for group, chance in ((asks, CHANCE), (ends, CHANCE_OF_ENDING)):
            for leaf in group:
                if isinstance(leaf, EventHappened | MilestoneReached | TriggerFired):
                    (key,) = leaf.listens()
                    found.setdefault(key, self.given_chances.get(key, chance))
        return tuple(found.items())

    @cached_property
    def leavings(self) -> tuple[tuple[str, object, float], ...]:
        """Changes of the account itself that may take it out: key, value and chance."""
        named = {name for leaf in self._all_leaves for name in stages_of(leaf)}
        return (
            ("stage", "churned", 0.08),
            (MANAGED, True, 0.03),
            *(("stage", name, 0.3) for name in sorted(named - set(LEAVING_STAGES))),
        )

    @cached_property
    def stages(self) -> tuple[str, ...]:
        """The stages at which accounts come in."""
        named = {name for leaf in self._all_leaves for name in stages_of(leaf)}
        stay_when = self.program.graph.stay_when
        stays = {"active"} if not stay_when else {*stay_when} - {MANAGED}
        return tuple(sorted((named - set(LEAVING_STAGES)) | (stays or {"active"})))

    @cached_property
    def trait_values(self) -> dict[str, tuple[object, ...]]:
        """Values to try, by trait."""
        values: dict[str, list[object]] = {}
        for leaf in self._all_leaves:
            for name, tried in traits_tried(leaf):
                values.setdefault(name, []).extend(tried)
        return {name: tuple(found) for name, found in values.items()}

    @cached_property
    def dates(self) -> dict[str, int]:
        """Traits that hold dates, with how many days ahead of entering they have to lie."""
        ahead: dict[str, timedelta] = {}
        for node in self.program.graph.nodes.values():
            if isinstance(node, WaitDateNode):
                ahead[node.trait] = max(lead(node.shift), ahead.get(node.trait, timedelta(0)))
        for leaf in self._all_leaves:
            if isinstance(leaf, DateWithin):
                within = timedelta(days=max(leaf.days_ahead, 0))
                ahead[leaf.date] = max(within, ahead.get(leaf.date, within))
        return {name: before.days for name, before in ahead.items()}

    def entry_dates(self, enters: datetime) -> Iterator[tuple[str, datetime]]:
        """The dates that bring an account in at this moment."""
        for rule in self.program.entry.when:
            if isinstance(rule, DateEntry):
                yield rule.date, enters + lead(rule.shift)

    def enters_by(self, dates: Mapping[str, datetime]) -> datetime | None:
        """When these dates, by trait, bring an account in, if they do."""
        for rule in self.program.entry.when:
            if isinstance(rule, DateEntry) and rule.date in dates:
                return dates[rule.date] - lead(rule.shift)
        return None

    @cached_property
    def longest_silence(self) -> timedelta | None:
        """The longest time without usage that matters."""
        spans = [
            leaf.quiet_for.approx_seconds for leaf in self._all_leaves if isinstance(leaf, QuietFor)
        ]
        return timedelta(seconds=max(spans)) if spans else None

    @cached_property
    def roles(self) -> tuple[str, ...]:
        """The roles that it writes to, in order."""
        asked = [
            role
            for node in self.program.graph.nodes.values()
            if isinstance(node, SendNode)
            for role in node.to
            if role != ANYBODY
        ]
        return tuple(dict.fromkeys(asked))


def lead(shift: Shift | None) -> timedelta:
    """How far before a date something is to happen; nothing for what comes after it."""
    if shift is None or shift.direction == "after":
        return timedelta(0)
    return timedelta(seconds=shift.span.approx_seconds)
