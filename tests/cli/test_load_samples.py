"""Files that others wrote, loaded as an operator does it: their traps are told, none is guessed."""

from __future__ import annotations

import gzip
from collections.abc import Callable
from itertools import islice
from pathlib import Path
from typing import Any

import pytest

from tests import rig
from tests.cli.conftest import Cli, Ran

Rows = Callable[..., list[Any]]
SAMPLES = rig.ROOT.parent / "shared" / "samples"

RAVENSTACK: dict[str, tuple[str, ...]] = {
    "accounts": (
        "--map", "id=account_id", "--map", "name=account_name", "--map", "plan=plan_tier",
        "--map", "stage=churn_flag", "--value", "stage:TRUE=churned", "--value",
        "stage:FALSE=active", "--value", "country:UK=GB",
    ),
    "subscriptions": (
        "--map", "id=subscription_id", "--map", "starts_on=start_date", "--map",
        "ends_on=end_date", "--map", "plan=plan_tier", "--map", "mrr=mrr_amount", "--map",
        "trial=is_trial", "--map", "billing=billing_frequency", "--ignore", "*",
    ),
    "feature_usage": (
        "--map", "id=usage_id", "--map", "day=usage_date", "--map", "event=feature_name",
        "--map", "n=usage_count", "--ignore", "*",
    ),
    "support_tickets": (
        "--map", "id=ticket_id", "--map", "opened_at=submitted_at", "--map",
        "solved_at=closed_at", "--map", "severity=priority", "--zone", "UTC", "--ignore", "*",
    ),
    "churn_events": (
        "--map", "id=churn_event_id", "--map", "at=churn_date", "--set", "name=churned",
        "--map", "value=refund_amount_usd", "--ignore", "*",
    ),
}  # fmt: skip
NOUNS = {"feature_usage": "usage", "support_tickets": "tickets", "churn_events": "events"}


def _folder(name: str) -> Path:
    folder = SAMPLES / name
    if not folder.is_dir():
        pytest.skip(f"the sample {name} is not at {folder}")
    return folder


