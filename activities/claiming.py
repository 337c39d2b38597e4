"""Claiming: the one decision about a message, and the claim, in one transaction (P16, P17)."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

from psycopg import AsyncCursor

from digital_cs.clock import Clock
from digital_cs.domain.content.stale_rule import Content, Doubt, Resolved, resolve
from digital_cs.domain.sending.eligibility import Answer, Request, Ruling, Standing, decide
from digital_cs.domain.sending.policy import Policy
from digital_cs.domain.timing.business_calendar import BusinessCalendar
from digital_cs.store.database.pool import in_one_go
from digital_cs.store.sending import caps, claims, policies, rates
from digital_cs.store.sending import standing as standings
from digital_cs.store.sending.standing import Asked, Connection, Seen

Claim = Callable[[Connection, int, Mapping[str, float]], Awaitable[AsyncCursor[Any]]]
"""Writes the claim, by the version of the policy and within rates (messages a minute by scope)."""


@dataclass(frozen=True, slots=True)
class Claimed:
    """The message may be handed over now: the number of the attempt. `shown` is how."""

    attempts: int
    policy: int
    shown: Resolved = field(default_factory=Resolved)


@dataclass(frozen=True, slots=True)
class Refused:
    """The message may not be handed over now, with the decision that says why."""

    ruling: Ruling
    policy: int


@dataclass(frozen=True, slots=True)
class Otherwise:
    """What it shows is not in the state that it was rendered for: make it anew, and ask again."""


class Gate:
    """Decides about each message of this process; knows the policy that is in force, and what was
    not fresh of each e-mail when it was last looked at."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._version = -1  # none is known yet
        self._policy = Policy()
        self._doubts: dict[str, Mapping[str, Doubt]] = {}

    def expect(self, content: Content, request: Request, now: datetime) -> Resolved:
        """How a message is to be shown by what is known in this process, for the rendering; the
        claim looks anew (P25)."""
        return self._resolve(content, self._doubts.get(content.email.place, {}), request, now)

    def _resolve(
        self, content: Content, doubts: Mapping[str, Doubt], request: Request, now: datetime
    ) -> Resolved:
        return resolve(
            content, doubts, self._policy.content.stale, due_at=request.due_at or now,
            useful_until=request.useful_until, now=now,
        )  # fmt: skip

    async def pass_through(
        self, connection: Connection, asked: Asked, request: Request,
        calendar: BusinessCalendar, now: datetime, claim: Claim,
    ) -> Claimed | Refused | Otherwise | None:  # fmt: skip
        """Decide, and claim if the answer is to send: all in two round trips of one transaction.

        None: somebody was quicker, or the contact is gone; load again. May be asked twice.
        """
        async with in_one_go(connection):
            seen = await self._look(connection, asked, now)
            if seen is None:
                return None
            policy = self._policy
            wish, standing, shown = replace(request, who=seen.who), seen.standing, Resolved()
            if asked.content is not None:
                self._doubts[asked.content.email.place] = seen.doubts
                shown = self._resolve(asked.content, seen.doubts, request, now)
                standing = replace(standing, content=shown.wait) if shown.wait else standing
            ruling = decide(wish, standing, policy, calendar, now)
            if ruling.answer is not Answer.SEND:
                return Refused(ruling, self._version)
            if shown.swaps != asked.swaps:
                return Otherwise()
            if not seen.day_known:
                await caps.opening_day(
                    connection, request.program, now.date(), request.at_most_a_day,
                    policy.damage.program_a_day,
                )  # fmt: skip
            scopes = policy.damage.a_minute.of(
                request.program, seen.domain, request.at_most_a_minute
            )
            claimed = await claim(connection, self._version, scopes)
        attempt = await claims.attempt_of(claimed)  # there already: no further round trip
        if attempt.number is not None:
            return Claimed(attempt.number, self._version, shown)
        if attempt.new_scope:
            await rates.meet(connection, scopes)
            return await self.pass_through(connection, asked, request, calendar, now, claim)
        met = _as_found(standing, attempt, self._clock.speed)
        if met is None:
            return None
        return Refused(decide(wish, met, policy, calendar, now), self._version)

    async def _look(self, connection: Connection, asked: Asked, now: datetime) -> Seen | None:
        """The standing, read by the policy that is in force."""
        while True:
            seen = await standings.read(connection, asked, self._policy, now, now.date())
            if seen is None or seen.policy_version == self._version:
                return seen
            found = await policies.current(connection)
            self._version, self._policy = found.version, found.policy


def _as_found(standing: Standing, attempt: claims.Attempt, speed: float) -> Standing | None:
    """With what the claim met and nobody had seen; None: something else was in the way."""
    if attempt.full_with is not None:
        return replace(standing, sent_today=attempt.full_with, cap=attempt.full_with)
    if attempt.scope is not None:
        wait = timedelta(seconds=attempt.wait * speed)
        return replace(standing, rate_wait=wait, rate_scope=attempt.scope)
    return None
