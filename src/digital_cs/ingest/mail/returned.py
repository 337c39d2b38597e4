"""Takes what comes back: each thing once, in one transaction, and none is lost."""

from __future__ import annotations

import asyncio
import hashlib
import traceback
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from psycopg import InterfaceError, OperationalError
from psycopg_pool import AsyncConnectionPool, PoolTimeout

from digital_cs import logs, metrics
from digital_cs.channels.returned import ReturnedKind, read_returned
from digital_cs.clock import Clock
from digital_cs.ingest.mail.returned_consequences import Consequences, NotYetError
from digital_cs.ingest.mail.returned_shapes import Came, Report, of_mail, of_report
from digital_cs.store.database.deadlock import again_after_deadlock
from digital_cs.store.sending import returned

log = logs.get(__name__)

AWAY = (OperationalError, InterfaceError, PoolTimeout)
"""What a database raises that is not there; whoever sent something is to send it again."""

KEPT_BYTES = 1024 * 1024
"""Kept of what a person should look at. Whoever receives mail need not hold more of one."""


@dataclass(frozen=True, slots=True)
class Taken:
    """What became of something that came back. `new`: False where it had come before."""

    id: str
    kind: str
    state: str
    new: bool


def mail_id(raw: bytes) -> str:
    """The id of a mail: the same bytes are the same mail."""
    return f"mail:{hashlib.sha256(raw).hexdigest()}"


class Returns:
    """Takes whatever comes back, from any door. The same thing may come twice without harm.

    Each call raises `psycopg.OperationalError` or `PoolTimeout` while the database is away, and
    NotYetError: then nothing was kept, and the sender is to send it again.
    """

    def __init__(
        self, *, pool: AsyncConnectionPool[Any], clock: Clock, mail_domain: str, kept_days: int
    ) -> None:
        """`kept_days`: how long something is kept as it came, at most."""
        self._pool = pool
        self._clock = clock
        self._domain = mail_domain
        self._kept = timedelta(days=kept_days)

    async def take(
        self, raw: bytes, envelope_to: str | None, source: str, *, id: str | None = None
    ) -> Taken:
        """Take a mail. `envelope_to` is whom it was sent to, of which the header says nothing.

        `raw` may be its first megabyte, when `id` is the hash of all of it (see `mail_id`).
        """
        # A mail of a megabyte takes a while to read, and other mails wait.
        read = await asyncio.to_thread(read_returned, raw, envelope_to)
        came = of_mail(id or mail_id(raw), source, raw, read, self._domain)
        return await self._kept_anyway(came)

    async def take_report(self, report: Report, source: str) -> Taken:
        """Take what a provider says of one message and one person."""
        return await self._kept_anyway(of_report(report, source, self._domain))

    async def keep_aside(self, id: str, raw: bytes, source: str, why: str) -> Taken:
        """Keep something that nobody can read, for a person to look at."""
        return await self._keep(Came(id, source, raw, ReturnedKind.UNKNOWN, why))

    async def _kept_anyway(self, came: Came) -> Taken:
        """Whatever it breaks in here, it is kept for a person to look at, and the next may come."""
        try:
            return await self._keep(came)
        except (*AWAY, NotYetError):
            raise
        except Exception as error:
            where = traceback.extract_tb(error.__traceback__)[-1]
            place = f"{where.filename.rpartition('/')[2]}:{where.lineno}"
            log.error("returned.fault", id=came.id, kind=type(error).__name__, at=place)
            words = "What should follow from it failed, by a fault in digital-cs."
            return await self.keep_aside(came.id, came.raw, came.source, words)

    @again_after_deadlock
    async def _keep(self, came: Came) -> Taken:
        now = self._clock.now()
        async with self._pool.connection() as connection, connection.transaction():
            until, raw = now + self._kept, came.raw[:KEPT_BYTES]
            if not await returned.begin(connection, came.id, came.source, raw, until, now):
                kind, state = await returned.known(connection, came.id) or (came.kind, "listed")
                return Taken(came.id, kind, state, new=False)
            settled = await Consequences(connection, came, now).draw()
            await returned.settle(connection, came.id, settled)
        metrics.RETURNED.labels(settled.kind, settled.state).inc()
        log.info("returned.taken", id=came.id, kind=settled.kind, state=settled.state)
        return Taken(came.id, settled.kind, settled.state, new=True)
