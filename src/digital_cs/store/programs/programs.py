"""Programs and their immutable versions."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from types import MappingProxyType
from typing import Any

from psycopg import AsyncConnection
from psycopg.types.json import Jsonb

from digital_cs.domain.programs.program import Entry, ReEntry
from digital_cs.domain.programs.program_graph import (
    BranchNode,
    Graph,
    SendNode,
    WaitDateNode,
    WaitForNode,
)
from digital_cs.store.programs.enrollments import Again
from digital_cs.store.programs.facts import reads_json
from digital_cs.store.rules import segments

Connection = AsyncConnection[Any]


class State(StrEnum):
    """Whether accounts may enter, and whether those inside move on (P10, P11).

    FINISHING is shown as STOPPED once the last one is out.
    """

    RUNNING = "running"
    PAUSED = "paused"
    CLOSED = "closed"
    PAUSED_CLOSED = "paused-closed"
    FINISHING = "finishing"
    STOPPED = "stopped"


ENTERED = (State.RUNNING, State.PAUSED)
"""States in which accounts may enter."""

Button = Mapping[State, State]
"""What pressing a button makes of each state; a state that is not in it stays as it is."""

PAUSE: Button = MappingProxyType(
    {
        State.RUNNING: State.PAUSED,
        State.CLOSED: State.PAUSED_CLOSED,
        State.FINISHING: State.PAUSED_CLOSED,
    }
)
RESUME: Button = MappingProxyType({State.PAUSED: State.RUNNING, State.PAUSED_CLOSED: State.CLOSED})
OPEN: Button = MappingProxyType(
    {
        State.CLOSED: State.RUNNING,
        State.PAUSED_CLOSED: State.PAUSED,
        State.FINISHING: State.RUNNING,
        State.STOPPED: State.RUNNING,
    }
)
STOP_ENTERING: Button = MappingProxyType(
    {State.RUNNING: State.CLOSED, State.PAUSED: State.PAUSED_CLOSED}
)
FINISH: Button = MappingProxyType(
    {each: State.FINISHING for each in State if each is not State.STOPPED}
)
STOP_ALL: Button = MappingProxyType(dict.fromkeys(State, State.STOPPED))


@dataclass(frozen=True, slots=True)
class ProgramRow:
    """A published program, and how many are inside it."""

    id: str
    state: str
    version: int
    spec: dict[str, Any]
    content_hash: str
    published_at: datetime
    inside: int = 0
    ended: int = 0


DECIDES_BY = frozenset({"tickets", "sending"})
"""What may end a hold of the decision (P18): a ticket, and all that people do about sending."""


def listened_keys(graph: Graph) -> set[str]:
    """Every key whose change may concern somebody in this version, at whatever step."""
    keys = set(graph.listens) | {"contacts", "stage", "managed"}
    if any(isinstance(node, SendNode) for node in graph.nodes.values()):
        keys |= DECIDES_BY
    for node in graph.nodes.values():
        match node:
            case WaitForNode():
                keys.update(node.condition.listens())
            case BranchNode():
                for condition, _ in node.cases:
                    keys.update(condition.listens())
            case WaitDateNode():
                keys.add(f"trait:{node.trait}")
    return keys


async def publish(
    connection: Connection, graph: Graph, spec: dict[str, Any], content_hash: str, now: datetime
) -> tuple[int, bool]:
    """Keep a new version if its content is new; returns (number, whether it is new).

    Those inside stay at the version they entered with (P20).
    """
    async with connection.transaction():
        await connection.execute(
            "insert into programs (id, state, version, changed_at) values (%s, 'running', 0, %s)"
            " on conflict (id) do nothing",
            (graph.id, now),
        )
        cursor = await connection.execute(
            "select p.version, v.content_hash from programs p left join program_versions v"
            " on v.program_id = p.id and v.number = p.version where p.id = %s for update of p",
            (graph.id,),
        )
        row = await cursor.fetchone()
        assert row is not None
        if row[1] == content_hash:
            return int(row[0]), False
        number = int(row[0]) + 1
        await connection.execute(
            "insert into program_versions (program_id, number, content_hash, spec, first_step,"
            " event_names, listens, reads, published_at)"
            " values (%s, %s, %s, %s, %s, %s, %s, %s, %s)",
            (
                graph.id, number, content_hash, Jsonb(spec), graph.first,
                sorted(graph.event_names), sorted(listened_keys(graph)),
                Jsonb(reads_json(graph.reads)), now,
            ),
        )  # fmt: skip
        await connection.execute(
            "update programs set version = %s, changed_at = %s where id = %s",
            (number, now, graph.id),
        )
        enter = Entry.model_validate(spec.get("enter", {}))
        await segments.keep_entries(connection, graph.id, enter, now)
    return number, True


async def keep_all_entries(connection: Connection, now: datetime) -> None:
    """Keep the rules by which programs are entered that another release published."""
    for row in await list_programs(connection):
        enter = Entry.model_validate(row.spec.get("enter", {}))
        await segments.keep_entries(connection, row.id, enter, now)


async def version_spec(
    connection: Connection, program_id: str, number: int
) -> dict[str, Any] | None:
    """The program as it was published under this number."""
    cursor = await connection.execute(
        "select spec from program_versions where program_id = %s and number = %s",
        (program_id, number),
    )
    row = await cursor.fetchone()
    return row[0] if row else None


async def first_published(connection: Connection, program_id: str) -> datetime | None:
    """When the program was published for the first time."""
    cursor = await connection.execute(
        "select min(published_at) from program_versions where program_id = %s", (program_id,)
    )
    row = await cursor.fetchone()
    return row[0] if row else None


async def re_entry(connection: Connection, program_id: str) -> Again:
    """How often an account may enter, by the newest version; "never" for an unknown program."""
    cursor = await connection.execute(
        "select v.spec->'enter'->'again' from programs p join program_versions v"
        " on v.program_id = p.id and v.number = p.version where p.id = %s",
        (program_id,),
    )
    row = await cursor.fetchone()
    again = row[0] if row else None
    if isinstance(again, dict):
        return ReEntry.model_validate(again)
    return "always" if again == "always" else "never"


_LIST = """
select p.id, case when p.state = 'finishing' and not exists (select 1 from enrollments e
              where e.program_id = p.id and e.ended_at is null) then 'stopped' else p.state end,
       p.version, v.spec, v.content_hash, v.published_at,
       (select count(*) from enrollments e where e.program_id = p.id and e.ended_at is null),
       (select count(*) from enrollments e where e.program_id = p.id and e.ended_at is not null)
  from programs p join program_versions v on v.program_id = p.id and v.number = p.version
 where %(ids)s::text[] is null or p.id = any(%(ids)s)
 order by p.id
