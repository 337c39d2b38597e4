"""What is written for an issue, who agreed to it, and the hash that an approval is bound to."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from psycopg import AsyncConnection
from psycopg.rows import class_row

from digital_cs.store.newsletters.issues import IssueRow

Connection = AsyncConnection[Any]


@dataclass(frozen=True, slots=True)
class SectionText:
    """What somebody wrote for a section; signed while `signed_hash` is that of the text, and
    refused while `refused_hash` is."""

    section: str
    text: str
    text_hash: str
    written_by: str
    written_at: datetime
    signed_hash: str | None = None
    signed_by: str | None = None
    signed_at: datetime | None = None
    refused_hash: str | None = None
    refused_by: str | None = None
    refused_because: str | None = None
    refused_at: datetime | None = None

    @property
    def signed(self) -> bool:
        """Whether an expert agreed to exactly this."""
        return self.signed_hash == self.text_hash

    @property
    def refused(self) -> bool:
        """Whether an expert wants a change of exactly this."""
        return self.refused_hash == self.text_hash


def text_hash(text: str) -> str:
    """The hash of a section's text."""
    return hashlib.sha256(text.encode()).hexdigest()


async def texts(connection: Connection, issue: str) -> dict[str, SectionText]:
    """What is written for an issue, by section."""
    async with connection.cursor(row_factory=class_row(SectionText)) as cursor:
        await cursor.execute(
            "select section, text, text_hash, written_by, written_at, signed_hash, signed_by,"
            " signed_at, refused_hash, refused_by, refused_because, refused_at"
            " from newsletter_texts where issue_id = %s order by section",
            (issue,),
        )
        return {each.section: each for each in await cursor.fetchall()}


async def write(
    connection: Connection, row: IssueRow, section: str, text: str, by: str, now: datetime
) -> bool:
    """Write a section, or take it back with an empty text; False if it says so already.

    The issue is unapproved by it, for it says something else. Call it in a transaction.
    """
    if not text.strip():
        cursor = await connection.execute(
            "delete from newsletter_texts where issue_id = %s and section = %s", (row.id, section)
        )
    else:
        cursor = await connection.execute(
            "insert into newsletter_texts as t (issue_id, section, text, text_hash, written_by,"
            " written_at) values (%s, %s, %s, %s, %s, %s) on conflict (issue_id, section) do update"
            " set text = excluded.text, text_hash = excluded.text_hash,"
            " written_by = excluded.written_by, written_at = excluded.written_at"
            " where t.text_hash <> excluded.text_hash",
            (row.id, section, text, text_hash(text), by, now),
        )
    changed = cursor.rowcount == 1
    if changed:
        await say_anew(connection, row.id)
    return changed


async def sign(
    connection: Connection, issue: str, section: str, text_hash: str, by: str, now: datetime
) -> bool:
    """An expert agrees to a text; False if the section says something else by now."""
    cursor = await connection.execute(
        "update newsletter_texts set signed_hash = text_hash, signed_by = %s, signed_at = %s,"
        " refused_hash = null, refused_by = null, refused_because = null, refused_at = null"
        " where issue_id = %s and section = %s and text_hash = %s",
        (by, now, issue, section, text_hash),
    )
    return cursor.rowcount == 1


async def refuse(
    connection: Connection, issue: str, section: str, text_hash: str, because: str, by: str,
    now: datetime,
) -> bool:  # fmt: skip
    """An expert wants a text changed; False if the section says something else by now."""
    cursor = await connection.execute(
        "update newsletter_texts set refused_hash = text_hash, refused_by = %s,"
        " refused_because = %s, refused_at = %s, signed_hash = null, signed_by = null,"
        " signed_at = null where issue_id = %s and section = %s and text_hash = %s",
        (by, because, now, issue, section, text_hash),
    )
    return cursor.rowcount == 1


async def entitle(
    connection: Connection, issue: str, subject: str | None, preview: str | None
) -> bool:
    """Give an issue another subject or preview; False if it has them. Call it in a transaction."""
    cursor = await connection.execute(
        "update newsletter_issues set subject = coalesce(%(subject)s, subject),"
        " preview = coalesce(%(preview)s, preview) where id = %(id)s and (subject, preview)"
        " is distinct from (coalesce(%(subject)s, subject), coalesce(%(preview)s, preview))",
        {"id": issue, "subject": subject, "preview": preview},
    )
    if cursor.rowcount:
        await say_anew(connection, issue)
    return cursor.rowcount == 1


async def say_anew(connection: Connection, issue: str) -> None:
    """Reckon what an issue says now, as one hash (P21): its words, and how it is filled."""
    cursor = await connection.execute(
        "select subject, preview, spec from newsletter_issues where id = %s for update", (issue,)
    )
    row = await cursor.fetchone()
    assert row is not None
    subject, preview, spec = row
    written = {name: text.text_hash for name, text in (await texts(connection, issue)).items()}
    said = json.dumps([subject, preview, spec, written], sort_keys=True)
    await connection.execute(
        "update newsletter_issues set content_hash = %s where id = %s",
        (hashlib.sha256(said.encode()).hexdigest(), issue),
    )
