"""Webhook calls: made, tried again, and listed as dead letters when nobody took them."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from psycopg_pool import AsyncConnectionPool

from digital_cs.channels.webhook import WebhookChannel
from digital_cs.domain.programs.enrollment import CallWebhook, WebhookFact
from digital_cs.messages.keys import visit_key
from digital_cs.store.programs import touch_facts, webhooks

FIRST_RETRY = timedelta(minutes=1)


class Calls:
    """Performs the calls of webhook steps. The key of a visit makes a repeat harmless there."""

    def __init__(self, pool: AsyncConnectionPool[Any], channel: WebhookChannel) -> None:
        self._pool = pool
        self._channel = channel

    async def call(
        self, act: CallWebhook, loaded: touch_facts.Loaded, *, enrollment_id: str, now: datetime
    ) -> WebhookFact:
        """Call once and keep what became of it."""
        key = visit_key(enrollment_id, act.visit)
        payload = {
            **dict(act.fields), "id": key, "program": loaded.program_id, "step": act.step,
            "account": loaded.account.id, "at": now.isoformat(),
        }  # fmt: skip
        found = await self._channel.call(act.url, key, payload, int(now.timestamp()))
        attempts = act.attempts + 1
        retry_at = now + FIRST_RETRY * 2 ** min(attempts - 1, 9)
        if found.delivered:
            fact = WebhookFact(True, True, attempts)
        elif not found.again or retry_at > act.give_up_at:
            fact = WebhookFact(True, False, attempts)
        else:
            fact = WebhookFact(False, False, attempts, retry_at)
        async with self._pool.connection() as connection:
            await webhooks.record(
                connection, key=key, enrollment_id=enrollment_id, program_id=loaded.program_id,
                account_id=loaded.account.id, act=act, fact=fact, status=found.status,
                detail=found.detail, now=now,
            )  # fmt: skip
        return fact
