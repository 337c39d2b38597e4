"""What reviewers read of an item: why it is asked for, and who is about to read it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

from digital_cs.domain.content.content_item import ContentItem
from digital_cs.domain.content.evidence import Evidence, by_date
from digital_cs.domain.content.exposure import Exposure, Showing
from digital_cs.domain.content.freshness import State
from digital_cs.domain.content.review_policy import Kind

_MOST_REASONS = 4
_MOST_WAYS = 2


def kind_words(item: ContentItem) -> str:
    """What an item is, at the start of a line."""
    if item.kind is Kind.EMAIL:
        return "E-mail"
    return item.kind.value.replace("_", " ").capitalize()


def reasons(item: ContentItem, evidence: Sequence[Evidence], day: date) -> list[str]:
    """Why an item has to be looked at, in sentences, the weightiest first; never none."""
    said = []
    if item.blocked is not None:
        mark = item.blocked
        said.append(f"{mark.by} said on {mark.at:%-d %B %Y} that it is wrong: {mark.because}")
    dated = by_date(item, day)
    if dated is not None:
        said.append(dated.words)
    told = sorted(evidence, key=lambda each: -each.weight)
    said += [each.words for each in told[:_MOST_REASONS]]
    if len(told) > _MOST_REASONS:
        said.append(f"{len(told) - _MOST_REASONS} more signals speak against it.")
    if not said:
        when = "is due" if item.state(day) is State.DUE_SOON else "will be due"
        said.append(f"Its review {when} on {item.due_on:%-d %B %Y}.")
    return said


def readers(exposure: Exposure | None) -> str:
    """Who is about to read an item: "812 people will read it, on Tuesday 10 March in ‘x’." """
    if exposure is None or not exposure.through:
        return "No message is about to show it."
    people = "1 person" if exposure.people == 1 else f"{exposure.people:,} people"
    ways = exposure.through
    if len(ways) == 1:
        most = "" if ways[0].sure else "At most "
        return f"{most}{people} will read it, {_where(ways[0])}."
    told = [
        f"{'' if each.sure else 'up to '}{each.accounts:,} {_where(each)}"
        for each in ways[:_MOST_WAYS]
    ]
    if len(ways) > _MOST_WAYS:
        told.append(f"and {len(ways) - _MOST_WAYS} more times")
    return f"{people} will read it within two weeks: {', '.join(told)}."


def _where(way: Showing) -> str:
    return f"on {way.day:%A %-d %B} in ‘{way.email}’"
