"""Loading usage: parts of days add up once; how far the feed is complete is never overstated."""

from __future__ import annotations

import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from digital_cs.cli.data import load_report
from digital_cs.ingest.files import csv_loading
from digital_cs.ingest.files.csv_usage import UsageLoad
from tests.cli.conftest import Cli

Rows = Callable[..., list[Any]]
Load = Callable[..., Any]


@pytest.fixture
def load(company: Cli, tmp_path: Path) -> Load:
    """Load this text as usage; the report as JSON."""

    def load(text: str, *options: str | Path, noun: str = "usage") -> Any:
        file = tmp_path / f"{noun}.csv"
        file.write_text(text)
        return company("load", noun, file, "--json", *options).json

    return load


@pytest.fixture
def through(rows: Rows) -> Callable[[], str | None]:
    """The last day of which all usage is here, as the engine sees it."""

    def through() -> str | None:
        [(day,)] = rows("select max(complete_day) from feeds where feed = 'usage'")
        return str(day) if day else None

    return through


PARTS = "id,account_id,day,event,n,users,value\n"


def test_rows_with_ids_are_parts_of_their_day_and_count_once_in_whatever_file(
    load: Load, rows: Rows
) -> None:
    day = "acme,2026-02-01,login"

    first = load(PARTS + f"a,{day},2,1,0.5\nb,{day},3,4,\na,{day},2,1,0.5\n")
    again = load(PARTS + f"b,{day},3,4,\nc,{day},10,2,1.5\n")

    assert (first["new"], first["repeated"], first["left_out"]) == (2, 1, 0)
    assert (again["new"], again["same"]) == (1, 1)
    assert rows("select n, users, value from usage_days") == [(15, 4, 2.0)]


def test_a_part_that_comes_corrected_takes_its_own_place_and_no_other(
    load: Load, rows: Rows
) -> None:
    load(PARTS + "a,acme,2026-02-01,login,2,,\nb,acme,2026-02-01,login,3,,\n")

    changed = load(PARTS + "a,acme,2026-02-02,login,5,,\n")

    assert changed["changed"] == 1
    assert rows("select day::text, n from usage_days order by day") == [
        ("2026-02-01", 3), ("2026-02-02", 5)
    ]  # fmt: skip


def test_one_id_for_two_things_is_refused_and_counts_once_it_is_corrected(
    load: Load, rows: Rows, tmp_path: Path
) -> None:
    errors = tmp_path / "errors.csv"

    found = load(
        PARTS + "a,acme,2026-02-01,login,2,,\na,acme,2026-02-01,login,3,,\n", "--errors", errors
    )

    [remark] = found["remarks"]
    assert (found["left_out"], remark["line"]) == (1, 3)
    assert (
        "Its id stands on line 2 already, where the row says something else." in remark["message"]
    )
    corrected = load(errors.read_text().replace(",a,acme", ",a2,acme"))
    assert corrected["left_out"] == 0
    assert rows("select n from usage_days") == [(5,)]


def test_events_of_days_that_a_file_told_the_whole_of_are_pointed_out(
    load: Load, rows: Rows
) -> None:
    whole = "account_id,day,event,n\nacme,2026-02-27,login,2\n"
    events = (
        "id,account_id,name,at\n1,acme,login,2026-02-27T08:00Z\n2,acme,login,2026-02-27T09:00Z\n"
        "3,acme,login,2026-02-26T08:00Z\n4,acme,search,2026-02-27T08:00Z\n"
    )
    load(whole)

    foreseen = load(events, "--dry-run", noun="events")["warnings"]
    [warning] = load(events, noun="events")["warnings"]

    assert foreseen == [warning]
    assert warning.startswith("2 of 4 are of a day of which a file of usage told the whole already")
    assert load(events, noun="events")["warnings"] == []
    day = "select n from usage_days where event = 'login' and day = '2026-02-27'"
    assert rows(day) == [(4,)]
    load(whole)
    assert rows(day) == [(2,)]


def test_rows_without_ids_are_their_whole_day_and_the_later_one_counts(
    load: Load, rows: Rows
) -> None:
    head = "account_id,day,event,n\n"

    found = load(head + "acme,2026-02-01,login,2\nacme,2026-02-01,login,3\n")
    again = load(head + "acme,2026-02-01,login,3\n")
    less = load(head + "acme,2026-02-01,login,1\n")

    assert (found["taken"], found["repeated"]) == (1, 1)
    assert (again["same"], less["changed"]) == (1, 1)
    assert rows("select n from usage_days") == [(1,)]


def test_usage_of_subscriptions_adds_up_to_that_of_their_account_and_early_rows_are_told(
    load: Load, rows: Rows
) -> None:
    load("id,account_id,starts_on\ns1,acme,2026-02-01\ns2,acme,2026-02-10\n", noun="subscriptions")
    text = (
        "subscription_id,day,event,n\ns1,2026-02-01,login,2\ns2,2026-02-01,login,3\n"
        "s1,2026-01-31,login,1\nnone,2026-02-01,login,1\n"
    )

    found, again = load(text), load(text)

    assert (found["new"], again["same"]) == (3, 3)
    assert rows("select account_id, day::text, n from usage_days order by day") == [
        ("acme", "2026-01-31", 1), ("acme", "2026-02-01", 5)
    ]  # fmt: skip
    [remark] = found["remarks"]
    assert (remark["line"], remark["column"]) == (5, "subscription_id")
    assert any(
        "2 of 3 rows (67%) are dated before the subscription" in w for w in found["warnings"]
    )
    by_account = load("account_id,day,event,n\nacme,2026-01-30,x,1\nacme,2026-02-02,x,1\n")
    assert any("1 of 2 rows (50%)" in warning for warning in by_account["warnings"])


