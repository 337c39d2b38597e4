"""Review cases: ask what comes next, and keep it. May run twice; the revision sees to once."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from psycopg_pool import AsyncConnectionPool
from temporalio import activity
from temporalio.exceptions import ApplicationError

from activities.casebook import Casebook
from activities.digests import Digests
from activities.faults import without_words
from digital_cs.clock import Clock, seconds_between, shown_at
from digital_cs.domain.content.review_case import what_next
from digital_cs.messages.content_review import (
    ADVANCE_REVIEW_ACTIVITY,
    SEND_DIGESTS_ACTIVITY,
    AdvanceReview,
    AdvanceReviewReply,
    SendDigests,
    SendDigestsReply,
)
from digital_cs.store.content import library, review_cases

MOST_ROUNDS = 20
SHORTEST = 0.001
"""Real seconds: a timer of nothing is none."""


class ReviewActivities:
    """What the workflows of reviews ask for. The moment is the workflow's."""

    def __init__(
        self, *, pool: AsyncConnectionPool[Any], clock: Clock, casebook: Casebook,
        digests: Digests,
    ) -> None:  # fmt: skip
        self._pool = pool
        self._clock = clock
        self._casebook = casebook
        self._digests = digests

    @activity.defn(name=ADVANCE_REVIEW_ACTIVITY)
    async def advance(self, request: AdvanceReview) -> AdvanceReviewReply:
        """Move one case on to where it stands at the moment, and say until when it rests."""
        try:
            return await self._advance(request.case_id, self._moment(request.at))
        except ApplicationError:
            raise
        except Exception as error:
            raise without_words(error) from None

    async def _advance(self, case_id: str, now: datetime) -> AdvanceReviewReply:
        for _ in range(MOST_ROUNDS):
            async with self._pool.connection() as connection:
                kept = await review_cases.get(connection, case_id)
                item = await library.get(connection, kept.case.item_id) if kept else None
                if kept is None or item is None or kept.case.ended_at is not None:
                    return AdvanceReviewReply(ended=True)
                found = what_next(kept.case, item, await self._casebook.rules(connection), now)
                async with connection.transaction():
                    saved = await review_cases.save(connection, kept, found, by_workflow=True)
            if not saved:
                continue
            if found.case.ended_at is not None:
                return AdvanceReviewReply(ended=True)
            if found.case.next_at is None:
                return AdvanceReviewReply(label="in line for the next digest")
            sleep = max(seconds_between(self._clock, now, found.case.next_at), SHORTEST)
            return AdvanceReviewReply(sleep_seconds=sleep, label="until somebody is to be asked")
        raise ApplicationError("the case is being changed all the time", type="Contended")

    @activity.defn(name=SEND_DIGESTS_ACTIVITY)
    async def send_digests(self, request: SendDigests) -> SendDigestsReply:
        """Send the digests that are due at the moment, and what cannot wait for them."""
        now = self._moment(request.at)
        try:
            sent = await self._digests.send_due(now)
        except Exception as error:
            raise without_words(error) from None
        sleep = max(seconds_between(self._clock, now, sent.next_at), 1.0 / self._clock.speed)
        return SendDigestsReply(max(sleep, SHORTEST), sent.mails)

    def _moment(self, at: float) -> datetime:
        return shown_at(self._clock, datetime.fromtimestamp(at, UTC))
