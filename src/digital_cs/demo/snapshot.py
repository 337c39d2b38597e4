"""One look at where everything stands, read from the database for the live view."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from psycopg import AsyncConnection

Connection = AsyncConnection[Any]


@dataclass(frozen=True, slots=True)
class ProgramLine:
    """How many are inside a program, have ended, and how many of those by its goal."""

    id: str
    name: str
    state: str
    inside: int
    ended: int
    goal: int


@dataclass(frozen=True, slots=True)
class StepLine:
    """How many accounts stand at a step: what all of them do there, else the step's name."""

    program: str
    what: str
    accounts: int


@dataclass(frozen=True, slots=True)
class DueLine:
    """What will happen to an account next, and when: the end of a wait, if nothing else."""

    at: datetime
    account: str
    program: str
    what: str


@dataclass(frozen=True, slots=True)
class DecisionLine:
    """A decision against sending, or for later, in words."""

    at: datetime
    account: str
    step: str
    verdict: str
    words: str


@dataclass(frozen=True, slots=True)
class Snapshot:
    """`overdue` touches are past their moment, and `waiting` starts and wakes not yet relayed."""

    now: datetime
    accounts: int = 0
    people: int = 0
    programs: tuple[ProgramLine, ...] = ()
    steps: tuple[StepLine, ...] = ()
    messages: Mapping[str, int] = field(default_factory=dict)
    tasks: Mapping[str, int] = field(default_factory=dict)
    due: tuple[DueLine, ...] = ()
    overdue: int = 0
    waiting: int = 0
    decisions: tuple[DecisionLine, ...] = ()
    alerts: tuple[str, ...] = ()


_COUNTS = """
select (select count(*) from accounts), (select count(*) from contacts),
       (select count(*) from enrollments e join programs p on p.id = e.program_id
         where e.ended_at is null and e.wake_at <= %s and not e.paused and p.state = 'running'),
       (select count(*) from outbox)
"""

_PROGRAMS = """
select p.id, v.spec->>'name', p.state, count(e.id) filter (where e.ended_at is null),
       count(e.ended_at), count(e.id) filter (where e.ending = 'goal')
  from programs p join program_versions v on v.program_id = p.id and v.number = p.version
  left join enrollments e on e.program_id = p.id
 group by 1, 2, 3 order by 1
"""

_STEPS = """
select program_id, case when min(label) = max(label) and min(label) <> '' then min(label)
       else step end, count(*)
  from enrollments where ended_at is null
 group by program_id, step order by 3 desc, 1, step limit %s
"""

_DUE = """
select e.wake_at, a.name, e.program_id,
       case when e.next_label like '%% %%' then e.next_label else e.label || ' ends' end
  from enrollments e join accounts a on a.id = e.account_id
 where e.ended_at is null and e.wake_at > %s and not e.paused
 order by e.wake_at limit %s
"""

# A send window that is closed for the night is no news; everything else against sending is.
_DECISIONS = """
select d.at, a.name, coalesce(d.step, d.broadcast_id), d.verdict, d.words
  from decisions d join accounts a on a.id = d.account_id
 where d.verdict in ('held', 'skipped', 'failed', 'unknown')
    or (d.verdict = 'deferred' and d.reason <> 'window')
 order by d.id desc limit %s
"""


async def look(connection: Connection, now: datetime, *, lines: int = 12) -> Snapshot:
    """Where everything stands at business time `now`; lists are cut after `lines`."""
    (accounts, people, overdue, waiting), *_ = await _rows(connection, _COUNTS, now)
    return Snapshot(
        now=now, accounts=accounts, people=people, overdue=overdue, waiting=waiting,
        programs=tuple(ProgramLine(*row) for row in await _rows(connection, _PROGRAMS)),
        steps=tuple(StepLine(*row) for row in await _rows(connection, _STEPS, lines)),
        messages=await _by_state(connection, "messages"),
        tasks=await _by_state(connection, "tasks"),
        due=tuple(DueLine(*row) for row in await _rows(connection, _DUE, now, lines)),
        decisions=tuple(
            DecisionLine(*row) for row in await _rows(connection, _DECISIONS, lines)
        ),
        alerts=tuple(
            row[0]
            for row in await _rows(
                connection, "select words from alerts where closed_at is null order by last_at"
            )
        ),
    )  # fmt: skip


async def _rows(connection: Connection, query: str, *values: object) -> list[tuple[Any, ...]]:
    return await (await connection.execute(query, values)).fetchall()


async def _by_state(connection: Connection, table: str) -> dict[str, int]:
    query = f"select state, count(*) from {table} group by 1 order by 2 desc"  # noqa: S608
    return dict(await _rows(connection, query))
