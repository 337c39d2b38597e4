"""What a bench sends: product events as Segment's Python SDK writes them, of skewed accounts."""

from __future__ import annotations

import base64
import json
import random
import uuid
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

WRITE_KEY = "bench-write-key"
SOURCE = "bench"
ACCOUNTS = 500
EVENTS = (
    "Report Exported", "Dashboard Viewed", "Report Viewed", "Signed In", "Contact Added",
    "Deal Moved", "E-mail Connected", "User Invited", "Search Done", "Filter Saved",
    "Import Started", "Import Finished", "Comment Added", "Task Completed", "Call Logged",
    "Template Used", "Integration Connected", "Settings Changed", "Plan Viewed", "Alert Created",
)  # fmt: skip
ZONES = ("Europe/Warsaw", "Europe/Berlin", "America/New_York", "Asia/Tokyo")
WITHOUT_GROUP = 0.2
"""The share of events that leave it to us to know whose account their user is in."""


@dataclass(frozen=True)
class Event:
    """One event, as far as it becomes a row."""

    id: str
    at: datetime
    account: str
    user: str
    name: str
    properties: dict[str, Any]
    says_account: bool


class Traffic:
    """Endless events of the same company; the same seed gives the same, but for their ids."""

    def __init__(self, seed: int, now: datetime) -> None:
        self._random = random.Random(seed)
        self._now = now
        self._people = [self._random.randint(2, 30) for _ in range(ACCOUNTS)]
        self._weights = [1 / (rank + 5) for rank in range(ACCOUNTS)]
        self._event_weights = [1 / (rank + 1) for rank in range(len(EVENTS))]

    def events(self, count: int) -> list[Event]:
        """So many events: most of today, some of yesterday and of the day before."""
        dice = self._random
        accounts = dice.choices(range(ACCOUNTS), self._weights, k=count)
        names = dice.choices(EVENTS, self._event_weights, k=count)
        days = dice.choices((0, 1, 2), (90, 7, 3), k=count)
        return [
            Event(
                id=str(uuid.UUID(int=dice.getrandbits(128), version=4)),
                at=self._now - timedelta(days=days, milliseconds=dice.randrange(3_600_000)),
                account=f"acct-{account:04}",
                user=f"user-{account:04}-{min(int(dice.expovariate(0.2)), self._people[account])}",
                name=name,
                properties={
                    "format": dice.choice(("pdf", "csv", "xlsx")), "rows": dice.randrange(5000),
                    "seconds": round(dice.random() * 9, 2),
                },
                says_account=dice.random() >= WITHOUT_GROUP,
            )
            for account, name, days in zip(accounts, names, days, strict=True)
        ]  # fmt: skip

    def memberships(self) -> Iterator[dict[str, Any]]:
        """Every user in their account, as messages."""
        for account, people in enumerate(self._people):
            for person in range(people + 1):
                user, group = f"user-{account:04}-{person}", f"acct-{account:04}"
                yield {
                    "type": "group", "messageId": f"group-{user}", "userId": user,
                    "groupId": group, "traits": {"name": f"Company {account}"},
                    "timestamp": (self._now - timedelta(days=30)).isoformat(),
                }  # fmt: skip


def message(event: Event) -> dict[str, Any]:
    """A track call as the SDK writes it."""
    context: dict[str, Any] = {
        "timezone": ZONES[len(event.name) % len(ZONES)], "ip": "203.0.113.7",
        "library": {"name": "analytics-python", "version": "2.4.0"},
    }  # fmt: skip
    if event.says_account:
        context["groupId"] = event.account
    return {
        "integrations": {}, "anonymousId": None, "properties": event.properties,
        "timestamp": event.at.isoformat(timespec="milliseconds"), "context": context,
        "userId": event.user, "type": "track", "event": event.name, "messageId": event.id,
    }  # fmt: skip


def request(messages: Sequence[dict[str, Any]], port: int) -> bytes:
    """A whole HTTP request with a batch."""
    body = json.dumps(
        {"batch": messages, "sentAt": datetime.now(UTC).isoformat(), "writeKey": WRITE_KEY}
    ).encode()
    key = base64.b64encode(f"{WRITE_KEY}:".encode()).decode()
    head = (
        f"POST /v1/batch HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nAuthorization: Basic {key}\r\n"
        "User-Agent: analytics-python/2.4.0\r\nContent-Type: application/json\r\n"
        f"Content-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


def row_text(event: Event, received_at: datetime) -> str:
    """The row that an event becomes, as COPY reads it."""
    return "\t".join((
        event.id, event.at.date().isoformat(), event.at.isoformat(), received_at.isoformat(),
        event.account, event.user, "\\N", "track", event.name, "\\N",
        json.dumps(event.properties, separators=(",", ":")), SOURCE,
    )) + "\n"  # fmt: skip
