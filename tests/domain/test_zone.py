"""Zones come from the pinned package; gaps move forward, overlaps take the first (P4)."""

from __future__ import annotations

import os
import subprocess
import sys
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from digital_cs.domain.timing.zone import (
    UnknownZoneError,
    load_zone,
    suggest_zone,
    to_local,
    to_utc,
    tzdata_version,
    zone_names,
)
from digital_cs.errors import DigitalCsError


def utc(*parts: int) -> datetime:
    return datetime(*parts, tzinfo=UTC)


@pytest.mark.parametrize(
    ("zone", "wall", "instant"),
    [
        # Gaps: the wall time moves forward by the length of the gap.
        ("Europe/Berlin", datetime(2026, 3, 29, 2, 30), utc(2026, 3, 29, 1, 30)),
        ("Europe/Berlin", datetime(2026, 3, 29, 2, 0), utc(2026, 3, 29, 1, 0)),
        ("America/New_York", datetime(2026, 3, 8, 2, 30), utc(2026, 3, 8, 7, 30)),
        ("Australia/Lord_Howe", datetime(2026, 10, 4, 2, 15), utc(2026, 10, 3, 15, 45)),
        # Overlaps: the first of the two.
        ("Europe/Berlin", datetime(2026, 10, 25, 2, 30), utc(2026, 10, 25, 0, 30)),
        ("America/New_York", datetime(2026, 11, 1, 1, 30), utc(2026, 11, 1, 5, 30)),
        ("Australia/Lord_Howe", datetime(2026, 4, 5, 1, 45), utc(2026, 4, 4, 14, 45)),
        # Apia had no 30 December 2011: the gap is a whole day.
        ("Pacific/Apia", datetime(2011, 12, 30, 10), utc(2011, 12, 30, 20)),
        ("Pacific/Apia", datetime(2011, 12, 31, 10), utc(2011, 12, 30, 20)),
        ("Asia/Kathmandu", datetime(2026, 6, 1, 9), utc(2026, 6, 1, 3, 15)),
    ],
)
def test_p4_gaps_move_forward_and_overlaps_take_the_first(
    zone: str, wall: datetime, instant: datetime
) -> None:
    assert to_utc(wall, load_zone(zone)) == instant


def test_p4_a_wall_time_in_a_gap_is_shown_later_by_the_length_of_the_gap() -> None:
    lord_howe = load_zone("Australia/Lord_Howe")
    shown = to_local(to_utc(datetime(2026, 10, 4, 2, 15), lord_howe), lord_howe)
    assert shown == datetime(2026, 10, 4, 2, 45)


def test_the_second_pass_of_an_overlap_still_maps_back_to_the_first() -> None:
    berlin = load_zone("Europe/Berlin")
    second = to_local(utc(2026, 10, 25, 1, 30), berlin)
    assert to_utc(second, berlin) == utc(2026, 10, 25, 0, 30)


def test_a_moment_without_a_zone_is_refused_rather_than_taken_for_the_machines_own() -> None:
    with pytest.raises(ValueError, match="needs a zone"):
        to_local(datetime(2026, 1, 1), load_zone("Europe/Berlin"))


def test_a_wall_time_that_has_a_zone_already_is_refused() -> None:
    with pytest.raises(ValueError, match="without a zone"):
        to_utc(utc(2026, 1, 1), load_zone("Europe/Berlin"))


def test_p4_vancouver_keeps_its_summer_offset_from_november_2026() -> None:
    """British Columbia changed its clocks for the last time on 8 March 2026."""
    vancouver = load_zone("America/Vancouver")
    seven_hours = timezone(timedelta(hours=-7))
    for month in (4, 7, 12):
        noon = datetime(2026, month, 1, 12)
        assert to_utc(noon, vancouver) == noon.replace(tzinfo=seven_hours)
    assert to_utc(datetime(2027, 1, 15, 9), vancouver) == utc(2027, 1, 15, 16)
    assert to_utc(datetime(2026, 1, 15, 9), vancouver) == utc(2026, 1, 15, 17)


