"""Kept rules as published: segments, and the rules of triggers and of programs' entries."""

# ruff: noqa: S608  the statements are put together from constants

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Literal

from psycopg import AsyncConnection
from psycopg.rows import class_row
from psycopg.types.json import Jsonb

from digital_cs.domain.programs.program import Entry
from digital_cs.domain.rules.kept_rule import (
    ENTRY,
    TRIGGER,
    KeptRule,
    entry_of,
    entry_rules,
    spec_hash,
)

Connection = AsyncConnection[Any]

KEPT, RETIRED = "kept", "retired"


@dataclass(frozen=True, slots=True)
class SegmentRow:
    """A rule whose members are kept; its columns are those of the table."""

    id: str
    version: int
    content_hash: str
    spec: dict[str, Any]
    reads: tuple[str, ...]
    turns_daily: bool
    state: str
    changed_at: datetime
    evaluated_at: datetime | None
    turned_on: date | None
    fed: str | None
    fence: int | None
    members: int = 0

    @property
    def feeds(self) -> tuple[str, ...]:
        """The feeds on whose completeness its verdicts rest."""
        return tuple(sorted(key[5:] for key in self.reads if key.startswith("feed:")))


# Who may not enter comes to match nothing: it is asked again when the program is opened.
OPEN = """(s.id not like 'entry:%%' or exists (select from programs p
  where p.id = split_part(s.id, ':', 2) and p.state in ('running', 'paused')))"""
"""SQL: whether the rule of `s` is looked at, which an entry's is only while one may enter."""

_COLUMNS = (
    "s.id, s.version, s.content_hash, s.spec, s.reads, s.turns_daily, s.state, s.changed_at,"
    " s.evaluated_at, s.turned_on, s.fed, s.fence"
)

# A new name or owner is a new version too, but nobody has to be looked at for it.
_KEEP = """
insert into segments as s (id, version, content_hash, spec, reads, turns_daily, state, changed_at,
                           fence)
values (%(id)s, 1, %(hash)s, %(spec)s, %(reads)s, %(daily)s, 'kept', %(now)s, 0)
on conflict (id) do update set
  version = s.version + (s.content_hash <> excluded.content_hash)::int,
  content_hash = excluded.content_hash, spec = excluded.spec, reads = excluded.reads,
  turns_daily = excluded.turns_daily, state = 'kept', changed_at = excluded.changed_at, fence = 0,
  evaluated_at = case when s.state = 'kept'
    and (s.spec->'when', s.spec->'date') is not distinct from
        (excluded.spec->'when', excluded.spec->'date') then s.evaluated_at end
where s.content_hash <> excluded.content_hash or s.state <> 'kept'
returning s.version, s.evaluated_at is null
"""


@dataclass(frozen=True, slots=True)
class Published:
    """What keeping a rule changed. `asks_anew`: its members are not known by this rule yet."""

    id: str
    version: int
    new: bool
    asks_anew: bool


async def keep(
    connection: Connection, id: str, spec: Mapping[str, Any], now: datetime
) -> Published:
    """Keep the members of a rule from now on; the same content again changes nothing.

    Who belongs is found out by the next keeper, or by whoever asks `Membership.settle`.
    """
    rule = KeptRule.model_validate(spec)
    values = {
        "id": id, "hash": spec_hash(spec), "spec": Jsonb(dict(spec)), "reads": sorted(rule.reads),
        "daily": rule.turns_daily, "now": now,
    }  # fmt: skip
    row = await (await connection.execute(_KEEP, values)).fetchone()
    if row is not None:
        return Published(id, row[0], True, row[1])
    cursor = await connection.execute(
        "select version, evaluated_at is null from segments where id = %s", (id,)
    )
    row = await cursor.fetchone()
    assert row is not None
    return Published(id, row[0], False, row[1])


async def kept(
    connection: Connection, ids: Iterable[str] | None = None, *, closed: bool = False
) -> list[SegmentRow]:
    """The rules that are looked at now, or those of these ids that are; with `closed` also the
    entries of programs that nobody may enter."""
    async with connection.cursor(row_factory=class_row(SegmentRow)) as cursor:
        await cursor.execute(
            f"select {_COLUMNS} from segments s where s.state = 'kept' and (%(closed)s or {OPEN})"
            " and (%(ids)s::text[] is null or s.id = any(%(ids)s)) order by s.id",
            {"ids": list(ids) if ids is not None else None, "closed": closed},
        )
        return await cursor.fetchall()


async def lock(connection: Connection, id: str) -> SegmentRow | None:
    """The rule, which nobody changes until the transaction ends; None if it is not looked at."""
    async with connection.cursor(row_factory=class_row(SegmentRow)) as cursor:
        await cursor.execute(
            f"select {_COLUMNS} from segments s where s.state = 'kept' and {OPEN}"
            " and s.id = %s for no key update of s",
            (id,),
        )
        return await cursor.fetchone()


async def evaluated(
    connection: Connection, id: str, now: datetime, turned_on: date, fed: str, fence: int | None
) -> None:
    """Remember for which day, and with how much of its feeds, everybody was looked at.

    `fence`: what is left of the fence, None if it has fallen.
    """
    await connection.execute(
        "update segments set evaluated_at = %s, turned_on = %s, fed = %s, fence = %s where id = %s",
        (now, turned_on, fed, fence, id),
    )


async def raise_fences(connection: Connection) -> int:
    """Find out who may not know a newly published rule yet, and returns up to where all are done.

    A transaction that said what it changed before it could see the rule told nobody, and the first
    look at everybody could not see what it changed. All such have smaller numbers than the fence:
    once they are done (it is not greater than what this returns) everybody is looked at again.
    """
    await connection.execute(
        "update segments set fence = pg_snapshot_xmax(pg_current_snapshot())::text::bigint"
        " where fence = 0"
    )
    cursor = await connection.execute(
        "select pg_snapshot_xmin(pg_current_snapshot())::text::bigint"
    )
    row = await cursor.fetchone()
    assert row is not None
    return int(row[0])


