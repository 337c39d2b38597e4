"""Issues of newsletters: where each stands, what was done about it, and its story."""

# ruff: noqa: S608  the statements are put together from constants, never from values
from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from itertools import count
from typing import Any

from psycopg import AsyncConnection, sql
from psycopg.rows import class_row, dict_row
from psycopg.types.json import Jsonb

from digital_cs.domain.newsletters.issue import GONE_OUT, OVER, Do, Issue, SectionFacts, State, Step
from digital_cs.domain.newsletters.newsletter import Newsletter
from digital_cs.store.newsletters.newsletters import spec_of

Connection = AsyncConnection[Any]


@dataclass(frozen=True, slots=True)
class IssueRow:
    """An issue. `day` names it and never changes; `send_on` is the day on which it is sent.

    `refused_hash` is of texts of which somebody wants a change, as `texts_hash` is of those that
    would go out now. One that was `recalled_at` went out before; `corrects` is the id of such a one
    that this one is sent after, to those whom `corrects_for` names (`domain.issue.Reach`).
    """

    id: str
    newsletter: Newsletter
    day: date
    send_on: date
    extra: bool
    state: State
    subject: str
    preview: str
    content_hash: str | None
    frozen_hash: str | None
    texts_hash: str | None
    frozen_at: datetime | None
    approved_hash: str | None
    approved_by: str | None
    approved_at: datetime | None
    leaves_at: datetime | None
    broadcast_id: str | None
    sent_at: datetime | None
    refused_hash: str | None = None
    refused_by: str | None = None
    refused_because: str | None = None
    refused_at: datetime | None = None
    report: Mapping[str, Any] = field(default_factory=dict)
    created_at: datetime | None = None
    next_at: datetime | None = None
    revision: int = 1
    recalled_at: datetime | None = None
    recalled_by: str | None = None
    recalled_because: str | None = None
    corrects: str | None = None
    corrects_for: str | None = None

    @property
    def standing(self) -> str:
        """How far it is, for people: its state, but that it was recalled where it was."""
        return "recalled" if self.recalled_at is not None else self.state.value

    @property
    def over(self) -> bool:
        """Whether nothing will become of it any more."""
        return self.state in OVER

    @property
    def put_together(self) -> bool:
        """Whether its texts say what is written for it now."""
        return self.texts_hash is not None and self.frozen_hash == self.content_hash

    @property
    def approved(self) -> bool:
        """Whether exactly that is approved which would go out."""
        return self.put_together and self.approved_hash == self.texts_hash

    @property
    def refused(self) -> bool:
        """Whether somebody wants a change of exactly that which would go out."""
        return self.texts_hash is not None and self.refused_hash == self.texts_hash


@dataclass(frozen=True, slots=True)
class Note:
    """One line of the story of an issue."""

    at: datetime
    who: str
    words: str


ENGINE = "digital-cs"
"""Who writes the notes that no person wrote."""

_COLUMNS = (
    "id, spec, day, send_on, extra, state, subject, preview, content_hash, frozen_hash, texts_hash,"
    " frozen_at, approved_hash, approved_by, approved_at, leaves_at, broadcast_id, sent_at,"
    " refused_hash, refused_by, refused_because, refused_at, report, created_at, next_at, revision,"
    " recalled_at, recalled_by, recalled_because, corrects, corrects_for"
)


def issue_id(newsletter: str, day: date, nth: int = 1) -> str:
    """The issue of a day of a newsletter; one that corrects another may be the second of a day."""
    return f"{newsletter}/{day.isoformat()}{f'-{nth}' if nth > 1 else ''}"


async def plan(
    connection: Connection, newsletter: Newsletter, day: date, send_on: date, now: datetime,
    *, extra: bool = False, nth: int = 1,
) -> str | None:  # fmt: skip
    """Plan the issue of a day by the newsletter as it says today; None if there is one already.
    `nth` as in `issue_id`."""
    cursor = await connection.execute(
        "insert into newsletter_issues (id, newsletter_id, spec, day, send_on, extra, state,"
        " subject, preview, created_at) values (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s)"
        " on conflict do nothing returning id",
        (
            issue_id(newsletter.newsletter, day, nth), newsletter.newsletter,
            Jsonb(spec_of(newsletter)), day, send_on, extra, State.PLANNED, newsletter.subject,
            newsletter.preview, now,
        ),
    )  # fmt: skip
    row = await cursor.fetchone()
    return row[0] if row else None


