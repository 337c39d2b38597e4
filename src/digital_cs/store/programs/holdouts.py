"""Who is held out of which program: drawn by the statement that enrolls, kept for ever (P27)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from psycopg import AsyncConnection
from psycopg.rows import class_row

from digital_cs.domain.programs.holdout import SALT
from digital_cs.domain.sending.policy import Policy

Connection = AsyncConnection[Any]

SHARE_OF = (
    "((('x' || left(encode(sha256(convert_to(concat_ws(e'\\x1f', {parts}), 'UTF8')), 'hex'), 16))"
    "::bit(64) >> 11)::bigint::float8 / 9007199254740992::float8)"
)
"""domain.enrollment.share_of in SQL: the first 53 bits of the hash, which a float holds exactly."""

POINT = SHARE_OF.format(parts="%(holdout_salt)s::text, {program}, {account}")
"""domain.holdout.point in SQL."""

# A program that sends nothing but service notices leaves nobody out: those go to everybody.
DRAW = f"""
     draw as materialized (
       select v.program_id, coalesce((v.spec->>'holdout')::float8,
                (select (p.spec->>'holdout')::float8 from policies p order by p.version desc
                  limit 1), %(holdout_default)s::float8) as share
         from door d
         join program_versions v on v.program_id = d.id and v.number = d.version
        where jsonb_path_exists(v.spec, '$.steps.** ? (@.send.type() == "string"
                && (!exists(@.kind) || @.kind != "service"))')),
     drawn as (
       insert into holdouts (program_id, account_id, held, point, share, assigned_at)
       select program_id, account_id, point < share / 100, point, share, %(now)s
         from (select w.program_id, f.account_id, w.share,
                      {POINT.format(program="w.program_id", account="f.account_id")} as point
                 from fresh f cross join draw w) as each_account
        order by account_id
       on conflict do nothing)"""  # noqa: S608
"""Parts of the statement that enrolls: of its `door` and `fresh`, into the table holdouts.

Who has a draw keeps it, also when the share is another by now, or the account enters again.
"""

DRAW_VALUES = {"holdout_salt": SALT, "holdout_default": Policy().holdout}
"""What DRAW needs beside the moment `now`."""


@dataclass(frozen=True, slots=True)
class Arm:
    """One side of a holdout. `inside` now, and how many ever reached the goal of the program."""

    held: bool
    accounts: int
    inside: int
    reached_goal: int


@dataclass(frozen=True, slots=True)
class Drawn:
    """The draw of one account: its point in [0, 1), and the percent that were to be held out."""

    account_id: str
    name: str
    held: bool
    point: float
    share: float
    assigned_at: datetime


async def arms(connection: Connection, program_id: str) -> tuple[Arm, Arm]:
    """(Those who are written to, those held out) of a program, empty ones too."""
    async with connection.cursor(row_factory=class_row(Arm)) as cursor:
        await cursor.execute(
            "select held, count(*) as accounts, count(*) filter (where inside) as inside,"
            " count(*) filter (where goal) as reached_goal"
            " from (select h.account_id, h.held, bool_or(e.ended_at is null) as inside,"
            "  bool_or(e.ending = 'goal') as goal from holdouts h left join enrollments e"
            "  on e.program_id = h.program_id and e.account_id = h.account_id"
            "  where h.program_id = %s group by 1, 2) as each_account group by 1",
            (program_id,),
        )
        found = {arm.held: arm for arm in await cursor.fetchall()}
    return found.get(False, Arm(False, 0, 0, 0)), found.get(True, Arm(True, 0, 0, 0))


async def held(connection: Connection, program_id: str, most: int) -> list[Drawn]:
    """The accounts that are held out of a program, by id, at most so many."""
    async with connection.cursor(row_factory=class_row(Drawn)) as cursor:
        await cursor.execute(
            "select h.account_id, coalesce(a.name, '') as name, h.held, h.point, h.share,"
            " h.assigned_at from holdouts h left join accounts a on a.id = h.account_id"
            " where h.program_id = %s and h.held order by 1 limit %s",
            (program_id, most),
        )
        return await cursor.fetchall()


async def points(
    connection: Connection, program_id: str, account_ids: Iterable[str]
) -> dict[str, float]:
    """The point of each account in the draw of a program, as SQL makes it; nothing is kept."""
    cursor = await connection.execute(
        f"select id, {POINT.format(program='%(program)s::text', account='id')}"  # noqa: S608
        " from unnest(%(ids)s::text[]) as id",
        {"holdout_salt": SALT, "program": program_id, "ids": list(account_ids)},
    )
    return dict(await cursor.fetchall())
