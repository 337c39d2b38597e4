"""Public holidays by country, the company's own file over them, official days against both (P5)."""

from __future__ import annotations

import json
import subprocess
import sys
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from digital_cs.catalog.company_days import HolidaysFileError
from digital_cs.catalog.countries import UnknownCountryError, check_country, weekend
from digital_cs.catalog.holidays import load_calendar
from digital_cs.domain.timing.business_calendar import EVERYWHERE, BusinessCalendar
from digital_cs.domain.timing.send_window import SendWindow, next_open
from digital_cs.domain.timing.span import Span, add
from digital_cs.domain.timing.zone import load_zone, to_local, to_utc

ROOT = Path(__file__).resolve().parents[2]
OFFICIAL = ROOT.parent / "shared" / "samples" / "bank-holidays"
LONDON = load_zone("Europe/London")
YEARS = range(2026, 2029)
THE_KEPT_YEARS = range(2019, 2029)
NATIONS = {
    "GB": "england-and-wales",
    "GB-ENG": "england-and-wales",
    "GB-WLS": "england-and-wales",
    "GB-SCT": "scotland",
    "GB-NIR": "northern-ireland",
}


def official(name: str) -> dict[str, Any]:
    path = OFFICIAL / name
    if not path.exists():
        pytest.skip(f"NOT PROVED: the official days are not beside the repository ({name}).")
    divisions: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))["divisions"]
    return divisions


def days_of(division: dict[str, Any]) -> set[date]:
    return {
        datetime.strptime(entry["date"], "%d/%m/%Y").date()
        for year, entries in division.items()
        if year.isdigit()
        for entry in entries
    }


def from_file(tmp_path: Path, text: str, *countries: str) -> BusinessCalendar:
    path = tmp_path / "holidays.yaml"
    path.write_text(text, encoding="utf-8")
    return load_calendar(YEARS, countries, path)


@pytest.mark.parametrize("code", NATIONS)
def test_p5_business_days_agree_with_the_official_bank_holidays(code: str) -> None:
    bank_holidays = days_of(official("bank-holidays.json")[f"common.nations.{NATIONS[code]}_slug"])
    assert len(bank_holidays) >= 80
    calendar = load_calendar(THE_KEPT_YEARS, [code])
    day = date(2019, 1, 1)
    while day.year in THE_KEPT_YEARS:
        expected = day.weekday() < 5 and day not in bank_holidays
        assert calendar.is_business_day(day, code) == expected, day
        day += timedelta(days=1)


def test_p5_a_touch_on_an_official_bank_holiday_moves_to_the_next_business_day() -> None:
    bank_holidays = days_of(official("bank-holidays.json")["common.nations.scotland_slug"])
    calendar = load_calendar(THE_KEPT_YEARS, ["GB-SCT"])
    window = SendWindow(business_days_only=True)
    for day in sorted(bank_holidays):
        noon = to_utc(datetime(day.year, day.month, day.day, 12), LONDON)
        opening = next_open(window, noon, LONDON, calendar, "GB-SCT")
        assert opening is not None
        assert opening.reasons[0] == "public holiday in GB-SCT"
        expected = calendar.shift(day, 1, "GB-SCT")
        assert to_local(opening.at, LONDON) == datetime(
            expected.year, expected.month, expected.day, 9
        )
        one = add(noon, Span.parse("1 business day"), LONDON, calendar, "GB-SCT")
        assert to_local(one, LONDON).date() == expected


def test_p4_british_clocks_change_on_the_official_days() -> None:
    changes = days_of(official("when-do-the-clocks-change.json")["common.united-kingdom_slug"])
    assert len(changes) == 8
    day = date(2025, 1, 1)
    while day < date(2029, 1, 1):
        midnight = to_utc(datetime(day.year, day.month, day.day), LONDON)
        day += timedelta(days=1)
        length = to_utc(datetime(day.year, day.month, day.day), LONDON) - midnight
        assert (length != timedelta(days=1)) == (day - timedelta(days=1) in changes)


