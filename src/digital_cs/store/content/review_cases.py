"""Review cases and their stories: kept by compare-and-set, with what their workflows must hear."""

# ruff: noqa: S608  the statements are put together from constants, never from values
from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from psycopg import AsyncConnection
from psycopg.rows import dict_row

from digital_cs.domain.content.review_case import (
    Because,
    CaseStep,
    Did,
    Ending,
    InLine,
    Next,
    ReviewCase,
    Rung,
)

Connection = AsyncConnection[Any]

_STATE = (
    "owner", "assigned", "rung", "holder", "reviewer", "in_line", "in_line_since", "told_at",
    "reminded_at", "unreachable", "snoozed_at", "snoozed_until", "at_once_at", "next_at",
    "ended_at", "ended_as",
)  # fmt: skip
"""What changes in the course of a case."""
_CASE = f"id, item_id, opened_at, opened_because as because, {', '.join(_STATE)}"
_SET = ", ".join(f"{name} = %({name})s" for name in _STATE)
_STEPS = "insert into review_steps (case_id, at, kind, who, words) values (%s, %s, %s, %s, %s)"


@dataclass(frozen=True, slots=True)
class Kept:
    """A case with its revision, by which somebody who was quicker is noticed."""

    case: ReviewCase
    revision: int


@dataclass(frozen=True, slots=True)
class Wish:
    """A case whose workflow has to hear that something changed, up to this revision."""

    case_id: str
    revision: int
    ended: bool


async def get(connection: Connection, id: str) -> Kept | None:
    """The case of an id."""
    found = await _cases(connection, "id = %s", (id,))
    return found[0] if found else None


async def open_cases(connection: Connection) -> list[Kept]:
    """Every case that has not ended, the oldest first."""
    return await _cases(connection, "ended_at is null order by opened_at, id", ())


async def open_case_of(connection: Connection, item_id: str) -> Kept | None:
    """The open case of an item."""
    found = await _cases(connection, "item_id = %s and ended_at is null", (item_id,))
    return found[0] if found else None


async def any_open(connection: Connection) -> bool:
    """Whether any case is open."""
    cursor = await connection.execute(
        "select exists (select from review_cases where ended_at is null)"
    )
    row = await cursor.fetchone()
    return bool(row and row[0])


async def cases_of(connection: Connection, item_id: str, most: int = 20) -> list[Kept]:
    """The cases of an item, the latest first."""
    where = "item_id = %s order by opened_at desc, id limit %s"
    return await _cases(connection, where, (item_id, most))


async def _cases(connection: Connection, where: str, values: Sequence[Any]) -> list[Kept]:
    async with connection.cursor(row_factory=dict_row) as cursor:
        await cursor.execute(f"select {_CASE}, revision from review_cases where {where}", values)
        return [_kept(row) for row in await cursor.fetchall()]


async def steps_of(connection: Connection, id: str) -> list[CaseStep]:
    """The story of a case, from its beginning."""
    cursor = await connection.execute(
        "select kind, at, who, words from review_steps where case_id = %s order by id", (id,)
    )
    return [CaseStep(Did(row[0]), *row[1:]) for row in await cursor.fetchall()]


async def open_many(connection: Connection, found: Iterable[Next]) -> list[str]:
    """Keep new cases with their stories, and wish for their workflows; returns their ids.

    An item that has an open case keeps it, and gets no other. Call it in a transaction.
    """
    opened = []
    for each in found:
        case = each.case
        cursor = await connection.execute(
            "insert into review_cases (id, item_id, opened_at, opened_because, opened_for,"
            f" {', '.join(_STATE)}) values (%(id)s, %(item_id)s, %(opened_at)s, %(because)s,"
            f" %(reviewer)s, {', '.join(f'%({name})s' for name in _STATE)})"
            " on conflict (item_id) where ended_at is null do nothing",
            _row(case),
        )
        if cursor.rowcount:
            opened.append(case.id)
            await _tell(connection, each)
    return opened


async def save(
    connection: Connection, kept: Kept, found: Next, *, by_workflow: bool = False
) -> bool:
    """Keep a case as it is now, with what happened; False if somebody was quicker.

    Unless its own workflow says so, the workflow is to be woken. What changes nothing is not
    written. Call it in a transaction.
    """
    if found.case == kept.case and not found.steps:
        return True
    cursor = await connection.execute(
        f"update review_cases set {_SET}, revision = revision + 1,"
        " relayed = case when %(by_workflow)s then revision + 1 else relayed end"
        " where id = %(id)s and revision = %(revision)s",
        {**_row(found.case), "revision": kept.revision, "by_workflow": by_workflow},
    )
    if cursor.rowcount:
        await _tell(connection, found)
    return cursor.rowcount == 1


async def touch(connection: Connection, ids: Sequence[str]) -> None:
    """Wish that the workflows of these cases look again: something around them changed."""
    await connection.execute(
        "update review_cases set revision = revision + 1 where id = any(%s) and ended_at is null",
        (list(ids),),
    )


async def wishes(connection: Connection, most: int) -> list[Wish]:
    """Cases whose workflows have not heard of their last change."""
    cursor = await connection.execute(
        "select id, revision, ended_at is not null from review_cases where relayed < revision"
        " order by id limit %s",
        (most,),
    )
    return [Wish(*row) for row in await cursor.fetchall()]


async def fulfilled(connection: Connection, done: Sequence[Wish]) -> None:
    """Note that workflows were told; of what changed since, they will hear again."""
    async with connection.cursor() as cursor:
        await cursor.executemany(
            "update review_cases set relayed = greatest(relayed, %s) where id = %s",
            [(wish.revision, wish.case_id) for wish in done],
        )


async def overdue(connection: Connection, before: datetime, most: int = 500) -> list[str]:
    """Open cases whose moment passed before a moment, and that nobody moved on."""
    cursor = await connection.execute(
        "select id from review_cases where ended_at is null and next_at < %s"
        " and relayed = revision order by next_at limit %s",
        (before, most),
    )
    return [row[0] for row in await cursor.fetchall()]


async def contacts_on_topics(connection: Connection, since: datetime) -> dict[str, int]:
    """How many tickets came about each topic since a moment."""
    cursor = await connection.execute(
        "select topic, count(*) from tickets where topic is not null and opened_at >= %s"
        " group by topic",
        (since,),
    )
    return {row[0]: row[1] for row in await cursor.fetchall()}


async def _tell(connection: Connection, found: Next) -> None:
    async with connection.cursor() as cursor:
        await cursor.executemany(
            _STEPS,
            [(found.case.id, each.at, each.did.value, each.who, each.words)
             for each in found.steps],
        )  # fmt: skip


def _kept(row: dict[str, Any]) -> Kept:
    revision = row.pop("revision")
    row["because"], row["rung"] = Because(row["because"]), Rung(row["rung"])
    row["in_line"] = InLine(row["in_line"]) if row["in_line"] else None
    row["ended_as"] = Ending(row["ended_as"]) if row["ended_as"] else None
    return Kept(ReviewCase(**row), revision)


def _row(case: ReviewCase) -> dict[str, Any]:
    names = ("id", "item_id", "opened_at", "because", *_STATE)
    return {name: getattr(case, name) for name in names}
