"""Deliveries: what one attempt to hand a message over means for the ledger, and for the next."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from digital_cs.channels.delivery import Delivery, DeliveryOutcome
from digital_cs.domain.programs.enrollment import MessageState, Verdict, share_of
from digital_cs.domain.sending.reason import Reason

BACKOFF = tuple(timedelta(minutes=m) for m in (1, 5, 15, 60, 240))
"""Business time between tries of a message that was refused for now, or met a fault (P15)."""


@dataclass(frozen=True, slots=True)
class Meaning:
    """What the ledger is told of an attempt; with `retry_at` the message is tried again then."""

    state: MessageState
    verdict: Verdict
    reason: Reason
    words: str
    retry_at: datetime | None = None


def meaning_of(
    delivery: Delivery, *, key: str, attempts: int, email: str, now: datetime
) -> Meaning:
    """What became of the message with this key, at its so many-th attempt."""
    code = f" ({delivery.code})" if delivery.code else ""
    match delivery.outcome:
        case DeliveryOutcome.ACCEPTED:
            reason = Reason.ACCEPTED
            return Meaning(
                MessageState.ACCEPTED, Verdict.SENT, reason, reason.sentence(email=email)
            )
        case DeliveryOutcome.UNKNOWN:
            reason = Reason.NO_ANSWER
            return Meaning(MessageState.UNKNOWN, Verdict.UNKNOWN, reason, reason.sentence())
        case DeliveryOutcome.REFUSED_FOR_GOOD:
            reason = Reason.HARD_BOUNCE if delivery.hard_bounce else Reason.REFUSED
            words = reason.sentence(code=code, detail=delivery.detail)
            return Meaning(MessageState.FAILED, Verdict.FAILED, reason, words)
        case DeliveryOutcome.REFUSED_FOR_NOW:
            reason = Reason.REFUSED_FOR_NOW
            words = reason.sentence(code=code, detail=delivery.detail)
        case DeliveryOutcome.FAULT:
            reason = Reason.FAULT
            words = f"The mail server could not be used: {delivery.detail}"
    return Meaning(
        MessageState.PLANNED, Verdict.DEFERRED, reason, words, now + backoff(attempts, key)
    )


def backoff(attempts: int, key: str) -> timedelta:
    """Longer from try to try, and not the same for all who were refused together."""
    base = BACKOFF[min(attempts, len(BACKOFF)) - 1]
    return base * (0.75 + 0.5 * share_of(key, str(attempts)))
