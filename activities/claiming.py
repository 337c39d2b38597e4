"""Claiming: the one decision about a message, and the claim, in one transaction (P16, P17)."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from psycopg import AsyncCursor

from digital_cs.domain.business_calendar import BusinessCalendar
from digital_cs.domain.eligibility import Answer, Request, Ruling, decide
from digital_cs.domain.policy import Policy
from digital_cs.store import policies, standing, touches
from digital_cs.store.pool import in_one_go
from digital_cs.store.standing import Asked, Connection

Claim = Callable[[Connection, int], Awaitable[AsyncCursor[Any]]]
"""Writes the claim, with the version of the policy."""


@dataclass(frozen=True, slots=True)
class Claimed:
    """The message may be handed over now: the number of the attempt."""

    attempts: int
    policy: int


@dataclass(frozen=True, slots=True)
class Refused:
    """The message may not be handed over now, with the decision that says why."""

    ruling: Ruling
    policy: int


class Gate:
    """Decides about each message of this process; knows the policy that is in force."""

    def __init__(self) -> None:
        self._version = -1
        self._policy = Policy()

    async def pass_through(
        self, connection: Connection, asked: Asked, request: Request,
        calendar: BusinessCalendar, now: datetime, claim: Claim,
    ) -> Claimed | Refused | None:  # fmt: skip
        """Decide, and claim if the answer is to send: all in two round trips of one transaction.

        None: somebody was quicker, or the contact is gone; load again. May be asked twice.
        """
        async with in_one_go(connection):
            seen = await standing.read(connection, asked, self._policy, now, now.date())
            if seen is None:
                return None
            if seen.policy_version != self._version:
                await self._learn(connection)
                seen = await standing.read(connection, asked, self._policy, now, now.date())
                assert seen is not None
            ruling = decide(
                replace(request, who=seen.who), seen.standing, self._policy, calendar, now
            )
            if ruling.answer is not Answer.SEND:
                return Refused(ruling, self._version)
            claimed = await claim(connection, self._version)
        attempts = await touches.attempt_of(claimed)  # there already: no further round trip
        return Claimed(attempts, self._version) if attempts is not None else None

    async def _learn(self, connection: Connection) -> None:
        found = await policies.current(connection)
        self._version, self._policy = found.version, found.policy
