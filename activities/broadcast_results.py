"""Results of broadcasts: what became of a set that was handed over, written down."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from psycopg_pool import AsyncConnectionPool

from activities.deliveries import Meaning, backoff, meaning_of
from digital_cs import metrics
from digital_cs.channels.delivery import Delivery
from digital_cs.domain.programs.enrollment import MessageState, Verdict
from digital_cs.domain.programs.touch import MOST_RESENDS
from digital_cs.domain.sending.broadcast import Broadcast
from digital_cs.domain.sending.eligibility import SERVICE
from digital_cs.store.broadcasts import broadcast_claims as claims
from digital_cs.store.broadcasts.broadcast_claims import Connection, Result
from digital_cs.store.broadcasts.broadcast_standing import Recipient
from digital_cs.store.database.pool import insist
from digital_cs.store.people import suppressions

INSISTING = 120.0
"""Real seconds for which the database may be away before a set is given up: what was claimed is
then unknown, what was not is taken up again."""


@dataclass(slots=True)
class HandedOver:
    """One message at its so many-th attempt; `note` tells of what it showed that is not fresh."""

    recipient: Recipient
    attempts: int
    delivery: Delivery
    note: str = ""


async def write_down(
    pool: AsyncConnectionPool[Any], broadcast: Broadcast, token: str,
    handed_over: Sequence[HandedOver], now: datetime,
) -> None:  # fmt: skip
    """Tell the ledger of a set that was claimed with this token; dead addresses are suppressed."""
    results = [_result(broadcast, each, now) for each in handed_over]
    for state, count in Counter(result.state for result in results).items():
        metrics.TOUCHES.labels(f"broadcast:{broadcast.id}", state.value).inc(count)
    deadline = asyncio.get_running_loop().time() + INSISTING
    dead = sorted(each.recipient.person for each in handed_over if each.delivery.hard_bounce)
    if dead:
        await insist(pool, lambda c: _suppress(c, dead, now), deadline)
    await insist(pool, lambda c: claims.settle(c, broadcast.id, token, results, now), deadline)


def _result(broadcast: Broadcast, each: HandedOver, now: datetime) -> Result:
    key, delivery = each.recipient.key, each.delivery
    email = broadcast.plan.email or broadcast.id
    meaning = meaning_of(delivery, key=key, attempts=each.attempts, email=email, now=now)
    if meaning.state is MessageState.UNKNOWN and broadcast.plan.kind == SERVICE:
        meaning = _once_more(meaning, each.attempts, key, now)
    went = meaning.verdict in (Verdict.SENT, Verdict.UNKNOWN)
    words = meaning.words + each.note if went else meaning.words
    return Result(
        key, meaning.state, meaning.verdict, meaning.reason, words, delivery.code,
        delivery.detail, meaning.retry_at,
    )  # fmt: skip


def _once_more(meaning: Meaning, attempts: int, key: str, now: datetime) -> Meaning:
    """A service notice of unknown fate is sent again, with the same Message-ID (P14)."""
    if attempts >= MOST_RESENDS:
        return meaning
    return replace(meaning, state=MessageState.PLANNED, retry_at=now + backoff(attempts, key))


async def _suppress(connection: Connection, addresses: Sequence[str], now: datetime) -> None:
    async with connection.transaction():
        subjects = [suppressions.address_subject(each) for each in addresses]
        await suppressions.add(connection, subjects, "hard bounce", "smtp", now)
