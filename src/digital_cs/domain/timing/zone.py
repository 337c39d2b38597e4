"""Time zones from the pinned `tzdata` package: names checked, wall times turned into instants.

Trap: `zoneinfo` reads the operating system's copy first and the package only if there is none.
Two machines then answer differently (a copy of 2025 still gives Vancouver a winter time in
2027). Importing this module therefore empties the search path of the whole process, whatever
PYTHONTZPATH says, and forgets the zones that were loaded before; what is left is the package,
read by `zoneinfo` through importlib.resources.
"""

from __future__ import annotations

import difflib
import re
import zoneinfo
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import cache
from importlib import metadata, resources
from types import MappingProxyType
from zoneinfo import ZoneInfo

from digital_cs.errors import DigitalCsError

zoneinfo.reset_tzpath(to=())
ZoneInfo.clear_cache()

# Names that other products store. The cities among them ("London", "Berlin") need no table.
_NAMES_OF_OTHER_PRODUCTS: Mapping[str, str] = MappingProxyType(
    {
        "alaska": "America/Anchorage",
        "arizona": "America/Phoenix",
        "atlantic": "America/Halifax",
        "central": "America/Chicago",
        "eastern": "America/New_York",
        "hawaii": "Pacific/Honolulu",
        "mountain": "America/Denver",
        "pacific": "America/Los_Angeles",
    }
)
# "(GMT-08:00) Pacific Time (US & Canada)", "Eastern Standard Time", "Alaska".
_SPOKEN = re.compile(r"(?:\(.*?\) )?([a-z]+)(?: (?:standard |daylight )?time(?: \(.*\))?)?")
# "+02:00", "GMT-8", "UTC+5:30", and the POSIX rules "EST5" and "CET-1CEST".
_OFFSET = re.compile(r"(?:[A-Za-z]{3,5})?[+-]?\d{1,2}(?::?\d{2})?(?:[A-Za-z]{3,5}.*)?")


class UnknownZoneError(DigitalCsError, ValueError):
    """The time zone has no such name. Use a name of the IANA list, such as 'Europe/Berlin'."""


@cache
def tzdata_version() -> str:
    """The version of the zone data in use, that of the `tzdata` package: "2026.6"."""
    return metadata.version("tzdata")


@cache
def zone_names() -> frozenset[str]:
    """Every name that `load_zone` knows, as the package lists them."""
    listed = resources.files("tzdata").joinpath("zones").read_text(encoding="utf-8")
    return frozenset(listed.split()) - {"Factory"}  # a placeholder for "not set", not a place


@cache  # bounded by the list of names: an error is not cached
def load_zone(name: str) -> ZoneInfo:
    """The zone called `name`; the same object each time. Raises UnknownZoneError."""
    if name not in zone_names():
        raise UnknownZoneError(_complaint(name))
    return ZoneInfo(name)


def suggest_zone(name: str) -> str | None:
    """The IANA name that was probably meant by `name`, or None."""
    wanted = name.strip().casefold().replace(" ", "_")
    by_folded = _names_by_folded_form()
    if wanted in by_folded:
        return by_folded[wanted]
    spoken = _SPOKEN.fullmatch(name.strip().casefold())
    if spoken and spoken[1] in _NAMES_OF_OTHER_PRODUCTS:
        return _NAMES_OF_OTHER_PRODUCTS[spoken[1]]
    near = difflib.get_close_matches(wanted, by_folded, n=1, cutoff=0.8)
    return by_folded[near[0]] if near else None


def to_utc(local: datetime, zone: ZoneInfo) -> datetime:
    """The instant (UTC) at which clocks in `zone` show the naive `local`.

    Gaps move forward by their own length: where clocks jump from 02:00 to 03:00, 02:30 is
    03:30. That is what calendars (RFC 5545) and people do, and it keeps two moments half an
    hour apart half an hour apart. Overlaps take the first. Both are what `fold=0` means.
    """
    if local.tzinfo is not None:
        raise ValueError(f"to_utc wants a wall time without a zone, not {local.isoformat()}.")
    return local.replace(tzinfo=zone, fold=0).astimezone(UTC)


def to_local(moment: datetime, zone: ZoneInfo) -> datetime:
    """The naive wall time that clocks in `zone` show at the aware `moment`."""
    if moment.tzinfo is None:  # astimezone would quietly take it for the machine's own zone
        raise ValueError(f"A moment needs a zone; {moment.isoformat()} has none.")
    return moment.astimezone(zone).replace(tzinfo=None)


@cache
def _names_by_folded_form() -> Mapping[str, str]:
    """Folded names, and the cities among them, to names; a place wins over a legacy alias."""
    forms: dict[str, str] = {}
    for name in sorted(zone_names()):
        region, _, rest = name.partition("/")
        if rest and region not in {"Etc", "US"}:
            forms.setdefault(rest.rpartition("/")[2].casefold(), name)
    forms.update({name.casefold(): name for name in zone_names()})
    return MappingProxyType(forms)


def _complaint(name: str) -> str:
    if _OFFSET.fullmatch(name.strip()):
        return (
            f"'{name}' is an offset, not a time zone, and knows nothing of a change of clocks: "
            "name a place of the IANA list, such as 'Europe/Berlin' or 'America/New_York'."
        )
    meant = suggest_zone(name)
    if meant:
        return f"'{name}' is not a time zone of the IANA list: did you mean '{meant}'?"
    return (
        f"'{name}' is not a time zone of the IANA list: name a place, such as 'Europe/Berlin' "
        "or 'America/New_York'."
    )
