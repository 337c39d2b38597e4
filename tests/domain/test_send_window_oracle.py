"""`next_open` against an oracle that walks through time minute by minute (P4, P5)."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from hypothesis import given, settings
from hypothesis import strategies as st

from digital_cs.domain.timing.business_calendar import BusinessCalendar, Freeze
from digital_cs.domain.timing.send_window import EVERY_DAY, SendWindow, next_open
from digital_cs.domain.timing.zone import load_zone

A_MINUTE = timedelta(minutes=1)
A_DAY = timedelta(days=1)
# Days on which clocks change, or a day is skipped, and an ordinary one.
CHANGES = {
    "Europe/Berlin": [date(2026, 3, 29), date(2026, 10, 25)],
    "America/New_York": [date(2026, 3, 8), date(2026, 11, 1)],
    "America/Havana": [date(2026, 3, 8), date(2026, 11, 1)],  # at midnight
    "Africa/Cairo": [
        date(2026, 4, 24),
        date(2026, 10, 29),
    ],  # at midnight, back into the day before
    "America/Nuuk": [date(2026, 3, 28), date(2026, 10, 24)],  # an hour before midnight
    "Australia/Lord_Howe": [date(2026, 4, 5), date(2026, 10, 4)],  # by half an hour
    "Pacific/Apia": [date(2011, 12, 29), date(2011, 12, 31)],
    "UTC": [date(2026, 6, 1)],
}


class MinuteByMinute:
    """The wall clock of a zone for some days, written down minute by minute."""

    def __init__(self, zone: ZoneInfo, start: datetime, days: int) -> None:
        self.minutes = [start + step * A_MINUTE for step in range(days * 1440)]
        self.walls = [each.astimezone(zone).replace(tzinfo=None) for each in self.minutes]
        self.first_shown: dict[datetime, datetime] = {}
        for minute, wall in zip(self.minutes, self.walls, strict=True):
            self.first_shown.setdefault(wall, minute)
        self.days = {wall.date() for wall in self.walls}

    def instant(self, wall: datetime) -> datetime | None:
        """When the clock first shows `wall`; in a gap, later by the length of the gap."""
        if wall in self.first_shown:
            return self.first_shown[wall]
        for before, after in zip(self.walls, self.walls[1:], strict=False):
            if before < wall < after:
                return self.first_shown[wall + (after - before - A_MINUTE)]
        return None

    def open_minutes(self, window: SendWindow, allowed: set[date]) -> set[datetime]:
        found: set[datetime] = set()
        for day in allowed & self.days:
            opens = datetime.combine(day, window.opens)
            closes = datetime.combine(day, window.closes)
            if closes <= opens:
                closes += A_DAY
            first, end = self.instant(opens), self.instant(closes)
            if first is None or end is None:
                continue  # at the edge of what was written down
            if end <= first:
                end = first + (closes - opens)
            found |= {first + step * A_MINUTE for step in range((end - first) // A_MINUTE)}
        return found


@st.composite
def questions(draw):
    name = draw(st.sampled_from(sorted(CHANGES)))
    change = draw(st.sampled_from(CHANGES[name]))
    midnight = datetime(change.year, change.month, change.day, tzinfo=UTC)
    moment = midnight + draw(st.integers(-4 * 1440, 2 * 1440)) * A_MINUTE
    minutes = st.one_of(st.integers(0, 240), st.integers(1380, 1439), st.integers(0, 1439))
    opens, closes = draw(st.tuples(minutes, minutes).filter(lambda pair: len(set(pair)) == 2))
    window = SendWindow(
        days=draw(st.frozensets(st.integers(0, 6), min_size=1)),
        opens=time(*divmod(opens, 60)),
        closes=time(*divmod(closes, 60)),
        holidays=draw(st.sampled_from(["skip", "ignore"])),
        business_days_only=draw(st.booleans()),
    )
    near = st.integers(-3, 3).map(lambda days: change + days * A_DAY)
    first = draw(near)
    calendar = BusinessCalendar(
        weekend=draw(st.frozensets(st.integers(0, 6), max_size=2)),
        holidays={"GB": draw(st.frozensets(near, max_size=2))},
        freezes=tuple(
            Freeze("Quiet", first, first + draw(st.integers(0, 2)) * A_DAY)
            for _ in range(draw(st.integers(0, 1)))
        ),
    )
    return name, moment, window, calendar


def is_allowed(day: date, window: SendWindow, calendar: BusinessCalendar) -> bool:
    if any(freeze.first <= day <= freeze.last for freeze in calendar.freezes):
        return False
    careful = window.business_days_only or window.holidays == "skip"
    if careful and day in calendar.holidays["GB"]:
        return False
    if window.business_days_only and day.weekday() in calendar.weekend:
        return False
    return day.weekday() in window.days


@settings(max_examples=120, deadline=None)
@given(questions())
def test_p4_p5_the_next_opening_is_the_first_open_minute(question) -> None:
    name, moment, window, calendar = question
    zone = load_zone(name)
    clock = MinuteByMinute(zone, moment - 3 * A_DAY, 16)
    allowed = {day for day in clock.days if is_allowed(day, window, calendar)}
    open_minutes = clock.open_minutes(window, allowed)
    expected = min((each for each in open_minutes if each >= moment), default=None)
    opening = next_open(window, moment, zone, calendar, "GB")
    if expected is None:  # not within the days that were walked
        assert opening is None or opening.at >= moment + 11 * A_DAY
    else:
        assert opening is not None
        assert opening.at == expected
        assert bool(opening.reasons) == (expected > moment)


@settings(max_examples=300, deadline=None)
@given(
    name=st.sampled_from(sorted(CHANGES)),
    moment=st.datetimes(datetime(2000, 1, 1), datetime(2035, 1, 1), timezones=st.just(UTC)),
    days=st.frozensets(st.integers(0, 6), min_size=1),
    opens=st.times(),
    closes=st.times(),
    business_days_only=st.booleans(),
)
def test_p4_an_opening_is_never_before_the_moment_and_is_its_own_next_opening(
    name, moment, days, opens, closes, business_days_only
) -> None:
    calendar = BusinessCalendar(weekend=EVERY_DAY - {2})
    window = SendWindow(days | {2}, opens, closes, business_days_only=business_days_only)
    zone = load_zone(name)
    opening = next_open(window, moment, zone, calendar)
    assert opening is not None
    assert opening.at >= moment
    again = next_open(window, opening.at, zone, calendar)
    assert again is not None
    assert (again.at, again.reasons) == (opening.at, ())
