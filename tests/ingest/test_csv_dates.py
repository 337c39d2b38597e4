"""Dates in files: ISO or the form that was stated; another one is told, and never guessed at."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from digital_cs.domain.timing.zone import load_zone
from digital_cs.errors import UsageError
from digital_cs.ingest.files.csv_dates import (
    DateError,
    DateForm,
    NoOffsetError,
    looks_like_dates,
    suspect,
)

ISO = DateForm.of(None)


@pytest.mark.parametrize(
    ("form", "text", "day"),
    [
        (None, "2026-03-02", date(2026, 3, 2)),
        ("YYYY-MM-DD", "2026-03-02", date(2026, 3, 2)),
        ("DD-MM-YYYY", "02-03-2026", date(2026, 3, 2)),
        ("MM-DD-YYYY", "02-03-2026", date(2026, 2, 3)),
        ("dd/mm/yyyy", "2/3/2026", date(2026, 3, 2)),
        ("MM/DD/YYYY", "2/13/2026", date(2026, 2, 13)),
        ("DD.MM.YYYY HH:mm", "02.03.2026", date(2026, 3, 2)),
        ("YYYY/MM/DD", "2026/03/02", date(2026, 3, 2)),
        ("YYYY-DD-MM", "2026-03-02", date(2026, 2, 3)),
        ("DD-MM-YYYY", "2026-03-02", date(2026, 3, 2)),  # which nobody can take for another day
    ],
)
def test_a_day_is_read_in_the_form_that_was_stated(form: str | None, text: str, day: date) -> None:
    assert DateForm.of(form).day(text) == day


@pytest.mark.parametrize(
    ("form", "text"),
    [
        (None, "02-03-2026"), (None, "2026-3-2"), (None, "20260302"), (None, "2026-02-30"),
        ("YYYY-DD-MM", "2026-03-20"), ("DD-MM-YYYY", "13/03/2026"), ("DD-MM-YYYY", "03-13-2026"),
        ("DD-MM-YYYY", "02-03-26"), ("DD-MM-YYYY", "٠٢-٠٣-٢٠٢٦"), ("DD.MM.YYYY", "02-03-2026"),
    ],
)  # fmt: skip
def test_a_day_of_another_form_is_none(form: str | None, text: str) -> None:
    with pytest.raises(DateError):
        DateForm.of(form).day(text)


@pytest.mark.parametrize("form", ["DD-MM", "DD-DD-YYYY", "DD-MM/YYYY", "DD-MM-YY", "european", ""])
def test_what_states_no_form_is_refused(form: str) -> None:
    with pytest.raises(UsageError, match="does not say how dates are written"):
        DateForm.of(form)


@pytest.mark.parametrize(
    ("form", "zone", "text", "moment"),
    [
        (None, None, "2026-03-02T09:30:00+01:00", "2026-03-02T08:30"),
        (None, None, "2026-03-02T09:30:00.123Z", "2026-03-02T09:30"),
        (None, None, "2026-03-02 09:30Z", "2026-03-02T09:30"),
        (None, None, "2026-03-02 09:30:00 UTC", "2026-03-02T09:30"),
        (None, None, "2026-03-02", "2026-03-02T00:00"),
        (None, "Europe/Berlin", "2026-07-02", "2026-07-01T22:00"),
        (None, "Europe/Berlin", "2026-07-02 09:30", "2026-07-02T07:30"),
        (None, "Europe/Berlin", "2026-07-02T09:30Z", "2026-07-02T09:30"),
        (None, "Europe/Berlin", "2026-03-29 02:30", "2026-03-29T01:30"),
        ("DD-MM-YYYY", "UTC", "28-07-2023 03:00", "2023-07-28T03:00"),
        ("DD-MM-YYYY", None, "28-07-2023", "2023-07-28T00:00"),
        ("MM/DD/YYYY", None, "7/28/2023 3:00 +0200", "2023-07-28T01:00"),
    ],
)
def test_a_moment_is_read_with_its_offset_or_in_the_zone_that_was_stated(
    form: str | None, zone: str | None, text: str, moment: str
) -> None:
    read = DateForm.of(form, load_zone(zone) if zone else None).moment(text)

    assert read == datetime.fromisoformat(moment).replace(tzinfo=UTC, microsecond=0)


def test_a_time_of_no_known_zone_is_not_taken_for_anybodys() -> None:
    with pytest.raises(NoOffsetError):
        ISO.moment("2026-03-02 09:30")
    with pytest.raises(DateError):
        ISO.moment("2026-03-02 25:30Z")
    with pytest.raises(DateError):
        ISO.moment("yesterday")


@pytest.mark.parametrize(
    ("values", "shown", "forms", "words"),
    [
        (["05-06-2024", "27-07-2024"], "27-07-2024", ["DD-MM-YYYY"], "can only be read as DD-MM"),
        (["05-06-2024", "07-27-2024"], "07-27-2024", ["MM-DD-YYYY"], "can only be read as MM-DD"),
        (["5/6/2024", "7/8/2024"], "5/6/2024", ["DD/MM/YYYY", "MM/DD/YYYY"],
         "in two ways (5 June 2024 or 6 May 2024)"),
        (["2024/06/05"], "2024/06/05", ["YYYY/MM/DD"], "--dates YYYY/MM/DD"),
        (["27-07-2024 03:00", "05-06-2024 04:00"], "27-07-2024", ["DD-MM-YYYY"], "DD-MM-YYYY"),
        (["13-01-2024", "01-13-2024"], "01-13-2024", [], "state their form with --dates"),
    ],
)  # fmt: skip
def test_a_column_of_another_form_is_told_with_every_way_to_read_it(
    values: list[str], shown: str, forms: list[str], words: str
) -> None:
    found = suspect(enumerate(values, start=2), ISO)

    assert found is not None
    assert (found.value, list(found.forms)) == (shown, forms)
    assert words in found.words("day", ISO)
    for form in forms:
        assert f"--dates {form}" in found.words("day", ISO)


def test_a_wrongly_stated_order_is_noticed_by_one_day_that_contradicts_it() -> None:
    american = DateForm.of("MM-DD-YYYY")

    found = suspect([(2, "05-06-2024"), (3, "06-06-2024"), (4, "27-07-2024")], american)

    assert found is not None
    assert (found.line, found.forms) == (4, ("DD-MM-YYYY",))


def test_one_bad_date_among_good_ones_is_a_matter_of_its_own_row() -> None:
    assert suspect([(2, "2026-03-02"), (3, "02-03-2026"), (4, "soon")], ISO) is None
    assert suspect([(2, "soon")], ISO) is None


@given(st.dates(date(1990, 1, 1), date(2100, 1, 1)), st.sampled_from(["-", "/", "."]))
def test_no_day_is_ever_read_otherwise_than_stated(day: date, mark: str) -> None:
    for order in ("%d %m %Y", "%m %d %Y", "%Y %m %d"):
        form = order.replace("%d", "DD").replace("%m", "MM").replace("%Y", "YYYY")
        stated = DateForm.of(form.replace(" ", mark))
        assert stated.day(day.strftime(order.replace(" ", mark))) == day
    text = day.strftime(f"%d{mark}%m{mark}%Y")
    with pytest.raises(DateError):
        ISO.day(text)
    found = suspect([(2, text)], ISO)
    assert found is not None
    # In one way only if there is only one.
    assert len(found.forms) == (1 if day.day > 12 else 2)


def test_days_that_are_alike_either_way_are_still_not_guessed_at() -> None:
    found = suspect([(2, "03-03-2024")], ISO)

    assert found is not None
    assert found.forms == ("DD-MM-YYYY", "MM-DD-YYYY")


def test_columns_are_only_taken_for_dates_when_all_of_them_are() -> None:
    assert looks_like_dates(["1-2-2024", "13.01.2024 10:00", "2024-01-01"])
    assert not looks_like_dates(["1-2-2024", "n/a"])
    assert not looks_like_dates([])
    assert not looks_like_dates(["192.168.2024"])


@given(st.datetimes(datetime(1990, 1, 1), datetime(2100, 1, 1)))
def test_a_moment_comes_back_to_the_second(moment: datetime) -> None:
    aware = moment.replace(tzinfo=UTC)

    assert abs(ISO.moment(aware.isoformat()) - aware) < timedelta(seconds=1)