@pytest.fixture
def at_new_year(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> Cli:
    """The command in January 2025, right after the years that the samples tell of."""
    monkeypatch.setenv("CLOCK_ORIGIN", "2025-01-02T09:00:00+00:00")
    return cli


@pytest.fixture
def ravenstack(at_new_year: Cli) -> Callable[..., Ran]:
    folder = _folder("ravenstack")

    def load(part: str, *more: str, dates: str | None = "DD-MM-YYYY") -> Ran:
        stated = ("--dates", dates) if dates else ()
        file = folder / f"ravenstack_{part}.csv"
        return at_new_year("load", NOUNS.get(part, part), file, *RAVENSTACK[part], *stated, *more)

    return load


MEETINGS = "0/meetings/2024-01-07"
CRM: dict[str, tuple[str, ...]] = {
    "accounts.csv": ("--map", "state=country"),
    "subscriptions.csv": (
        "--id-from", "account_id,product,start_date", "--map", "starts_on=start_date", "--map",
        "ends_on=end_date", "--map", "quantity=quantity", "--map", "unit=units", "--ignore", "*",
    ),
    "usage_daily.csv.gz": (),
    "events_sample.csv.gz": (
        "--id-from", "account_id,event_time,event_type_name,user_id", "--map", "at=event_time",
        "--map", "name=event_type_name", "--map", "contact_id=account_id+user_id", "--map",
        "value=event_value", "--zone", "UTC", "--map", "account_id=account_id",
    ),
}  # fmt: skip


def test_ravenstack_is_not_guessed_at(ravenstack: Callable[..., Ran], rows: Rows) -> None:
    for part in ("subscriptions", "feature_usage", "support_tickets", "churn_events"):
        for dates in (None, "MM-DD-YYYY"):
            done = ravenstack(part, dates=dates)
            assert done.code == 2
            assert "It can only be read as DD-MM-YYYY: say so with --dates DD-MM-YYYY." in done.err
            assert done.err.endswith("Nothing was taken.\n")
    traits = ravenstack("accounts", dates=None)
    assert "signup_date: Kept as text, which is no date to any rule." in traits.err
    assert rows("select count(*) from subscriptions, usage_days, tickets, product_events") == [(0,)]


def test_ravenstack_is_loaded_and_its_traps_are_told(
    ravenstack: Callable[..., Ran], rows: Rows, tmp_path: Path
) -> None:
    accounts, subscriptions = ravenstack("accounts"), ravenstack("subscriptions")
    errors = tmp_path / "errors.csv"
    usage = ravenstack("feature_usage", "--errors", str(errors), "--json")
    tickets, churn = ravenstack("support_tickets"), ravenstack("churn_events")

    assert "500 rows of accounts taken: 500 new." in accounts.out
    assert rows("select traits->>'signup_date' from accounts where id = 'A-2e4581'") == [
        ("2024-10-16",)
    ]
    assert "5,000 rows of subscriptions taken: 5,000 new." in subscriptions.out
    assert "110 accounts have the stage churned, suspended or deleted, but a subscription" in (
        subscriptions.err
    )
    # One id for two different rows: neither is thrown away silently, nor counted twice.
    found = usage.json
    assert (found["rows"], found["new"], found["left_out"]) == (25_000, 24_979, 21)
    assert len(errors.read_text().splitlines()) == 22
    [early] = found["warnings"]
    assert early.startswith("19,128 of 24,979 rows (77%) are dated before the subscription")
    assert rows("select sum(n), count(*) from usage_rows") == rows(
        "select sum(n), 24979 from usage_days where event <> 'churned'"
    )
    assert found["through"] == "2025-01-01T00:00:00+00:00"
    assert "2,000 rows of tickets taken: 2,000 new." in tickets.out
    assert rows("select count(*) from tickets where matched_by = 'given'") == [(2000,)]
    assert "35 accounts have stage churned, but no event churned" in churn.err
    assert "277 accounts have the event churned, but not stage churned" in churn.err


def test_ravenstack_loaded_again_changes_nothing(
    ravenstack: Callable[..., Ran], rows: Rows
) -> None:
    for part in RAVENSTACK:
        ravenstack(part)
    before = rows("select account_id, event, day, n, users from usage_days order by 1, 2, 3")

    for part in RAVENSTACK:
        again = ravenstack(part, "--json").json
        assert (again["new"], again["changed"]) == (0, 0), part

    assert before == rows(
        "select account_id, event, day, n, users from usage_days order by 1, 2, 3"
    )


MEETINGS = "0/meetings/2024-01-07"
CRM: dict[str, tuple[str, ...]] = {
    "accounts.csv": ("--map", "state=country"),
    "subscriptions.csv": (
        "--id-from", "account_id,product,start_date", "--map", "starts_on=start_date", "--map",
        "ends_on=end_date", "--map", "quantity=quantity", "--map", "unit=units", "--ignore", "*",
    ),
    "usage_daily.csv.gz": (),
    "events_sample.csv.gz": (
        "--id-from", "account_id,event_time,event_type_name,user_id", "--map", "at=event_time",
        "--map", "name=event_type_name", "--map", "contact_id=account_id+user_id", "--map",
        "value=event_value", "--map", "account_id=account_id",
    ),
}  # fmt: skip


def test_crm_usage_is_loaded_packed_as_it_is(
    cli: Cli, rows: Rows, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = _folder("crm-usage")
    monkeypatch.setenv("CLOCK_ORIGIN", "2025-03-03T09:00:00+00:00")

    def load(name: str, *more: str) -> Ran:
        return cli("load", name.partition(".")[0].partition("_")[0], folder / name,
                   *CRM[name], *more)  # fmt: skip

    # States of the USA are not countries, though some of them look like one.
    as_it_is = cli("load", "accounts", folder / "accounts.csv", "--dry-run")
    assert as_it_is.code == 1
    assert "country: 'NJ' is not a country code" in as_it_is.err
    assert load("accounts.csv").code == 0
    subscriptions = load("subscriptions.csv", "--json").json
    usage = load("usage_daily.csv.gz", "--json").json
    unzoned = load("events_sample.csv.gz", "--dry-run")

    assert subscriptions["new"] == 5172
    assert rows("select mrr, ends_on::text from subscriptions where id = %s", MEETINGS) == [
        (300, "2024-02-07")
    ]
    assert (usage["new"], usage["left_out"]) == (183_847, 0)
    assert rows("select count(*) from usage_days") == [(183_847,)]
    assert unzoned.code == 1
    assert "has no UTC offset: write 2024-01-07 00:14:29+00:00, or say whose" in unzoned.err


def test_crm_events_are_loaded_once_each_however_often_they_stand_there(
    cli: Cli, rows: Rows, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = _folder("crm-usage")
    monkeypatch.setenv("CLOCK_ORIGIN", "2025-03-03T09:00:00+00:00")
    assert cli("load", "accounts", folder / "accounts.csv", *CRM["accounts.csv"]).code == 0
    with gzip.open(folder / "events_sample.csv.gz", "rt") as packed:
        some = list(islice(packed, 12_000))
    file = tmp_path / "events.csv"
    file.write_text("".join([*some, *some[1:5001]]))

    done = cli(
        "load", "events", file, *CRM["events_sample.csv.gz"], "--zone", "UTC", "--json"
    ).json  # fmt: skip

    assert (done["new"], done["repeated"], done["left_out"]) == (11_999, 5_000, 0)
    assert rows("select sum(n) from usage_days") == [(11_999,)]
    assert rows("select count(distinct user_id) > 1 from product_events") == [(True,)]
