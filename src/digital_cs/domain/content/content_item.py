"""A piece of content that is kept true: who owns it, where it comes from, when it was reviewed."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum

from digital_cs.domain.content.freshness import Interval, State, state_on
from digital_cs.domain.content.review_policy import Kind, ReviewPolicy, Volatility, review_policy

BY_SOURCE = "its source"
"""Who retires an item that its source has no more, and revives it when it is back."""


class Checked(StrEnum):
    """What a reviewer looked at."""

    STEPS = "steps"
    SCREENSHOTS = "screenshots"
    LINKS = "links"
    PRICES = "prices"
    WORDING = "wording"


class Shown(StrEnum):
    """How one item shows another."""

    INCLUDES = "includes"
    SENDS = "sends"
    USES = "uses"


@dataclass(frozen=True, slots=True)
class Mark:
    """That somebody blocked or retired an item: why, who, and when (UTC)."""

    because: str
    by: str
    at: datetime


@dataclass(frozen=True, slots=True)
class ContentItem:
    """An item of the library. The id is permanent; the locator is its place in its source.

    `stated_on` is the review date that the source states, `reviewed_on` the one that counts: the
    later of it and of the reviews told to us. `first_due_on` is when an item that was never
    reviewed is due. `sketch` holds the smallest hashes of its lines, by which it is known again.
    `renewed_on`: the last day on which a ticket was solved with it. From `stale_on` on evidence
    alone makes it stale, for the reasons `stale_because`; `evidence_weight` is all of it (P24).
    """

    id: str
    source: str
    locator: str
    kind: Kind
    title: str
    added_on: date
    edited_at: datetime
    version: int = 1
    content_hash: str = ""
    sketch: tuple[int, ...] = ()
    stated_id: str | None = None
    url: str | None = None
    owner: str | None = None
    backup: str | None = None
    topic: str | None = None
    area: str | None = None
    volatility: Volatility = Volatility.NORMAL
    review_every: Interval | None = None
    evergreen_because: str | None = None
    stated_on: date | None = None
    reviewed_on: date | None = None
    first_due_on: date | None = None
    blocked: Mark | None = None
    retired: Mark | None = None
    renewed_on: date | None = None
    stale_on: date | None = None
    stale_because: str | None = None
    evidence_weight: float = 0.0

    @property
    def policy(self) -> ReviewPolicy:
        """How often it is reviewed, and why so."""
        return review_policy(self.kind, self.volatility, self.review_every, self.evergreen_because)

    @property
    def due_on(self) -> date:
        """The day from which it is stale by its age: last review plus interval, month ends
        clipped. Use on a solved ticket counts as a review does."""
        interval = self.policy.interval
        if self.reviewed_on is not None:
            return interval.after(max(self.reviewed_on, self.renewed_on or self.reviewed_on))
        first = self.first_due_on or interval.after(self.added_on)
        return max(first, interval.after(self.renewed_on)) if self.renewed_on else first

    @property
    def stale_from(self) -> date:
        """The first day on which it is stale, by its age or by evidence."""
        return min(self.due_on, self.stale_on) if self.stale_on else self.due_on

    def state(self, as_of: date) -> State:
        """Its state on a day, by what is known now."""
        by_evidence = self.stale_on is not None and self.stale_on <= as_of
        return state_on(
            as_of, self.stale_from if by_evidence else self.due_on,
            blocked=self.blocked is not None, retired=self.retired is not None,
        )  # fmt: skip


@dataclass(frozen=True, slots=True)
class Found:
    """What a source says of one item today. `shows`: how, and the locator of what it shows.

    `text` is what stands in it, as written; empty where the source only lists its items.
    """

    locator: str
    kind: Kind
    title: str
    content_hash: str = ""
    sketch: tuple[int, ...] = ()
    stated_id: str | None = None
    url: str | None = None
    owner: str | None = None
    backup: str | None = None
    topic: str | None = None
    area: str | None = None
    volatility: Volatility = Volatility.NORMAL
    review_every: Interval | None = None
    evergreen_because: str | None = None
    reviewed_on: date | None = None
    shows: tuple[tuple[Shown, str], ...] = ()
    text: str = field(default="", repr=False)

    @property
    def due_on(self) -> date | None:
        """The day from which it is stale by the review that it states; None if it states none."""
        policy = review_policy(
            self.kind, self.volatility, self.review_every, self.evergreen_because
        )
        return policy.interval.after(self.reviewed_on) if self.reviewed_on else None


@dataclass(frozen=True, slots=True)
class Review:
    """That somebody looked: what was checked, whether anything was changed, and in what version.

    A review `via` the source is one that its review date tells of, and nothing more is known.
    """

    item: str
    on: date
    by: str
    changed: bool
    checked: tuple[Checked, ...] = ()
    note: str = ""
    via: str = "person"
    version: int = 1
