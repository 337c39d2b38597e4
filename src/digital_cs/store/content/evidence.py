"""Evidence against content: kept while it counts, with its end; and what it makes of items."""

# ruff: noqa: S608  the statements are put together from constants, never from values
from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from itertools import groupby
from typing import Any

from psycopg import AsyncConnection

from digital_cs.domain.content.content_item import Review
from digital_cs.domain.content.evidence import Evidence, Signal, weigh
from digital_cs.store.database.streaming import streamed

Connection = AsyncConnection[Any]

_LOCK = 0x45564944
_STALE = "stale_on, stale_because, evidence_weight"

# `answered`: until then reviews answer for what was found. A day that a source states is over at
# midnight; of a review that was told on its day, the moment is known.
_SCOPE = """
create temp table evidence_scope on commit drop as
select i.id as item_id, i.kind, i.owner, i.backup, i.topic, lower(i.topic) as topic_key, i.area,
       lower(i.area) as area_key, i.reviewed_on, coalesce(i.reviewed_on, i.added_on) as known_on,
       i.stale_on, i.stale_because, i.evidence_weight,
       coalesce(r.told_at, (i.reviewed_on + 1)::timestamp at time zone 'UTC', '-infinity')
         as answered
  from content_items i left join lateral (
       select max(recorded_at) as told_at from content_reviews
        where item_id = i.id and reviewed_on = i.reviewed_on
          and (recorded_at at time zone 'UTC')::date = reviewed_on) r on true
 where i.retired_at is null and (%(items)s::text[] is null or i.id = any(%(items)s))
"""
_FOUND = """
create temp table evidence_found (
  item_id text, signal text, about text, since timestamptz, words text, weight float,
  lasting boolean) on commit drop
"""
_OPEN = "e.item_id = f.item_id and e.signal = f.signal and e.about = f.about and e.ended_at is null"
_SETTLE = (
    "delete from evidence_found f using evidence_scope s"
    " where s.item_id = f.item_id and f.since < s.answered",
    # What lasts is dated by when it was first found, not by its last sign.
    "update evidence_found f set since = e.since from evidence e, evidence_scope s"
    f" where {_OPEN} and f.lasting and s.item_id = e.item_id and e.since >= s.answered",
    "update evidence e set ended_at = %(now)s where e.ended_at is null"
    " and (e.item_id in (select item_id from evidence_scope)"
    "   or e.item_id in (select id from content_items where retired_at is not null))"
    f" and not exists (select from evidence_found f where {_OPEN})",
    "update evidence e set since = f.since, words = f.words, weight = f.weight"
    f" from evidence_found f where {_OPEN}"
    " and (e.since, e.words, e.weight) is distinct from (f.since, f.words, f.weight)",
    "insert into evidence (item_id, signal, about, since, words, weight, found_at)"
    " select item_id, signal, about, since, words, weight, %(now)s from evidence_found f"
    f" where not exists (select from evidence e where {_OPEN}) order by 1, 2, 3",
)
_WEIGHED = """
create temp table evidence_weighed (
  item_id text primary key, stale_on date, stale_because text, evidence_weight float)
on commit drop
"""
_DIFFERS = """
  from evidence_scope s left join evidence_weighed w using (item_id)
 where (s.stale_on, s.stale_because, s.evidence_weight)
       is distinct from (w.stale_on, w.stale_because, coalesce(w.evidence_weight, 0))
"""


@dataclass(frozen=True, slots=True)
class Settled:
    """What a look at evidence did: pieces that are new, and that ended; how many count now; how
    many items these make stale, and how many of them were stale by evidence and are not any more.
    """

    items: int
    new: int
    ended: int
    open: int
    stale: int
    recovered: int


@dataclass(frozen=True, slots=True)
class KeptEvidence:
    """A piece of evidence that was found; it counts until it ended."""

    evidence: Evidence
    found_at: datetime
    ended_at: datetime | None


@dataclass(frozen=True, slots=True)
class Pass:
    """One look at all evidence; events that tell of content were read until then."""

    at: datetime
    items: int
    evidence: int
    stale: int
    seconds: float


async def take_turns(connection: Connection) -> None:
    """Wait until nobody else looks at evidence or reviews an item, and have them wait until the
    transaction ends: else a look that began before a review would bring back what that answered.

    Before any row of an item is locked, so that two never wait for each other.
    """
    await connection.execute("select pg_advisory_xact_lock(%s)", (_LOCK,))


async def begin(connection: Connection, items: Sequence[str] | None) -> None:
    """Begin to look at these items, None: at all. Call it in a transaction, after `take_turns`;
    `put` what is found, then `settle`."""
    await connection.execute(_SCOPE, {"items": None if items is None else list(items)})
    await connection.execute("alter table evidence_scope add primary key (item_id)")
    await connection.execute("analyze evidence_scope")
    await connection.execute(_FOUND)


async def put(
    connection: Connection, found: Iterable[tuple[str, Evidence]], *, lasting: bool = False
) -> None:
    """Say what was found of items of the look. `lasting`: it keeps the date of when it was first
    found, as long as it is found at each look."""
    async with connection.cursor().copy(
        "copy evidence_found (item_id, signal, about, since, words, weight, lasting) from stdin"
    ) as copy:
        for item, each in found:
            await copy.write_row(
                (item, each.signal, each.about, each.since, each.words, each.weight, lasting)
            )