async def plan_another(
    connection: Connection, newsletter: Newsletter, day: date, now: datetime
) -> str:
    """Plan an issue of a day, beside those of it that were left out, or called back."""
    for nth in count(1):
        id = await plan(connection, newsletter, day, day, now, extra=True, nth=nth)
        if id is not None:
            return id
    raise AssertionError


async def get(connection: Connection, id: str, *, lock: bool = False) -> IssueRow | None:
    """The issue of an id. `lock` keeps others from changing it until the transaction ends."""
    found = await _rows(connection, f"where id = %s{' for update' if lock else ''}", (id,))
    return found[0] if found else None


async def issues(
    connection: Connection, newsletter: str | None = None, *, over: bool = False, most: int = 50
) -> list[IssueRow]:
    """Issues, the next to be sent first; those that are over only where asked for, then last."""
    return await _rows(
        connection,
        "where (%(newsletter)s::text is null or newsletter_id = %(newsletter)s)"
        " and (%(over)s or state <> all(%(ended)s))"
        " order by state = any(%(ended)s), case when state = any(%(ended)s) then -extract(epoch"
        " from send_on::timestamp) else extract(epoch from send_on::timestamp) end, id"
        " limit %(most)s",
        {"newsletter": newsletter, "over": over, "ended": list(OVER), "most": most},
    )


async def sent(connection: Connection, newsletter: str, most: int) -> list[IssueRow]:
    """The issues of a newsletter that went out and were not recalled, the newest first."""
    return await _rows(
        connection,
        "where newsletter_id = %s and state = any(%s) and recalled_at is null"
        " order by send_on desc, day desc limit %s",
        (newsletter, list(GONE_OUT), most),
    )


async def last_planned(connection: Connection, newsletter: str) -> date | None:
    """The latest day of the rhythm for which an issue was planned."""
    cursor = await connection.execute(
        "select max(day) from newsletter_issues where newsletter_id = %s and not extra",
        (newsletter,),
    )
    row = await cursor.fetchone()
    return row[0] if row else None


async def send_days(connection: Connection, newsletter: str, *, recalled: bool = True) -> set[date]:
    """The days on which issues of a newsletter were sent, or will be; also if they were recalled,
    unless said otherwise."""
    cursor = await connection.execute(
        "select send_on from newsletter_issues where newsletter_id = %s and state <> %s"
        " and (%s or recalled_at is null)",
        (newsletter, State.SKIPPED, recalled),
    )
    return {row[0] for row in await cursor.fetchall()}


async def _rows(connection: Connection, where: str, values: Any) -> list[IssueRow]:
    async with connection.cursor(row_factory=dict_row) as cursor:
        await cursor.execute(f"select {_COLUMNS} from newsletter_issues {where}", values)
        rows = await cursor.fetchall()
    for row in rows:
        row["newsletter"] = Newsletter.model_validate(row.pop("spec"))
        row["state"] = State(row["state"])
    return [IssueRow(**row) for row in rows]


async def facts(connection: Connection, row: IssueRow) -> Issue:
    """What the rules of the domain need to know of an issue."""
    cursor = await connection.execute(
        "select section, text_hash, signed_hash, written_at, case when refused_hash = text_hash"
        " then refused_at end from newsletter_texts where issue_id = %s",
        (row.id,),
    )
    sections = tuple(SectionFacts(*each) for each in await cursor.fetchall())
    cursor = await connection.execute(
        "select key, at from newsletter_steps where issue_id = %s", (row.id,)
    )
    done: dict[str, datetime] = dict(await cursor.fetchall())
    asked = Step(Do.ASK_APPROVAL, about=row.texts_hash or "")
    return Issue(
        row.state, sections, row.content_hash, row.frozen_hash, row.texts_hash, row.approved_hash,
        row.refused_at if row.refused else None, row.leaves_at, await _all_sent(connection, row),
        row.sent_at, frozenset(done), done.get(asked.key),
    )  # fmt: skip


