"""What Zendesk pushes: events and triggers about tickets, believed by their signature only."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Literal

from psycopg_pool import AsyncConnectionPool

from digital_cs import metrics
from digital_cs.clock import Clock
from digital_cs.errors import DigitalCsError
from digital_cs.ingest.support.zendesk_shapes import SOURCE, Directory, ShapeError, read_ticket
from digital_cs.store.database.deadlock import again_after_deadlock
from digital_cs.store.product import sources
from digital_cs.store.support.tickets import TicketRecord, save_tickets

OLDEST = timedelta(minutes=5)
"""A signature of longer ago is refused; a clock may be wrong by as much the other way."""

EVENT = "zen:event-type:"
_TICKET = f"{EVENT}ticket."
_GONE = ("permanently_deleted", "soft_deleted", "marked_as_spam")

Result = Literal["kept", "known_already", "ignored"]


class SignatureError(DigitalCsError):
    """The signature is not one of Zendesk's. Compare ZENDESK_WEBHOOK_SECRET with the webhook's."""


@dataclass(frozen=True, slots=True)
class Pushed:
    """What became of a request. Without a ticket it was about something that is not kept."""

    result: Result
    ticket: str | None = None


class ZendeskWebhook:
    """Takes what one webhook of Zendesk sends. A repeat, late or in another order, is harmless."""

    def __init__(
        self, *, pool: AsyncConnectionPool[Any], clock: Clock, secret: str, text_days: int
    ) -> None:
        self._pool = pool
        self._clock = clock
        self._secret = secret.encode()
        self._text_days = text_days

    async def take(self, body: bytes, signature: str, timestamp: str) -> Pushed:
        """Keep the ticket of a request. Raises SignatureError, ShapeError."""
        try:
            check_signature(self._secret, body, signature, timestamp, datetime.now(UTC))
        except SignatureError:
            metrics.ZENDESK_PUSHED.labels("unsigned").inc()
            raise
        try:
            record = read_push(body)
        except ShapeError:
            metrics.ZENDESK_PUSHED.labels("refused").inc()
            await self._keep(None)
            raise
        pushed = await self._keep(record) if record else Pushed("ignored")
        metrics.ZENDESK_PUSHED.labels(pushed.result).inc()
        return pushed

    @again_after_deadlock
    async def _keep(self, record: TicketRecord | None) -> Pushed:
        """Keep a ticket, or that something was refused. It makes nothing complete: what the
        webhook missed, only a pull can know."""
        now, changed = self._clock.now(), False
        async with self._pool.connection() as connection, connection.transaction():
            if record:
                saved = await save_tickets(connection, [record], now, text_days=self._text_days)
                changed = bool(saved.new or saved.updated)
            await sources.note(
                connection, SOURCE, kind="zendesk", feeds=["tickets"], at=now,
                received=int(record is not None), refused=int(record is None),
            )  # fmt: skip
        return Pushed("kept" if changed else "known_already", record.id if record else None)


def check_signature(
    secret: bytes, body: bytes, signature: str, timestamp: str, now: datetime
) -> None:
    """Raises SignatureError unless Zendesk signed this body, a short time ago.

    `now` is real time, whatever the business clock says: Zendesk's clock knows no other.
    """
    wanted = hmac.new(secret, timestamp.encode("utf-8", "replace") + body, hashlib.sha256).digest()
    given = signature.strip().encode("utf-8", "replace")
    if not hmac.compare_digest(base64.b64encode(wanted), given):
        raise SignatureError
    try:
        signed_at = datetime.fromisoformat(timestamp.strip())
    except ValueError:
        signed_at = None
    if signed_at is None or signed_at.tzinfo is None or abs(now - signed_at) > OLDEST:
        raise SignatureError(
            "The signature is older than 5 minutes, or of a time to come. Compare the clock of this"
            " machine; Zendesk signs anew what it sends again."
        )


def read_push(body: bytes) -> TicketRecord | None:
    """The ticket of an event, or of a trigger's {"ticket": ...}; None for any other event.

    Raises ShapeError.
    """
    try:
        sent = json.loads(body)
    except (ValueError, RecursionError):
        raise ShapeError("The body is not JSON.") from None
    if not isinstance(sent, dict):
        raise ShapeError("The body must be a JSON object.")
    kind = sent.get("type")
    if isinstance(kind, str) and kind.startswith(EVENT):
        if not kind.startswith(_TICKET):
            return None
        detail = sent.get("detail")
        if not isinstance(detail, Mapping):
            raise ShapeError(f"The event {kind[:100]} has no detail.")
        if kind.removeprefix(_TICKET) in _GONE:
            detail = _gone(detail, sent.get("time"))
        return read_ticket(detail, Directory())
    if "ticket" in sent:
        return read_ticket(sent["ticket"], Directory())
    if kind is not None:
        return None
    raise ShapeError(
        "The body has neither the type of an event nor a ticket. docs/connecting-support.md shows"
        " what a trigger sends."
    )


def _gone(detail: Mapping[str, Any], at: Any) -> dict[str, Any]:
    """A ticket that was deleted: at the time of the event, for its own may be from before."""
    moment = at or detail.get("updated_at")
    return {"created_at": moment, **detail, "status": "deleted", "updated_at": moment}
