"""The sample of a CRM's year 2024, read from its files: who used what, and who left when."""

from __future__ import annotations

import csv
import gzip
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

import pytest
from psycopg import AsyncConnection

from digital_cs.store.people.accounts import AccountRecord, save_accounts
from digital_cs.store.product.usage import UsageRecord, save_usage
from tests import rig

FOLDER = rig.ROOT.parent / "shared" / "samples" / "crm-usage"
LAST_DAY = date(2024, 12, 31)


@dataclass(frozen=True)
class Sample:
    """Rows as they stand in the files; `ended` holds the day on which the last subscription of
    an account was over, for those where that was before the sample ends."""

    countries: dict[str, str]
    rows: list[UsageRecord]
    ended: dict[str, date]


def sample() -> Sample:
    """The sample; skips the test where it is not there."""
    if not FOLDER.is_dir():
        pytest.skip(f"the sample {FOLDER.name} is not beside the project")
    with (FOLDER / "accounts.csv").open(newline="") as file:
        countries = {row["id"]: row["country"] for row in csv.DictReader(file)}
    return Sample(countries, list(_usage()), _ended())


def _usage() -> Iterator[UsageRecord]:
    with gzip.open(FOLDER / "usage_daily.csv.gz", "rt", newline="") as file:
        for row in csv.DictReader(file):
            yield UsageRecord(
                row["account_id"], date.fromisoformat(row["day"]), row["event"], int(row["n"]),
                int(row["users"] or 0), float(row["value"] or 0),
            )  # fmt: skip


def _ended() -> dict[str, date]:
    last: dict[str, date] = {}
    with (FOLDER / "subscriptions.csv").open(newline="") as file:
        for row in csv.DictReader(file):
            ends = date.fromisoformat(row["end_date"]) if row["end_date"] else date.max
            last[row["account_id"]] = max(ends, last.get(row["account_id"], ends))
    return {account: ends for account, ends in last.items() if ends <= LAST_DAY}


async def load(connection: AsyncConnection[Any], found: Sample, now: datetime) -> None:
    """Put it into a database through the doors that every source uses."""
    records = [AccountRecord(id, f"Company {id}", stage="active") for id in found.countries]
    await save_accounts(connection, records, now)
    for start in range(0, len(found.rows), 20_000):
        await save_usage(connection, found.rows[start : start + 20_000], now)
    await rig.usage_complete(connection, LAST_DAY)