def test_p4_casablanca_is_on_greenwich_time_from_20_september_2026() -> None:
    """Morocco gave up its hour ahead, and with it the change of clocks around Ramadan."""
    casablanca = load_zone("Africa/Casablanca")
    assert to_utc(datetime(2026, 9, 19, 9), casablanca) == utc(2026, 9, 19, 8)
    assert to_utc(datetime(2026, 9, 21, 9), casablanca) == utc(2026, 9, 21, 9)
    assert to_utc(datetime(2027, 7, 1, 9), casablanca) == utc(2027, 7, 1, 9)
    assert to_utc(datetime(2027, 2, 20, 9), casablanca) == utc(2027, 2, 20, 9)


_ASK_VANCOUVER = """
from datetime import datetime
from zoneinfo import ZoneInfo
winter = datetime(2027, 1, 15, 9)
print(winter.replace(tzinfo=ZoneInfo("America/Vancouver")).utcoffset())
from digital_cs.domain.timing.zone import load_zone, to_utc
print(to_utc(winter, load_zone("America/Vancouver")).isoformat())
print(winter.replace(tzinfo=ZoneInfo("America/Vancouver")).utcoffset())
"""


def ask_vancouver(tz_path: str) -> list[str]:
    environment = {**os.environ, "PYTHONTZPATH": tz_path}
    run = subprocess.run(
        [sys.executable, "-c", _ASK_VANCOUVER],
        env=environment,
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    return run.stdout.split("\n")[:3]


def test_p4_another_copy_of_the_zone_data_is_not_consulted(tmp_path: Path) -> None:
    """Neither when it was loaded before, nor by those who ask `zoneinfo` themselves later."""
    package = Path(str(__import__("tzdata").__file__)).parent / "zoneinfo"
    other = tmp_path / "America" / "Vancouver"
    other.parent.mkdir()
    other.write_bytes((package / "Asia" / "Tokyo").read_bytes())
    before, answer, after = ask_vancouver(str(tmp_path))
    assert before == "9:00:00", "the other copy should have been believed before the import"
    assert answer == "2027-01-15T16:00:00+00:00"
    assert after == "-1 day, 17:00:00"


@pytest.mark.parametrize("tz_path", ["/nowhere/at/all", "/usr/share/zoneinfo", ""])
def test_p4_the_search_path_of_the_machine_does_not_change_the_answer(tz_path: str) -> None:
    assert ask_vancouver(tz_path)[1] == "2027-01-15T16:00:00+00:00"


def test_the_version_is_that_of_the_package() -> None:
    year, number = tzdata_version().split(".")[:2]
    assert (int(year), int(number)) >= (2026, 6)


def test_every_listed_zone_loads_and_is_the_same_object_each_time() -> None:
    assert len(zone_names()) > 500
    for name in zone_names():
        assert isinstance(load_zone(name), ZoneInfo)
        assert load_zone(name) is load_zone(name)


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("europe/berlin", "Europe/Berlin"),
        ("Europe/Berlln", "Europe/Berlin"),
        ("New York", "America/New_York"),
        ("London", "Europe/London"),
        ("Dublin", "Europe/Dublin"),
        ("Alaska", "America/Anchorage"),
        ("Pacific Time (US & Canada)", "America/Los_Angeles"),
        ("(GMT-06:00) Central Time (US & Canada)", "America/Chicago"),
        ("Eastern Standard Time", "America/New_York"),
        ("Central European Time", None),
        ("Middle Earth", None),
    ],
)
def test_names_of_other_products_lead_to_the_iana_name(written: str, meant: str | None) -> None:
    assert suggest_zone(written) == meant
    with pytest.raises(UnknownZoneError, match=f"did you mean '{meant}'" if meant else "a place"):
        load_zone(written)


@pytest.mark.parametrize("written", ["EST5", "GMT+2", "+02:00", "UTC-5:30", "CET-1CEST"])
def test_an_offset_is_refused_because_it_knows_no_change_of_clocks(written: str) -> None:
    with pytest.raises(UnknownZoneError, match="is an offset, not a time zone"):
        load_zone(written)


@pytest.mark.parametrize("written", ["", "Europe", "../zones", "Factory", "Europe/Berlin "])
def test_what_is_no_name_of_the_list_is_an_error_of_the_house(written: str) -> None:
    with pytest.raises(DigitalCsError, match="is not a time zone"):
        load_zone(written)
