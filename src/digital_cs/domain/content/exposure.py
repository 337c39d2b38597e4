"""Who will be shown which content in the coming days: counts of accounts and of people."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Set
from dataclasses import dataclass
from datetime import date

Send = tuple[str, str]
"""An e-mail as a program sends it: program, e-mail."""

BROADCAST = "broadcast:"
"""Before the id of a broadcast, where the id of a program may stand as well."""


@dataclass(frozen=True, slots=True)
class Showing:
    """An e-mail of a program, or a broadcast, that goes out on about one day, to so many accounts.

    `program` is its id, or BROADCAST and that of a broadcast; `day` is that of the readers. Unless
    it is `sure`, the number is how many it may be at most: a branch, or something that is waited
    for, may lead elsewhere.
    """

    email: str
    program: str
    day: date
    accounts: int
    sure: bool


@dataclass(frozen=True, slots=True)
class Exposure:
    """Who will be shown an item: so many different people and accounts, from a day on.

    `through` is in order of days, those who reach most first.
    """

    people: int
    accounts: int
    first_on: date
    through: tuple[Showing, ...]


@dataclass(frozen=True, slots=True)
class Reach:
    """So many different accounts and people who may get just these."""

    sends: frozenset[Send]
    accounts: int = 0
    people: int = 0


@dataclass(frozen=True, slots=True)
class Outgoing:
    """All that may go out, and whom it reaches; not yet what it shows."""

    showings: tuple[Showing, ...] = ()
    reach: tuple[Reach, ...] = ()

    def exposures(self, sends: Mapping[str, Set[Send]]) -> dict[str, Exposure]:
        """Who is shown each item, by what shows it; an item that nothing shows is left out.

        Many items are shown by the same messages: each set of those is counted once.
        """
        through: dict[Send, list[Showing]] = defaultdict(list)
        for showing in self.showings:
            through[showing.program, showing.email].append(showing)
        sets = {item: frozenset(send for send in each if send in through)
                for item, each in sends.items()}  # fmt: skip
        found: dict[frozenset[Send], Exposure] = {}
        for wanted in filter(None, set(sets.values())):
            met = [each for each in self.reach if not wanted.isdisjoint(each.sends)]
            showings = in_order(showing for send in wanted for showing in through[send])
            found[wanted] = Exposure(
                sum(each.people for each in met), sum(each.accounts for each in met),
                showings[0].day, showings,
            )  # fmt: skip
        return {item: found[each] for item, each in sets.items() if each}


def in_order(showings: Iterable[Showing]) -> tuple[Showing, ...]:
    """By day, and of one day those who reach most first."""
    return tuple(sorted(showings, key=lambda s: (s.day, -s.accounts, s.program, s.email)))