@pytest.mark.parametrize(
    ("code", "days"),
    [
        ("GB", {5, 6}),
        ("AE", {5, 6}),
        ("SA", {4, 5}),
        ("IL", {4, 5}),
        ("IR", {4}),
        ("HK", {5, 6}),
    ],
)
def test_weekends_are_those_of_the_country(code: str, days: set[int]) -> None:
    assert weekend(code) == days
    calendar = load_calendar(YEARS, [code])
    week = [date(2026, 6, 1) + timedelta(days=step) for step in range(7)]
    assert {day.weekday() for day in week if calendar.is_weekend(day, code)} == days


def test_a_country_has_its_own_holidays_and_an_account_without_one_has_none() -> None:
    calendar = load_calendar(YEARS, ["DE", "US"])
    unity, independence = date(2026, 10, 3), date(2026, 7, 4)
    assert calendar.holiday(unity, "DE") is not None
    assert calendar.holiday(unity, "US") is None
    assert calendar.holiday(independence, "US") is not None
    assert calendar.holiday(unity) is None
    assert calendar.holidays[EVERYWHERE] == frozenset()


@pytest.mark.parametrize(
    ("code", "sentence"),
    [
        ("UK", "'UK' is not a country code: did you mean 'GB'?"),
        ("DEU", "did you mean 'DE'?"),
        ("de", "did you mean 'DE'?"),
        ("Germny", "did you mean 'DE'?"),
        ("QQ", "write two letters, such as 'DE'."),
        ("", "write two letters, such as 'DE'."),
        ("GB-SCO", "'GB-SCO' names no part of GB that is known: such as 'GB-SCT'."),
        ("VA-X", "names no part of VA that is known: 'VA' has none."),
    ],
)
def test_an_unknown_country_gets_a_suggestion(code: str, sentence: str) -> None:
    with pytest.raises(UnknownCountryError) as caught:
        load_calendar(YEARS, [code])
    assert sentence in str(caught.value)


