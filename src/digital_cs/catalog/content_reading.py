"""What reading a source of content gave: its items, its complaints, and what could not be read."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, replace

from digital_cs.domain.content.content_item import Found
from digital_cs.domain.problem import Problem


@dataclass(frozen=True, slots=True)
class Reading:
    """The items with unique locators. `unread` are locators that are there and say something wrong.

    `revision` is the commit of a git checkout.
    """

    found: tuple[Found, ...] = ()
    problems: tuple[Problem, ...] = ()
    unread: frozenset[str] = frozenset()
    revision: str | None = None

    @property
    def errors(self) -> tuple[Problem, ...]:
        """The complaints that kept something from being read."""
        return tuple(each for each in self.problems if each.severity == "error")


def without_doubtful_ids(
    found: Iterable[Found], files: dict[str, str]
) -> tuple[tuple[Found, ...], list[Problem]]:
    """Take away ids that two items state: they would turn one into the other.

    `files` gives the name for people of each locator.
    """
    every = list(found)
    count = Counter(each.stated_id or "" for each in every)
    count[""] = 0
    problems = [
        Problem(
            files[each.locator], 1, 1, "same-id",
            f"Another item has the id '{each.stated_id}' too.",
            "Ids do not count until each is there once.", "warning",
        )
        for each in every
        if count[each.stated_id or ""] > 1
    ]  # fmt: skip
    kept = (replace(e, stated_id=None) if count[e.stated_id or ""] > 1 else e for e in every)
    return tuple(kept), problems
