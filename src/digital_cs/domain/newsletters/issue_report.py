"""What became of an issue a week later: the figures, and how they are told."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from datetime import date, datetime
from typing import Any

from digital_cs.domain.newsletters.issue_words import Told, day_words
from digital_cs.domain.newsletters.newsletter import Newsletter
from digital_cs.domain.sending.reason_words import because

MOST_LINKS = 10
"""So many links are told of in a mail; all of them are in the figures."""


@dataclass(frozen=True, slots=True)
class VariantFigures:
    """One text of an issue. `recipients` are all rows of the ledger with it, `readers` got it,
    `clickers` are readers who followed a link, and `left` those who want no more since."""

    recipients: int = 0
    readers: int = 0
    clickers: int = 0
    left: int = 0


@dataclass(frozen=True, slots=True)
class IssueFigures:
    """What became of an issue.

    `states` are those of the ledger; `skipped` counts those who were never written to by the
    reason, and `waited` those who had to wait for a while. `readers` got it; `clickers` of them
    followed a link, `scanned` are messages whose links only machines followed. `clicks` are people
    by the address that they followed; `left` unsubscribed after it, or switched its topic off.
    """

    states: Mapping[str, int] = field(default_factory=dict)
    skipped: Mapping[str, int] = field(default_factory=dict)
    waited: Mapping[str, int] = field(default_factory=dict)
    readers: int = 0
    clickers: int = 0
    scanned: int = 0
    clicks: Mapping[str, int] = field(default_factory=dict)
    left: int = 0
    variants: Mapping[str, VariantFigures] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """As it is kept with the issue, and given to machines."""
        return asdict(self)


@dataclass(frozen=True, slots=True)
class Recall:
    """That an issue was called back; `reached` is how far it came, in a sentence."""

    at: datetime
    by: str
    because: str
    reached: str


def told(
    newsletter: Newsletter, issue: str, send_on: date, figures: IssueFigures,
    recall: Recall | None = None,
) -> Told:  # fmt: skip
    """The mail to the owner."""
    return Told(
        tuple(dict.fromkeys(n for n in (newsletter.owner, newsletter.backup) if n)),
        f"A week later: {newsletter.name}, {day_words(send_on)}",
        tuple(lines(figures, recall)),
        f"digital-cs newsletter report {issue}",
    )


def lines(figures: IssueFigures, recall: Recall | None = None) -> Iterator[str]:
    """The figures for people, a paragraph each."""
    if recall is not None:
        yield (
            f"It was recalled by {recall.by} on {day_words(recall.at.date())}:"
            f" “{recall.because}”"
            f" {recall.reached}"
        )
    complained = figures.states.get("complained", 0)
    complaints = f", and {complained:,} complained" if complained else ""
    got = "person" if figures.readers == 1 else "people"
    yield (
        f"{figures.readers:,} {got} got it, and {figures.clickers:,} of them followed a link."
        f" {figures.left:,} left after it{complaints}."
    )
    rest = [
        f"{count:,} {_STATES.get(state, state)}"
        for state, count in figures.states.items()
        if state not in _GOT_IT
    ]
    if rest:
        yield f"Of the others: {', '.join(rest)}."
    if figures.skipped:
        yield f"Not written to: {_by_reason(figures.skipped)}."
    if figures.waited:
        yield f"Had to wait: {_by_reason(figures.waited)}."
    if figures.scanned:
        mails = "mail" if figures.scanned == 1 else "mails"
        yield f"In {figures.scanned:,} {mails} only machines followed links: they are not counted."
    if len(figures.variants) > 1:
        for name, each in figures.variants.items():
            yield (
                f"Text {name or 'plain'}: {each.readers:,} got it, {each.clickers:,} followed a"
                f" link, {each.left:,} left."
            )
    yield "What they followed:" if figures.clicks else "Nobody followed a link."
    for url, count in list(figures.clicks.items())[:MOST_LINKS]:
        yield f"{count:,} {'person' if count == 1 else 'people'}: {url}"


def _by_reason(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{count:,} because {because(reason)}" for reason, count in counts.items())


_GOT_IT = ("accepted", "delivered", "complained", "skipped")
"""And those whose reasons are told one by one."""
_STATES = {
    "bounced": "came back", "failed": "were refused", "unknown": "are not known for sure",
    "planned": "are still planned", "claimed": "are just being handed over",
}  # fmt: skip
