"""Members of kept rules: verdicts written down, and who entered and left by them."""

# ruff: noqa: S608  the statements are put together from constants and compiled rules

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from psycopg import AsyncConnection
from psycopg.types.json import Jsonb

from digital_cs.domain.rules.kept_rule import ENTRY
from digital_cs.store.database.arrays import text_array

Connection = AsyncConnection[Any]

Kind = Literal["entered", "left", "unsure", "sure"]
"""What moved: who belongs now, or no more; and of whom it is not known any more, or known to be no,
which is nothing that happened to them, but something else to those who ask (P9)."""


@dataclass(frozen=True, slots=True)
class Verdicts:
    """SQL that gives account_id, verdict (true, false, null), flip and mark of some accounts.

    `flip` is the next moment at which time alone may change the verdict; `mark` tells one match
    from the next. No parameter's name begins with "kept_". `strict`: who is not known does not
    belong any more, for they belonged by another rule.
    """

    sql: str
    values: Mapping[str, Any]
    strict: bool = False


@dataclass(frozen=True, slots=True)
class Found:
    """One such row that was made in memory."""

    account_id: str
    verdict: bool | None
    flip: datetime | None
    mark: str = ""


@dataclass(frozen=True, slots=True)
class Move:
    """An account that entered or left; `mark` is that of the match it entered by."""

    account_id: str
    kind: Kind
    mark: str = ""


def in_memory(rows: Sequence[Found]) -> Verdicts:
    """Verdicts that are known already."""
    given = [
        {"account_id": row.account_id, "verdict": row.verdict, "mark": row.mark,
         "flip": row.flip.isoformat() if row.flip is not None else None}
        for row in rows
    ]  # fmt: skip
    return Verdicts(
        "select * from jsonb_to_recordset(%(given_rows)s)"
        " as g(account_id text, verdict bool, flip timestamptz, mark text)",
        {"given_rows": Jsonb(given)},
    )


# For some accounts each table is told so too: a plan made while a segment was small would read all
# its members for every account that changes. What is not known leaves members and marks as they are
# (P9), but may have a next moment. A flip at -infinity was asked for while somebody else held the
# rule, and is not ours to put off.
_WRITE = """
with found as materialized ({verdicts}),
     gone as (
       delete from segment_members m using found f
        where m.segment_id = %(kept_id)s and m.account_id = f.account_id and f.verdict is {no}
          {m}
       returning m.account_id),
     come as (
       insert into segment_members as m (segment_id, account_id, since, mark)
       select %(kept_id)s, f.account_id, %(kept_now)s, f.mark from found f
        where f.verdict and not exists (select from segment_members o
          where o.segment_id = %(kept_id)s and o.account_id = f.account_id and o.mark = f.mark {o})
       on conflict (segment_id, account_id) do update
         set since = excluded.since, mark = excluded.mark where m.mark <> excluded.mark
       returning m.account_id, m.mark),
     calm as (
       delete from segment_flips s using found f
        where s.segment_id = %(kept_id)s and s.account_id = f.account_id and f.flip is null
          and s.at > '-infinity' {s}),
     ahead as (
       insert into segment_flips as s (segment_id, account_id, at)
       select %(kept_id)s, f.account_id, f.flip from found f
        where f.flip is not null and not exists (select from segment_flips o
          where o.segment_id = %(kept_id)s and o.account_id = f.account_id and o.at = f.flip {o})
       on conflict (segment_id, account_id) do update set at = excluded.at
        where s.at <> excluded.at and s.at > '-infinity'),
{unsure}     moved as (
       select account_id, 'left' as kind, '' as mark from gone
       union all select account_id, 'entered', mark from come{known}),
     told as (
       insert into segment_changes (segment_id, account_id, kind, at, because)
       select %(kept_id)s, m.account_id, m.kind, %(kept_now)s,
              coalesce(b.because, %(kept_because)s)
         from moved m left join unnest(%(kept_ids)s::text[], %(kept_becauses)s::text[])
           as b(account_id, because) on b.account_id = m.account_id
        where %(kept_told)s and m.kind in ('entered', 'left'))
"""

