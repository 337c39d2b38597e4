"""Plans the issues of newsletters by their rhythms, and keeps their days to the calendar."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from itertools import islice
from typing import Any

from psycopg import AsyncConnection

from digital_cs.domain.newsletters.issue import BEFORE_IT_LEAVES, State
from digital_cs.domain.newsletters.issue_plan import (
    LATEST,
    MOST_DAYS_SKIPPED,
    next_free_day,
    plan_issue,
    send_day,
)
from digital_cs.domain.timing.business_calendar import BusinessCalendar
from digital_cs.domain.timing.zone import load_zone
from digital_cs.errors import UsageError
from digital_cs.store.newsletters import issue_texts, issues, newsletters

Connection = AsyncConnection[Any]

SOME_AHEAD = 400
"""So many days of a rhythm are looked at for issues to plan, at most."""
MOST_ISSUES = 1000
"""So many issues that are not over are held to the calendar."""


def sensible_day(
    day: date, calendar: BusinessCalendar, now: datetime, *, begun: bool = False
) -> None:
    """Raise UsageError for a day on which no issue can be sent any more, or should not be.

    `begun`: today will do as well, as long as it is that day anywhere.
    """
    if begun and day < (now + LATEST).date():
        raise UsageError(f"{day} is over everywhere.")
    if not begun and day <= now.date():
        raise UsageError(f"{day} is no day to come.")
    if not calendar.is_business_day(day) or calendar.freeze(day) is not None:
        raise UsageError(f"{day:%A %-d %B} is no business day, or frozen. Choose another one.")


async def only_one(connection: Connection, newsletter: str, day: date) -> None:
    """Raise UsageError for a day on which readers get another issue of a newsletter."""
    if day in await issues.send_days(connection, newsletter, recalled=False):
        raise UsageError(
            f"There is an issue of {newsletter} on {day} already. Choose another day, or leave that"
            " one out first."
        )


async def plan_due(
    connection: Connection, calendar: BusinessCalendar, zone: str, now: datetime
) -> list[str]:
    """Plan the next issue of every newsletter, and all that open before that one is sent.

    Repeating it is harmless. A day that is so near that nothing could be written is left out, and
    of several that go on one day all but the first.
    """
    await _keep_to_calendar(connection, calendar, now)
    planned = []
    for each in await newsletters.published(connection):
        newsletter = each.newsletter
        last = await issues.last_planned(connection, newsletter.newsletter)
        taken = await issues.send_days(connection, newsletter.newsletter)
        ahead = last is not None and last > now.date()
        after = last or now.date() - timedelta(days=MOST_DAYS_SKIPPED)
        for day in islice(newsletter.issue_days(after), SOME_AHEAD):
            send_on = send_day(newsletter, day, calendar)
            if send_on is None or send_on in taken:
                continue
            plan = plan_issue(newsletter, send_on, load_zone(zone), calendar)
            if plan.freeze_at <= now:
                continue
            if ahead and plan.opens_at > now:
                break
            id = await issues.plan(connection, newsletter, day, send_on, now)
            if id is not None:
                await issue_texts.say_anew(connection, id)
                await issues.note(connection, id, issues.ENGINE, "Planned.", now)
                planned.append(id)
                taken.add(send_on)
            ahead = True
    return planned


async def _keep_to_calendar(
    connection: Connection, calendar: BusinessCalendar, now: datetime
) -> None:
    """Move issues whose day has become a holiday, or frozen, since they were planned (P5)."""
    for row in await issues.issues(connection, most=MOST_ISSUES):
        day = row.send_on
        if row.state not in BEFORE_IT_LEAVES or day <= now.date():
            continue
        if calendar.is_business_day(day) and calendar.freeze(day) is None:
            continue
        other = send_day(row.newsletter, day, calendar)
        if other is None:
            to: dict[str, Any] = {"state": State.SKIPPED, "next_at": None}
            words = f"Left out: {day} is no business day any more, or frozen."
        else:
            other = other if other > now.date() else next_free_day(now, calendar)
            to = {"send_on": other, "frozen_hash": None}
            words = f"Moved from {day} to {other}: it is no business day any more, or frozen."
        if await issues.change(connection, row.id, BEFORE_IT_LEAVES, seen=row.revision, **to):
            await issues.note(connection, row.id, issues.ENGINE, words, now)
            await issues.touched(connection, row.id)
