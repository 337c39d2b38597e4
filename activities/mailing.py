"""Mailing: render, claim, hand over; and what the ledger is told of it."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from psycopg import AsyncCursor
from psycopg_pool import AsyncConnectionPool

from activities.claiming import Claimed, Gate, Otherwise, Refused
from activities.deliveries import BACKOFF, meaning_of
from activities.letters import Letter, Letters, Sender
from digital_cs import logs, metrics
from digital_cs.channels.delivery import Delivery, DeliveryOutcome, Stage
from digital_cs.channels.mail import MailError
from digital_cs.channels.smtp import SmtpChannel
from digital_cs.domain.programs.enrollment import (
    MessageFact,
    MessageState,
    SendMessage,
    Verdict,
)
from digital_cs.domain.programs.program_graph import Graph
from digital_cs.domain.sending.eligibility import Request
from digital_cs.domain.sending.reason import Reason
from digital_cs.domain.timing.business_calendar import BusinessCalendar
from digital_cs.domain.timing.zone import load_zone
from digital_cs.errors import DigitalCsError
from digital_cs.messages.keys import message_key
from digital_cs.rendering.library import EmailLibrary
from digital_cs.signing import Signer
from digital_cs.signing_links import LinkSigner
from digital_cs.store.database.pool import insist
from digital_cs.store.people import suppressions
from digital_cs.store.programs import alerts, touch_facts, touches
from digital_cs.store.sending import caps, claims
from digital_cs.store.sending.standing import Asked

log = logs.get(__name__)

MOST_RENDERINGS = 5
"""A message whose content changes more often than this while it is sent is looked at anew."""

TEMPLATE_PATIENCE = timedelta(hours=6)
"""A broken template is tried again this late; mending it wakes the held ones at once."""


@dataclass(frozen=True, slots=True)
class Sent:
    """What became of a touch: the fact for "what next", and the result for the ledger."""

    fact: MessageFact
    result: touches.MessageResult | None


@dataclass(frozen=True, slots=True)
class _Touch:
    """One message of one enrollment on its way: all that is known of it before it is written."""

    act: SendMessage
    graph: Graph
    loaded: touch_facts.Loaded
    request: Request
    key: str
    now: datetime
    deadline: float


class Mailing:
    """Sends one message of one touch. The order is the promise: render, claim, hand over (P13)."""

    def __init__(
        self, *, pool: AsyncConnectionPool[Any], library: EmailLibrary, channel: SmtpChannel,
        connections: int, sender: Sender, signer: Signer, links: LinkSigner, gate: Gate,
    ) -> None:  # fmt: skip
        self._pool = pool
        self._gate = gate
        self._library = library
        self._channel = channel
        self._sender = sender
        self._letters = Letters(sender, signer, links)
        # Waiting for a connection happens before the claim, so that a claim never waits.
        self._lines = asyncio.Semaphore(connections)

    def topics(self) -> Mapping[str, str]:
        """What each e-mail is about."""
        return self._library.topics()

    async def send(
        self, act: SendMessage, graph: Graph, loaded: touch_facts.Loaded, *, enrollment_id: str,
        revision: int, calendar: BusinessCalendar, now: datetime, deadline: float,
    ) -> Sent | Refused | None:  # fmt: skip
        """None: somebody was quicker; load again and see.

        `deadline` is the loop's time at which Temporal would give this attempt to another
        worker: a dialogue that could not end before it is not begun.
        """
        touch = _Touch(
            act, graph, loaded, _request(act, graph, loaded),
            message_key(enrollment_id, act.visit, act.contact_id), now, deadline,
        )  # fmt: skip
        letter = await self._write(touch)
        async with self._lines:
            for _ in range(MOST_RENDERINGS):
                if isinstance(letter, Sent):
                    return letter
                if deadline - asyncio.get_running_loop().time() < self._sender.claim_seconds + 0.5:
                    raise TimeoutError("no time left in this attempt to hand a message over")
                passed = await self._claim(touch, letter, enrollment_id, revision, calendar)
                if not isinstance(passed, Otherwise):
                    break
                letter = await self._write(touch)
            else:
                return None
            if not isinstance(passed, Claimed):
                if passed is not None and passed.ruling.reason is Reason.CAP:
                    await self._tell_of_cap(graph, now, deadline)
                return passed
            address = loaded.recipients[act.contact_id].address
            delivery = await self._deliver(letter.mail, address, letter.message_id)
        if delivery.hard_bounce:
            await insist(
                self._pool,
                lambda c: self._suppress(c, act.contact_id, now),
                deadline,
            )
        return await self._told(touch, passed, delivery)

    async def _write(self, touch: _Touch) -> Letter | Sent:
        """The message as it is to be shown by what is known now; what to do where it cannot be."""
        try:
            template = self._library.get(touch.act.email)
            shown = self._gate.expect(template.content, touch.request, touch.now)
            return self._letters.write(
                template.with_swaps(shown.swaps), touch.act, touch.graph, touch.loaded, touch.key,
                touch.now,
            )  # fmt: skip
        except DigitalCsError as error:
            return await self._hold(touch, error)

    async def _claim(
        self, touch: _Touch, letter: Letter, enrollment_id: str, revision: int,
        calendar: BusinessCalendar,
    ) -> Claimed | Refused | Otherwise | None:  # fmt: skip
        """Ask whether it may go now, shown like this, and claim it if so."""
        act, now, template = touch.act, touch.now, letter.template
        token = uuid.uuid4().hex

        async def claim(
            connection: claims.Connection, policy: int, scopes: Mapping[str, float]
        ) -> AsyncCursor[Any]:
            return await claims.claim(
                connection, key=touch.key, enrollment_id=enrollment_id, revision=revision, act=act,
                now=now, claim_seconds=self._sender.claim_seconds + 1.0, token=token,
                message_id=letter.message_id, content_hash=letter.content_hash, policy=policy,
                scopes=scopes,
            )  # fmt: skip

        asked = Asked(
            touch.key, enrollment_id, touch.graph.id, touch.loaded.account.id, act.contact_id,
            act.email, template.content, template.swaps,
        )  # fmt: skip
        return await insist(
            self._pool,
            lambda connection: self._gate.pass_through(
                connection, asked, touch.request, calendar, now, claim
            ),
            touch.deadline - self._sender.claim_seconds,
        )

    async def _suppress(self, connection: claims.Connection, contact: str, now: datetime) -> None:
        async with connection.transaction():
            await suppressions.suppress(connection, contact, "hard bounce", "smtp", now)

    async def _deliver(self, mail: bytes, address: str, message_id: str) -> Delivery:
        # A bounce comes back to the ledger's row. An id of a contact may be longer than the 64
        # characters before an @, and what relays do to capitals would break a signature.
        envelope = f"bounce+{message_id.strip('<>')}"
        try:
            async with asyncio.timeout(self._sender.claim_seconds):
                return await self._channel.deliver(mail, envelope, address)
        except TimeoutError:
            # The channel has its own, shorter deadline; this one only guards the claim's.
            return Delivery(DeliveryOutcome.UNKNOWN, Stage.END_OF_DATA, "No end within the claim.")

    async def _hold(self, touch: _Touch, error: DigitalCsError) -> Sent:
        """The text cannot be made: hold the step and tell the owner (P12)."""
        act, graph, now = touch.act, touch.graph, touch.now
        kind = "mail" if isinstance(error, MailError) else "template"
        metrics.HELD.labels(graph.id, kind).inc()
        log.warning("touch.held", program=graph.id, step=act.step, kind=kind)
        words = f"The message cannot be made: {error}"
        await self._tell_owner(touch, kind, words)
        fact = MessageFact(
            MessageState.PLANNED, act.attempts, now + TEMPLATE_PATIENCE, act.contact_id, words
        )
        return Sent(fact, None)

    async def _told(self, touch: _Touch, claimed: Claimed, delivery: Delivery) -> Sent:
        act, graph, key, now = touch.act, touch.graph, touch.key, touch.now
        attempts = claimed.attempts
        meaning = meaning_of(delivery, key=key, attempts=attempts, email=act.email, now=now)
        state, words, retry_at = meaning.state, meaning.words, meaning.retry_at
        if meaning.verdict in (Verdict.SENT, Verdict.UNKNOWN):
            words += claimed.shown.words()
        if delivery.outcome is DeliveryOutcome.FAULT:
            metrics.HELD.labels(graph.id, "smtp").inc()
            if attempts == len(BACKOFF):
                await self._tell_owner(touch, "smtp", words)
        metrics.TOUCHES.labels(graph.id, state.value).inc()
        result = touches.MessageResult(
            key=key, attempts=attempts, state=state, verdict=meaning.verdict.value,
            reason=meaning.reason, words=words, code=delivery.code, detail=delivery.detail,
            retry_at=retry_at, policy=claimed.policy,
        )  # fmt: skip
        return Sent(MessageFact(state, attempts, retry_at, act.contact_id), result)

    async def _tell_of_cap(self, graph: Graph, now: datetime, deadline: float) -> None:
        await insist(
            self._pool,
            lambda connection: caps.tell_owner(connection, graph.id, graph.owner, now),
            deadline,
        )

    async def _tell_owner(self, touch: _Touch, kind: str, words: str) -> None:
        graph = touch.graph
        await insist(
            self._pool,
            lambda connection: alerts.tell(
                connection, program_id=graph.id, step=touch.act.step, kind=kind, owner=graph.owner,
                words=words, now=touch.now,
            ),
            touch.deadline,
        )  # fmt: skip


def _request(act: SendMessage, graph: Graph, loaded: touch_facts.Loaded) -> Request:
    """The message as the decision knows it."""
    return Request(
        program=graph.id, account_id=loaded.account.id, contact_id=act.contact_id,
        email=act.email, kind=act.kind, priority=act.priority, useful_until=act.useful_until,
        window=graph.window, zone=load_zone(act.zone), topic=act.topic, over_budget=act.over_budget,
        country=loaded.account.country, same_person=graph.same_person,
        at_most_a_day=graph.at_most_a_day, at_most_a_minute=graph.at_most_a_minute,
        due_at=act.due_at,
    )  # fmt: skip
