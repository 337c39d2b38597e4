"""What it takes to reach each milestone: as a file declares it, or as published rules name it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from psycopg import AsyncConnection
from psycopg.types.json import Jsonb

from digital_cs.domain.milestone import Milestone, spoken_of
from digital_cs.store.product.milestones import catch_up

Connection = AsyncConnection[Any]

SPOKEN = ""
"""The content hash of a milestone that is in no file: something published speaks of it."""


@dataclass(frozen=True, slots=True)
class Declared:
    """What a declaration changed, by name; `reached` counts what history reaches by it.

    `caught_up` are those that are reached otherwise than before: when this is committed, they
    want `catch_up_again`.
    """

    new: tuple[str, ...] = ()
    changed: tuple[str, ...] = ()
    retired: tuple[str, ...] = ()
    caught_up: tuple[str, ...] = ()
    reached: int = 0


_DECLARE = """
with wanted as (
  select * from jsonb_to_recordset(%(rows)s) as w(name text, title text, position int, rule jsonb,
                                                   content_hash text)),
before as (select * from milestone_definitions),
saved as (
  insert into milestone_definitions as d (name, title, position, rule, content_hash, changed_at)
  select name, title, position, rule, content_hash, %(now)s from wanted
  on conflict (name) do update set title = excluded.title, position = excluded.position,
    rule = excluded.rule, content_hash = excluded.content_hash, changed_at = excluded.changed_at,
    retired_at = null
   where (d.title, d.position, d.rule, d.content_hash, d.retired_at is null) is distinct from
         (excluded.title, excluded.position, excluded.rule, excluded.content_hash, true)
  returning *),
gone as (
  update milestone_definitions d set retired_at = %(now)s, changed_at = %(now)s
   where retired_at is null and not exists (select from wanted w where w.name = d.name)
  returning name, position)
select s.position, s.name,
       case when b.name is null or b.retired_at is not null then 'new' else 'changed' end,
       b.retired_at is null and b.rule->'reached_by' is not distinct from s.rule->'reached_by'
  from saved s left join before b on b.name = s.name
union all
select position, name, 'retired', true from gone
 order by 1, 2
"""


async def declare(
    connection: Connection, milestones: Sequence[Milestone], now: datetime
) -> Declared:
    """Make these the milestones, in this order, and reach what history reaches by a change.

    A name that is not among them, but that a published program, segment or trigger speaks of,
    stays a milestone: the event of its name reaches it. What was reached stays reached.
    """
    async with connection.transaction():
        await _lock(connection)
        return await _declare(connection, milestones, now)


async def refresh(connection: Connection, now: datetime) -> Declared:
    """Look again at which milestones are spoken of; those that are declared stay as they are."""
    async with connection.transaction():
        await _lock(connection)
        return await _declare(connection, await declared(connection), now)


async def _lock(connection: Connection) -> None:
    """Two that declare wait for each other; who only reads waits for nobody."""
    await connection.execute("lock table milestone_definitions in share row exclusive mode")


async def _declare(
    connection: Connection, milestones: Sequence[Milestone], now: datetime
) -> Declared:
    spoken = await _spoken_of(connection) - {each.milestone for each in milestones}
    rows = [_row(each, position, _hash(each)) for position, each in enumerate(milestones)]
    rows += [
        _row(spoken_of(name), position, SPOKEN)
        for position, name in enumerate(sorted(spoken), start=len(rows))
    ]
    cursor = await connection.execute(_DECLARE, {"rows": Jsonb(rows), "now": now})
    found: dict[str, list[str]] = {"new": [], "changed": [], "retired": [], "again": []}
    for _, name, what, same_rule in await cursor.fetchall():
        found[what].append(name)
        if not same_rule:
            found["again"].append(name)
    reached = await catch_up(connection, found["again"]) if found["again"] else 0
    new, changed, retired, again = (tuple(names) for names in found.values())
    return Declared(new, changed, retired, again, reached)


async def declared(connection: Connection) -> list[Milestone]:
    """The declared milestones in their order, without those that are only spoken of."""
    cursor = await connection.execute(
        "select name, title, rule from milestone_definitions"
        " where retired_at is null and content_hash <> %s order by position, name",
        (SPOKEN,),
    )
    return [_milestone(name, title, rule) for name, title, rule in await cursor.fetchall()]


@dataclass(frozen=True, slots=True)
class Kept:
    """A milestone that counts now. `declared` is False for one that is only spoken of."""

    milestone: Milestone
    declared: bool
    reached: int


async def kept(connection: Connection) -> list[Kept]:
    """All that count now, in their order, and how many accounts reached each."""
    cursor = await connection.execute(
        "select d.name, d.title, d.rule, d.content_hash <> %s, count(m.name)"
        " from milestone_definitions d left join milestones m on m.name = d.name"
        " where d.retired_at is null group by d.name order by d.position, d.name",
        (SPOKEN,),
    )
    return [
        Kept(_milestone(name, title, rule), is_declared, reached)
        for name, title, rule, is_declared, reached in await cursor.fetchall()
    ]


_SPOKEN_OF = """
with specs as (
  select spec from program_versions
  union all select spec from segments where state = 'kept'
  union all select spec from triggers)
select found #>> '{}' from specs, jsonb_path_query(spec, '$.**.milestone') found
 where jsonb_typeof(found) = 'string'
union
select found #>> '{}' from specs, jsonb_path_query(spec, '$.**.missed') found
 where jsonb_typeof(found) = 'string'
"""


async def _spoken_of(connection: Connection) -> set[str]:
    """Old versions of programs too, for those inside."""
    cursor = await connection.execute(_SPOKEN_OF)
    return {row[0] for row in await cursor.fetchall()}


def _milestone(name: str, title: str, rule: dict[str, Any]) -> Milestone:
    """What a program speaks of may have any name, so that of a row is not checked again."""
    found = Milestone.model_validate({"milestone": "a", "title": title, **rule})
    return found.model_copy(update={"milestone": name})


def _row(milestone: Milestone, position: int, content_hash: str) -> dict[str, Any]:
    return {
        "name": milestone.milestone, "title": milestone.title, "position": position,
        "rule": milestone.model_dump(mode="json", exclude={"milestone", "title"},
                                     exclude_none=True),
        "content_hash": content_hash,
    }  # fmt: skip


def _hash(milestone: Milestone) -> str:
    text = json.dumps(milestone.model_dump(mode="json"), sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()
