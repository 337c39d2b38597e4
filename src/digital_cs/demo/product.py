"""The sample company's own product: it sends what its users do, as Segment's SDKs would."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any, Self

import httpx2

from digital_cs.errors import DigitalCsError
from digital_cs.store.product.events import EventRecord

PATH = "/v1/batch"
BATCH = 100
"""Messages in one request, as the SDKs send them."""
MOST_TRIES = 8
FIRST_WAIT = 0.1
COME_AGAIN = (429, 503)


class NotTakenError(DigitalCsError):
    """The API of the demo did not take what the product sent."""


class Product:
    """Sends product events over HTTP, with a write key. Used as an async context manager."""

    def __init__(self, url: str, write_key: str) -> None:
        # No proxy: the API is on this machine.
        self._client = httpx2.AsyncClient(
            base_url=url, auth=(write_key, ""), timeout=30.0, trust_env=False
        )

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *reason: object) -> None:
        await self._client.aclose()

    async def send(self, events: Sequence[EventRecord]) -> None:
        """Send events in this order. Raises NotTakenError when one is refused, or all are."""
        for start in range(0, len(events), BATCH):
            await self._send([track(event) for event in events[start : start + BATCH]])

    async def _send(self, messages: list[dict[str, Any]]) -> None:
        problem = ""
        for number in range(MOST_TRIES):
            if number:  # a repeat is harmless: each message has its id
                await asyncio.sleep(FIRST_WAIT * 2**number)
            try:
                answer = await self._client.post(PATH, json={"batch": messages})
            except httpx2.TransportError as error:
                problem = type(error).__name__
                continue
            if answer.status_code not in COME_AGAIN:
                break
            problem = f"it answered {answer.status_code}"
        else:
            raise NotTakenError(f"The API of the demo does not take events: {problem}.")
        if answer.status_code != httpx2.codes.OK:
            raise NotTakenError(
                f"The API of the demo answered {answer.status_code}: {answer.text[:200]}"
            )
        if refused := answer.json()["refused"]:
            raise NotTakenError(f"The API of the demo refused an event: {refused[0]['problem']}")


def track(event: EventRecord) -> dict[str, Any]:
    """An event as the call of an SDK: who did it, for which account, when."""
    message: dict[str, Any] = {
        "type": "track", "messageId": event.id, "event": event.name,
        "timestamp": event.at.isoformat(), "properties": event.properties,
        "context": {"groupId": event.account_id},
    }  # fmt: skip
    # Where nobody is known who did it, the account itself did.
    return message | ({"userId": event.contact_id} if event.contact_id is not None else {})
