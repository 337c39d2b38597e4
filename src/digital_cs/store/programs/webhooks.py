"""Webhook calls and their dead letters."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from psycopg import AsyncConnection

from digital_cs.domain.programs.enrollment import CallWebhook, WebhookFact

Connection = AsyncConnection[Any]


async def record(
    connection: Connection, *, key: str, enrollment_id: str, program_id: str, account_id: str,
    act: CallWebhook, fact: WebhookFact, status: int | None, detail: str, now: datetime,
) -> None:  # fmt: skip
    """Keep what became of a call."""
    state = "planned" if not fact.settled else "delivered" if fact.delivered else "dead"
    await connection.execute(
        "insert into webhook_calls (key, enrollment_id, program_id, account_id, step, visit, url,"
        " state, attempts, retry_at, give_up_at, status, detail, changed_at) values (%(key)s,"
        " %(enrollment)s, %(program)s, %(account)s, %(step)s, %(visit)s, %(url)s, %(state)s,"
        " %(attempts)s, %(retry_at)s, %(give_up_at)s, %(status)s, %(detail)s, %(now)s)"
        " on conflict (key) do update set state = excluded.state, attempts = excluded.attempts,"
        " retry_at = excluded.retry_at, status = excluded.status, detail = excluded.detail,"
        " changed_at = excluded.changed_at",
        {
            "key": key, "enrollment": enrollment_id, "program": program_id, "account": account_id,
            "step": act.step, "visit": act.visit, "url": act.url, "state": state,
            "attempts": fact.attempts, "retry_at": fact.retry_at, "give_up_at": act.give_up_at,
            "status": status, "detail": detail, "now": now,
        },
    )  # fmt: skip


async def dead_letters(connection: Connection, most: int = 200) -> list[dict[str, Any]]:
    """Calls that nobody took, newest first."""
    cursor = await connection.execute(
        "select key, program_id, account_id, step, url, attempts, status, detail, changed_at"
        " from webhook_calls where state = 'dead' order by changed_at desc limit %s",
        (most,),
    )
    names = ("key", "program", "account", "step", "url", "attempts", "status", "detail", "at")
    return [dict(zip(names, row, strict=True)) for row in await cursor.fetchall()]
