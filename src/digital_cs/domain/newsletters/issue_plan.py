"""The days of an issue, counted back from the day on which it is sent."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from digital_cs.domain.newsletters.newsletter import Newsletter, OnHoliday
from digital_cs.domain.timing.business_calendar import BusinessCalendar
from digital_cs.domain.timing.span import Span, subtract
from digital_cs.domain.timing.zone import to_utc

MORNING, NOON, EVENING = time(9), time(12), time(17)
"""When an office begins, freezes an issue, and ends: a thing that is due on a day is due then."""
EARLIEST, LATEST = timedelta(hours=14), timedelta(hours=-12)
"""Where on earth a day begins first, and last."""
STILL_TODAY = timedelta(hours=8)
"""After its hour a reader still gets it on the same working day."""
TO_ANSWER = timedelta(hours=1)
"""Whoever is asked late is left alone for so long, before anybody else is asked."""
HALF_A_DAY = timedelta(hours=4)
"""And nobody is reminded sooner than so long after they were asked."""
MOST_DAYS_SKIPPED = 60
A_WORKING_DAY = Span.parse("1 business day")


@dataclass(frozen=True, slots=True)
class IssuePlan:
    """When what is due; moments are aware UTC, days those of the workspace's calendar.

    From `first_at` on it is the hour of sending somewhere, after `last_at` it was so everywhere.
    From `leaves_at` on what is approved can only be called back; what is not approved by `held_at`
    is held, and what is approved after `too_late_at` moves to another day. One that `corrects`
    another is not to wait for a whole day: it goes while its day lasts anywhere.
    """

    send_on: date
    opens_at: datetime
    sections_by: datetime
    sign_off_by: datetime
    freeze_at: datetime
    approve_by: datetime
    leaves_at: datetime
    held_at: datetime
    too_late_at: datetime
    first_at: datetime
    last_at: datetime
    corrects: bool = False


def send_day(newsletter: Newsletter, day: date, calendar: BusinessCalendar) -> date | None:
    """The day on which the issue of a day of the rhythm is sent; None: that one is left out."""
    if calendar.is_business_day(day) and calendar.freeze(day) is None:
        return day
    if newsletter.on_holiday is OnHoliday.SKIP:
        return None
    step = 1 if newsletter.on_holiday is OnHoliday.AFTER else -1
    for _ in range(MOST_DAYS_SKIPPED):
        day = calendar.shift(day, step)
        if calendar.freeze(day) is None:
            return day
    return None


def next_send_days(
    newsletter: Newsletter, after: date, calendar: BusinessCalendar, count: int = 1
) -> tuple[date, ...]:
    """The next days after one on which issues are sent, each once; fewer if all is frozen."""
    found: list[date] = []
    for tried, day in enumerate(newsletter.issue_days(after - timedelta(days=MOST_DAYS_SKIPPED))):
        send_on = send_day(newsletter, day, calendar)
        if send_on is not None and send_on > after and send_on not in found:
            found.append(send_on)
        if len(found) == count or tried > 60 + 20 * count:
            break
    return tuple(sorted(found))


def plan_issue(
    newsletter: Newsletter, send_on: date, zone: ZoneInfo, calendar: BusinessCalendar, *,
    corrects: bool = False,
) -> IssuePlan:  # fmt: skip
    """The days of the issue that is sent on a day, by the offices of the workspace's zone.

    `corrects`: it is sent in the place of another one, which was called back.
    """

    def before(days: int, at: time) -> datetime:
        return to_utc(datetime.combine(calendar.shift(send_on, -days), at), zone)

    days = newsletter.days_before
    morning = datetime.combine(send_on, newsletter.at, UTC)
    first_at = morning - EARLIEST
    approve_by = before(days.approval, NOON)
    over_at = datetime.combine(send_on + timedelta(days=1), time(), UTC) - LATEST
    held_at = min(subtract(first_at, newsletter.recall, zone, calendar), first_at)
    return IssuePlan(
        send_on=send_on, opens_at=before(days.opens, MORNING),
        sections_by=before(days.sections, EVENING), sign_off_by=before(days.sign_off, EVENING),
        freeze_at=before(days.freeze, NOON), approve_by=approve_by,
        leaves_at=min(approve_by, held_at), held_at=held_at, first_at=first_at,
        too_late_at=over_at if corrects else first_at + STILL_TODAY, last_at=morning - LATEST,
        corrects=corrects,
    )  # fmt: skip


def a_working_day_before(moment: datetime, zone: ZoneInfo, calendar: BusinessCalendar) -> datetime:
    """The same hour, one business day earlier: when who is not ready is reminded."""
    return subtract(moment, A_WORKING_DAY, zone, calendar)


def next_free_day(now: datetime, calendar: BusinessCalendar) -> date:
    """The next business day that is nowhere frozen and has begun nowhere on earth."""
    day = (now + EARLIEST).date()
    for _ in range(MOST_DAYS_SKIPPED):
        day = calendar.shift(day, 1)
        if calendar.freeze(day) is None:
            break
    return day