async def ask_anew(connection: Connection, program_id: str) -> None:
    """Have everybody looked at again by the entries of a program, as it is opened."""
    await connection.execute(
        "update segments set evaluated_at = null where id like 'entry:%%'"
        " and split_part(id, ':', 2) = %s",
        (program_id,),
    )


async def retire(connection: Connection, ids: Collection[str], now: datetime) -> int:
    """Keep the members of these rules no longer; returns how many were kept so far."""
    wanted = list(ids)
    for table in ("segment_flips", "segment_members", "segment_unknown"):
        await connection.execute(f"delete from {table} where segment_id = any(%s)", (wanted,))
    cursor = await connection.execute(
        "update segments set state = 'retired', changed_at = %s, evaluated_at = null,"
        " turned_on = null, fed = null where id = any(%s) and state = 'kept'",
        (now, wanted),
    )
    return cursor.rowcount


async def keep_entries(
    connection: Connection, program_id: str, enter: Entry, now: datetime
) -> None:
    """Keep the rules by which a program is entered now, and no longer those of before."""
    rules = entry_rules(program_id, enter)
    for id, rule in rules.items():
        await keep(connection, id, rule.spec(), now)
    cursor = await connection.execute(
        "select id from segments where id like 'entry:%%' and split_part(id, ':', 2) = %s"
        " and state = 'kept' and id <> all(%s)",
        (program_id, list(rules)),
    )
    gone = [row[0] for row in await cursor.fetchall()]
    if gone:
        await retire(connection, gone, now)


async def list_segments(
    connection: Connection, ids: Iterable[str] | None = None, *, retired: bool = False
) -> list[SegmentRow]:
    """The segments that have a name, with how many members each has; in order of name."""
    async with connection.cursor(row_factory=class_row(SegmentRow)) as cursor:
        await cursor.execute(
            f"select {_COLUMNS}, (select count(*) from segment_members m where m.segment_id = s.id)"
            " as members from segments s where s.id not like '%%:%%'"
            " and (%(retired)s or s.state = 'kept')"
            " and (%(ids)s::text[] is null or s.id = any(%(ids)s)) order by s.id",
            {"ids": list(ids) if ids is not None else None, "retired": retired},
        )
        return await cursor.fetchall()


async def missing(connection: Connection, names: Iterable[str]) -> list[str]:
    """Those of these names that are no published segment."""
    cursor = await connection.execute(
        "select n from unnest(%s::text[]) n where not exists (select from segments s"
        " where s.id = n and s.state = 'kept') order by 1",
        (sorted(set(names)),),
    )
    return [row[0] for row in await cursor.fetchall()]


# A version counts while somebody may enter it or is inside. What its entries read is kept by rules
# of their own, but for those by what happens: they name it in `only_if`, as event triggers do.
# A program that was stopped may be opened again, so that is refused then. Newsletters and
# broadcasts name it somewhere in what they are.
_NAMES_IT = "jsonb_path_exists({}, %(path)s::jsonpath, %(named)s)"
_USED_BY = f"""
select distinct 'program ' || v.program_id
  from program_versions v join programs p on p.id = v.program_id
 where v.number = p.version and p.state not in ('stopped', 'finishing')
       and (%(key)s = any(v.listens) or {_NAMES_IT.format("v.spec")})
    or %(key)s = any(v.listens) and exists (select from enrollments e
         where e.program_id = v.program_id and e.version = v.number and e.ended_at is null)
union
select distinct case when s.id like 'entry:%%' then 'program ' || split_part(s.id, ':', 2)
                     when s.id like 'trigger:%%' then 'trigger ' || split_part(s.id, ':', 2)
                     else 'segment ' || s.id end
  from segments s left join programs p on s.id like 'entry:%%' and p.id = split_part(s.id, ':', 2)
 where s.state = 'kept' and %(key)s = any(s.reads)
   and (p.id is null or p.state not in ('stopped', 'finishing'))
union
select 'trigger ' || t.id from triggers t
 where t.state = 'running' and {_NAMES_IT.format("t.spec")}
union
select 'newsletter ' || n.id from newsletters n
 where n.retired_at is null and {_NAMES_IT.format("n.spec")}
union
select 'newsletter ' || i.newsletter_id from newsletter_issues i
 where i.state not in ('sent', 'done', 'skipped') and {_NAMES_IT.format("i.spec")}
union
select 'broadcast ' || b.id from broadcasts b
 where b.state = 'running' and b.frozen_at is null and {_NAMES_IT.format("b.spec")}
 order by 1
"""


async def used_by(
    connection: Connection, name: str, kind: Literal["segment", "trigger"] = "segment"
) -> list[str]:
    """Who reads a segment or a trigger now, in words: "program renewal", "segment at-risk"."""
    values = {
        "key": f"{kind}:{name}", "path": f"$.**.{kind} ? (@ == $name)",
        "named": Jsonb({"name": name}),
    }  # fmt: skip
    cursor = await connection.execute(_USED_BY, values)
    return [row[0] for row in await cursor.fetchall()]


def owner_of(rule_id: str) -> str:
    """Whose rule it is, in words: "segment at-risk", "program renewal", "trigger usage-drop"."""
    if rule_id.startswith(ENTRY):
        return f"program {entry_of(rule_id)[0]}"
    if rule_id.startswith(TRIGGER):
        return f"trigger {rule_id.removeprefix(TRIGGER)}"
    return f"segment {rule_id}"