async def settle(connection: Connection, now: datetime) -> Settled:
    """Keep what is new, end what is gone, and let items know what all of it makes of them."""
    await connection.execute("create index on evidence_found (item_id, signal, about)")
    await connection.execute("analyze evidence_found")
    rows = []
    for statement in _SETTLE:
        cursor = await connection.execute(statement, {"now": now})
        rows.append(cursor.rowcount)
    _, _, ended, _, new = rows
    pieces, stale = await _weigh_all(connection)
    cursor = await connection.execute(
        "select (select count(*) from evidence_scope), count(*),"
        f" count(*) filter (where s.stale_on is not null and w.stale_on is null) {_DIFFERS}"
    )
    row = await cursor.fetchone()
    assert row is not None
    items, different, recovered = row
    if different:
        await _write(connection)
    for table in ("evidence_scope", "evidence_found", "evidence_weighed"):
        await connection.execute(f"drop table {table}")
    return Settled(items, new, ended, pieces, stale, recovered)


async def _weigh_all(connection: Connection) -> tuple[int, int]:
    """Note what open evidence makes of each item; returns how many pieces that were, and how many
    items they make stale."""
    await connection.execute(_WEIGHED)
    pieces = stale = 0
    async for batch in _by_item(connection):
        weighed = [(item, weigh(evidence)) for item, evidence in batch]
        async with connection.cursor().copy(
            f"copy evidence_weighed (item_id, {_STALE}) from stdin"
        ) as copy:
            for item, each in weighed:
                await copy.write_row((item, each.stale_on, each.because, each.weight))
        pieces += sum(len(evidence) for _, evidence in batch)
        stale += sum(each.stale_on is not None for _, each in weighed)
    return pieces, stale


async def _write(connection: Connection) -> None:
    # In order, so that two who write several items at once wait, and never for each other.
    await connection.execute(
        f"select id from content_items where id in (select s.item_id {_DIFFERS})"
        " order by id for no key update"
    )
    await connection.execute(
        "update content_items i set stale_on = n.stale_on, stale_because = n.stale_because,"
        " evidence_weight = n.weight from (select s.item_id, w.stale_on, w.stale_because,"
        f" coalesce(w.evidence_weight, 0) as weight {_DIFFERS}) n where i.id = n.item_id"
    )


async def _by_item(connection: Connection) -> AsyncIterator[list[tuple[str, list[Evidence]]]]:
    """All open evidence of the look, some items at a time."""
    waiting: list[Any] = []
    async for rows in streamed(
        connection,
        "select item_id, signal, since, words, weight, about from evidence e"
        " join evidence_scope s using (item_id) where ended_at is null order by item_id",
    ):
        waiting += rows
        last = waiting[-1][0]  # which may go on in the next rows
        yield _grouped(row for row in waiting if row[0] != last)
        waiting = [row for row in waiting if row[0] == last]
    yield _grouped(waiting)


def _grouped(rows: Iterable[Any]) -> list[tuple[str, list[Evidence]]]:
    return [
        (item, [_evidence(*row[1:]) for row in group])
        for item, group in groupby(rows, key=lambda row: row[0])
    ]


def _evidence(signal: str, since: datetime, words: str, weight: float, about: str) -> Evidence:
    return Evidence(Signal(signal), since, words, weight, about)


async def of_items(connection: Connection, items: Sequence[str]) -> dict[str, list[Evidence]]:
    """What counts against each of these items, the oldest first; without those that nothing
    speaks against. A review date that passed is not among it: it follows from the item."""
    cursor = await connection.execute(
        "select item_id, signal, since, words, weight, about from evidence"
        " where item_id = any(%s) and ended_at is null order by item_id, since, signal, about",
        (list(items),),
    )
    return dict(_grouped(await cursor.fetchall()))


async def history(connection: Connection, item: str, most: int = 50) -> list[KeptEvidence]:
    """All that was ever found of an item: what counts first, then what ended, the latest first."""
    cursor = await connection.execute(
        "select signal, since, words, weight, about, found_at, ended_at from evidence"
        " where item_id = %s order by ended_at desc nulls first, since desc, id desc limit %s",
        (item, most),
    )
    return [KeptEvidence(_evidence(*row[:5]), *row[5:]) for row in await cursor.fetchall()]


async def answered(connection: Connection, review: Review, now: datetime) -> None:
    """End what was found of an item before a review of it. Call it in the review's transaction,
    which began with `take_turns`.

    A review of today answers for all until now, one of a day before for all until its end.
    """
    day_over = datetime.combine(review.on + timedelta(days=1), time(), UTC)
    cursor = await connection.execute(
        "update evidence set ended_at = %(now)s where item_id = %(item)s and ended_at is null"
        " and since < %(until)s",
        {"item": review.item, "now": now, "until": min(now, day_over)},
    )
    if cursor.rowcount:
        left = await of_items(connection, [review.item])
        weighed = weigh(left.get(review.item, ()))
        await connection.execute(
            "update content_items set stale_on = %s, stale_because = %s, evidence_weight = %s"
            " where id = %s",
            (weighed.stale_on, weighed.because, weighed.weight, review.item),
        )


async def last_pass(connection: Connection) -> Pass | None:
    """The last look at all evidence."""
    cursor = await connection.execute(
        "select at, items, evidence, stale, seconds from evidence_passes order by id desc limit 1"
    )
    row = await cursor.fetchone()
    return Pass(*row) if row else None


async def record_pass(connection: Connection, done: Pass) -> None:
    """Keep that all evidence was looked at."""
    await connection.execute(
        "insert into evidence_passes (at, items, evidence, stale, seconds)"
        " values (%s, %s, %s, %s, %s)",
        (done.at, done.items, done.evidence, done.stale, done.seconds),
    )
