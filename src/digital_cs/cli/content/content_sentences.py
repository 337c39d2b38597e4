"""An item of the library in sentences: what it is, how it stands, and why."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date

from digital_cs.cli import output
from digital_cs.domain.content.content_item import ContentItem
from digital_cs.domain.content.evidence import Evidence, staleness
from digital_cs.domain.content.freshness import State
from digital_cs.domain.content.freshness_overview import Standing
from digital_cs.store.content.evidence import KeptEvidence
from digital_cs.store.content.feedback import UseView, VoteCount
from digital_cs.store.content.library import Use, VersionView
from digital_cs.store.content.reviews import ReviewView


def tell(
    standing: Standing, as_of: date, shown_by: Sequence[Use], shows: Sequence[Use],
    versions: Sequence[VersionView], reviews: Sequence[ReviewView],
    evidence: Sequence[Evidence], ended: Sequence[KeptEvidence], used_on: Sequence[UseView],
    votes: VoteCount,
) -> Iterator[str]:  # fmt: skip
    """The page of one item, line by line."""
    item = standing.item
    yield f"{item.title} ({item.kind.replace('_', ' ')}, {item.id})"
    yield f"  {item.source}: {item.locator}{f'  {item.url}' if item.url else ''}"
    backup = f", {item.backup} when away" if item.backup else ""
    yield f"  Owner: {item.owner or 'nobody'}{backup}."
    about = [
        f"{name} {value}" for name, value in (("topic", item.topic), ("area", item.area)) if value
    ]
    if about:
        yield f"  About: {', '.join(about)}."
    yield f"  On {_day(as_of)}: {state_words(standing, as_of)}"
    yield f"  Reviewed every {item.policy.interval}: {item.policy.because}."
    if evidence:
        yield f"  What speaks against it (staleness {staleness(item, as_of):.2f} of 1):"
        yield from (f"    {evidence_words(each)}" for each in evidence)
    if ended:
        yield "  What did:"
        yield from (f"    {_day(each.ended_at.date())}: no longer. {each.evidence.words}"
                    for each in ended if each.ended_at is not None)  # fmt: skip
    if used_on:
        yield "  Used on tickets:"
        yield from (f"    {use_words(use)}" for use in used_on)
    if votes.helpful or votes.not_helpful:
        yield f"  Readers: it helped {votes.helpful:,} and did not help {votes.not_helpful:,}."
    for title, uses in (("Shown by", shown_by), ("Shows", shows)):
        if uses:
            yield f"  {title}:"
            yield from (f"    {use.locator} ({use.kind}, {use.how})  {use.title}" for use in uses)
    yield "  Reviews:" if reviews else "  Reviews: none is known."
    yield from (f"    {review_words(review)}" for review in reviews)
    yield f"  Version {item.version}, edited {output.when(item.edited_at)}:"
    yield from (f"    {v.version}: {v.content_hash}, {output.when(v.seen_at)}" for v in versions)


def state_words(standing: Standing, as_of: date) -> str:
    """The state with its reason, as a sentence."""
    item, due = standing.item, _day(standing.due_on)
    match standing.state:
        case State.RETIRED if item.retired is not None:
            return f"retired by {item.retired.by}: {item.retired.because}"
        case State.BLOCKED if item.blocked is not None:
            return f"blocked by {item.blocked.by}: {item.blocked.because}"
        case State.STALE if standing.due_on > as_of:
            since = _day(item.stale_on or as_of)
            return f"stale since {since}, though it is due on {due}. {item.stale_because}"
        case State.STALE if standing.due_on == as_of:
            return f"stale. It is due today.{_never(item)}"
        case State.STALE:
            overdue = output.count_of((as_of - standing.due_on).days, "day")
            return f"stale. It was due on {due}, {overdue} ago.{_never(item)}"
    left = output.count_of((standing.due_on - as_of).days, "day")
    return f"{standing.state.replace('_', ' ')}. It is due on {due}, in {left}.{_never(item)}"


def evidence_words(evidence: Evidence) -> str:
    """One piece of evidence as a line, with its day and what it weighs."""
    return f"{_day(evidence.since.date())} ({evidence.weight:g}): {evidence.words}"


def use_words(use: UseView) -> str:
    """One use on a ticket as a line."""
    day = _day(use.at.date())
    if use.renewed_on is not None:
        return f"{day}: {use.ticket}, solved. It renewed it on {_day(use.renewed_on)}."
    if use.status is None:
        return f"{day}: {use.ticket}, which is not known here. ({use.source})"
    return f"{day}: {use.ticket}, {use.status}: it counts once that is solved."


def review_words(review: ReviewView) -> str:
    """One review as a line."""
    if review.via == "source":
        return f"{review.reviewed_on}: by the date in its source (version {review.version})"
    changed = "something was changed" if review.changed else "all was still right"
    note = f". {review.note}" if review.note else ""
    return (
        f"{review.reviewed_on}: {review.reviewed_by} checked {', '.join(review.checked)};"
        f" {changed} (version {review.version}){note}"
    )


def _never(item: ContentItem) -> str:
    return "" if item.reviewed_on else " It was never reviewed."


def _day(day: date) -> str:
    return f"{day:%-d %b %Y}"
