"""When a touch may reach people: days and hours in somebody's zone, less holidays and freezes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from types import MappingProxyType
from typing import Literal
from zoneinfo import ZoneInfo

from digital_cs.domain.timing.business_calendar import BusinessCalendar
from digital_cs.domain.timing.window_text import (
    EVERY_DAY,
    WEEKDAY_NAMES,
    SendWindowError,
    parse_days,
    parse_window_days,
    parse_window_hours,
)
from digital_cs.domain.timing.zone import UnknownZoneError, load_zone, to_local, to_utc, zone_names

__all__ = [
    "EVERY_DAY",
    "WEEKDAY_NAMES",
    "ChosenZone",
    "Opening",
    "SendWindow",
    "SendWindowError",
    "ZoneSource",
    "impossible",
    "next_open",
    "next_weekday_time",
    "parse_days",
    "parse_window_days",
    "parse_window_hours",
    "resolve_zone",
]

DAYS_LOOKED_AHEAD = 400
"""A window that stays shut longer than this is reported, not waited for."""

ZoneSource = Literal["recipient", "account", "workspace", "window"]

_MIDNIGHT = time(0)
_A_DAY = timedelta(days=1)
# Whose zone is asked, in which order. Any other rule is the name of a zone.
_IN_LINE: Mapping[str, tuple[ZoneSource, ...]] = MappingProxyType(
    {
        "recipient": ("recipient", "account", "workspace"),
        "account": ("account", "workspace"),
        "workspace": ("workspace",),
    }
)


@dataclass(frozen=True, slots=True)
class SendWindow:
    """Days and hours in which a touch may reach people.

    `days` are weekdays from Monday = 0. The window is open from `opens` until just before
    `closes`; when it closes no later than it opens it crosses midnight and belongs to the day
    on which it opened, so 00:00 to 00:00 is the whole day. `zone_rule` is "recipient",
    "account", "workspace" or the name of a zone. With `business_days_only` it stays shut on the
    weekend and the holidays of the recipient's country, whatever `holidays` says. Freezes
    always keep it shut. Any value can be made; `impossible` says whether it makes sense.
    """

    days: frozenset[int] = EVERY_DAY
    opens: time = time(9)
    closes: time = time(17)
    zone_rule: str = "recipient"
    holidays: Literal["skip", "ignore"] = "skip"
    business_days_only: bool = False

    @property
    def hours(self) -> str:
        """The hours as people write them: "09:00–17:00"."""
        closes = "24:00" if self.closes == _MIDNIGHT else _clock(self.closes)
        return f"{_clock(self.opens)}–{closes}"


@dataclass(frozen=True, slots=True)
class ChosenZone:
    """The zone that a window is read in, and whose it is; `ignored` says which were unusable."""

    zone: ZoneInfo
    name: str
    source: ZoneSource
    ignored: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Opening:
    """When (UTC) a window is open, and in plain words what kept it shut until then."""

    at: datetime
    reasons: tuple[str, ...] = ()


def impossible(window: SendWindow) -> str | None:
    """The sentence that says why this window can never open, or None."""
    if not window.days:
        return "The send window has no days: name at least one, or 'every day'."
    if not window.days <= EVERY_DAY:
        return "The send window has a weekday outside 0 (Monday) to 6 (Sunday)."
    if window.opens == window.closes != _MIDNIGHT:
        return (
            f"The send window opens and closes at the same time ({_clock(window.opens)}): "
            "write '00:00-24:00' for the whole day."
        )
    if window.zone_rule not in _IN_LINE:
        try:
            load_zone(window.zone_rule)
        except UnknownZoneError as unknown:
            return f"The send window's zone is neither recipient, account nor workspace: {unknown}"
    return None


@lru_cache(maxsize=16_384)
def resolve_zone(
    rule: str, recipient: str | None, account: str | None, workspace: str
) -> ChosenZone:
    """The zone to use under a window's zone rule, from the names that are on record.

    A name on a contact or account that is missing or unknown makes way for the next in line.
    Raises UnknownZoneError when the workspace's own, or one named by the window, is unknown:
    both were checked when they were set.
    """
    if rule not in _IN_LINE:
        return ChosenZone(load_zone(rule), rule, "window")
    on_record = {"recipient": recipient, "account": account}
    ignored: list[str] = []
    for source in _IN_LINE[rule]:
        name = on_record.get(source)
        if name and name in zone_names():
            return ChosenZone(load_zone(name), name, source, tuple(ignored))
        if name:
            ignored.append(f"the {source}'s zone '{name}' is unknown")
    return ChosenZone(load_zone(workspace), workspace, "workspace", tuple(ignored))


def next_open(
    window: SendWindow,
    moment: datetime,
    zone: ZoneInfo,
    calendar: BusinessCalendar,
    country: str | None = None,
    account_id: str | None = None,
) -> Opening | None:
    """The first instant, at or after the aware `moment`, at which the window is open.

    It is `moment` itself, without reasons, when the window is open then. None if it does not
    open within DAYS_LOOKED_AHEAD days: a freeze without end, or a window that is `impossible`.
    """
    today = to_local(moment, zone).date()
    reasons: list[str] = []
    # From before today: a window may have crossed midnight, or a gap have pushed it here; and
    # yesterday may be a day that the zone skipped.
    for ahead in range(-2, DAYS_LOOKED_AHEAD + 1):
        day = today + ahead * _A_DAY
        interval = _interval(zone, day, window.opens, window.closes)
        if interval is None or (ahead < 0 and interval[1] <= moment):
            continue
        opens_at, closes_at = interval
        shut = _why_shut(window, day, calendar, country, account_id)
        if shut is not None and ahead < 0:
            shut += " (the night before)"
        elif shut is None and closes_at <= moment:
            shut = f"outside {window.hours}"
        if shut is None:
            if opens_at <= moment:
                return Opening(moment.astimezone(UTC))
            return Opening(opens_at, tuple(reasons) or (f"outside {window.hours}",))
        if shut not in reasons:
            reasons.append(shut)
    return None


def next_weekday_time(
    moment: datetime, weekdays: frozenset[int] | None, at: time, zone: ZoneInfo
) -> datetime:
    """The first instant (UTC), at or after the aware `moment`, that is such a day at that time.

    Weekdays count from Monday = 0; None means any. A moment that is exactly that time passes.
    Raises ValueError for an empty set or a number that is no weekday.
    """
    wanted = EVERY_DAY if weekdays is None else weekdays
    if not wanted or not wanted <= EVERY_DAY:
        raise ValueError("Name the weekdays to wait for, as numbers from 0 (Monday) to 6 (Sunday).")
    day = to_local(moment, zone).date() - _A_DAY  # a gap may have pushed yesterday's time here
    while True:
        if day.weekday() in wanted:
            interval = _interval(zone, day, at, _MIDNIGHT)
            if interval is not None and moment <= interval[0]:
                return interval[0]
        day += _A_DAY


@lru_cache(maxsize=32_768)  # a simulation asks for the same days of few zones all over
def _interval(
    zone: ZoneInfo, day: date, opens: time, closes: time
) -> tuple[datetime, datetime] | None:
    """The instants from which and until which the window of that local day is open.

    None if the zone never had that day, as Apia had no 30 December 2011.
    """
    midnight, next_midnight = (
        to_utc(datetime.combine(each, _MIDNIGHT), zone) for each in (day, day + _A_DAY)
    )
    if midnight >= next_midnight:
        return None
    first = datetime.combine(day, opens)
    last = datetime.combine(day if closes > opens else day + _A_DAY, closes)
    opens_at, closes_at = to_utc(first, zone), to_utc(last, zone)
    if opens_at >= closes_at:  # a gap moved the opening past the closing: both move
        closes_at = opens_at + (last - first)
    return opens_at, closes_at


def _why_shut(
    window: SendWindow,
    day: date,
    calendar: BusinessCalendar,
    country: str | None,
    account_id: str | None,
) -> str | None:
    """Why the window does not open on this day at all, the weightiest reason first."""
    blocked = calendar.freeze(day, account_id)
    if blocked is None and (window.holidays == "skip" or window.business_days_only):
        blocked = calendar.holiday(day, country)
    if blocked is not None:
        return blocked.reason
    if day.weekday() not in window.days or (
        window.business_days_only and calendar.is_weekend(day, country)
    ):
        return WEEKDAY_NAMES[day.weekday()]
    return None


def _clock(at: time) -> str:
    return at.isoformat("minutes" if at.second == at.microsecond == 0 else "auto")
