"""Which content that is not fresh is about to be shown: what a program manager looks at first."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from digital_cs.domain.content.content_item import ContentItem
from digital_cs.domain.content.exposure import Exposure, Showing
from digital_cs.domain.content.freshness import State
from digital_cs.domain.content.stale_rule import Resolved

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


def fate(item: ContentItem, resolved: Resolved) -> str | None:
    """What the gate makes of an item in a message, in words; None if it has nothing to say."""
    wait = resolved.wait
    if wait is not None:
        if wait.skip:
            return "the message is left out"
        if wait.doubt.wrong is not None:
            return "the message is held until what is wrong is put right"
        return f"the message is held for a review until {wait.until:%-d %B}"
    swaps = {f"blocks/{block}": other for block, other in resolved.swaps}
    if item.locator in swaps:
        other = swaps[item.locator]
        return f"with {other} in its place" if other else "without the block"
    return "sent as it is, with a note" if resolved.notes else None
