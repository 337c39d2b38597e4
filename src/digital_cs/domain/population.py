"""Made-up accounts that try every path of a program: the travellers of a simulation."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from functools import cached_property
from random import Random
from typing import Any

from digital_cs.domain.account import LEAVING_STAGES, MANAGED, Account, Contact
from digital_cs.domain.condition import (
    AllOf,
    AnyOf,
    DateWithin,
    EventHappened,
    MilestoneReached,
    QuietFor,
    Verdict,
    leaves,
)
from digital_cs.domain.population_values import stages_of, traits_tried
from digital_cs.domain.program import DateEntry, Entry, SegmentEntry, Shift
from digital_cs.domain.program_graph import BranchNode, Graph, SendNode, WaitDateNode, WaitForNode
from digital_cs.domain.touch import ANYBODY
from digital_cs.domain.traveller import A_DAY, Change, SimAccount, used

PLACES = (
    ("US", "America/New_York"), ("US", "America/Chicago"), ("US", "America/Los_Angeles"),
    ("CA", "America/Toronto"), ("BR", "America/Sao_Paulo"), ("GB", "Europe/London"),
    ("GB", "Europe/London"), ("DE", "Europe/Berlin"), ("DE", "Europe/Berlin"),
    ("FR", "Europe/Paris"), ("ES", "Europe/Madrid"), ("PL", "Europe/Warsaw"),
    ("ZA", "Africa/Johannesburg"), ("AE", "Asia/Dubai"), ("IN", "Asia/Kolkata"),
    ("SG", "Asia/Singapore"), ("JP", "Asia/Tokyo"), ("AU", "Australia/Sydney"),
)  # fmt: skip
"""Countries and zones over the world; the more often one stands here, the more live there."""

CHANCE = 0.5
"""That an event or milestone which a path waits for happens at all."""

CHANCE_OF_ENDING = 0.15
"""The same, for what ends the program: rarer, or few would see the later steps."""

MEAN_DAYS = 8.0
"""How long after entering things happen, on average."""

MOST_TRIES = 30
"""How often an account is made anew until it meets the rule of entry; then it enters anyway."""

_PLANS = ("free", "team", "pro")


@dataclass(frozen=True)
class Population:
    """`size` accounts that enter a program over `days` from `start` (UTC), made from `seed`.

    They are made one by one while they are iterated, each from the seed and its own number.
    Whatever the program's conditions look at is there, has every value that matters, and is
    missing in a few. Who enters meets the program's `entry`, as far as it names a date or a
    rule. `chances` gives the chance of one event or milestone, by "event:NAME" or
    "milestone:NAME".
    """

    graph: Graph
    size: int
    start: datetime
    days: int
    seed: int = 1
    entry: Entry = field(default_factory=Entry)
    chances: Mapping[str, float] = field(default_factory=dict)

    def __len__(self) -> int:
        return self.size

    def __iter__(self) -> Iterator[SimAccount]:
        for number in range(self.size):
            yield self.account(number)

    def account(self, number: int) -> SimAccount:
        """The account of that number, always the same one."""
        random = Random(f"{self.seed}/{number}")  # noqa: S311
        enters = self.start + timedelta(minutes=int(random.random() * self.days * 1440))
        made = self._made(random, number, enters)
        for _ in range(MOST_TRIES):
            rule, then = self._entry_rule, used(made.account, made.active, enters)
            if rule is None or rule.verdict(then, enters, enters) is Verdict.YES:
                break
            made = self._made(random, number, enters)
        return made

    def _made(self, random: Random, number: int, enters: datetime) -> SimAccount:
        country, zone = random.choice(PLACES)
        happenings = self._happenings(random, enters)
        account = Account(
            id=f"account-{number}",
            stage=random.choice(self._stages),
            zone=zone if random.random() < 0.9 else None,
            country=country,
            traits=self._traits(random, enters),
            milestones={
                name: enters - random.expovariate(1 / MEAN_DAYS) * A_DAY
                for name in self._reached_before
                if random.random() < CHANCE
            },
            contacts=tuple(self._contacts(random, zone)),
        )
        active = None
        if self._longest_silence is not None:
            active, back = self._activity(random, enters, self._longest_silence)
            happenings.extend(back)
        happenings.sort(key=lambda change: change.at)
        return SimAccount(account, enters, tuple(happenings), active)

    def _happenings(self, random: Random, enters: datetime) -> list[Change]:
        happenings = [
            Change(enters + random.expovariate(1 / MEAN_DAYS) * A_DAY, key)
            for key, chance in self._chances
            if random.random() < chance
        ]
        for key, value, chance in self._leavings:
            if random.random() < chance:
                at = enters + random.random() * self.days * A_DAY
                happenings.append(Change(at, key, value))
        return happenings

    def _traits(self, random: Random, enters: datetime) -> dict[str, object]:
        traits: dict[str, object] = {
            "plan": random.choice(_PLANS),
            "seats": min(1 + int(random.expovariate(1 / 12)), 500),
        }
        for name, values in self._trait_values:
            traits[name] = random.choice(values)
        for name, ahead in self._dates:
            days = random.randrange(ahead // 2, ahead + 30)
            traits[name] = (enters + days * A_DAY).date()
        for rule in self.entry.when:
            if isinstance(rule, DateEntry):
                traits[rule.date] = (enters + _lead(rule.shift)).date()
        return {name: value for name, value in traits.items() if random.random() < 0.97}

    def _contacts(self, random: Random, zone: str) -> Iterator[Contact]:
        for number in range(random.choice((0, *(1, 2, 3) * 9))):
            role = self._roles[number % len(self._roles)] if random.random() < 0.9 else "user"
            home = zone if random.random() < 0.9 else random.choice(PLACES)[1]
            yield Contact(
                f"contact-{number}", (role,), home if random.random() < 0.8 else None,
                quiet_because="unsubscribed" if random.random() < 0.04 else None,
            )  # fmt: skip

    def _activity(
        self, random: Random, enters: datetime, silence: timedelta
    ) -> tuple[tuple[tuple[date, date], ...], list[Change]]:
        """Active until about the time of entering or after it; half of them come back."""
        first = (enters - 400 * A_DAY).date()
        last = (enters + random.uniform(-2, 4) * silence).date()
        if random.random() < 0.5:
            return ((first, last),), []
        back = last + (1 + random.random() * 2) * silence
        spans = ((first, last), (back, back + 400 * A_DAY))
        at = datetime.combine(back, enters.timetz())
        return spans, [Change(at, "usage")] if at > enters else []

    @cached_property
    def _conditions(self) -> tuple[list[Any], list[Any]]:
        """The leaves of what ends the program, and of what its steps ask."""
        ends = [rule.when for rule in self.graph.exits]
        if self.graph.goal is not None:
            ends.append(self.graph.goal.when)
        asks: list[Any] = []
        for node in self.graph.nodes.values():
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
        enters = [*leaves(self._entry_rule)] if self._entry_rule is not None else []
        return [*enters, *asks, *ends]

    @cached_property
    def _entry_rule(self) -> Any:
        """What every account meets as it enters; None if anything may bring it in."""
        segments = [rule.segment for rule in self.entry.when if isinstance(rule, SegmentEntry)]
        parts = [self.entry.only_if] if self.entry.only_if is not None else []
        if segments and len(segments) == len(self.entry.when):
            parts.append(AnyOf(any=tuple(segments)))
        return AllOf(all=tuple(parts)) if parts else None

    @cached_property
    def _reached_before(self) -> tuple[str, ...]:
        if self._entry_rule is None:
            return ()
        rules = [leaf for leaf in leaves(self._entry_rule) if isinstance(leaf, MilestoneReached)]
        return tuple(dict.fromkeys(rule.milestone for rule in rules))

    @cached_property
    def _chances(self) -> tuple[tuple[str, float], ...]:
        found: dict[str, float] = {}
        ends, asks = self._conditions
        for group, chance in ((asks, CHANCE), (ends, CHANCE_OF_ENDING)):
            for leaf in group:
                if isinstance(leaf, EventHappened | MilestoneReached):
                    (key,) = leaf.listens()
                    found.setdefault(key, self.chances.get(key, chance))
        return tuple(found.items())

    @cached_property
    def _leavings(self) -> tuple[tuple[str, object, float], ...]:
        named = {name for leaf in self._all_leaves for name in stages_of(leaf)}
        return (
            ("stage", "churned", 0.08),
            (MANAGED, True, 0.03),
            *(("stage", name, 0.3) for name in sorted(named - set(LEAVING_STAGES))),
        )

    @cached_property
    def _stages(self) -> tuple[str, ...]:
        named = {name for leaf in self._all_leaves for name in stages_of(leaf)}
        stays = {"active"} if not self.graph.stay_when else {*self.graph.stay_when} - {MANAGED}
        return tuple(sorted((named - set(LEAVING_STAGES)) | (stays or {"active"})))

    @cached_property
    def _trait_values(self) -> tuple[tuple[str, tuple[object, ...]], ...]:
        values: dict[str, list[object]] = {}
        for leaf in self._all_leaves:
            for name, tried in traits_tried(leaf):
                values.setdefault(name, []).extend(tried)
        return tuple((name, tuple(found)) for name, found in values.items())

    @cached_property
    def _dates(self) -> tuple[tuple[str, int], ...]:
        """Traits that hold dates, with how many days ahead of entering they have to lie."""
        ahead: dict[str, timedelta] = {}
        for node in self.graph.nodes.values():
            if isinstance(node, WaitDateNode):
                ahead[node.trait] = max(_lead(node.shift), ahead.get(node.trait, timedelta(0)))
        for leaf in self._all_leaves:
            if isinstance(leaf, DateWithin):
                within = timedelta(days=max(leaf.days_ahead, 0))
                ahead[leaf.date] = max(within, ahead.get(leaf.date, within))
        return tuple((name, lead.days) for name, lead in ahead.items())

    @cached_property
    def _longest_silence(self) -> timedelta | None:
        spans = [
            leaf.quiet_for.approx_seconds for leaf in self._all_leaves if isinstance(leaf, QuietFor)
        ]
        return timedelta(seconds=max(spans)) if spans else None

    @cached_property
    def _roles(self) -> tuple[str, ...]:
        asked = [
            role
            for node in self.graph.nodes.values()
            if isinstance(node, SendNode)
            for role in node.to
            if role != ANYBODY
        ]
        return tuple(dict.fromkeys(asked)) or ("user",)


def _lead(shift: Shift | None) -> timedelta:
    """How far before a date something is to happen; nothing for what comes after it."""
    if shift is None or shift.direction == "after":
        return timedelta(0)
    return timedelta(seconds=shift.span.approx_seconds)
