"""What the attention budget comes to in a simulation: who met a limit, and what then."""

from __future__ import annotations

import heapq
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from digital_cs.domain.simulation.simulation_counts import ranked

MOST_WORST = 10
"""So many of those who would be written to most are named."""


@dataclass(frozen=True, slots=True, order=True)
class Wishes:
    """How many marketing messages programs wished to send to one person within one window."""

    count: int
    account_id: str
    contact_id: str


@dataclass(slots=True)
class BudgetCounts:
    """Who met a limit of the attention budget, and what became of the messages that did.

    `messages` met one. `became` is by what they came to: "sent" (later than wished), "merged",
    "left out", "account left", "refused" or "waiting"; `rules` counts a message once for each rule
    of the policy that it met.
    `worst` are those who would be written to most, `wishes_by_person` how many people would get
    at most so many messages within one `window`.
    """

    window: timedelta
    persons: int = 0
    accounts: int = 0
    messages: int = 0
    rules: Counter[str] = field(default_factory=Counter)
    became: Counter[str] = field(default_factory=Counter)
    wishes_by_person: Counter[int] = field(default_factory=Counter)
    _worst: list[tuple[int, int, str, str]] = field(default_factory=list)

    def count_wishes(
        self, number: int, account_id: str, contact: str, at: Sequence[datetime]
    ) -> None:
        """Count what one person would get; `number` is that of the account, to settle ties."""
        most = first = 0
        for last, moment in enumerate(at):  # in order of time
            while at[first] <= moment - self.window:
                first += 1
            most = max(most, last - first + 1)
        self.wishes_by_person[most] += 1
        heapq.heappush(self._worst, (most, -number, account_id, contact))
        if len(self._worst) > MOST_WORST:
            heapq.heappop(self._worst)

    @property
    def worst(self) -> list[Wishes]:
        """Who would be written to most, the worst first."""
        return [Wishes(n, account, who) for n, _, account, who in sorted(self._worst)[::-1]]

    def as_dict(self) -> dict[str, Any]:
        """Plain data for --json."""
        return {
            "window_days": self.window / timedelta(days=1),
            "persons": self.persons,
            "accounts": self.accounts,
            "messages": self.messages,
            "rules": ranked(self.rules),
            "became": ranked(self.became),
            "wishes_by_person": {
                str(n): count for n, count in sorted(self.wishes_by_person.items())
            },
            "worst": [
                {"account": each.account_id, "contact": each.contact_id, "wished": each.count}
                for each in self.worst
            ],
        }
