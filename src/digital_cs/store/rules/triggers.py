"""Triggers as published, where each stands for an account, and when it fired for whom and why."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from psycopg import AsyncConnection
from psycopg.rows import class_row
from psycopg.types.json import Jsonb

from digital_cs.domain.rules.trigger_state import State

Connection = AsyncConnection[Any]

RUNNING, STOPPED = "running", "stopped"


@dataclass(frozen=True, slots=True)
class TriggerRow:
    """A published trigger. `state` is running or stopped."""

    id: str
    version: int
    spec: dict[str, Any]
    content_hash: str
    state: str
    changed_at: datetime


@dataclass(frozen=True, slots=True)
class TriggerCounts:
    """For how many accounts a trigger holds, waits for its span, fired lately, and ever."""

    holds: int
    waiting: int
    fired_this_week: int
    fired: int
    last_fired_at: datetime | None


@dataclass(frozen=True, slots=True)
class Firing:
    """A trigger fired for an account; `words` says why, `figures` what was found."""

    id: int
    trigger: str
    version: int
    account: str
    at: datetime
    words: str
    figures: dict[str, str]


_PUBLISH = """
insert into triggers as t (id, version, content_hash, spec, state, changed_at)
values (%(id)s, 1, %(hash)s, %(spec)s, 'running', %(now)s)
on conflict (id) do update set
  version = t.version + (t.content_hash <> excluded.content_hash)::int,
  content_hash = excluded.content_hash, spec = excluded.spec, state = excluded.state,
  changed_at = excluded.changed_at
 where (t.content_hash, t.state) <> (excluded.content_hash, excluded.state)
returning version
"""


async def publish(
    connection: Connection, id: str, spec: dict[str, Any], content_hash: str, now: datetime
) -> tuple[int, bool]:
    """Keep a trigger, and have it run; returns (version, whether anything is new)."""
    cursor = await connection.execute(
        _PUBLISH, {"id": id, "spec": Jsonb(spec), "hash": content_hash, "now": now}
    )
    row = await cursor.fetchone()
    if row is not None:
        # It may have to hold, or rest, for another span now: that is found out by a look.
        await connection.execute(
            "update trigger_states set due_at = %s where trigger_id = %s and due_at is not null",
            (now, id),
        )
        return int(row[0]), True
    cursor = await connection.execute("select version from triggers where id = %s", (id,))
    row = await cursor.fetchone()
    assert row is not None
    return int(row[0]), False


async def stop(connection: Connection, id: str, now: datetime) -> bool:
    """Have a trigger fire no more; False if it does not run. What it did stays."""
    cursor = await connection.execute(
        "update triggers set state = 'stopped', changed_at = %s"
        " where id = %s and state = 'running'",
        (now, id),
    )
    await connection.execute("delete from trigger_states where trigger_id = %s", (id,))
    return cursor.rowcount == 1


async def list_triggers(
    connection: Connection, ids: Iterable[str] | None = None, *, running_only: bool = False
) -> list[TriggerRow]:
    """Published triggers in order of id, or those named."""
    async with connection.cursor(row_factory=class_row(TriggerRow)) as cursor:
        await cursor.execute(
            "select id, version, spec, content_hash, state, changed_at from triggers"
            " where (%(ids)s::text[] is null or id = any(%(ids)s))"
            " and (not %(running)s or state = 'running') order by id",
            {"ids": sorted(ids) if ids is not None else None, "running": running_only},
        )
        return await cursor.fetchall()


async def missing(connection: Connection, names: Iterable[str]) -> list[str]:
    """Those of these names that are no running trigger, in order."""
    wanted = set(names)
    rows = await list_triggers(connection, wanted, running_only=True) if wanted else ()
    return sorted(wanted - {row.id for row in rows})


_COUNTS = """
select t.id,
       (select count(*) from segment_members m where m.segment_id = 'trigger:' || t.id),
       (select count(*) from trigger_states s where s.trigger_id = t.id
           and s.armed and s.since is not null),
       (select count(*) from trigger_firings f where f.trigger_id = t.id
           and f.at > %(now)s::timestamptz - interval '7 days'),
       (select count(*) from trigger_firings f where f.trigger_id = t.id),
       (select max(f.at) from trigger_firings f where f.trigger_id = t.id)
  from triggers t
