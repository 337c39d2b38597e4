"""The ledger of mail to colleagues: claimed before it is handed over, and never sent twice."""

# ruff: noqa: S608  the statements are put together from constants, never from values
from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from psycopg import AsyncConnection
from psycopg.rows import class_row

Connection = AsyncConnection[Any]


class MailState(StrEnum):
    """What became of a mail. A planned one was refused for now, and is tried again."""

    CLAIMED = "claimed"
    PLANNED = "planned"
    ACCEPTED = "accepted"
    FAILED = "failed"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class MailView:
    """One mail: to whom, what it was about, and what became of it."""

    key: str
    kind: str
    reviewer: str
    subject: str
    about: list[str]
    state: str
    attempts: int
    created_at: datetime
    retry_at: datetime | None
    settled_at: datetime | None
    code: int | None
    detail: str


_VIEW = (
    "key, kind, reviewer, subject, about, state, attempts, created_at, retry_at, settled_at, code,"
    " detail"
)


async def claim(
    connection: Connection, *, key: str, kind: str, reviewer: str, subject: str,
    about: Sequence[str], message_id: str, token: str, seconds: float, now: datetime,
) -> int | None:  # fmt: skip
    """Take the right to hand a mail over, for so many real seconds: the number of the attempt.

    None: it was handed over before, or somebody else has it in hand. With the same `token` the
    same claim is given again.
    """
    cursor = await connection.execute(
        "insert into colleague_mails as m (key, kind, reviewer, subject, about, state, attempts,"
        " created_at, claimed_at, claim_until, claim_token, message_id)"
        " values (%(key)s, %(kind)s, %(reviewer)s, %(subject)s, %(about)s, 'claimed', 1, %(now)s,"
        " %(now)s, clock_timestamp() + make_interval(secs => %(seconds)s), %(token)s,"
        " %(message_id)s)"
        " on conflict (key) do update set state = 'claimed', subject = excluded.subject,"
        " about = excluded.about, claimed_at = excluded.claimed_at, retry_at = null,"
        " attempts = m.attempts + (m.claim_token is distinct from excluded.claim_token)::int,"
        " claim_until = excluded.claim_until, claim_token = excluded.claim_token"
        " where m.state = 'planned' and m.retry_at <= %(now)s"
        "    or m.state = 'claimed' and m.claim_token = excluded.claim_token"
        " returning attempts",
        {"key": key, "kind": kind, "reviewer": reviewer, "subject": subject,
         "about": list(about), "message_id": message_id, "token": token, "seconds": seconds,
         "now": now},
    )  # fmt: skip
    row = await cursor.fetchone()
    return int(row[0]) if row else None


async def state_of(connection: Connection, key: str) -> MailState | None:
    """How far a mail is; None if there is none of its key."""
    cursor = await connection.execute("select state from colleague_mails where key = %s", (key,))
    row = await cursor.fetchone()
    return MailState(row[0]) if row else None


async def settle(
    connection: Connection, key: str, token: str, state: MailState, *, code: int | None,
    detail: str, retry_at: datetime | None, now: datetime,
) -> bool:  # fmt: skip
    """Note what became of a claimed mail; False if its claim was given up meanwhile."""
    cursor = await connection.execute(
        "update colleague_mails set state = %(state)s, code = %(code)s, detail = %(detail)s,"
        " retry_at = %(retry_at)s, claim_until = null,"
        " settled_at = case when %(state)s = 'planned' then null else %(now)s::timestamptz end"
        " where key = %(key)s and state = 'claimed' and claim_token = %(token)s",
        {"key": key, "token": token, "state": state.value, "code": code, "detail": detail,
         "retry_at": retry_at, "now": now},
    )  # fmt: skip
    return cursor.rowcount == 1


async def give_up(connection: Connection, now: datetime) -> list[MailView]:
    """Claims that outlived their worker become unknown: never sent again by itself (P14)."""
    async with connection.cursor(row_factory=class_row(MailView)) as cursor:
        await cursor.execute(
            "update colleague_mails set state = 'unknown', settled_at = %s, claim_until = null,"
            " detail = 'A worker stopped between handing over and recording.'"
            f" where state = 'claimed' and claim_until < clock_timestamp() returning {_VIEW}",
            (now,),
        )
        return await cursor.fetchall()


async def expire(connection: Connection, begun_before: datetime, now: datetime) -> int:
    """Mails that were refused for now until they were of no use any more; returns how many."""
    cursor = await connection.execute(
        "update colleague_mails set state = 'failed', settled_at = %s, retry_at = null,"
        " detail = 'It could not be handed over in time. ' || detail"
        " where state = 'planned' and created_at < %s",
        (now, begun_before),
    )
    return cursor.rowcount


async def next_retry(connection: Connection) -> datetime | None:
    """When the first mail that was refused for now is tried again."""
    cursor = await connection.execute(
        "select min(retry_at) from colleague_mails where state = 'planned'"
    )
    row = await cursor.fetchone()
    return row[0] if row else None


async def since(
    connection: Connection, since: datetime, reviewer: str | None = None
) -> list[MailView]:
    """Mails begun since a moment, the latest first; of one reviewer, if one is named."""
    async with connection.cursor(row_factory=class_row(MailView)) as cursor:
        await cursor.execute(
            f"select {_VIEW} from colleague_mails where created_at >= %s"
            " and (%s::text is null or reviewer = %s) order by created_at desc, key",
            (since, reviewer, reviewer),
        )
        return await cursor.fetchall()
