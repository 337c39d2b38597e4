"""Enrollments: put in, woken, paused, resumed and taken out, always with the outbox (P6, P10)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal

from psycopg import AsyncConnection

from digital_cs.domain.programs.program import ReEntry
from digital_cs.store.programs.holdouts import DRAW, DRAW_VALUES
from digital_cs.store.rules.changes import tell_all
from digital_cs.store.sending import replies

Connection = AsyncConnection[Any]

Again = Literal["never", "always"] | ReEntry


@dataclass(frozen=True, slots=True)
class Enrolled:
    """What became of a wish to enroll accounts: ids of accounts, by outcome."""

    enrolled: tuple[str, ...] = ()
    inside: tuple[str, ...] = ()
    not_again: tuple[str, ...] = ()
    unknown: tuple[str, ...] = ()
    closed: bool = False

    def __add__(self, other: Enrolled) -> Enrolled:
        return Enrolled(
            self.enrolled + other.enrolled, self.inside + other.inside,
            self.not_again + other.not_again, self.unknown + other.unknown,
            self.closed or other.closed,
        )  # fmt: skip


# The start of an enrollment, the wish to run it and the draw of who is held out are one statement:
# none without the others. Its first step is due at once: how late the first look comes is judged
# from there.
_ENROLL = f"""
with wanted as (select distinct unnest(%(accounts)s::text[]) as account_id),
     known as (
       select w.account_id, a.id is not null as known, coalesce(max(e.nth), 0) + 1 as nth,
              coalesce(bool_or(e.ended_at is null) filter (where e.id is not null), false)
                as inside,
              count(e.id) filter (where e.started_at > %(counted_from)s) as recent
         from wanted w
         left join accounts a on a.id = w.account_id
         left join enrollments e on e.program_id = %(program)s and e.account_id = w.account_id
        group by 1, 2),
     -- Waits for a button that is being pressed, and then sees what it did (P11).
     door as (
       select p.id, p.version from programs p
        where p.id = %(program)s and p.state in ('running', 'paused') for key share),
     fresh as (
       insert into enrollments (id, program_id, version, account_id, nth, source, started_at, step,
              visit, entered_at, wake_at, position, touched_at)
       select %(program)s || ':' || k.account_id || ':' || k.nth, p.id, p.version, k.account_id,
              k.nth, %(source)s, %(now)s, v.first_step, 1, %(now)s, %(now)s,
              jsonb_build_object('step', v.first_step, 'visit', 1, 'entered_at',
                                 %(now_text)s::text), %(now)s
         from known k
         cross join door p
         join program_versions v on v.program_id = p.id and v.number = p.version
        where k.known and not k.inside and k.recent < %(most)s
        order by k.account_id  -- two that enroll the same accounts wait for each other
       on conflict do nothing
       returning id, account_id),
     sent as (insert into outbox (kind, enrollment_id) select 'start', id from fresh),
{DRAW}
-- Who might enter and did not was put in by somebody else at this moment, and is inside.
select k.account_id, k.known, k.inside or (f.id is null and k.recent < %(most)s and d.open),
       f.id is not null, d.open
  from known k left join fresh f on f.account_id = k.account_id
 cross join (select exists (select 1 from door) as open) d
