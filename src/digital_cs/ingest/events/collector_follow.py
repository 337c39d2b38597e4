"""What follows from new usage: milestones, wakes, segments to look at, accounts that enter."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, date, datetime
from typing import Any

from psycopg import AsyncConnection

from digital_cs.ingest.rules.entries import Entries
from digital_cs.store.database import packing
from digital_cs.store.people import accounts
from digital_cs.store.product import milestones
from digital_cs.store.product.events import EventRecord
from digital_cs.store.product.usage_sums import Sums
from digital_cs.store.rules import changes

Connection = AsyncConnection[Any]


async def follow(
    connection: Connection, entries: Entries, sums: Sums, active: Iterable[str],
    keys: dict[str, set[str]], now: datetime,
) -> None:  # fmt: skip
    """Do all that follows, in the transaction that counted the sums.

    `active`: accounts whose last active day moved; `keys`: what else changed, by account. Nearly
    always nobody listens to nearly anything, so that is asked first.
    """
    if not sums and not keys:
        return
    heard, reaching = await changes.heard(connection)
    today = now.astimezone(UTC).date().isoformat()
    pairs = {(event, day) for _, event, day in sums}
    wanted = {(event, day): changes.usage_keys(event, day < today) & heard for event, day in pairs}
    happened = {event for event, _ in pairs}
    days: dict[tuple[str, str], date] = {}
    if any(wanted.values()) or happened & reaching:
        for account, event, day in sums:
            if wanted[event, day]:
                keys.setdefault(account, set()).update(wanted[event, day])
            if event in reaching:
                pair, on = (account, event), date.fromisoformat(day)
                days[pair] = min(on, days.get(pair, on))
    if "usage" in heard:
        for account in active:
            keys.setdefault(account, set()).add("usage")
    reached = await milestones.reach(connection, days)
    for account, milestone in reached:
        keys.setdefault(account, set()).add(f"milestone:{milestone}")
    if reached:
        await accounts.mark_changed(connection, {account for account, _ in reached}, now)
    await changes.tell(connection, keys)
    entering = await entries.event_names(connection) & happened
    if entering:
        await entries.by_events(connection, [
            EventRecord("", account, event, packing.datetime_of(each.last_at))
            for (account, event, _), each in sums.items() if event in entering
        ])  # fmt: skip