"""


async def list_programs(
    connection: Connection, ids: Iterable[str] | None = None
) -> list[ProgramRow]:
    """All published programs, or those named, at their newest version."""
    cursor = await connection.execute(_LIST, {"ids": list(ids) if ids is not None else None})
    return [ProgramRow(*row) for row in await cursor.fetchall()]


async def names(connection: Connection) -> dict[str, str]:
    """What each published program is called, by its id."""
    cursor = await connection.execute(
        "select p.id, coalesce(nullif(v.spec->>'name', ''), p.id) from programs p"
        " join program_versions v on v.program_id = p.id and v.number = p.version"
    )
    return dict(await cursor.fetchall())


async def running(connection: Connection) -> list[ProgramRow]:
    """The programs that may be entered, without counting who is inside."""
    cursor = await connection.execute(
        "select p.id, p.state, p.version, v.spec, v.content_hash, v.published_at from programs p"
        " join program_versions v on v.program_id = p.id and v.number = p.version"
        " where p.state in ('running', 'paused') order by p.id"
    )
    return [ProgramRow(*row) for row in await cursor.fetchall()]


async def lock_state(connection: Connection, program_id: str) -> State | None:
    """The state of a program, which nobody else changes until the transaction ends.

    Waits for those who are just entering, and makes who comes next wait. None: no such program.
    """
    cursor = await connection.execute(
        "select state from programs where id = %s for update", (program_id,)
    )
    row = await cursor.fetchone()
    return State(row[0]) if row else None


async def set_state(
    connection: Connection, program_id: str, before: State, after: State, now: datetime
) -> bool:
    """Change the state; False when it is not `before` any more."""
    cursor = await connection.execute(
        "update programs set state = %s, changed_at = %s where id = %s and state = %s",
        (after, now, program_id, before),
    )
    return cursor.rowcount == 1


async def who_is_where(connection: Connection, program_id: str) -> list[tuple[int, str, int]]:
    """(version, step, how many) of everybody inside."""
    cursor = await connection.execute(
        "select version, step, count(*) from enrollments where program_id = %s"
        " and ended_at is null group by 1, 2 order by 1, 3 desc, 2",
        (program_id,),
    )
    return [(r[0], r[1], r[2]) for r in await cursor.fetchall()]
