"""How a library stands on a day: how many items are in which state, whose, and what comes first."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date

from digital_cs.domain.content.content_item import ContentItem
from digital_cs.domain.content.freshness import State

_URGENCY = (State.BLOCKED, State.STALE, State.DUE_SOON, State.FRESH, State.RETIRED)


@dataclass(frozen=True, slots=True)
class Standing:
    """One item on a day. `days_overdue`: since when it is stale, by its age or by evidence; 0 on
    that day itself. Of what is not stale it is negative, and counts to the due date."""

    item: ContentItem
    state: State
    due_on: date
    days_overdue: int
    uses: int


@dataclass(frozen=True, slots=True)
class OwnerCounts:
    """How many items of one owner (None: nobody) are in which state."""

    owner: str | None
    counts: Mapping[State, int]

    @property
    def late(self) -> int:
        """What waits for them: stale and blocked."""
        return self.counts[State.STALE] + self.counts[State.BLOCKED]


@dataclass(frozen=True, slots=True)
class Overview:
    """All of it; `standings` begin with what is to be done first."""

    as_of: date
    counts: Mapping[State, int]
    owners: tuple[OwnerCounts, ...]
    standings: tuple[Standing, ...]


def overview(
    items: Iterable[ContentItem], as_of: date, uses: Mapping[str, int] | None = None
) -> Overview:
    """How items stand on a day, by what is known now.

    Blocked first, then stale, due soon and the rest; among equals what was stale or due first,
    then what is used most. Owners are one however they are capitalised; who has most overdue comes
    first.
    """
    used = uses or {}
    standings = [_standing(item, as_of, used.get(item.id, 0)) for item in items]
    standings.sort(
        key=lambda s: (
            _URGENCY.index(s.state), -s.days_overdue, -s.uses, s.item.source, s.item.locator,
        )
    )  # fmt: skip
    by_owner: dict[str, list[Standing]] = {}
    for standing in standings:
        by_owner.setdefault((standing.item.owner or "").casefold(), []).append(standing)
    owners = [OwnerCounts(each[0].item.owner, _counts(each)) for each in by_owner.values()]
    owners.sort(key=lambda each: (-each.late, (each.owner or "").casefold()))
    return Overview(as_of, _counts(standings), tuple(owners), tuple(standings))


def _standing(item: ContentItem, as_of: date, uses: int) -> Standing:
    since = item.stale_from if item.stale_from <= as_of else item.due_on
    return Standing(item, item.state(as_of), item.due_on, (as_of - since).days, uses)


def _counts(standings: Iterable[Standing]) -> dict[State, int]:
    found = Counter(standing.state for standing in standings)
    return {state: found[state] for state in State}