def test_the_library_is_loaded_only_when_a_calendar_is() -> None:
    code = (
        "import sys; from digital_cs.catalog.holidays import load_calendar; "
        "assert 'holidays' not in sys.modules; load_calendar(range(2026, 2027), ['DE']); "
        "assert 'holidays' in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)


# The company's own file


def test_the_file_adds_days_everywhere_and_in_a_country(tmp_path: Path) -> None:
    calendar = from_file(
        tmp_path, "add:\n  everywhere: [12-24]\n  NO: [2026-06-15]\n  GB:\n    - 2026-06-16\n", "DE"
    )
    for year in YEARS:
        assert calendar.holiday(date(year, 12, 24)) is not None
    assert calendar.holiday(date(2026, 6, 15), "NO") is not None
    assert calendar.holiday(date(2026, 6, 16), "GB") is not None
    assert calendar.holiday(date(2026, 6, 15), "DE") is None
    # Countries that only the file names have their public holidays too.
    assert calendar.holiday(date(2026, 5, 17), "NO") is not None


def test_the_file_makes_ordinary_days_of_holidays(tmp_path: Path) -> None:
    calendar = from_file(
        tmp_path, "remove:\n  US: [2026-10-12]\n  everywhere: [2026-12-25]\n", "US", "DE"
    )
    assert calendar.is_business_day(date(2026, 10, 12), "US")
    assert calendar.is_business_day(date(2026, 12, 25), "US")
    assert calendar.is_business_day(date(2026, 12, 25), "DE")
    assert not calendar.is_business_day(date(2027, 10, 11), "US")


def test_p5_the_file_freezes_the_company_or_an_account(tmp_path: Path) -> None:
    calendar = from_file(
        tmp_path,
        "freezes:\n"
        "  - {name: Year-end quiet, from: 12-23, to: 01-01}\n"
        "  - {name: Audit, from: 2026-06-01, to: 2026-06-03, account: acme}\n",
    )
    for day in (date(2026, 1, 1), date(2026, 12, 23), date(2027, 1, 1), date(2029, 1, 1)):
        assert calendar.freeze(day) is not None, day
    assert calendar.freeze(date(2027, 1, 2)) is None
    assert calendar.freeze(date(2026, 6, 3), "acme") is not None
    assert calendar.freeze(date(2026, 6, 3), "other") is None


@pytest.mark.parametrize("text", ["", "# nothing yet\n", "add:\nremove: ~\nfreezes: []\n"])
def test_an_empty_file_changes_nothing(tmp_path: Path, text: str) -> None:
    calendar = from_file(tmp_path, text, "DE")
    assert calendar.holidays == load_calendar(YEARS, ["DE"]).holidays
    assert calendar.freezes == ()


@pytest.mark.parametrize(
    ("text", "line", "sentence"),
    [
        ("add:\n  everywhere:\n    - 24/12/2026\n", 3, "'24/12/2026' is not a day: write it as"),
        ("add:\n  GB:\n    - 2026-02-30\n", 3, "'2026-02-30' is not a day"),
        ("add:\n  GB:\n    - 02-29\n", 3, "'02-29' is not a day"),
        ("add:\n  GB: 2026-06-01\n", 2, "here should be a list"),
        ("add:\n  UK:\n    - 2026-06-01\n", 2, "did you mean 'GB'?"),
        ("add:\n  evrywhere:\n    - 2026-06-01\n", 2, "For all countries write 'everywhere'."),
        ("add: [2026-06-01]\n", 1, "here should be entries (country: days)"),
        ("add:\n  GB: [12-24]\n  GB: [12-31]\n", 3, "'GB' stands here twice"),
        ("add:\n  GB:\n    - {day: 1}\n", 3, "here should be a single value"),
        ("adds:\n  GB: [12-24]\n", 1, "'adds' is not known here: did you mean 'add'?"),
        ("holidays: []\n", 1, "known are add, remove, freezes"),
        ("- 12-24\n", 1, "here should be entries (add, remove, freezes)"),
        ("remove:\n  DE:\n    - 2026-06-16\n", 3, "2026-06-16 is no holiday in DE"),
        ("remove:\n  everywhere:\n    - 2026-06-16\n", 3, "is no holiday anywhere"),
        ("freezes:\n  - {name: A, from: 12-23}\n", 2, "this freeze has no 'to'"),
        ("freezes:\n  - {name: A, from: 2026-12-23, to: 01-01}\n", 2, "the year of one end only"),
        ("freezes:\n  - {name: A, from: 2026-12-23, to: 2026-01-01}\n", 2, "before it begins"),
        ("freezes:\n  - {name: , from: 12-23, to: 12-24}\n", 2, "a single value"),
        ("freezes:\n  - {name: A, until: 12-23}\n", 2, "'until' is not known here"),
        ("add:\n  GB: [12-24\n", 3, "this is not YAML"),
    ],
)
def test_a_mistake_in_the_file_is_named_with_its_line(
    tmp_path: Path, text: str, line: int, sentence: str
) -> None:
    with pytest.raises(HolidaysFileError) as caught:
        from_file(tmp_path, text)
    assert str(caught.value).startswith(f"{tmp_path / 'holidays.yaml'}:{line}: ")
    assert sentence in str(caught.value)


@pytest.mark.parametrize("content", [None, b"add: \xff", b"add: \x00"])
def test_a_file_that_cannot_be_read_is_named(tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "holidays.yaml"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(HolidaysFileError, match=r"holidays\.yaml"):
        load_calendar(YEARS, [], path)


def test_a_removal_in_a_year_that_is_not_loaded_is_let_pass(tmp_path: Path) -> None:
    calendar = from_file(tmp_path, "remove:\n  US: [2031-10-13]\n")
    assert calendar.holiday(date(2026, 10, 12), "US") is not None


def test_the_file_that_is_shipped_holds() -> None:
    calendar = load_calendar(YEARS, ["GB", "US"], ROOT / "content" / "holidays.yaml")
    eve = datetime(2026, 12, 22, 20, tzinfo=UTC)
    opening = next_open(SendWindow(business_days_only=True), eve, LONDON, calendar, "GB")
    assert opening is not None
    assert to_local(opening.at, LONDON) == datetime(2027, 1, 4, 9)
    assert "freeze: Year-end quiet" in opening.reasons
    assert check_country("US") == "US"
    assert calendar.is_business_day(date(2026, 10, 12), "US")