# Of whom a segment knows nothing is kept for whoever asks for it. Nobody asks for the rules of
# triggers and entries by name.
_UNSURE = """
     unsure as (
       insert into segment_unknown (segment_id, account_id)
       select %(kept_id)s, f.account_id from found f
        where f.verdict is null {nobody} and not exists (select from segment_unknown o
          where o.segment_id = %(kept_id)s and o.account_id = f.account_id {o})
       on conflict do nothing
       returning account_id),
     sure as (
       delete from segment_unknown u using found f
        where u.segment_id = %(kept_id)s and u.account_id = f.account_id
          and f.verdict is not null {u}
       returning u.account_id),
"""
_NO_MEMBER = """and not exists (select from segment_members o
          where o.segment_id = %(kept_id)s and o.account_id = f.account_id {o})"""
_KNOWN = """
       union all select account_id, 'unsure', '' from unsure
        where account_id not in (select account_id from gone)
       union all select account_id, 'sure', '' from sure
        where account_id not in (select account_id from come)"""


# Everybody is judged in a statement whose outcome is what differs from what is kept: little on most
# days, so that the statement that writes has little to do.
_DIFFERENT = """
create temporary table kept_found on commit drop as
select f.account_id, f.verdict, f.flip, f.mark
  from ({verdicts}) f
  left join segment_members m on m.segment_id = %(kept_id)s and m.account_id = f.account_id
  left join segment_flips s on s.segment_id = %(kept_id)s and s.account_id = f.account_id
  {unknown}
 where (f.verdict and m.mark is distinct from f.mark)
    or (f.verdict is {no} and m.account_id is not null)
    or f.flip is distinct from s.at {or_unknown}
"""
_WITH_UNKNOWN = """left join segment_unknown u on u.segment_id = %(kept_id)s
   and u.account_id = f.account_id"""
_UNKNOWN_DIFFERS = """
    or (f.verdict is null and m.account_id is null) is distinct from (u.account_id is not null)"""


def _statement(rule_id: str, verdicts: Verdicts, of: Sequence[str] | None) -> str:
    some = {
        name: f"and {name}.account_id = any(%(kept_of)s::text[])" if of is not None else ""
        for name in ("m", "o", "s", "u")
    }
    unsure = known = ""
    if _is_asked_for(rule_id):
        nobody = "" if verdicts.strict else _NO_MEMBER.format(**some)
        unsure, known = _UNSURE.format(nobody=nobody, **some).lstrip("\n"), _KNOWN
    return _WRITE.format(
        verdicts=verdicts.sql, no=_no(verdicts), unsure=unsure, known=known, **some
    )


def _is_asked_for(rule_id: str) -> bool:
    """Whether it is a segment with a name, and no rule of a trigger or an entry."""
    return ":" not in rule_id


def _no(verdicts: Verdicts) -> str:
    return "not true" if verdicts.strict else "false"


def _values(
    rule_id: str, verdicts: Verdicts, now: datetime, because: str | Mapping[str, str] | None,
    of: Sequence[str] | None = None,
) -> dict[str, Any]:  # fmt: skip
    each = because if isinstance(because, Mapping) else {}
    if len(set(each.values())) == 1:  # the usual case, in which none has to be named
        because, each = next(iter(each.values())), {}
    return {
        **verdicts.values, "kept_id": rule_id, "kept_now": now,
        "kept_told": because is not None and not rule_id.startswith(ENTRY),
        "kept_because": because if isinstance(because, str) else "",
        "kept_ids": list(each), "kept_becauses": list(each.values()),
        "kept_of": text_array(of) if of is not None else None,
    }  # fmt: skip


async def write(
    connection: Connection, rule_id: str, verdicts: Verdicts, now: datetime, of: Sequence[str],
    because: str | Mapping[str, str] | None,
) -> list[Move]:  # fmt: skip
    """Make members of whom the rule holds for, and none of whom it does not; returns who moved.

    `of` are the accounts that the verdicts are about. `because` is the reason, one for all or by
    account; None leaves no trace of who moved. Of entries there never is one: who entered says so
    itself.
    """
    cursor = await connection.execute(
        f"{_statement(rule_id, verdicts, of)}"
        " select account_id, kind, mark from moved order by account_id",
        _values(rule_id, verdicts, now, because, of),
    )
    return [Move(*row) for row in await cursor.fetchall()]