async def _all_sent(connection: Connection, row: IssueRow) -> bool:
    if row.broadcast_id is None:
        return False
    cursor = await connection.execute(
        "select ended_at is not null from broadcasts where id = %s", (row.broadcast_id,)
    )
    found = await cursor.fetchone()
    return bool(found and found[0])


async def change(
    connection: Connection, id: str, expected: Iterable[State], *, seen: int | None = None,
    **to: Any,
) -> bool:  # fmt: skip
    """Change columns of an issue that is in one of the expected states, else do nothing: False.

    `seen` is the revision that was decided by: nothing is done if somebody acted since. Call it in
    a transaction, with what follows from it.
    """
    columns = sql.SQL(", ").join(
        sql.SQL("{} = {}").format(sql.Identifier(name), sql.Placeholder(name)) for name in to
    )
    statement = sql.SQL(
        "update newsletter_issues set {} where id = %(id)s and state = any(%(expected)s)"
        " and revision = coalesce(%(seen)s, revision)"
    ).format(columns)
    values = {**to, "id": id, "expected": list(expected), "seen": seen}
    cursor = await connection.execute(statement, values)
    return cursor.rowcount == 1


async def keep_report(connection: Connection, id: str, report: Mapping[str, Any]) -> None:
    """Keep what became of an issue."""
    await connection.execute(
        "update newsletter_issues set report = %s where id = %s", (Jsonb(dict(report)), id)
    )


async def rest(connection: Connection, id: str, until: datetime | None) -> None:
    """Note when an issue that is not over has to be looked at again; None: when somebody acts."""
    await connection.execute(
        "update newsletter_issues set next_at = %s where id = %s and state <> all(%s)",
        (until, id, list(OVER)),
    )


async def touched(connection: Connection, id: str) -> None:
    """Somebody did something about an issue: its workflow is to look at it."""
    await connection.execute(
        "update newsletter_issues set revision = revision + 1 where id = %s", (id,)
    )


async def touch_sent(connection: Connection) -> int:
    """Have the issues looked at whose sending has ended; returns how many."""
    cursor = await connection.execute(
        "update newsletter_issues i set revision = revision + 1 from broadcasts b"
        " where i.state = 'sending' and i.relayed >= i.revision and b.id = i.broadcast_id"
        " and b.ended_at is not null"
    )
    return cursor.rowcount


async def untold(connection: Connection, late_before: datetime, most: int = 50) -> list[IssueRow]:
    """Issues whose workflow has not been told of their latest change, or overslept."""
    return await _rows(
        connection,
        "where relayed < revision or next_at < %s order by id limit %s",
        (late_before, most),
    )


async def told(connection: Connection, id: str, revision: int) -> None:
    """The workflow of an issue knows of its changes up to one."""
    await connection.execute(
        "update newsletter_issues set relayed = greatest(relayed, %s) where id = %s", (revision, id)
    )


async def mark(connection: Connection, id: str, key: str, now: datetime) -> bool:
    """Note that something was done about an issue; False if it was done before."""
    cursor = await connection.execute(
        "insert into newsletter_steps (issue_id, key, at) values (%s, %s, %s)"
        " on conflict do nothing",
        (id, key, now),
    )
    return cursor.rowcount == 1


async def note(connection: Connection, id: str, who: str, words: str, now: datetime) -> None:
    """Write a line into the story of an issue."""
    await connection.execute(
        "insert into newsletter_notes (issue_id, at, who, words) values (%s, %s, %s, %s)",
        (id, now, who, words),
    )


async def notes(connection: Connection, id: str) -> list[Note]:
    """The story of an issue, from the beginning."""
    async with connection.cursor(row_factory=class_row(Note)) as cursor:
        await cursor.execute(
            "select at, who, words from newsletter_notes where issue_id = %s order by id", (id,)
        )
        return await cursor.fetchall()