def test_a_row_of_an_account_and_a_subscription_of_another_is_refused(load: Load) -> None:
    load("id,account_id,starts_on\ns1,acme,2026-02-01\n", noun="subscriptions")

    found = load("account_id,subscription_id,day,event,n\nglobex,s1,2026-02-02,login,1\n")

    assert found["remarks"][0]["message"] == "The subscription 's1' is of 'acme'."


def day(date: str, account: str = "acme") -> str:
    return f"account_id,day,event,n\n{account},{date},login,1\n"


def test_a_feed_is_complete_up_to_its_last_day_or_the_day_named(
    load: Load, through: Callable[[], str | None]
) -> None:
    load(day("2026-02-27") + "acme,2026-02-26,login,1\n")
    assert through() == "2026-02-27"

    load(day("2026-02-27"), "--through", "2026-03-01")
    assert through() == "2026-03-01"

    load(day("2026-02-20"))  # what is late does not take back what was complete
    assert through() == "2026-03-01"


def test_a_day_that_is_not_over_is_not_complete(
    load: Load, through: Callable[[], str | None]
) -> None:
    found = load(day("2026-03-02"))  # it is Monday morning

    assert through() == "2026-03-01"
    assert found["through"] == "2026-03-02T00:00:00+00:00"


def test_parts_that_come_daily_carry_the_feed_on_but_a_missing_one_holds_it(
    load: Load, through: Callable[[], str | None]
) -> None:
    for date in ("2026-02-18", "2026-02-19", "2026-02-20"):
        assert load(day(date))["warnings"] == []
    assert through() == "2026-02-20"  # a Friday

    assert load(day("2026-02-23"))["warnings"] == []  # nobody works at weekends
    assert through() == "2026-02-23"

    [warning] = load(day("2026-02-26"))["warnings"]
    assert warning.startswith("There is no row for 2026-02-24 to 2026-02-25, after what was")
    assert "--through 2026-02-26" in warning
    assert through() == "2026-02-23"

    load(day("2026-02-24") + "acme,2026-02-25,login,1\nacme,2026-02-26,login,1\n")
    assert through() == "2026-02-26"


def test_a_file_of_which_much_is_refused_is_not_called_complete(
    load: Load, through: Callable[[], str | None]
) -> None:
    [warning] = load(day("2026-02-27") + "acme,2026-13-01,login,1\n")["warnings"]

    assert warning.startswith("1 of 2 rows were left out. So this feed does not count as complete")
    assert through() is None


def test_a_dry_run_of_usage_says_how_far_the_feed_would_be_and_leaves_it(
    load: Load, through: Callable[[], str | None], rows: Rows
) -> None:
    found = load(PARTS + "a,acme,2026-02-27,login,2,,\n", "--dry-run")

    assert (found["new"], found["through"]) == (1, "2026-02-28T00:00:00+00:00")
    assert through() is None
    assert rows("select count(*) from usage_rows") == [(0,)]
    assert rows("select count(*) from usage_days") == [(0,)]


def test_a_load_that_is_interrupted_keeps_what_was_taken_and_goes_on_without_harm(
    company: Cli, tmp_path: Path, rows: Rows, monkeypatch: pytest.MonkeyPatch,
    through: Callable[[], str | None],
) -> None:  # fmt: skip
    file = tmp_path / "usage.csv"
    lines = [f"acme,2026-02-{1 + n % 28:02},event-{n // 28},1" for n in range(2500)]
    file.write_text("\n".join(["account_id,day,event,n", *lines]))
    whole = csv_loading._take

    async def interrupted(*given: Any) -> None:
        await whole(*given)
        if given[2].taken == 1000:
            signal.raise_signal(signal.SIGINT)

    with monkeypatch.context() as patched:
        patched.setattr(UsageLoad, "batch", 500)
        patched.setattr(csv_loading, "_take", interrupted)
        stopped = company("load", "usage", file)

    assert stopped.code == 130
    assert "Stopped. 1,000 rows of usage taken, which stay." in stopped.err
    assert rows("select count(*) from usage_days") == [(1000,)]
    assert through() is None  # it never said how far it is

    again = company("load", "usage", file, "--json").json
    assert (again["new"], again["same"]) == (1500, 1000)
    assert through() == "2026-02-28"


def test_what_is_told_of_a_bad_file_is_bounded(load: Load, company: Cli, tmp_path: Path) -> None:
    bad = "".join(f"acme,2026-02-01,login,x{n}\n" for n in range(2100))

    found = load("account_id,day,event,n\nacme,2026-02-01,login,1\n" + bad)
    told = company("load", "usage", tmp_path / "usage.csv")

    assert found["left_out"] == 2100
    assert len(found["remarks"]) == csv_loading.MOST_REMARKS
    assert found["more_remarks"] == 1100
    assert told.err.count("\n") == load_report.SHOWN + 2
    assert "… and 2,080 remarks more." in told.err
