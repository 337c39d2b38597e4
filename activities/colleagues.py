"""Mail to colleagues: written down, handed over once, and never again when that is not sure."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from psycopg_pool import AsyncConnectionPool

from activities.deliveries import BACKOFF
from activities.letters import Sender
from digital_cs import logs, metrics
from digital_cs.channels.delivery import Delivery, DeliveryOutcome, Stage
from digital_cs.channels.mail import MailError, OutgoingMail, message_id_for, to_bytes
from digital_cs.channels.smtp import SmtpChannel
from digital_cs.rendering.colleague_mail import Letter
from digital_cs.store.content import colleague_mails
from digital_cs.store.content.colleague_mails import Connection, MailState
from digital_cs.store.database.pool import insist

log = logs.get(__name__)

HEADER = "X-Digital-CS-Colleague"
"""Tells mail to colleagues from messages; its value is the kind of mail."""

_MARGIN = 1.0

Settled = Callable[[Connection, MailState], Awaitable[object]]
"""What else is to be kept in the transaction that says what became of a mail."""


@dataclass(frozen=True, slots=True)
class ColleagueMail:
    """A mail to one colleague. `key` makes it one of its kind; `about`: ids of what it tells of.

    A key names nobody beyond the ledger: the Message-ID is a hash of it.
    """

    key: str
    kind: str
    to: str
    name: str
    letter: Letter
    about: tuple[str, ...] = ()


class Colleagues:
    """Sends mail to colleagues by the rule of messages: claim, hand over, record (P13, P14).

    The channel is its own: who waits for a line behind customers' mail would wait with a claim.
    """

    def __init__(
        self, *, pool: AsyncConnectionPool[Any], channel: SmtpChannel, sender: Sender
    ) -> None:
        self._pool = pool
        self._channel = channel
        self._sender = sender

    async def send(
        self, mail: ColleagueMail, now: datetime, settled: Settled | None = None
    ) -> MailState | None:
        """Hand a mail over, unless one of its key was; None: it was, or somebody else does.

        What was refused for now is planned again, for who asks again with the same key.
        """
        message_id = message_id_for(f"colleague/{mail.key}", self._sender.mail_domain)
        try:
            raw: bytes | str = self._bytes(mail, message_id, now)
        except MailError as error:  # an address that is none: it will never be one
            raw = str(error)
        token, seconds = uuid.uuid4().hex, self._sender.claim_seconds + _MARGIN
        deadline = asyncio.get_running_loop().time() + seconds

        async def claim(connection: Connection) -> int | None:
            return await colleague_mails.claim(
                connection, key=mail.key, kind=mail.kind, reviewer=mail.to.casefold(),
                subject=mail.letter.subject, about=mail.about, message_id=message_id, token=token,
                seconds=seconds, now=now,
            )  # fmt: skip

        attempt = await insist(self._pool, claim, deadline)
        if attempt is None:
            return None
        delivery = (
            await self._deliver(raw, mail.to, message_id)
            if isinstance(raw, bytes)
            else Delivery(DeliveryOutcome.REFUSED_FOR_GOOD, Stage.ADDRESS, raw)
        )
        state, retry_at = _outcome(delivery, attempt, now)

        async def settle(connection: Connection) -> bool:
            async with connection.transaction():
                done = await colleague_mails.settle(
                    connection, mail.key, token, state, code=delivery.code,
                    detail=delivery.detail, retry_at=retry_at, now=now,
                )  # fmt: skip
                if done and settled is not None:
                    await settled(connection, state)
                return done

        await insist(self._pool, settle, asyncio.get_running_loop().time() + 30.0)
        metrics.COLLEAGUE_MAILS.labels(mail.kind, state.value).inc()
        if state not in (MailState.ACCEPTED, MailState.PLANNED):
            log.warning("colleague_mail.not_sent", kind=mail.kind, state=state.value)
        return state

    def _bytes(self, mail: ColleagueMail, message_id: str, now: datetime) -> bytes:
        return to_bytes(
            OutgoingMail(
                message_id=message_id, mail_from=self._sender.mail_from,
                envelope_from=f"bounce@{self._sender.mail_domain}", to=mail.to, to_name=mail.name,
                subject=mail.letter.subject, text=mail.letter.text, html=mail.letter.html,
                date=now, headers=((HEADER, mail.kind), ("Auto-Submitted", "auto-generated")),
            )
        )  # fmt: skip

    async def _deliver(self, raw: bytes, to: str, message_id: str) -> Delivery:
        try:
            async with asyncio.timeout(self._sender.claim_seconds):
                return await self._channel.deliver(raw, f"bounce+{message_id.strip('<>')}", to)
        except TimeoutError:
            return Delivery(DeliveryOutcome.UNKNOWN, Stage.END_OF_DATA, "No end within the claim.")


def _outcome(delivery: Delivery, attempt: int, now: datetime) -> tuple[MailState, datetime | None]:
    match delivery.outcome:
        case DeliveryOutcome.ACCEPTED:
            return MailState.ACCEPTED, None
        case DeliveryOutcome.UNKNOWN:
            return MailState.UNKNOWN, None
        case DeliveryOutcome.REFUSED_FOR_GOOD:
            return MailState.FAILED, None
    return MailState.PLANNED, now + BACKOFF[min(attempt, len(BACKOFF)) - 1]
