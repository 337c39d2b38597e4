"""Spans are read as people write them and keep the wall time of the zone (P4)."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from digital_cs.domain.timing.business_calendar import BusinessCalendar
from digital_cs.domain.timing.span import Span, SpanError, Unit, add, subtract
from digital_cs.domain.timing.zone import load_zone, to_local, to_utc

CALENDAR = BusinessCalendar(holidays={"GB": frozenset({date(2026, 12, 25), date(2026, 12, 28)})})
BERLIN = load_zone("Europe/Berlin")

SPANS = st.builds(Span, st.integers(1, 200), st.sampled_from([*Unit]).filter(lambda u: u != "year"))
ZONES = st.sampled_from(
    ["Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Pacific/Apia", "UTC"]
).map(load_zone)
MOMENTS = st.datetimes(
    datetime(2011, 12, 1), datetime(2027, 12, 31), timezones=st.just(UTC)
)  # from before Apia skipped a day


def utc(*parts: int) -> datetime:
    return datetime(*parts, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "span"),
    [
        ("3 days", Span(3, Unit.DAY)),
        ("1 day", Span(1, Unit.DAY)),
        ("90 minutes", Span(90, Unit.MINUTE)),
        ("4 hours", Span(4, Unit.HOUR)),
        ("2 weeks", Span(2, Unit.WEEK)),
        ("1 month", Span(1, Unit.MONTH)),
        ("2 business days", Span(2, Unit.BUSINESS_DAY)),
        ("1 year", Span(1, Unit.YEAR)),
        ("  3   Days ", Span(3, Unit.DAY)),
    ],
)
def test_a_span_is_read_as_people_write_it(text: str, span: Span) -> None:
    assert Span.parse(text) == span


@given(SPANS)
def test_the_words_of_a_span_are_read_back(span: Span) -> None:
    assert Span.parse(span.words()) == span
    assert str(span) == span.words()


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("3 dayz", "'3 dayz': did you mean '3 days'?"),
        ("3d", "did you mean '3 days'?"),
        ("1 hr", "did you mean '1 hour'?"),
        ("three days", "did you mean '3 days'?"),
        ("a week", "did you mean '1 week'?"),
        ("2 working days", "did you mean '2 business days'?"),
        ("3 m", "could be minutes or months"),
        ("30 seconds", "the smallest unit of a span is the minute"),
        ("0 days", "is no time at all: write at least '1 day'"),
        ("100 years", "a span is at most 20 years"),
        ("999999999 days", "a span is at most 20 years"),
        ("1.5 hours", "write a whole number and one of minutes"),
        ("-3 days", "is not a span of time"),
        ("1 week and 2 days", "is not a span of time"),
        ("soon", "is not a span of time"),
        ("", "is not a span of time"),
    ],
)
def test_what_is_no_span_gets_a_sentence_with_a_suggestion(text: str, sentence: str) -> None:
    with pytest.raises(SpanError) as caught:
        Span.parse(text)
    assert sentence in str(caught.value)
    assert isinstance(caught.value, ValueError)


@pytest.mark.parametrize("count", [0, -1])
def test_a_span_of_nothing_cannot_be_made(count: int) -> None:
    with pytest.raises(SpanError, match="no time at all"):
        Span(count, Unit.DAY)


def test_p4_days_keep_the_wall_time_and_hours_are_exact_over_a_change_of_clocks() -> None:
    evening = to_utc(datetime(2026, 3, 28, 18), BERLIN)
    assert add(evening, Span.parse("1 day"), BERLIN, CALENDAR) == evening + timedelta(hours=23)
    assert add(evening, Span.parse("24 hours"), BERLIN, CALENDAR) == evening + timedelta(hours=24)
    assert add(evening, Span.parse("1440 minutes"), BERLIN, CALENDAR) == evening + timedelta(days=1)
    next_day = to_utc(datetime(2026, 3, 29, 18), BERLIN)
    assert subtract(next_day, Span.parse("1 day"), BERLIN, CALENDAR) == evening


@pytest.mark.parametrize(
    ("start", "span"),
    [
        (datetime(2026, 3, 7, 2, 30), "1 day"),
        (datetime(2026, 3, 1, 2, 30), "1 week"),
        (datetime(2026, 2, 8, 2, 30), "1 month"),
        (datetime(2025, 3, 8, 2, 30), "1 year"),
    ],
)
def test_p4_a_span_that_ends_in_a_gap_moves_forward(start: datetime, span: str) -> None:
    new_york = load_zone("America/New_York")
    got = add(to_utc(start, new_york), Span.parse(span), new_york, CALENDAR)
    assert to_local(got, new_york) == datetime(2026, 3, 8, 3, 30)


def test_p4_a_span_that_ends_in_an_overlap_takes_the_first() -> None:
    start = to_utc(datetime(2026, 10, 24, 2, 30), BERLIN)
    assert add(start, Span.parse("1 day"), BERLIN, CALENDAR) == utc(2026, 10, 25, 0, 30)


@pytest.mark.parametrize(
    ("start", "span", "end"),
    [
        (datetime(2026, 1, 31, 9), "1 month", datetime(2026, 2, 28, 9)),
        (datetime(2028, 1, 31, 9), "1 month", datetime(2028, 2, 29, 9)),
        (datetime(2028, 2, 29, 9), "1 year", datetime(2029, 2, 28, 9)),
        (datetime(2026, 12, 15, 9), "1 month", datetime(2027, 1, 15, 9)),
        (datetime(2026, 6, 30, 9), "18 months", datetime(2027, 12, 30, 9)),
    ],
)
def test_the_end_of_a_month_is_kept_within_the_month(
    start: datetime, span: str, end: datetime
) -> None:
    got = add(to_utc(start, BERLIN), Span.parse(span), BERLIN, CALENDAR)
    assert to_local(got, BERLIN) == end


def test_months_are_subtracted_over_new_year() -> None:
    end = to_utc(datetime(2026, 3, 31, 9), BERLIN)
    got = subtract(end, Span.parse("4 months"), BERLIN, CALENDAR)
    assert to_local(got, BERLIN) == datetime(2025, 11, 30, 9)


def test_p5_business_days_skip_weekends_and_holidays_of_the_country() -> None:
    london = load_zone("Europe/London")
    start = to_utc(datetime(2026, 12, 24, 9), london)
    two = Span.parse("2 business days")
    assert to_local(add(start, two, london, CALENDAR), london) == datetime(2026, 12, 28, 9)
    in_gb = add(start, two, london, CALENDAR, "GB")
    assert to_local(in_gb, london) == datetime(2026, 12, 30, 9)
    assert subtract(in_gb, two, london, CALENDAR, "GB") == start


def test_the_day_that_apia_skipped_leads_to_the_next() -> None:
    apia = load_zone("Pacific/Apia")
    start = to_utc(datetime(2011, 12, 29, 10), apia)
    got = add(start, Span.parse("1 day"), apia, CALENDAR)
    assert to_local(got, apia) == datetime(2011, 12, 31, 10)


def test_a_moment_in_another_zone_is_answered_in_utc() -> None:
    start = datetime(2026, 6, 1, 9, tzinfo=BERLIN)
    for text in ("1 minute", "1 hour", "1 day"):
        assert add(start, Span.parse(text), BERLIN, CALENDAR).tzinfo is UTC


@pytest.mark.parametrize("text", ["1 minute", "1 hour", "1 day"])
def test_a_moment_without_a_zone_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="needs a zone"):
        add(datetime(2026, 6, 1), Span.parse(text), BERLIN, CALENDAR)


@given(MOMENTS, SPANS, ZONES)
def test_a_span_always_leads_on_and_before_always_leads_back(moment, span, zone) -> None:
    assert add(moment, span, zone, CALENDAR, "GB") > moment
    # Not before it, for a day before 31 December 2011 in Apia is a day that never was.
    assert subtract(moment, span, zone, CALENDAR, "GB") <= moment


@given(MOMENTS, SPANS, ZONES, st.integers(1, 30))
def test_a_longer_span_never_ends_earlier(moment, span, zone, more) -> None:
    longer = Span(span.count + more, span.unit)
    assert add(moment, longer, zone, CALENDAR) >= add(moment, span, zone, CALENDAR)


@given(MOMENTS, MOMENTS, SPANS, ZONES)
def test_what_starts_a_day_later_never_ends_earlier(one, other, span, zone) -> None:
    first, second = sorted((one, other))
    if second - first >= timedelta(days=2):  # closer ones may meet at a change of clocks
        ends = [add(moment, span, zone, CALENDAR, "GB") for moment in (first, second)]
        assert ends == sorted(ends)


@given(MOMENTS, SPANS, ZONES)
def test_about_how_long_a_span_is_is_about_right(moment, span, zone) -> None:
    real = (add(moment, span, zone, CALENDAR) - moment).total_seconds()
    slack = 86_400 * (4 if span.unit in {Unit.BUSINESS_DAY, Unit.MONTH} else 1.1)
    assert abs(real - span.approx_seconds) <= slack