async def write_all(
    connection: Connection, rule_id: str, verdicts: Verdicts, now: datetime, because: str | None
) -> int:
    """The same for so many accounts that who moved stays in the database; returns how many.

    `moves` gives them page by page, in the same transaction.
    """
    await connection.execute("drop table if exists pg_temp.kept_found, pg_temp.kept_moves")
    await connection.execute("set local jit = off")  # to compile it takes as long as to run it
    # One process reads usage in order of account from its index and sums as it goes. Three that
    # each gather the sums of everybody take three times the work, and the cores of all others.
    await connection.execute("set local max_parallel_workers_per_gather = 0")
    values = _values(rule_id, verdicts, now, because)
    asked = _is_asked_for(rule_id)
    different = _DIFFERENT.format(
        verdicts=verdicts.sql, no=_no(verdicts), unknown=_WITH_UNKNOWN if asked else "",
        or_unknown=_UNKNOWN_DIFFERS if asked else "",
    )  # fmt: skip
    await connection.execute(different, values)
    await connection.execute(
        "create temporary table kept_moves (account_id text primary key, kind text, mark text)"
        " on commit drop"
    )
    found = Verdicts("select * from pg_temp.kept_found", {}, verdicts.strict)
    cursor = await connection.execute(
        f"{_statement(rule_id, found, None)}"
        " insert into kept_moves select account_id, kind, mark from moved",
        values,
    )
    return cursor.rowcount


async def moves(connection: Connection, after: str, most: int) -> list[Move]:
    """A page of those who moved by the last `write_all`, in order of account."""
    cursor = await connection.execute(
        "select account_id, kind, mark from pg_temp.kept_moves where account_id > %s"
        " order by account_id limit %s",
        (after, most),
    )
    return [Move(*row) for row in await cursor.fetchall()]


async def count_accounts(connection: Connection, rule_ids: Sequence[str]) -> int:
    """How many accounts match at least one of these rules."""
    cursor = await connection.execute(
        "select count(distinct account_id) from segment_members where segment_id = any(%s)",
        (list(rule_ids),),
    )
    row = await cursor.fetchone()
    return int(row[0]) if row else 0


@dataclass(frozen=True, slots=True)
class Member:
    """A member of a segment."""

    account_id: str
    name: str
    since: datetime


async def members(
    connection: Connection, rule_id: str, *, after: str = "", most: int = 1000
) -> list[Member]:
    """A page of the members, in order of account."""
    cursor = await connection.execute(
        "select m.account_id, a.name, m.since from segment_members m"
        " join accounts a on a.id = m.account_id"
        " where m.segment_id = %s and m.account_id > %s order by 1 limit %s",
        (rule_id, after, most),
    )
    return [Member(*row) for row in await cursor.fetchall()]


async def memberships(
    connection: Connection, account_id: str, beginning: str = ""
) -> dict[str, tuple[datetime, str]]:
    """(since, mark) by rule, of those that an account matches and whose id begins so."""
    cursor = await connection.execute(
        "select segment_id, since, mark from segment_members where account_id = %s"
        " and starts_with(segment_id, %s)",
        (account_id, beginning),
    )
    return {row[0]: (row[1], row[2]) for row in await cursor.fetchall()}


@dataclass(frozen=True, slots=True)
class Change:
    """An account entered or left a segment, at a moment, for a reason in words."""

    segment: str
    account_id: str
    kind: str
    at: datetime
    because: str


async def history(connection: Connection, account_id: str, rule_id: str) -> list[Change]:
    """When an account entered and left, newest first."""
    cursor = await connection.execute(
        "select segment_id, account_id, kind, at, because from segment_changes"
        " where account_id = %s and segment_id = %s order by at desc, id desc limit 100",
        (account_id, rule_id),
    )
    return [Change(*row) for row in await cursor.fetchall()]
