"""Which content that is not fresh is about to be shown: what a program manager looks at first."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from digital_cs.domain.content_item import ContentItem
from digital_cs.domain.exposure import Exposure, Showing
from digital_cs.domain.freshness import State

WRONG = frozenset({State.STALE, State.BLOCKED})
"""What should not be shown as it is."""


@dataclass(frozen=True, slots=True)
class Upcoming:
    """An item that is about to be shown in such a state, and when: in order of days.

    `state` is that of the first such day: what is fresh today may be due before it goes out.
    `accounts` and `people` are those who will be shown it at all within the time looked at.
    """

    item: ContentItem
    state: State
    showings: tuple[Showing, ...]
    accounts: int
    people: int


def upcoming(
    items: Iterable[ContentItem], exposures: Mapping[str, Exposure],
    states: frozenset[State] = WRONG,
) -> list[Upcoming]:  # fmt: skip
    """What of these is shown in such a state, by day and then by reach.

    The state is that of the day on which it goes out, by what is known now.
    """
    found = []
    for item in items:
        exposure = exposures.get(item.id)
        if exposure is None:
            continue
        showings = tuple(each for each in exposure.through if item.state(each.day) in states)
        if showings:
            state = item.state(showings[0].day)
            people, accounts = exposure.people, exposure.accounts
            found.append(Upcoming(item, state, showings, accounts, people))
    found.sort(key=lambda u: (u.showings[0].day, -u.people, u.item.source, u.item.locator))
    return found
