"""How the hours and days of a send window are written, read with suggestions in every error."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Mapping
from datetime import time
from types import MappingProxyType

from digital_cs.errors import DigitalCsError

WEEKDAY_NAMES = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
EVERY_DAY = frozenset(range(7))
MONDAY_TO_FRIDAY = frozenset(range(5))

_HOURS = re.compile(r"(\d{1,2}):(\d{2})\s*(?:-|–|—|to)\s*(\d{1,2}):(\d{2})")
_ONE_TIME = r"(\d{1,2})(?:[:.h](\d{2}))?\s*(am|pm)?"
_NEARLY_HOURS = re.compile(rf"{_ONE_TIME}\s*(?:-|–|—|to|until)\s*{_ONE_TIME}")
_DAY_SETS: Mapping[str, frozenset[int]] = MappingProxyType(
    {
        "every day": EVERY_DAY,
        "weekdays": MONDAY_TO_FRIDAY,
        **{name.casefold(): frozenset({day}) for day, name in enumerate(WEEKDAY_NAMES)},
        **{name[:3].casefold(): frozenset({day}) for day, name in enumerate(WEEKDAY_NAMES)},
    }
)


class SendWindowError(DigitalCsError, ValueError):
    """This is not a send window. Write hours as '09:00-17:00' and days as 'mon-fri'."""


def parse_window_hours(text: str) -> tuple[time, time]:
    """Read "09:00-17:00" or "22:00 – 02:00"; "24:00" closes at midnight.

    Raises SendWindowError with a suggestion.
    """
    written = _HOURS.fullmatch(text.strip())
    if written is None:
        raise SendWindowError(_complaint_about_hours(text))
    minutes = [int(written[at]) * 60 + int(written[at + 1]) for at in (1, 3)]
    if any(int(written[at]) > 59 for at in (2, 4)) or minutes[0] >= 1440 or minutes[1] > 1440:
        raise SendWindowError(f"'{text}' is not on the clock: hours go from 00:00 to 24:00.")
    if minutes[0] == minutes[1]:
        raise SendWindowError(
            f"'{text}' opens and closes at the same time: write '00:00-24:00' for the whole day."
        )
    opens, closes = (time(total // 60 % 24, total % 60) for total in minutes)
    return opens, closes


def parse_days(written: str | Iterable[str]) -> frozenset[int]:
    """Read ["mon", "tue"], "mon, tue", "mon-fri", "weekdays" or "every day".

    Raises SendWindowError with a suggestion.
    """
    parts = written.split(",") if isinstance(written, str) else list(written)
    days = frozenset[int]().union(*(_days_of(part) for part in parts))
    if not days:
        raise SendWindowError("No days are named: write 'mon, tue', 'weekdays' or 'every day'.")
    return days


def parse_window_days(written: str | Iterable[str]) -> tuple[frozenset[int], bool]:
    """Read the days of a send window: as `parse_days`, or "business days".

    Returns the days, and whether only business days of the recipient's country count; these
    are any of the seven, for the weekend is not the same everywhere. Raises SendWindowError.
    """
    if isinstance(written, str) and " ".join(written.split()).casefold() == "business days":
        return EVERY_DAY, True
    return parse_days(written), False


def _days_of(part: str) -> frozenset[int]:
    folded = " ".join(part.split()).casefold()
    ends = [end.strip() for end in re.split(r"-|–", folded)]
    if len(ends) == 1:
        return _day_set(folded, part)
    first, last = (_day_set(end, part) for end in (ends[0], ends[-1]))
    if len(ends) > 2 or len(first) != 1 or len(last) != 1:
        raise SendWindowError(f"'{part}' is not a range of days: write it as 'mon-fri'.")
    (start,), (end,) = first, last
    return frozenset((start + step) % 7 for step in range((end - start) % 7 + 1))


def _day_set(folded: str, part: str) -> frozenset[int]:
    try:
        return _DAY_SETS[folded]
    except KeyError:
        near = difflib.get_close_matches(folded, _DAY_SETS, n=1, cutoff=0.7)
        hint = f"did you mean '{near[0]}'?" if near else "write 'mon', 'weekdays' or 'every day'."
        raise SendWindowError(f"'{part}' is not a day of the week: {hint}") from None


def _complaint_about_hours(text: str) -> str:
    nearly = _NEARLY_HOURS.fullmatch(text.strip().casefold())
    if nearly:
        opens, closes = (_on_the_clock(*nearly.group(at, at + 1, at + 2)) for at in (1, 4))
        if opens and closes:
            return f"'{text}': did you mean '{opens}-{closes}'?"
    return f"'{text}' is not a pair of hours: write them as '09:00-17:00'."


def _on_the_clock(hour: str, minute: str | None, half: str | None) -> str | None:
    hours = int(hour) % 12 + (12 if half == "pm" else 0) if half else int(hour)
    minutes = int(minute or 0)
    return f"{hours:02}:{minutes:02}" if hours < 24 and minutes < 60 else None
