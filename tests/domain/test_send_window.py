"""Windows open in the right zone (P4) and keep clear of holidays and freezes (P5)."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta

import pytest

from digital_cs.domain.timing.business_calendar import EVERYWHERE, BusinessCalendar, Freeze
from digital_cs.domain.timing.send_window import (
    EVERY_DAY,
    Opening,
    SendWindow,
    impossible,
    next_open,
    next_weekday_time,
    parse_window_hours,
    resolve_zone,
)
from digital_cs.domain.timing.zone import UnknownZoneError, load_zone, to_local, to_utc

BERLIN = load_zone("Europe/Berlin")
NEW_YORK = load_zone("America/New_York")
APIA = load_zone("Pacific/Apia")
PLAIN = BusinessCalendar()
WEEKDAYS = frozenset(range(5))
OFFICE = SendWindow(days=WEEKDAYS)
NIGHT = SendWindow(opens=time(22), closes=time(2))
BUSINESS = SendWindow(business_days_only=True)


def local(zone, *parts: int) -> datetime:
    return to_utc(datetime(*parts), zone)


def opened(window: SendWindow, moment: datetime, zone=BERLIN, calendar=PLAIN, *who) -> Opening:
    opening = next_open(window, moment, zone, calendar, *who)
    assert opening is not None
    return opening


# 1 June 2026 is a Monday.


@pytest.mark.parametrize("at", [(9, 0), (12, 30), (16, 59)])
def test_inside_the_window_now_is_the_time_and_nothing_moved_it(at: tuple[int, int]) -> None:
    moment = local(BERLIN, 2026, 6, 1, *at)
    assert opened(OFFICE, moment) == Opening(moment)


@pytest.mark.parametrize(
    ("moment", "at", "reasons"),
    [
        ((2026, 6, 1, 8, 59), (2026, 6, 1, 9), ("outside 09:00–17:00",)),
        ((2026, 6, 1, 17, 0), (2026, 6, 2, 9), ("outside 09:00–17:00",)),
        ((2026, 6, 5, 18, 0), (2026, 6, 8, 9), ("outside 09:00–17:00", "Saturday", "Sunday")),
        ((2026, 6, 6, 12, 0), (2026, 6, 8, 9), ("Saturday", "Sunday")),
        ((2026, 6, 7, 23, 0), (2026, 6, 8, 9), ("Sunday",)),
    ],
)
def test_outside_it_opens_next_and_says_what_kept_it_shut(moment, at, reasons) -> None:
    assert opened(OFFICE, local(BERLIN, *moment)) == Opening(local(BERLIN, *at), reasons)


def test_the_moment_of_an_opening_is_answered_in_utc() -> None:
    moment = datetime(2026, 6, 1, 12, tzinfo=BERLIN)
    assert opened(OFFICE, moment).at.tzinfo is UTC


def test_a_moment_without_a_zone_is_refused() -> None:
    with pytest.raises(ValueError, match="needs a zone"):
        next_open(OFFICE, datetime(2026, 6, 1, 12), BERLIN, PLAIN)


# Midnight


@pytest.mark.parametrize("at", [(2026, 6, 1, 22), (2026, 6, 1, 23, 59), (2026, 6, 2, 1, 59)])
def test_p4_a_window_across_midnight_is_open_on_both_sides(at) -> None:
    moment = local(BERLIN, *at)
    assert opened(NIGHT, moment) == Opening(moment)


def test_p4_a_window_across_midnight_belongs_to_the_day_on_which_it_opens() -> None:
    fridays = replace(NIGHT, days=frozenset({4}))
    saturday_morning = local(BERLIN, 2026, 6, 6, 1)
    assert opened(fridays, saturday_morning) == Opening(saturday_morning)
    friday_morning = local(BERLIN, 2026, 6, 5, 1)
    assert opened(fridays, friday_morning).at == local(BERLIN, 2026, 6, 5, 22)
    not_saturdays = replace(NIGHT, days=EVERY_DAY - {5})
    sunday_morning = local(BERLIN, 2026, 6, 7, 1)
    assert opened(not_saturdays, sunday_morning) == Opening(
        local(BERLIN, 2026, 6, 7, 22), ("Saturday (the night before)",)
    )


def test_p5_the_night_after_a_frozen_evening_is_frozen_too() -> None:
    calendar = BusinessCalendar(freezes=(Freeze("Move", date(2026, 6, 1), date(2026, 6, 1)),))
    opening = opened(NIGHT, local(BERLIN, 2026, 6, 2, 1), BERLIN, calendar)
    assert opening == Opening(local(BERLIN, 2026, 6, 2, 22), ("freeze: Move (the night before)",))


def test_a_whole_day_has_no_hole_at_midnight() -> None:
    opens, closes = parse_window_hours("00:00-24:00")
    whole = SendWindow(opens=opens, closes=closes)
    assert impossible(whole) is None
    for at in ((2026, 6, 1), (2026, 6, 1, 23, 59, 59, 999999), (2026, 3, 29, 3), (2026, 10, 25, 2)):
        moment = local(BERLIN, *at)
        assert opened(whole, moment) == Opening(moment)
    assert whole.hours == "00:00–24:00"


# Changes of clocks


def test_p4_a_window_keeps_its_wall_time_over_a_change_of_clocks() -> None:
    for day in (27, 30):  # summer time begins on Sunday 29 March 2026
        moment = local(BERLIN, 2026, 3, day, 5)
        assert opened(OFFICE, moment).at == local(BERLIN, 2026, 3, day, 9)


def test_p4_an_opening_in_a_gap_moves_forward() -> None:
    early = SendWindow(opens=time(2, 30), closes=time(6))
    opening = opened(early, local(BERLIN, 2026, 3, 29, 0))
    assert to_local(opening.at, BERLIN) == datetime(2026, 3, 29, 3, 30)


@pytest.mark.parametrize("hours", [(time(2, 15), time(2, 45)), (time(2, 45), time(3, 10))])
def test_p4_a_short_window_in_a_gap_moves_forward_as_a_whole(hours) -> None:
    short = SendWindow(opens=hours[0], closes=hours[1])
    opening = opened(short, local(BERLIN, 2026, 3, 29, 0))
    assert opening.at.date() == date(2026, 3, 29)
    length = datetime.combine(date.min, hours[1]) - datetime.combine(date.min, hours[0])
    last = opening.at + length - timedelta(microseconds=1)
    assert opened(short, last).at == last
    assert opened(short, opening.at + length).at > opening.at + length


def test_p4_an_hour_that_comes_twice_opens_the_first_time_only() -> None:
    short = SendWindow(opens=time(2, 15), closes=time(2, 45))
    opening = opened(short, local(BERLIN, 2026, 10, 25, 0))
    assert opening.at == datetime(2026, 10, 25, 0, 15, tzinfo=UTC)
    second_pass = datetime(2026, 10, 25, 1, 20, tzinfo=UTC)
    assert opened(short, second_pass).at == local(BERLIN, 2026, 10, 26, 2, 15)


@pytest.mark.parametrize(("day", "hours"), [((2026, 3, 28), 5), ((2026, 10, 24), 7)])
def test_p4_a_night_over_a_change_of_clocks_ends_at_its_wall_time(day, hours: int) -> None:
    night = replace(NIGHT, closes=time(4))
    end = local(BERLIN, *day, 22) + timedelta(hours=hours)
    last = end - timedelta(minutes=1)
    assert opened(night, last).at == last
    assert opened(night, end).at > end


def test_p4_half_an_hour_of_summer_time_on_lord_howe() -> None:
    zone = load_zone("Australia/Lord_Howe")
    early = SendWindow(opens=time(2, 10), closes=time(5))
    opening = opened(early, local(zone, 2026, 10, 4, 0), zone)
    assert to_local(opening.at, zone) == datetime(2026, 10, 4, 2, 40)


def test_p4_a_day_that_the_zone_skipped_has_no_opening() -> None:
    """Apia went from Thursday 29 to Saturday 31 December 2011."""
    fridays = replace(OFFICE, days=frozenset({4}))
    opening = opened(fridays, local(APIA, 2011, 12, 29, 12), APIA)
    assert to_local(opening.at, APIA) == datetime(2012, 1, 6, 9)
    saturday = local(APIA, 2011, 12, 31, 5)
    assert opened(OFFICE, saturday, APIA).reasons == ("Saturday", "Sunday")


# Holidays, freezes, weekends

DECEMBER = BusinessCalendar(
    holidays={
        "GB": frozenset({date(2026, 12, 25), date(2026, 12, 28)}),
        EVERYWHERE: frozenset({date(2026, 12, 24)}),
    },
    freezes=(Freeze("Stocktaking", date(2026, 12, 29), date(2026, 12, 30), "acme"),),
    weekends={"IL": frozenset({4, 5})},
)


def test_p5_holidays_of_the_country_and_the_company_move_a_touch() -> None:
    moment = local(BERLIN, 2026, 12, 24, 10)
    assert opened(OFFICE, moment, BERLIN, DECEMBER, "GB") == Opening(
        local(BERLIN, 2026, 12, 29, 9),
        ("company holiday", "public holiday in GB", "Saturday", "Sunday"),
    )
    assert opened(OFFICE, moment, BERLIN, DECEMBER, "DE").at == local(BERLIN, 2026, 12, 25, 9)
    assert opened(OFFICE, moment, BERLIN, DECEMBER).at == local(BERLIN, 2026, 12, 25, 9)


def test_p5_a_freeze_of_the_account_moves_its_touches_only() -> None:
    moment = local(BERLIN, 2026, 12, 29, 10)
    assert opened(OFFICE, moment, BERLIN, DECEMBER, "GB", "acme") == Opening(
        local(BERLIN, 2026, 12, 31, 9), ("freeze of this account: Stocktaking",)
    )
    assert opened(OFFICE, moment, BERLIN, DECEMBER, "GB", "other").at == moment


def test_p5_a_holiday_announced_after_a_touch_was_planned_moves_it_too() -> None:
    planned = opened(OFFICE, local(BERLIN, 2026, 6, 14, 12)).at
    announced = BusinessCalendar(holidays={"DE": frozenset({date(2026, 6, 15)})})
    assert opened(OFFICE, planned, BERLIN, announced, "DE") == Opening(
        local(BERLIN, 2026, 6, 16, 9), ("public holiday in DE",)
    )


def test_p5_a_window_may_ignore_holidays_but_never_a_freeze() -> None:
    careless = replace(OFFICE, holidays="ignore")
    christmas = local(BERLIN, 2026, 12, 25, 10)
    assert opened(careless, christmas, BERLIN, DECEMBER, "GB").at == christmas
    frozen = local(BERLIN, 2026, 12, 29, 10)
    assert opened(careless, frozen, BERLIN, DECEMBER, "GB", "acme").at > frozen


def test_p4_business_days_are_those_of_the_country() -> None:
    jerusalem = load_zone("Asia/Jerusalem")
    thursday_evening = local(jerusalem, 2026, 6, 4, 20)
    assert opened(BUSINESS, thursday_evening, jerusalem, DECEMBER, "IL") == Opening(
        local(jerusalem, 2026, 6, 7, 9), ("outside 09:00–17:00", "Friday", "Saturday")
    )
    assert opened(BUSINESS, thursday_evening, jerusalem, DECEMBER, "GB").at == local(
        jerusalem, 2026, 6, 5, 9
    )


def test_p5_business_days_only_skips_holidays_whatever_else_the_window_says() -> None:
    window = replace(BUSINESS, holidays="ignore")
    christmas = local(BERLIN, 2026, 12, 25, 10)
    assert opened(window, christmas, BERLIN, DECEMBER, "GB").at == local(BERLIN, 2026, 12, 29, 9)


def test_p5_the_day_that_counts_is_the_one_of_the_zone() -> None:
    """25 December has begun in Apia and not yet in New York."""
    whole = SendWindow(opens=time(0), closes=time(0))
    moment = datetime(2026, 12, 24, 20, tzinfo=UTC)
    assert opened(whole, moment, APIA, DECEMBER, "GB").reasons[0] == "public holiday in GB"
    assert opened(whole, moment, NEW_YORK, DECEMBER, "GB").reasons[0] == "company holiday"


def test_a_freeze_without_end_is_reported_and_not_waited_for() -> None:
    calendar = BusinessCalendar(freezes=(Freeze("Forever", date(2026, 1, 1), date(2036, 1, 1)),))
    assert next_open(OFFICE, local(BERLIN, 2026, 6, 1, 10), BERLIN, calendar) is None


def test_a_freeze_of_a_year_is_waited_for_and_named_once() -> None:
    calendar = BusinessCalendar(freezes=(Freeze("Merger", date(2026, 1, 1), date(2026, 12, 31)),))
    opening = opened(OFFICE, local(BERLIN, 2026, 1, 1, 10), BERLIN, calendar)
    assert opening == Opening(local(BERLIN, 2027, 1, 1, 9), ("freeze: Merger",))


# Impossible windows


@pytest.mark.parametrize(
    ("window", "sentence"),
    [
        (replace(OFFICE, days=frozenset()), "has no days"),
        (replace(OFFICE, days=frozenset({7})), "weekday outside 0"),
        (replace(OFFICE, closes=time(9)), "opens and closes at the same time (09:00)"),
        (replace(OFFICE, zone_rule="Europe/Berlln"), "did you mean 'Europe/Berlin'?"),
    ],
)
def test_a_window_that_can_never_open_is_described(window: SendWindow, sentence: str) -> None:
    assert sentence in str(impossible(window))


@pytest.mark.parametrize("rule", ["recipient", "account", "workspace", "Asia/Tokyo"])
def test_a_sensible_window_is_not_impossible(rule: str) -> None:
    assert impossible(replace(NIGHT, zone_rule=rule)) is None


def test_a_window_without_days_never_opens() -> None:
    window = replace(OFFICE, days=frozenset())
    assert next_open(window, local(BERLIN, 2026, 6, 1), BERLIN, PLAIN) is None


# Whose zone


@pytest.mark.parametrize(
    ("rule", "recipient", "account", "name", "source"),
    [
        ("recipient", "Asia/Tokyo", "Europe/Paris", "Asia/Tokyo", "recipient"),
        ("recipient", None, "Europe/Paris", "Europe/Paris", "account"),
        ("recipient", "", "", "Europe/Berlin", "workspace"),
        ("account", "Asia/Tokyo", "Europe/Paris", "Europe/Paris", "account"),
        ("account", "Asia/Tokyo", None, "Europe/Berlin", "workspace"),
        ("workspace", "Asia/Tokyo", "Europe/Paris", "Europe/Berlin", "workspace"),
        ("Asia/Kolkata", "Asia/Tokyo", "Europe/Paris", "Asia/Kolkata", "window"),
    ],
)
def test_p4_the_zone_is_the_recipients_else_the_accounts_else_the_workspaces(
    rule, recipient, account, name, source
) -> None:
    chosen = resolve_zone(rule, recipient, account, "Europe/Berlin")
    assert (chosen.name, chosen.source, chosen.ignored) == (name, source, ())
    assert chosen.zone is load_zone(name)


def test_p4_an_unknown_zone_on_a_contact_makes_way_and_is_recorded() -> None:
    chosen = resolve_zone("recipient", "Mars/Base", "EST5", "Europe/Berlin")
    assert (chosen.name, chosen.source) == ("Europe/Berlin", "workspace")
    assert chosen.ignored == (
        "the recipient's zone 'Mars/Base' is unknown",
        "the account's zone 'EST5' is unknown",
    )


@pytest.mark.parametrize(("rule", "workspace"), [("Mars/Base", "UTC"), ("account", "Mars/Base")])
def test_an_unknown_zone_of_the_window_or_the_workspace_is_an_error(rule, workspace) -> None:
    with pytest.raises(UnknownZoneError, match="Mars/Base"):
        resolve_zone(rule, None, None, workspace)


# Until a weekday and a time


@pytest.mark.parametrize(
    ("moment", "weekdays", "at"),
    [
        ((2026, 6, 1, 8), {1}, (2026, 6, 2, 10)),
        ((2026, 6, 2, 10), {1}, (2026, 6, 2, 10)),
        ((2026, 6, 2, 10, 0, 1), {1}, (2026, 6, 9, 10)),
        ((2026, 6, 2, 11), {1, 3}, (2026, 6, 4, 10)),
        ((2026, 6, 2, 11), None, (2026, 6, 3, 10)),
        ((2026, 6, 2, 9), None, (2026, 6, 2, 10)),
    ],
)
def test_waiting_for_a_weekday_ends_at_the_first_such_time(moment, weekdays, at) -> None:
    wanted = None if weekdays is None else frozenset(weekdays)
    got = next_weekday_time(local(BERLIN, *moment), wanted, time(10), BERLIN)
    assert got == local(BERLIN, *at)


def test_p4_waiting_for_a_time_in_a_gap_ends_after_it_and_in_an_overlap_once() -> None:
    gap = next_weekday_time(local(BERLIN, 2026, 3, 29, 0), frozenset({6}), time(2, 30), BERLIN)
    assert to_local(gap, BERLIN) == datetime(2026, 3, 29, 3, 30)
    between = datetime(2026, 10, 25, 1, 0, tzinfo=UTC)  # the second 02:00
    got = next_weekday_time(between, None, time(2, 30), BERLIN)
    assert got == local(BERLIN, 2026, 10, 26, 2, 30)


def test_p4_waiting_for_a_weekday_that_the_zone_skipped_takes_the_next_one() -> None:
    got = next_weekday_time(local(APIA, 2011, 12, 29, 12), frozenset({4}), time(10), APIA)
    assert to_local(got, APIA) == datetime(2012, 1, 6, 10)


@pytest.mark.parametrize("weekdays", [set(), {7}])
def test_waiting_for_no_weekday_is_refused(weekdays: set[int]) -> None:
    with pytest.raises(ValueError, match="Name the weekdays"):
        next_weekday_time(local(BERLIN, 2026, 6, 1), frozenset(weekdays), time(9), BERLIN)
