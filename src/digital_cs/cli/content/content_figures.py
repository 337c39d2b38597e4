"""The figures of `content freshness`: gathered, in words, and for machines."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime, time, timedelta
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from digital_cs.config import Settings
    from digital_cs.domain.content.content_item import ContentItem
    from digital_cs.domain.content.freshness_figures import Figures, Part
    from digital_cs.store.content.library import Connection


async def gather(
    connection: Connection, items: Sequence[ContentItem], as_of: date, now: datetime,
    settings: Settings,
) -> Figures:  # fmt: skip
    """The figures of these items on a day; what lies ahead is only asked of today."""
    from digital_cs.domain.content.freshness_figures import PAST_DAYS, Mailing, figures
    from digital_cs.ingest.rules.calendars import load_business_calendar
    from digital_cs.store.content import exposure, impressions, shown

    until = datetime.combine(as_of + timedelta(days=1), time(), UTC)
    since = until - timedelta(days=PAST_DAYS)
    ids = [item.id for item in items]
    ahead = None
    if as_of == now.date():
        outgoing = await exposure.of_emails(
            connection, now, workspace_zone=settings.workspace_zone,
            calendar=load_business_calendar(settings.content_dir, now, ()),
        )  # fmt: skip
        ahead = [Mailing(each.email, each.day, each.accounts) for each in outgoing.showings]
    return figures(
        items, as_of, shows=await shown.items_shown(connection),
        reviewed=await impressions.review_days(connection, ids),
        past=await impressions.sent(connection, since, until), ahead=ahead,
        reviews=await impressions.review_counts(connection, ids, since, until),
    )  # fmt: skip


def lines(found: Figures) -> Iterator[str]:
    """Each figure with what it says; where there is nothing to divide, why."""
    from digital_cs.cli.output import count_of
    from digital_cs.domain.content.freshness_figures import PAST_DAYS
    from digital_cs.store.content.exposure import DAYS

    past, ahead, reviews = found.past, found.ahead, found.reviews
    until = f" until {found.as_of:%-d %b %Y}" if ahead is None else ""
    yield f"Fresh of all that people were shown, last {PAST_DAYS} days{until}: " + (
        f"{_percent(past)}. Items of ours were shown {past.whole:,} times, and {past.part:,} times"
        " the item was fresh on that day."
        if past.whole
        else "—, as nothing was sent that shows these items."
    )
    if ahead is None:
        yield f"Fresh of all that they will be shown, next {DAYS} days: —, as it is only known of"\
            " today on."  # fmt: skip
    else:
        yield f"Fresh of all that they will be shown, next {DAYS} days: " + (
            f"{_percent(ahead)} ({ahead.part:,} of at most {ahead.whole:,} times), unless somebody"
            " reviews something."
            if ahead.whole
            else "—, as nothing is about to go out that shows these items."
        )
    yield "Overdue: " + (
        f"for {found.median_overdue:g} days, the median of {count_of(found.overdue, 'stale item')}."
        if found.median_overdue is not None
        else "—, as nothing is stale."
    )
    yield f"Reviews asked for, last {PAST_DAYS} days: " + (
        f"{reviews.asked:,}, of which {reviews.done:,} are done."
        if reviews.asked
        else "—, as nobody was asked."
    )
    yield f"Reviews that changed something, last {PAST_DAYS} days: " + (
        f"{reviews.changed / reviews.told:.0%} ({reviews.changed:,} of {reviews.told:,})."
        if reviews.told
        else "—, as nobody told of a review."
    )


def as_json(found: Figures) -> dict[str, Any]:
    """The figures for machines: shares from 0 to 1, null where there is nothing to divide."""
    from digital_cs.domain.content.freshness_figures import PAST_DAYS, Part
    from digital_cs.store.content.exposure import DAYS

    reviews = found.reviews
    changed = Part(reviews.changed, reviews.told)
    return {
        "fresh_impressions_past": {"days": PAST_DAYS, **_part(found.past)},
        "fresh_impressions_ahead": {"days": DAYS, **_part(found.ahead)} if found.ahead else None,
        "overdue": {"items": found.overdue, "median_days": found.median_overdue},
        "reviews": {
            "days": PAST_DAYS, "asked": reviews.asked, "done": reviews.done,
            "told": reviews.told, "changed": reviews.changed, "share_changed": changed.share,
        },
    }  # fmt: skip


def _part(part: Part) -> dict[str, Any]:
    return {"fresh": part.part, "all": part.whole, "share": part.share}


def _percent(part: Part) -> str:
    """A share as people read it; never 100% while something is missing."""
    share = part.share or 0.0
    return f"{int(share * 1000) / 10:g}%" if 0.99 < share < 1 else f"{share:.0%}"
