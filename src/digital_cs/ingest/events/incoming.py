"""What comes in by messages: a call of a Segment-like API, read and judged, before it is kept."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Literal, Protocol

import msgspec

from digital_cs.errors import DigitalCsError

Kind = Literal["track", "page", "screen"]


class Track(msgspec.Struct, frozen=True, gc=False):
    """Somebody did something. At least one of user, anonymous and account id is given.

    `at` is an aware UTC moment, never in the future; None: the moment of receipt. `name` of a
    page or a screen is "page" or "screen"; what it is called then stands in `properties`: a JSON
    object, as UTF-8 bytes that a jsonb of Postgres takes as they are.
    """

    id: str
    at: datetime | None
    kind: Kind
    name: str
    user_id: str | None
    anonymous_id: str | None
    account_id: str | None
    value: float | None
    properties: bytes


class Identify(msgspec.Struct, frozen=True):
    """What is known of a person: traits (JSON that Postgres can keep), e-mail among them."""

    id: str
    at: datetime | None
    user_id: str | None
    anonymous_id: str | None
    account_id: str | None
    traits: dict[str, Any]


class Group(msgspec.Struct, frozen=True):
    """A person belongs to an account; the traits are those of the account."""

    id: str
    at: datetime | None
    user_id: str | None
    anonymous_id: str | None
    account_id: str
    traits: dict[str, Any]


class Alias(msgspec.Struct, frozen=True):
    """Two ids are one person: what was known as `previous_id` is `user_id` from now on."""

    id: str
    at: datetime | None
    previous_id: str
    user_id: str


Incoming = Track | Identify | Group | Alias


class Taken(msgspec.Struct, frozen=True):
    """What became of one call's messages, after they are durable.

    `kept` now, `repeated`: known by their id already, and `refused`: (index, sentence that says
    why). The three add up to what was given.
    """

    kept: int
    repeated: int = 0
    refused: list[tuple[int, str]] = []


class BusyError(DigitalCsError):
    """More comes in than can be kept at this moment. Send the same again in some seconds."""

    retryable = True
    exit_code = 3


class Taker(Protocol):
    """Where messages go: the collector is one."""

    async def take(self, source: str, messages: Sequence[Incoming]) -> Taken:
        """Keep messages of one source, in this order; returns when they are durable.

        Raises BusyError when too much waits already, and psycopg.OperationalError while the
        database is away. Then nothing is promised of any of them, and the same may be sent again.
        """
        ...

    def turn_away(self, source: str, problems: Sequence[str]) -> None:
        """Note that messages of a source could not be read, and why: a sentence for each."""
        ...