"""  # noqa: S608


async def enroll(
    connection: Connection, program_id: str, account_ids: Sequence[str], *, source: str,
    now: datetime, again: Again,
) -> Enrolled:  # fmt: skip
    """Put accounts into a program at its newest version; those inside already stay as they are."""
    counted_from, most = _re_entry(again, now)
    cursor = await connection.execute(
        _ENROLL,
        {
            "accounts": list(account_ids), "program": program_id, "source": source, "now": now,
            "now_text": now.isoformat(), "counted_from": counted_from, "most": most,
            **DRAW_VALUES,
        },
    )  # fmt: skip
    rows = await cursor.fetchall()
    await tell_all(connection, [r[0] for r in rows if r[3]], [f"program:{program_id}"])
    return Enrolled(
        enrolled=tuple(r[0] for r in rows if r[3]),
        inside=tuple(r[0] for r in rows if r[1] and r[2]),
        not_again=tuple(r[0] for r in rows if r[1] and not r[2] and not r[3] and r[4]),
        unknown=tuple(r[0] for r in rows if not r[1]),
        closed=any(r[1] and not r[4] for r in rows),
    )


def _re_entry(again: Again, now: datetime) -> tuple[datetime | str, int]:
    """From when earlier enrollments count, and how many there may be before a new one."""
    if again == "never":
        return "-infinity", 1
    if again == "always":
        return "infinity", 1
    assert isinstance(again, ReEntry)
    return now - timedelta(seconds=again.per.approx_seconds), again.at_most


_WAKE_LISTENERS = """
insert into outbox (kind, enrollment_id)
select 'wake', e.id
  from enrollments e
  join program_versions v on v.program_id = e.program_id and v.number = e.version
 where e.account_id = any(%s) and e.ended_at is null and v.listens && %s::text[]
