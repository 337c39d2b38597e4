"""A source of content: where it lies, and how its files say what we ask of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from types import MappingProxyType
from typing import Any

from digital_cs.domain.content.freshness import Interval
from digital_cs.domain.timing.written_day import DayForm


class SourceKind(StrEnum):
    """How a source is read."""

    CONTENT = "content"
    FOLDER = "folder"
    SITEMAP = "sitemap"
    URLS = "urls"
    CSV = "csv"


FIELDS: Mapping[str, str] = MappingProxyType(
    {
        "id": "A name that stays when the file moves.",
        "title": "Its title.",
        "kind": "What it is: article, page, recording, …",
        "url": "Where readers find it.",
        "owner": "Who answers for it.",
        "backup": "Who answers when the owner is away.",
        "topic": "What it is about.",
        "area": "The area of the product.",
        "volatility": "How quickly it changes: low, normal, high.",
        "reviewed_on": "The day of the last review.",
        "review_every": "How long it may go without one.",
        "evergreen": "Why it hardly ever needs one.",
    }
)
"""What a mapping can name, and in words what it is."""


@dataclass(frozen=True, slots=True)
class ContentSource:
    """A source with its mapping, remembered by its name. `fields`: field -> key in its files.

    `dates` is the form of days with the year last; without one those that can be read in two ways
    are refused. `tracked_only` leaves out files that state no review date and no interval.
    """

    name: str
    kind: SourceKind
    location: str
    preset: str | None = None
    fields: Mapping[str, str] = field(default_factory=dict)
    dates: DayForm | None = None
    default_owner: str | None = None
    review_every: Interval | None = None
    base_url: str | None = None
    tracked_only: bool = False

    def options(self) -> dict[str, Any]:
        """All but name, kind and location, as JSON knows it."""
        found = asdict(self)
        found["review_every"] = str(self.review_every) if self.review_every else None
        return {key: value for key, value in found.items() if key not in _PLACE}

    @classmethod
    def from_options(
        cls, name: str, kind: str, location: str, options: Mapping[str, Any]
    ) -> ContentSource:
        """The source that `options()` told of."""
        every, dates = options.get("review_every"), options.get("dates")
        return cls(
            name, SourceKind(kind), location, options.get("preset"),
            dict(options.get("fields") or {}), DayForm(dates) if dates else None,
            options.get("default_owner"), Interval.parse(every) if every else None,
            options.get("base_url"), bool(options.get("tracked_only")),
        )  # fmt: skip


_PLACE = ("name", "kind", "location")
