"""Sending as operators see it: stopped and started, kept back by incidents, capped, and allowed."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from psycopg import AsyncConnection
from psycopg_pool import AsyncConnectionPool

from digital_cs.clock import Clock
from digital_cs.domain.sending.broadcast import Broadcast, BroadcastState
from digital_cs.domain.sending.policy import Rates
from digital_cs.errors import NotFoundError
from digital_cs.store.broadcasts import broadcasts
from digital_cs.store.programs import programs
from digital_cs.store.programs.programs import ProgramRow
from digital_cs.store.sending import caps, holds, incidents, policies, rates, stops
from digital_cs.store.sending.caps import Day
from digital_cs.store.sending.holds import Held
from digital_cs.store.sending.incidents import Incident
from digital_cs.store.sending.rates import Queue
from digital_cs.store.sending.stops import Stop

Connection = AsyncConnection[Any]

EACH = "each"
"""Stands for the name in the scope of a rate that each program, or each other domain, has."""


@dataclass(frozen=True, slots=True)
class Stopped:
    """What a stop did; not `new`: it was stopped already, and stays so for the first reason."""

    stop: Stop
    new: bool


@dataclass(frozen=True, slots=True)
class Started:
    """What a start did: the stop that it lifted (None: there was none), and how many are woken."""

    lifted: Stop | None
    woken: int


@dataclass(frozen=True, slots=True)
class Allowed:
    """A program's day after a person changed its cap, and how many are woken."""

    day: Day
    woken: int


@dataclass(frozen=True, slots=True)
class InForce:
    """A rate: messages a minute of a scope. "program:each" is the one of each program."""

    scope: str
    a_minute: float


@dataclass(frozen=True, slots=True)
class SendingStatus:
    """What keeps messages back at this moment. `today` are the programs that sent or may send.

    `policy` is the number of the policy in force; `broadcasts` are those that run.
    """

    now: datetime
    policy: int
    stopped: Stop | None
    incidents: list[Incident]
    held: list[Held]
    today: list[Day]
    rates: list[InForce]
    queues: list[Queue]
    broadcasts: list[Broadcast]


class Sending:
    """Each wish is one transaction together with those it wakes, in force for the next claim."""

    def __init__(self, pool: AsyncConnectionPool[Any], clock: Clock) -> None:
        self._pool = pool
        self._clock = clock

    @contextlib.asynccontextmanager
    async def _transaction(self) -> AsyncIterator[Connection]:
        async with self._pool.connection() as connection, connection.transaction():
            yield connection

    async def stop(self, because: str, by: str) -> Stopped:
        """Send nothing any more, from this moment on."""
        async with self._transaction() as connection:
            return Stopped(*await stops.stop(connection, because, by, self._clock.now()))

    async def start(self, by: str) -> Started:
        """Send again; who was held goes on, spread out and as far as it is still useful (P8)."""
        async with self._transaction() as connection:
            return Started(*await stops.start(connection, by, self._clock.now()))

    async def status(self) -> SendingStatus:
        """What is stopped, held, capped and limited now."""
        now = self._clock.now()
        async with self._pool.connection() as connection:
            published = await policies.current(connection)
            running = await programs.running(connection)
            return SendingStatus(
                now=now,
                policy=published.version,
                stopped=await stops.current(connection),
                incidents=await incidents.list_incidents(connection),
                held=await holds.held(connection),
                today=await caps.list_days(connection, now.date()),
                rates=_in_force(published.policy.damage.a_minute, running),
                queues=await rates.queues(connection),
                broadcasts=await broadcasts.list_broadcasts(connection, [BroadcastState.RUNNING]),
            )

    async def allow(self, program_id: str, up_to: int | None, by: str) -> Allowed:
        """Set the cap of a published program for today (UTC); None: none for the rest of it."""
        now = self._clock.now()
        async with self._transaction() as connection:
            return Allowed(*await caps.allow(connection, program_id, now.date(), by, up_to, now))

    async def open_incident(
        self, title: str, by: str, accounts: Sequence[str] | None = None
    ) -> Incident:
        """Let marketing wait for these accounts, or for all. Raises NotFoundError for accounts."""
        async with self._transaction() as connection:
            unknown = await incidents.unknown_accounts(connection, accounts or ())
            if unknown:
                raise NotFoundError(
                    f"There is no account '{unknown[0]}', so no incident was opened."
                    " `digital-cs account list` finds accounts."
                )
            return await incidents.open_incident(connection, title, by, self._clock.now(), accounts)

    async def close_incident(self, id: int, by: str) -> Incident:
        """End an incident. Raises NotFoundError if none of this id is open."""
        async with self._transaction() as connection:
            closed = await incidents.close(connection, id, by, self._clock.now())
        if closed is None:
            raise NotFoundError(
                f"No incident {id} is open. `digital-cs incident list` shows those that are."
            )
        return closed

    async def list_incidents(self, *, closed: bool = False, most: int = 100) -> list[Incident]:
        """Those that are open, or those that are over."""
        async with self._pool.connection() as connection:
            return await incidents.list_incidents(connection, closed=closed, most=most)


def _in_force(found: Rates, running: Sequence[ProgramRow]) -> list[InForce]:
    """Every rate: of the fleet, of programs, and to domains."""
    rows = {"fleet": found.fleet, f"program:{EACH}": found.program}
    rows |= {f"program:{row.id}": row.spec.get("at_most_a_minute") for row in running}
    rows |= {f"domain:{EACH if name == '*' else name}": n for name, n in found.domains.items()}
    return [InForce(scope, float(rate)) for scope, rate in rows.items() if rate is not None]
