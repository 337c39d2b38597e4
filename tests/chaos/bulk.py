"""A storm over one broadcast: its workers are killed again and again, servers once each."""

from __future__ import annotations

import asyncio
import os
import random
import sys
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

from psycopg import AsyncConnection, OperationalError
from psycopg_pool import AsyncConnectionPool

from digital_cs.channels.sink_faults import FaultMode, Faults
from digital_cs.channels.sink_folder import read_index
from digital_cs.domain.sending.broadcast import BroadcastPlan
from digital_cs.rendering.library import EmailLibrary
from digital_cs.stack.children import Child
from digital_cs.store.database.pool import opened
from digital_cs.temporal.broadcasts import Broadcasts
from tests import rig

ID = "storm-release"
PLAN = BroadcastPlan.model_validate(
    {"email": "welcome-trial-1", "useful_for": "30 days",
     "send_window": {"days": "every day", "hours": "00:00-24:00", "holidays": "ignore"}}
)  # fmt: skip


@dataclass(frozen=True)
class BulkPlan:
    """How big a storm. Spans are real seconds; it goes at a rate, or it would soon be over."""

    seed: int
    recipients: int = 20_000
    per_minute: float = 16_000.0
    kills: int = 16
    between: tuple[float, float] = (1.5, 3.5)
    servers_too: bool = True
    refuses_for: float = 5.0
    workers: int = 2
    lines: int = 2
    set_size: int = 50
    patience: float = 180.0


@dataclass
class BulkDamage:
    """What is true afterwards: lines for people.

    `in_flight` are the messages that were in a worker's hand, by its own claims, when it was
    killed; only they may be unknown. `early`: it called itself done before all were settled.
    """

    faults: Counter[str] = field(default_factory=Counter)
    states: Counter[str] = field(default_factory=Counter)
    missing: list[str] = field(default_factory=list)
    twice: list[str] = field(default_factory=list)
    stray: list[str] = field(default_factory=list)
    unknown: list[str] = field(default_factory=list)
    in_flight: set[str] = field(default_factory=set)
    early: bool = False
    finished: bool = False
    told: list[str] = field(default_factory=list)
    seconds: float = 0.0

    @property
    def holds(self) -> bool:
        wrong = [*self.missing, *self.twice, *self.stray, *self.told]
        only_in_flight = set(self.unknown) <= self.in_flight
        return not wrong and only_in_flight and self.finished and not self.early


