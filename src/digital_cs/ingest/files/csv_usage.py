"""The load of usage: rows find their account, count once, and say how far the feed is complete."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from typing import Any

from digital_cs.ingest.files.csv_columns import JOINED_BY
from digital_cs.ingest.files.csv_files import Format, Remark
from digital_cs.ingest.files.csv_formats import UsageRow
from digital_cs.ingest.files.csv_loads import Door, Ending, Load, Rows, day_after, unknown_account
from digital_cs.store.people import subscriptions
from digital_cs.store.people.differences import USAGE_DAYS, USAGE_ROWS, Difference, difference
from digital_cs.store.product import sources, usage_rows
from digital_cs.store.product.usage import UsageRecord

MOST_REFUSED = 0.05
"""Of the rows of a file. With more of them left out, its days are not called complete."""
MOST_REMEMBERED = 100_000
"""Accounts and subscriptions whose beginnings are remembered between batches."""


@dataclass(slots=True)
class _Days:
    """The first and the last day of what was taken."""

    first: date
    last: date


class UsageLoad(Load[UsageRow]):
    """Usage by day. A row replaces its day, or, with an id, its own part of the day."""

    batch = 3000  # its rows are small and many; accounts are locked for a third of a second
    feeds = ("usage",)
    kept = USAGE_DAYS

    def __init__(self, door: Door, form: Format[UsageRow]) -> None:
        super().__init__(door, form)
        self._days: _Days | None = None
        self._accounts: dict[str, date | None] = {}
        self._held: dict[str, subscriptions.Held | None] = {}
        self._early = 0

    async def known(self, rows: Rows[UsageRow]) -> tuple[Rows[UsageRow], list[Remark]]:
        """The rows with the account that each is of, and remarks on those that have none."""
        await self._look_up(rows)
        good, remarks = [], []
        for line, row in rows:
            account, begun, remark = self._whose(line, row)
            if remark is not None or account is None:
                remarks += [remark] if remark else []
                continue
            if begun is not None and row.day < begun:
                self._early += 1
            good.append((line, replace(row, account_id=account, id=row.id or _part_of(row))))
        return good, remarks

    def _whose(self, line: int, row: UsageRow) -> tuple[str | None, date | None, Remark | None]:
        """(account, when it or the subscription began, or why there is none)."""
        account, begun = row.account_id, None
        if row.subscription_id is not None:
            held = self._held[row.subscription_id]
            if held is None:
                words = f"There is no subscription '{row.subscription_id}'. Load it first."
                return None, None, Remark(line, "subscription_id", words)
            if account is not None and account != held.account_id:
                words = f"The subscription '{row.subscription_id}' is of '{held.account_id}'."
                return None, None, Remark(line, "account_id", words)
            account, begun = held
        elif account is not None:
            if account not in self._accounts:
                return None, None, Remark(line, "account_id", unknown_account(account))
            begun = self._accounts[account]
        return account, begun, None

    async def _look_up(self, rows: Rows[UsageRow]) -> None:
        """Learn of the accounts and subscriptions of these rows what is not known yet."""
        for remembered in (self._accounts, self._held):
            if len(remembered) > MOST_REMEMBERED:
                remembered.clear()
        ids = {row.subscription_id for _, row in rows if row.subscription_id is not None}
        named = {
            row.account_id for _, row in rows
            if row.account_id is not None and row.subscription_id is None
        } - self._accounts.keys()  # fmt: skip
        known = await self.door.intake.known_accounts(named) if named else set()
        async with self.door.pool.connection() as connection:
            if ids := ids - self._held.keys():
                found = await subscriptions.find(connection, ids)
                self._held.update({id: found.get(id) for id in ids})
            if known:
                begun = await subscriptions.first_days(connection, known)
                self._accounts.update({id: begun.get(id) for id in known})

    async def differ(self, rows: Rows[UsageRow]) -> Difference:
        wholes = [_plain(row) for _, row in rows if row.id is None]
        parts = [
            {**_plain(row), "source": self.door.source, "row_id": row.id}
            for _, row in rows
            if row.id is not None
        ]
        found = Difference()
        async with self.door.pool.connection() as connection:
            for kept, records in ((USAGE_DAYS, wholes), (USAGE_ROWS, parts)):
                if records:
                    more = await difference(connection, kept, records)
                    found = Difference(*(a + b for a, b in zip(found, more, strict=True)))
        return found

    async def save(self, records: list[UsageRow]) -> Mapping[str, int]:
        wholes = [_record(row) for row in records if row.id is None]
        parts = [usage_rows.UsageRow(row.id, _record(row)) for row in records if row.id is not None]
        await self.door.intake.save_usage(wholes, None, self.door.source, parts=parts)
        return {}

    def saw(self, rows: Rows[UsageRow]) -> None:
        first, last = min(row.day for _, row in rows), max(row.day for _, row in rows)
        if self._days is None:
            self._days = _Days(first, last)
        self._days.first = min(first, self._days.first)
        self._days.last = max(last, self._days.last)

    async def note(
        self, received: int, refused: int, through: datetime | None, error: str | None = None
    ) -> None:
        # What is saved is noted by the intake, together with what follows from it.
        await super().note(0, refused, through, error)

    async def end(self, taken: int, left_out: int) -> Ending:
        ending = Ending()
        if self._early:
            share = f"{self._early:,} of {taken:,} rows ({self._early / taken:.0%})"
            ending.warnings.append(
                f"{share} are dated before the subscription that they belong to began, or, where"
                " they name none, before the first one of their account. They were taken as they"
                " are: one or the other has wrong dates."
            )
        ending.through = self.stated_through()
        if ending.through is None and self._days is not None:
            held = await self._why_not_complete(taken, left_out)
            last = min(self._days.last, self.door.now.date() - timedelta(days=1))
            if held is None:
                ending.through = day_after(last)
            else:
                ending.warnings.append(
                    f"{held} So this feed does not count as complete any further, and no silence"
                    f" as silence. If all of it is here, say so with --through {last}."
                )
        if not self.door.dry and ending.through is not None:
            day = (ending.through - timedelta(days=1)).date()
            await self.door.intake.save_usage([], day, self.door.source)
        return ending

    async def _why_not_complete(self, taken: int, left_out: int) -> str | None:
        """Why the last day in the file does not simply say how far the feed is complete."""
        assert self._days is not None
        if left_out > MOST_REFUSED * (taken + left_out):
            return f"{left_out:,} of {taken + left_out:,} rows were left out."
        async with self.door.pool.connection() as connection:
            source = await sources.get(connection, self.door.source)
        if source is None or source.complete_through is None:
            return None
        before = source.complete_through.date()  # the first day that is not here yet
        gap = [before + timedelta(days=n) for n in range((self._days.first - before).days)]
        if any(day.weekday() < 5 for day in gap):  # on weekends many products are not used
            days = str(gap[0]) if len(gap) == 1 else f"{gap[0]} to {gap[-1]}"
            return f"There is no row for {days}, after what was complete before and this file."
        return None


def _part_of(row: UsageRow) -> str | None:
    """The id of a row that has none, but is of one subscription among those of its account."""
    if row.subscription_id is None:
        return None
    return JOINED_BY.join((row.subscription_id, row.event, str(row.day)))


def _record(row: UsageRow) -> UsageRecord:
    assert row.account_id is not None
    return UsageRecord(row.account_id, row.day, row.event, row.n, row.users, row.value)


def _plain(row: UsageRow) -> dict[str, Any]:
    return {
        "account_id": row.account_id, "event": row.event, "day": row.day.isoformat(),
        "n": row.n, "users": row.users, "value": row.value,
    }  # fmt: skip
