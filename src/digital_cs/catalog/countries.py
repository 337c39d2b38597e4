"""Country codes (ISO 3166, "GB" or "GB-SCT"), their public holidays, and their weekends."""

from __future__ import annotations

import difflib
from datetime import date
from functools import cache
from importlib import resources
from typing import Any

from digital_cs.domain.timing.business_calendar import SATURDAY_AND_SUNDAY
from digital_cs.errors import DigitalCsError

# The library gives a country the days that all its parts share. The United Kingdom as a whole
# then works on Easter Monday; most of its people do not.
_PART_THAT_STANDS_FOR_ALL = {"GB": "ENG"}


class UnknownCountryError(DigitalCsError, ValueError):
    """There is no such country code. Use the two letters of ISO 3166, such as 'DE'."""


def check_country(code: str) -> str:
    """Give `code` back if it is known; raises UnknownCountryError with a suggestion if not."""
    country, dash, part = code.partition("-")
    parts = _parts_by_country().get(country)
    if parts is None:
        meant = _suggestion(code)
        hint = f"did you mean '{meant}'?" if meant else "write two letters, such as 'DE'."
        raise UnknownCountryError(f"'{code}' is not a country code: {hint}")
    if dash and part not in parts:
        near = difflib.get_close_matches(part.upper(), parts, n=1) or sorted(parts)[:1]
        hint = f"such as '{country}-{near[0]}'" if near else f"'{country}' has none"
        raise UnknownCountryError(f"'{code}' names no part of {country} that is known: {hint}.")
    return code


def public_holidays(code: str, years: range) -> frozenset[date]:
    """The public holidays of a country or of a part of it. Raises UnknownCountryError."""
    return frozenset(_entry(code, years))


def weekend(code: str) -> frozenset[int]:
    """The weekdays (Monday = 0) on which offices there are closed. Raises UnknownCountryError.

    Where the library names Sunday alone (Hong Kong, Paraguay) it tells when a holiday is moved,
    not when offices work; Saturday counts as well there.
    """
    listed = frozenset(_entry(code, range(0)).weekend)
    return SATURDAY_AND_SUNDAY if listed <= SATURDAY_AND_SUNDAY else listed


def _entry(code: str, years: range) -> Any:
    import holidays  # here, for it takes most of a second

    country, _, part = check_country(code).partition("-")
    part = part or _PART_THAT_STANDS_FOR_ALL.get(country, "")
    return holidays.country_holidays(country, subdiv=part or None, years=years)


@cache
def _parts_by_country() -> dict[str, frozenset[str]]:
    import holidays

    listed = holidays.list_supported_countries(include_aliases=False)
    return {country: frozenset(parts) for country, parts in listed.items()}


def _suggestion(code: str) -> str | None:
    import holidays

    tidy = code.strip()
    if tidy.upper() in _parts_by_country():
        return tidy.upper()
    if tidy.upper() in holidays.list_supported_countries():  # "UK", "DEU"
        return str(holidays.country_holidays(tidy.upper()).country)
    names = _codes_by_name()
    near = difflib.get_close_matches(tidy.casefold(), names, n=1, cutoff=0.75)
    return names[near[0]] if near else None


@cache
def _codes_by_name() -> dict[str, str]:
    table = resources.files("tzdata.zoneinfo").joinpath("iso3166.tab").read_text("utf-8")
    rows = (line.split("\t") for line in table.splitlines() if not line.startswith("#"))
    return {name.casefold(): code for code, name in rows}