class BulkStorm:
    """One run: start, disturb, wait for the end, count."""

    def __init__(self, plan: BulkPlan, servers: rig.Servers) -> None:
        self.plan = plan
        self.servers = servers
        self.random = random.Random(plan.seed)
        self.damage = BulkDamage()
        self.settings = servers.settings(
            clock_speed=60.0, smtp_timeout=2.0, mail_domain="storm.test",
            broadcast_connections=plan.lines, broadcast_in_flight=plan.set_size,
        )  # fmt: skip
        self.workers = [
            Child(
                f"bulk-{number}",
                [sys.executable, "-m", "digital_cs", "worker", "--queue", "broadcast"],
                log=servers.folder / "logs" / f"bulk-{number}.log",
                env={**os.environ, **rig.environment(self.settings)},
            )
            for number in range(plan.workers)
        ]  # fmt: skip

    async def run(self) -> BulkDamage:
        started = time.monotonic()
        for worker in self.workers:
            worker.start()
        watch = asyncio.create_task(self._watch())
        try:
            await self._begin()
            for name, strike in self._strikes():
                await asyncio.sleep(self.random.uniform(*self.plan.between))
                await strike()
                self.damage.faults[name] += 1
                rig.say(f"{self.damage.faults.total():>2} {name}; {await self._progress()}")
            await self._calm()
            await self._count()
            self._read_logs()
        finally:
            watch.cancel()
            for worker in self.workers:
                worker.stop()
        self.damage.seconds = time.monotonic() - started
        return self.damage

    def _strikes(self) -> list[tuple[str, Callable[[], Awaitable[None]]]]:
        """Workers are killed in turn, and each server once in between."""
        kinds: list[tuple[str, Callable[[], Awaitable[None]]]] = [
            ("kill -9 worker", self._kill_worker), ("SIGTERM worker", self._stop_worker),
        ]  # fmt: skip
        found = [kinds[number % 2] for number in range(self.plan.kills)]
        others: list[tuple[str, Callable[[], Awaitable[None]]]] = [
            ("relay refuses", self._refuse),
        ]
        if self.plan.servers_too:
            others += [
                ("kill -9 Temporal", self._kill_temporal),
                ("kill -9 Postgres", self._kill_postgres),
            ]
        for other in others:
            found.insert(self.random.randrange(1, len(found)), other)
        return found

    async def _connection(self) -> AsyncConnection[Any]:
        return await AsyncConnection.connect(self.servers.postgres.url, autocommit=True)

    async def _begin(self) -> None:
        clock = self.settings.clock()
        async with opened(self.servers.postgres.url, 2) as pool:
            async with pool.connection() as connection:
                await rig.people(connection, self.plan.recipients, clock.now(), prefix="bulk")
            broadcasts = _asked(pool, clock)
            await broadcasts.plan(ID, PLAN, name="Storm", owner="maya", by="chaos")
            # The rate is in real minutes, whatever business time does.
            await broadcasts.set_rate(ID, self.plan.per_minute, "chaos")
            await broadcasts.approve(ID, "maya")
            await broadcasts.start(ID, "maya")
        while not (await self._states())["accepted"]:
            await asyncio.sleep(0.1)

    async def _states(self) -> Counter[str]:
        async with await self._connection() as connection:
            cursor = await connection.execute(
                "select state, count(*) from messages where broadcast_id = %s group by 1", (ID,)
            )
            return Counter(dict(await cursor.fetchall()))

    async def _progress(self) -> str:
        return ", ".join(
            f"{state} {count}" for state, count in sorted((await self._states()).items())
        )

    async def _in_hand(self) -> None:
        """Note what was in the hands of workers at this moment."""
        async with await self._connection() as connection:
            cursor = await connection.execute(
                "select key from messages where broadcast_id = %s and state = 'claimed'", (ID,)
            )
            self.damage.in_flight |= {row[0] for row in await cursor.fetchall()}

    async def _kill_worker(self) -> None:
        worker = self.random.choice(self.workers)
        await asyncio.to_thread(worker.kill)
        await self._in_hand()
        await asyncio.sleep(self.random.uniform(0.0, 1.0))
        await asyncio.to_thread(worker.start)

    async def _stop_worker(self) -> None:
        """In order: it finishes what it has in hand, and leaves nothing unknown."""
        worker = self.random.choice(self.workers)
        await asyncio.to_thread(worker.stop)
        await asyncio.to_thread(worker.start)

    async def _refuse(self) -> None:
        Faults(mode=FaultMode.REFUSE_4XX).write(self.servers.mail)
        await asyncio.sleep(self.plan.refuses_for)
        Faults(mode=FaultMode.NONE).write(self.servers.mail)

    async def _kill_temporal(self) -> None:
        await asyncio.to_thread(self.servers.temporal.kill)
        await asyncio.sleep(self.random.uniform(0.0, 2.0))
        await asyncio.to_thread(self.servers.temporal.start)

    async def _kill_postgres(self) -> None:
        await asyncio.to_thread(self.servers.postgres.kill)
        await asyncio.sleep(self.random.uniform(0.0, 2.0))
        await asyncio.to_thread(self.servers.postgres.start)

    async def _watch(self) -> None:
        """Is it ever at its end while somebody is not settled?"""
        while True:
            try:
                async with await self._connection() as connection:
                    cursor = await connection.execute(
                        "select count(*) from broadcasts b where ended_at is not null and exists"
                        " (select from messages m where m.broadcast_id = b.id"
                        "   and m.state in ('planned', 'claimed'))"
                    )
                    row = await cursor.fetchone()
                self.damage.early |= bool(row and row[0])
            except OperationalError:
                pass  # it was killed: the next look
            await asyncio.sleep(0.5)

    async def _calm(self) -> None:
        """Wait until it is at its end, or the patience is over."""
        until = time.monotonic() + self.plan.patience
        while time.monotonic() < until and not self.damage.finished:
            async with await self._connection() as connection:
                cursor = await connection.execute("select state, ended_at from broadcasts")
                row = await cursor.fetchone()
            self.damage.finished = bool(row and row[0] == "done" and row[1] is not None)
            await asyncio.sleep(0.5)

    async def _count(self) -> None:
        in_sink = Counter(entry.message_id for entry in read_index(self.servers.mail))
        async with await self._connection() as connection:
            cursor = await connection.execute(
                "select m.key, m.state, m.message_id, exists (select from decisions d"
                "  where d.broadcast_id = m.broadcast_id and d.contact_id = m.contact_id"
                "    and d.verdict = case m.state when 'accepted' then 'sent' else m.state end)"
                " from messages m where m.broadcast_id = %s", (ID,),
            )  # fmt: skip
            rows = await cursor.fetchall()
        damage = self.damage
        if len(rows) != self.plan.recipients:
            damage.missing.append(f"{len(rows)} rows for {self.plan.recipients} recipients")
        for key, state, message_id, explained in rows:
            damage.states[state] += 1
            came = in_sink[message_id]
            if came > 1:
                damage.twice.append(f"{key}: {came} times")
            if state == "accepted" and not came:
                damage.missing.append(f"{key}: accepted, and not in the sink")
            if state == "unknown":
                damage.unknown.append(key)
            elif state != "accepted":
                damage.missing.append(f"{key}: {state}")
            if not explained:
                damage.missing.append(f"{key}: {state}, and no decision says so")
        known = {row[2] for row in rows}
        damage.stray += [f"{id}: in the sink, not in the ledger" for id in in_sink.keys() - known]

    def _read_logs(self) -> None:
        for path in sorted((self.servers.folder / "logs").glob("bulk-*.log")):
            for number, line in enumerate(path.read_text(errors="replace").splitlines(), 1):
                if rig.MAIL_DOMAIN in line:
                    self.damage.told.append(f"{path.name}:{number}: has an address")


def _asked(pool: AsyncConnectionPool[Any], clock: Any) -> Broadcasts:
    return Broadcasts(pool, clock, EmailLibrary(rig.ROOT / "content"), workspace_zone="UTC")
