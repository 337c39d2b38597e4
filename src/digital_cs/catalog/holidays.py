"""The business calendar: public holidays by country, overridden by the company's own file."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from pathlib import Path

from digital_cs.catalog.company_days import (
    CompanyDays,
    HolidaysFileError,
    OwnDay,
    read_company_days,
)
from digital_cs.catalog.countries import check_country, public_holidays, weekend
from digital_cs.domain.timing.business_calendar import (
    EVERYWHERE,
    SATURDAY_AND_SUNDAY,
    BusinessCalendar,
)


def load_calendar(
    years: range, countries: Iterable[str], company_file: Path | None = None
) -> BusinessCalendar:
    """The calendar of `countries` (and of those that the file names) over `years`.

    Outside `years` a calendar knows weekends, and what the file gives with its year, only.
    Raises UnknownCountryError, and HolidaysFileError with the file and line.
    """
    own = read_company_days(company_file, years) if company_file is not None else CompanyDays()
    named = {each.country for each in (*own.added, *own.removed)} - {EVERYWHERE}
    codes = sorted({check_country(code) for code in countries} | named)
    holidays = {code: set(public_holidays(code, years)) for code in codes}
    holidays[EVERYWHERE] = set()
    for each in own.added:
        holidays[each.country].add(each.day)
    for each in own.removed:
        _remove(each, holidays, years)
    weekends = {code: weekend(code) for code in codes}
    return BusinessCalendar(
        weekend=SATURDAY_AND_SUNDAY,
        holidays={code: frozenset(days) for code, days in holidays.items()},
        freezes=own.freezes,
        weekends={code: days for code, days in weekends.items() if days != SATURDAY_AND_SUNDAY},
    )


def _remove(removal: OwnDay, holidays: dict[str, set[date]], years: range) -> None:
    """Make an ordinary day of it; from everywhere means from each country that has it."""
    if removal.day.year not in years:
        return
    codes = list(holidays) if removal.country == EVERYWHERE else [removal.country]
    having = [code for code in codes if removal.day in holidays[code]]
    if not having:
        place = "anywhere" if removal.country == EVERYWHERE else f"in {removal.country}"
        raise HolidaysFileError(
            f"{removal.where}: {removal.day} is no holiday {place}, so it cannot be removed."
        )
    for code in having:
        holidays[code].discard(removal.day)
