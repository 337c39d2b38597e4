"""How far a broadcast is: its rows of the ledger, counted."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from psycopg import AsyncConnection

from digital_cs.domain.programs.enrollment import UNSETTLED, MessageState

Connection = AsyncConnection[Any]

LATELY = timedelta(minutes=1)
"""The rate is that of this span before."""

TO_JUDGE = 5
"""So many in it tell how fast it goes, though they began to go a moment ago."""

_COUNT = """
select state, reason, count(*), count(*) filter (where settled_at > %(lately)s),
       min(coalesce(retry_at, due_at)), max(coalesce(retry_at, due_at)), min(claimed_at),
       max(settled_at),
       min(settled_at) filter (where settled_at > %(lately)s)
  from messages where broadcast_id = %(id)s group by 1, 2
"""

ARRIVING = (
    MessageState.ACCEPTED, MessageState.DELIVERED, MessageState.BOUNCED, MessageState.COMPLAINED,
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Progress:
    """Recipients by what became of them: all together they are those that were frozen.

    `waiting` are put off or held, by reason; `due_later` only wait for their hour, or their turn.
    `per_minute` is what went in the last minute of business time; `ends_at` an estimate, which
    nobody can make while nothing goes.
    """

    recipients: int = 0
    sent: int = 0
    in_hand: int = 0
    due_later: int = 0
    waiting: Mapping[str, int] = field(default_factory=dict)
    failed: int = 0
    unknown: int = 0
    skipped: Mapping[str, int] = field(default_factory=dict)
    per_minute: int = 0
    next_due: datetime | None = None
    last_due: datetime | None = None
    first_sent: datetime | None = None
    last_sent: datetime | None = None
    ends_at: datetime | None = None

    @property
    def left(self) -> int:
        """Those who are not settled."""
        return self.in_hand + self.due_later + sum(self.waiting.values())


async def read(connection: Connection, id: str, now: datetime) -> Progress:
    """Count the recipients of a broadcast at this moment."""
    cursor = await connection.execute(_COUNT, {"id": id, "lately": now - LATELY})
    counts: dict[str, int] = dict.fromkeys(MessageState, 0)
    waiting: dict[str, int] = {}
    skipped: dict[str, int] = {}
    recipients = lately = 0
    moments: list[tuple[datetime | None, ...]] = []
    for row in await cursor.fetchall():
        state, reason, count, fresh, next_due, last_due, first, last, since = row
        recipients += count
        open_ = state in UNSETTLED
        went = state in ARRIVING
        lately += fresh if went else 0
        if state == MessageState.SKIPPED:
            skipped[reason or ""] = count
        elif state == MessageState.PLANNED and reason is not None:
            waiting[reason] = count
        else:
            counts[state] += count
        moments.append((
            next_due if state == MessageState.PLANNED else None, last_due if open_ else None,
            first if went else None, last if went else None, since if went else None,
        ))  # fmt: skip
    next_due, last_due, first, last, since = (
        pick((each for each in column if each is not None), default=None)
        for pick, column in zip(
            (min, max, min, max, min),
            zip(*moments, strict=True) if moments else ((),) * 5,
            strict=True,
        )
    )
    left = sum(counts[state] for state in UNSETTLED) + sum(waiting.values())
    return Progress(
        recipients=recipients, sent=sum(counts[state] for state in ARRIVING),
        in_hand=counts[MessageState.CLAIMED], due_later=counts[MessageState.PLANNED],
        waiting=waiting, failed=counts[MessageState.FAILED],
        unknown=counts[MessageState.UNKNOWN], skipped=skipped, per_minute=lately,
        next_due=next_due, last_due=last_due, first_sent=first, last_sent=last,
        ends_at=_end(left, _a_minute(lately, since, now), last_due, now),
    )  # fmt: skip


def _a_minute(lately: int, since: datetime | None, now: datetime) -> float:
    """How many go in a minute, also where the first of them went less than one ago."""
    if since is None or lately < TO_JUDGE:
        return lately
    return lately * (LATELY / max(now - since, timedelta(seconds=1)))


def _end(left: int, per_minute: float, last_due: datetime | None, now: datetime) -> datetime | None:
    """When the last is sent, if it goes on like this; never before the last is due."""
    if not left or last_due is None:
        return None
    if not per_minute:
        return last_due if last_due > now else None
    return max(last_due, now + timedelta(minutes=left / per_minute))
