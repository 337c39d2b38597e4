"""Product events: kept raw, each once, in the partition of its day."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from typing import Any

from psycopg import AsyncConnection, DataError
from psycopg.errors import UniqueViolation

from digital_cs.errors import DigitalCsError
from digital_cs.store.database import packing
from digital_cs.store.database.arrays import text_array
from digital_cs.store.people import accounts, people
from digital_cs.store.product import partitions, usage_sums
from digital_cs.store.product.usage import move_last_active
from digital_cs.store.product.usage_sums import Sum, Sums

Connection = AsyncConnection[Any]

MOST_TRIES = 10


class RepeatsError(DigitalCsError):
    """The same events come in several times at this moment. Send them again in some seconds."""

    retryable = True


@dataclass(frozen=True, slots=True)
class EventRecord:
    """A product event of a known account."""

    id: str
    account_id: str
    name: str
    at: datetime
    contact_id: str | None = None
    properties: dict[str, Any] = field(default_factory=dict)
    value: float | None = None

    @property
    def day(self) -> date:
        """The UTC day on which it happened."""
        return self.at.astimezone(UTC).date()


COLUMNS = (
    "id, day, at, received_at, account_id, user_id, anonymous_id, kind, name, value, properties,"
    " source"
)
ROW_HEAD = packing.row_head(COLUMNS.count(",") + 1)


def row(
    *, id: str, at: int, received_at: int, account_id: str | None, user_id: str | None,
    anonymous_id: str | None, kind: str, name: str, value: float | None, properties: bytes,
    source: str,
) -> str:  # fmt: skip
    """One event as `copy` takes it. Moments are those of `packing`."""
    fields, (seen, received) = packing.fields, packing.eights((at, received_at))
    return (
        f"{ROW_HEAD}{packing.text_field(id)}{packing.days[at // packing.MOMENTS_A_DAY].field}"
        f"{packing.EIGHT}{seen}{packing.EIGHT}{received}{fields[account_id]}{fields[user_id]}"
        f"{fields[anonymous_id]}{fields[kind]}{fields[name]}{packing.float_field(value)}"
        f"{packing.jsonb_field(properties)}{fields[source]}"
    )


async def copy(connection: Connection, rows: Collection[str]) -> None:
    """Keep events, each given as its `row`.

    Raises psycopg.errors.UniqueViolation where one was kept already (then ask which are `known`,
    and leave those out), CheckViolation where a day has no partition (any more), DataError where
    Postgres cannot read a row, and DeadlockDetected.
    """
    if rows:
        # By id: that spares Postgres a third of the time, because neighbours in the index follow
        # each other, and two who copy the same events meet in the same order.
        copying = f"copy product_events ({COLUMNS}) from stdin (format binary)"
        async with connection.cursor().copy(copying) as writing:
            await writing.write(packing.copy_bytes(sorted(rows)))


async def unreadable(connection: Connection, rows: Sequence[str]) -> set[str]:
    """The ids of those rows that Postgres cannot read; nothing of this is kept."""
    async with connection.transaction(force_rollback=True):
        await connection.execute("create temp table reading (like product_events) on commit drop")
        return await _unreadable(connection, rows)


async def _unreadable(connection: Connection, rows: Sequence[str]) -> set[str]:
    copying = f"copy reading ({COLUMNS}) from stdin (format binary)"
    try:
        async with (
            connection.transaction(),
            connection.cursor().copy(copying) as writing,
        ):
            await writing.write(packing.copy_bytes(rows))
    except DataError:
        if len(rows) == 1:
            return {packing.first_text(rows[0])}
        half = len(rows) // 2
        found = await _unreadable(connection, rows[:half])
        return found | await _unreadable(connection, rows[half:])
    return set()


async def known(connection: Connection, ids: Mapping[str, Collection[str]]) -> set[str]:
    """Those of these ids, by UTC day (ISO), that are kept already."""
    found: set[str] = set()
    for day, some in ids.items():
        if not some:
            continue
        cursor = await connection.execute(
            "select id from product_events where day = %s::date and id = any(%s::text[])",
            (day, text_array(some)),
        )
        found.update(row[0] for row in await cursor.fetchall())
    return found


async def record_events(
    connection: Connection, records: Sequence[EventRecord], now: datetime, source: str = "api"
) -> list[EventRecord]:
    """Keep events and count them, each once; returns those that are new.

    Left out are those of unknown accounts, and of days whose events were dropped.
    """
    dropped = await partitions.ensure(connection, (record.day for record in records), now)
    there = await accounts.known(connection, (record.account_id for record in records))
    wanted = {r.id: r for r in reversed(records) if r.account_id in there and r.day not in dropped}
    days: dict[str, list[str]] = {}
    for record in wanted.values():
        days.setdefault(record.day.isoformat(), []).append(record.id)
    for _ in range(MOST_TRIES):
        for id in await known(connection, days):
            wanted.pop(id, None)
        with contextlib.suppress(UniqueViolation):
            async with connection.transaction():
                await copy(connection, [_row(r, now, source) for r in wanted.values()])
            break
    else:
        raise RepeatsError
    fresh = [record for record in records if wanted.get(record.id) is record]
    sums = Sums()
    for r in fresh:
        key = r.account_id, r.name, r.day.isoformat()
        sums.count(key, packing.moment_of(r.at), r.contact_id, r.value)
    names = await people.known_as(connection, {r.contact_id for r in fresh if r.contact_id})
    await usage_sums.add(connection, sums, names, now.astimezone(UTC).date())
    last = {account: date.fromisoformat(day) for account, day in sums.last_days().items()}
    await move_last_active(connection, last, now)
    return fresh


def _row(record: EventRecord, now: datetime, source: str) -> str:
    return row(
        id=record.id, at=packing.moment_of(record.at), received_at=packing.moment_of(now),
        account_id=record.account_id, user_id=record.contact_id, anonymous_id=None, kind="track",
        name=record.name, value=record.value, properties=json.dumps(record.properties).encode(),
        source=source,
    )  # fmt: skip


# In two steps, because each has an index of its own. The user comes first: an event of a user whom
# nobody knows waits for that user, whatever else its browser was used for.
_ASSIGN = """
with home as (
       select distinct on (contact_id) contact_id, account_id from memberships
        where contact_id = any(%(contacts)s) and left_at is null
        order by contact_id, joined_at desc),
     names as (
       select contact_id as name, contact_id, account_id from home
       union all
       select i.alias, h.contact_id, h.account_id from identities i join home h using (contact_id)),
     users as (
       update product_events e set account_id = n.account_id from names n
        where e.account_id is null and e.user_id = n.name
       returning e.account_id, e.name, e.day, n.contact_id, e.value, e.at),
     visitors as (
       update product_events e set account_id = n.account_id from names n
        where e.account_id is null and e.user_id is null and e.anonymous_id = n.name
       returning e.account_id, e.name, e.day, n.contact_id, e.value, e.at)
select account_id, name, day, contact_id, count(*), coalesce(sum(value), 0), min(at), max(at)
  from (select * from users union all select * from visitors) x
 group by 1, 2, 3, 4
"""


async def assign_waiting(connection: Connection, contacts: Iterable[str]) -> Sums:
    """Give what these contacts did while nobody knew their account to the account they joined last.

    Returns what that adds to usage; the caller adds it, in the same transaction.
    """
    cursor = await connection.execute(_ASSIGN, {"contacts": sorted(set(contacts))})
    sums = Sums()
    for account, name, day, contact, n, value, first, last in await cursor.fetchall():
        one = Sum(packing.moment_of(first), packing.moment_of(last), n, value, contact)
        sums.merge({(account, name, day.isoformat()): one})
    return sums


async def accounts_of_visitor(connection: Connection, anonymous_id: str) -> list[str]:
    """The accounts in which events of an anonymous id have been counted."""
    cursor = await connection.execute(
        "select distinct account_id from product_events"
        " where anonymous_id = %s and account_id is not null order by 1",
        (anonymous_id,),
    )
    return [row[0] for row in await cursor.fetchall()]
