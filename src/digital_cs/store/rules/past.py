"""The database as a day of the past knew it: the same statements, read through views of before."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Sequence
from datetime import date, datetime
from typing import Any

from psycopg import AsyncConnection, sql

from digital_cs.domain.rules.verdict import Verdict
from digital_cs.domain.timing.business_calendar import BusinessCalendar
from digital_cs.store.rules.condition_sql import Compiled

Connection = AsyncConnection[Any]

AT_ONCE = 5000

_DAY = "current_setting('digital_cs.past_day')::date"
_END = f"(({_DAY} + 1)::timestamp at time zone 'UTC')"

# What stands for a column in the past; the other columns are as they are now. Rows of later days
# are left out. A temporary view hides the table of its name, for this connection alone.
_VIEWS: dict[str, tuple[dict[str, str], str]] = {
    "accounts": (
        {
            "last_active_on": "(select max(u.day) from public.usage_days u"  # noqa: S608
            f" where u.account_id = t.id and u.n > 0 and u.day <= {_DAY})"
        },
        "true",
    ),
    "usage_days": ({}, f"t.day <= {_DAY}"),
    "milestones": ({}, f"t.reached_at < {_END}"),
    "trigger_firings": ({}, f"t.at < {_END}"),
    "tickets": (
        {
            "status": f"case when t.solved_at < {_END} or t.solved_at is null then t.status"
            " when t.status in ('solved', 'closed') then 'open' else t.status end",
            "solved_at": f"case when t.solved_at < {_END} then t.solved_at end",
        },
        f"t.opened_at < {_END}",
    ),
}


@contextlib.asynccontextmanager
async def past(connection: Connection) -> AsyncIterator[None]:
    """See usage, milestones, firings and tickets as of the day that `go_to` names; nothing can be
    written.

    All is read from one snapshot of the database, so that the same question has the same answer,
    whatever comes in meanwhile. That holds back the cleaning up of what others delete: hours of
    it are felt. The connection must be in no transaction.
    """
    async with connection.transaction(force_rollback=True):
        await connection.execute("set transaction isolation level repeatable read")
        for name, (instead, where) in _VIEWS.items():
            await connection.execute(await _view(connection, name, instead, where))
        await connection.execute("set transaction read only")
        # All rows of a cursor will be fetched: a plan that is quick for the first is no help.
        await connection.execute("set local cursor_tuple_fraction = 1")
        yield


async def go_to(connection: Connection, day: date) -> None:
    """Know what was known when this UTC day was complete, and no more. Inside `past`."""
    await connection.execute(
        "select set_config('digital_cs.past_day', %s, true)", (day.isoformat(),)
    )


async def _view(
    connection: Connection, name: str, instead: dict[str, str], where: str
) -> sql.Composed:
    cursor = await connection.execute(
        "select attname from pg_attribute where attrelid = %s::regclass and attnum > 0"
        " and not attisdropped order by attnum",
        (f"public.{name}",),
    )
    columns = [
        sql.SQL("{} as {}").format(
            sql.SQL(instead[column]) if column in instead else sql.Identifier("t", column),
            sql.Identifier(column),
        )
        for (column,) in await cursor.fetchall()
    ]
    return sql.SQL("create temporary view {} as select {} from public.{} t where {}").format(
        sql.Identifier(name), sql.SQL(", ").join(columns), sql.Identifier(name), sql.SQL(where)
    )


async def verdicts(
    connection: Connection, compiled: Compiled, now: datetime, calendar: BusinessCalendar,
    ids: Sequence[str] | None = None,
) -> AsyncIterator[list[tuple[str, Verdict]]]:  # fmt: skip
    """The verdicts that are not no, some at a time, on all accounts or on these."""
    query = compiled.query if ids is None else compiled.query_of_ids
    async with connection.cursor("verdicts") as cursor:
        await cursor.execute(
            f"select account_id, verdict from ({query}) judged"  # noqa: S608
            " where verdict is not false",
            compiled.values(now, calendar, ids),
        )
        while page := await cursor.fetchmany(AT_ONCE):
            yield [(id, Verdict.YES if yes else Verdict.UNKNOWN) for id, yes in page]


async def events_of_day(connection: Connection, event: str, day: date) -> list[str]:
    """The accounts in which an event happened on a UTC day, in order.

    A mere count of the day has no moment, and fires nothing as it is loaded.
    """
    cursor = await connection.execute(
        "select account_id from usage_days where event = %s and day = %s and n > 0"
        " and first_at is not null order by 1",
        (event, day),
    )
    return [row[0] for row in await cursor.fetchall()]