"""


async def wake_listeners(
    connection: Connection, account_ids: str | Sequence[str], keys: Iterable[str]
) -> int:
    """Wake the enrollments of these accounts whose program listens to one of the keys.

    It goes by all that the version ever listens to, not by the present step: an enrollment may
    be moving to a step that listens while the change is written.
    """
    wanted = sorted(set(keys))
    if not wanted:
        return 0
    accounts = [account_ids] if isinstance(account_ids, str) else list(account_ids)
    return (await connection.execute(_WAKE_LISTENERS, (accounts, wanted))).rowcount


async def wake_by_feed(connection: Connection, feed: str) -> int:
    """Wake whoever rests on a feed of which a further day is complete now (P9).

    Versions of before there was a key for that listen to the name of the feed itself.
    """
    cursor = await connection.execute(
        "insert into outbox (kind, enrollment_id) select 'wake', id from enrollments"
        " where ended_at is null and listens && %s::text[]",
        ([f"feed:{feed}", feed],),
    )
    return cursor.rowcount


async def wake(connection: Connection, enrollment_ids: Sequence[str]) -> None:
    """Wish to wake these enrollments."""
    await connection.execute(
        "insert into outbox (kind, enrollment_id) select 'wake', unnest(%s::text[])",
        (list(enrollment_ids),),
    )


async def ask_to_exit(
    connection: Connection, *, because: str, enrollment_id: str | None = None,
    program_id: str | None = None, account_id: str | None = None,
) -> list[str]:  # fmt: skip
    """Ask enrollments to exit at once, by id, by program, by account, or by both; returns ids."""
    cursor = await connection.execute(
        "with asked as (update enrollments set exit_because = %(because)s, revision = revision + 1"
        " where ended_at is null and (%(id)s::text is null or id = %(id)s)"
        " and (%(program)s::text is null or program_id = %(program)s)"
        " and (%(account)s::text is null or account_id = %(account)s)"
        " and coalesce(%(id)s, %(program)s, %(account)s) is not null returning id),"
        " sent as (insert into outbox (kind, enrollment_id) select 'wake', id from asked)"
        " select id from asked",
        {"because": because, "id": enrollment_id, "program": program_id, "account": account_id},
    )
    return [row[0] for row in await cursor.fetchall()]


async def set_paused(connection: Connection, enrollment_id: str, paused: bool) -> bool:
    """Pause or resume one enrollment; False when it was so already, or is not inside."""
    cursor = await connection.execute(
        "with changed as (update enrollments set paused = %(paused)s, revision = revision + 1"
        " where id = %(id)s and paused <> %(paused)s and ended_at is null returning id),"
        " sent as (insert into outbox (kind, enrollment_id) select 'wake', id from changed)"
        " select count(*) from changed",
        {"paused": paused, "id": enrollment_id},
    )
    row = await cursor.fetchone()
    return bool(row and row[0])


async def skip_step(connection: Connection, enrollment_id: str) -> bool:
    """Skip the step that the enrollment stands at; False when it is not inside."""
    cursor = await connection.execute(
        "with changed as (update enrollments set skip_visit = visit, revision = revision + 1"
        " where id = %s and ended_at is null returning id),"
        " sent as (insert into outbox (kind, enrollment_id) select 'wake', id from changed)"
        " select count(*) from changed",
        (enrollment_id,),
    )
    row = await cursor.fetchone()
    return bool(row and row[0])


# Where an enrollment is paused it rests without a moment of its own, so what is overdue is read
# from the position: the moment at which its step was due, else entered, or postponed to.
# A program's resume lets nobody loose who is paused by hand; that is what the other one is for.
_OVERDUE = (
    "ended_at is null and greatest(coalesce((position->>'due_at')::timestamptz, entered_at),"
    " (position->>'not_before')::timestamptz) <= %(now)s"
    " and (%(program)s::text is null or program_id = %(program)s)"
    " and (%(id)s::text is null or id = %(id)s) and paused = (%(id)s::text is not null)"
)


async def count_overdue(
    connection: Connection, now: datetime, *, program_id: str | None = None,
    enrollment_id: str | None = None,
) -> int:  # fmt: skip
    """How many enrollments have something due by now: what a resume would let loose (P10)."""
    cursor = await connection.execute(
        f"select count(*) from enrollments where {_OVERDUE}",  # noqa: S608
        {"now": now, "program": program_id, "id": enrollment_id},
    )
    row = await cursor.fetchone()
    return int(row[0]) if row else 0


async def settle_overdue(
    connection: Connection, now: datetime, *, program_id: str | None = None,
    enrollment_id: str | None = None, spread_seconds: float | None = None,
    skip_due_before: datetime | None = None,
) -> int:  # fmt: skip
    """Say what becomes of the overdue at a resume: spread over a span, or skipped when older.

    The offset in the spread comes from the id's hash: asking twice gives the same moments.
    """
    cursor = await connection.execute(
        f"update enrollments set skip_due_before = %(skip)s, not_before = case"  # noqa: S608
        " when %(spread)s::float8 is null then null else %(now)s::timestamptz + make_interval("
        " secs => %(spread)s::float8 * (abs(hashtext(id)) %% 10000) / 10000.0) end,"
        f" revision = revision + 1 where {_OVERDUE}",
        {
            "now": now, "program": program_id, "id": enrollment_id, "spread": spread_seconds,
            "skip": skip_due_before,
        },
    )  # fmt: skip
    return cursor.rowcount


async def count_paused(connection: Connection, program_id: str) -> int:
    """How many inside a program are paused by hand."""
    cursor = await connection.execute(
        "select count(*) from enrollments where program_id = %s and ended_at is null and paused",
        (program_id,),
    )
    row = await cursor.fetchone()
    return int(row[0]) if row else 0


async def wake_program(connection: Connection, program_id: str) -> int:
    """Wish to wake everybody inside a program."""
    cursor = await connection.execute(
        "insert into outbox (kind, enrollment_id) select 'wake', id from enrollments"
        " where program_id = %s and ended_at is null",
        (program_id,),
    )
    return cursor.rowcount


async def complete_task(
    connection: Connection, key: str, *, by: str, now: datetime
) -> tuple[str, str | None] | None:
    """Mark a task as done and wake what waits for it; returns (title, enrollment id).

    A reply is of no enrollment: all of its account go on. Call it in a transaction.
    """
    cursor = await connection.execute(
        "with done as (update tasks set state = 'done', closed_at = %s, closed_by = %s"
        " where key = %s and state = 'open' returning title, enrollment_id, kind, account_id),"
        " sent as (insert into outbox (kind, enrollment_id)"
        "   select 'wake', enrollment_id from done where enrollment_id is not null)"
        " select title, enrollment_id, kind, account_id from done",
        (now, by, key),
    )
    row = await cursor.fetchone()
    if row is None:
        return None
    title, enrollment_id, kind, account_id = row
    if kind == "reply":
        await replies.settle(connection, key, account_id)
    return title, enrollment_id