"""


async def counts(connection: Connection, now: datetime) -> dict[str, TriggerCounts]:
    """What every published trigger did, by id."""
    cursor = await connection.execute(_COUNTS, {"now": now})
    return {row[0]: TriggerCounts(*row[1:]) for row in await cursor.fetchall()}


async def states(
    connection: Connection, trigger_id: str, account_ids: Iterable[str]
) -> dict[str, State]:
    """Where the trigger stands for these accounts, as far as that is not fresh.

    The rows stay locked until the transaction ends.
    """
    cursor = await connection.execute(
        "select account_id, armed, since, fired_at from trigger_states"
        " where trigger_id = %s and account_id = any(%s) order by account_id for update",
        (trigger_id, sorted(set(account_ids))),
    )
    return {row[0]: State(*row[1:]) for row in await cursor.fetchall()}


async def save_states(
    connection: Connection, trigger_id: str, kept: Mapping[str, tuple[State, datetime | None]],
    forgotten: Iterable[str],
) -> None:  # fmt: skip
    """Keep states, each with the moment at which time alone makes something of it."""
    await connection.execute(
        "insert into trigger_states (trigger_id, account_id, armed, since, fired_at, due_at)"
        " select %(trigger)s, * from unnest(%(ids)s::text[], %(armed)s::bool[],"
        "   %(since)s::timestamptz[], %(fired)s::timestamptz[], %(due)s::timestamptz[])"
        " on conflict (trigger_id, account_id) do update set armed = excluded.armed,"
        " since = excluded.since, fired_at = excluded.fired_at, due_at = excluded.due_at",
        {
            "trigger": trigger_id, "ids": list(kept),
            "armed": [state.armed for state, _ in kept.values()],
            "since": [state.since for state, _ in kept.values()],
            "fired": [state.fired_at for state, _ in kept.values()],
            "due": [due for _, due in kept.values()],
        },
    )  # fmt: skip
    gone = sorted(set(forgotten))
    if gone:
        await connection.execute(
            "delete from trigger_states where trigger_id = %s and account_id = any(%s)",
            (trigger_id, gone),
        )


@dataclass(frozen=True, slots=True)
class Due:
    """A state of which time alone may make something now. `member`: the rule holds, as kept."""

    due_at: datetime
    trigger: str
    account: str
    member: bool


_DUE = """
select s.due_at, s.trigger_id as trigger, s.account_id as account,
       exists (select from segment_members m where m.segment_id = 'trigger:' || s.trigger_id
                  and m.account_id = s.account_id) as member
  from trigger_states s join triggers t on t.id = s.trigger_id and t.state = 'running'
 where s.due_at <= %(now)s
   and (s.due_at, s.trigger_id, s.account_id) >
       (%(at)s::timestamptz, %(trigger)s::text, %(account)s::text)
 order by 1, 2, 3 limit %(most)s
"""


async def due(
    connection: Connection, now: datetime, after: tuple[datetime, str, str], most: int
) -> list[Due]:
    """What is due by now, one page in order of (due at, trigger, account), from `after` on."""
    at, trigger, account = after
    async with connection.cursor(row_factory=class_row(Due)) as cursor:
        await cursor.execute(
            _DUE,
            {"now": now, "at": at, "trigger": trigger, "account": account, "most": most},
        )
        return await cursor.fetchall()


async def record(
    connection: Connection, trigger_id: str, version: int, at: datetime,
    reasons: Mapping[str, tuple[str, dict[str, str]]],
) -> None:  # fmt: skip
    """Keep that a trigger fired for these accounts, each with its words and figures."""
    await connection.execute(
        "insert into trigger_firings (trigger_id, version, account_id, at, words, figures)"
        " select %s, %s, g.account_id, %s, g.words, g.figures from jsonb_to_recordset(%s)"
        " as g(account_id text, words text, figures jsonb) order by g.account_id",
        (
            trigger_id, version, at,
            Jsonb([{"account_id": id, "words": words, "figures": figures}
                   for id, (words, figures) in reasons.items()]),
        ),
    )  # fmt: skip


async def firings(
    connection: Connection, *, trigger: str | None = None, account: str | None = None,
    most: int = 100,
) -> list[Firing]:  # fmt: skip
    """The latest firings, newest last."""
    async with connection.cursor(row_factory=class_row(Firing)) as cursor:
        await cursor.execute(
            "select id, trigger_id as trigger, version, account_id as account, at, words, figures"
            " from trigger_firings where (%(trigger)s::text is null or trigger_id = %(trigger)s)"
            " and (%(account)s::text is null or account_id = %(account)s)"
            " order by at desc, id desc limit %(most)s",
            {"trigger": trigger, "account": account, "most": most},
        )
        return (await cursor.fetchall())[::-1]


async def listeners(
    connection: Connection, trigger_id: str
) -> Sequence[tuple[str, dict[str, Any]]]:
    """The programs that accounts may enter by this trigger, each with its spec, in order of id."""
    cursor = await connection.execute(
        "select p.id, v.spec from programs p"
        " join program_versions v on v.program_id = p.id and v.number = p.version"
        " where p.state <> 'stopped' and v.spec->'enter'->'when' @> %s order by p.id",
        (Jsonb([{"trigger": trigger_id}]),),
    )
    return [(row[0], row[1]) for row in await cursor.fetchall()]
