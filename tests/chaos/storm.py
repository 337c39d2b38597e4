"""A storm over running programs: servers are killed, mail misbehaves; afterwards all is counted."""

from __future__ import annotations

import asyncio
import os
import random
import sys
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from psycopg import AsyncConnection

from digital_cs.channels.sink_faults import FaultMode, Faults
from digital_cs.channels.sink_folder import read_index
from digital_cs.config import Settings
from digital_cs.messages.enrollment import ENROLLMENT_WORKFLOW
from digital_cs.stack.children import Child
from digital_cs.store.enrollments import enroll
from digital_cs.temporal.client import connect
from tests import rig

PROGRAM = "storm"
MAIL_FAULTS = (
    FaultMode.REFUSE_4XX,
    FaultMode.REFUSE_5XX,
    FaultMode.STALL,
    FaultMode.STALL_AFTER_DATA,
    FaultMode.DROP_BEFORE_DATA,
    FaultMode.DROP_AFTER_DATA,
    FaultMode.DROP_AFTER_DATA_UNSTORED,
)


@dataclass(frozen=True)
class Plan:
    """How big a storm. Spans are real seconds."""

    seed: int
    enrollments: int = 200
    touches: int = 5
    faults: int = 20
    wait: float = 20.0
    between: tuple[float, float] = (2.0, 4.0)
    workers: int = 2
    patience: float = 240.0

    @property
    def speed(self) -> float:
        return 3600.0


@dataclass
class Damage:
    """What is true afterwards."""

    faults: Counter[str] = field(default_factory=Counter)
    states: Counter[str] = field(default_factory=Counter)
    lost: list[str] = field(default_factory=list)
    twice: list[str] = field(default_factory=list)
    stray: list[str] = field(default_factory=list)
    unknown: list[tuple[str, datetime, str, bool]] = field(default_factory=list)
    not_ended: list[str] = field(default_factory=list)
    workflows_left: int = 0
    seconds: float = 0.0

    @property
    def holds(self) -> bool:
        wrong = self.lost or self.twice or self.stray or self.not_ended or self.workflows_left
        return not wrong and all(moment is not None for _, moment, _, _ in self.unknown)


class Storm:
    """One run: start, disturb, wait for calm, count."""

    def __init__(self, plan: Plan, servers: rig.Servers) -> None:
        self.plan = plan
        self.servers = servers
        self.random = random.Random(plan.seed)
        self.damage = Damage()
        # Every process must agree on the clock: its start is fixed here, once.
        self.settings = servers.settings(
            clock_speed=plan.speed, smtp_timeout=2.0, touch_timeout=8.0, dispatch_grace=60.0,
            catchup_spread=2.0, relay_rate=200.0, mail_domain="storm.test",
        )  # fmt: skip
        self.workers = [
            Child(
                f"worker-{number}", [sys.executable, "/tmp/w.py"],
                log=servers.folder / "logs" / f"worker-{number}.log",
                env={**os.environ, **_environment(self.settings)},
            )
            for number in range(plan.workers)
        ]  # fmt: skip

    async def run(self) -> Damage:
        started = time.monotonic()
        for worker in self.workers:
            worker.start()
        try:
            ids = await self._enroll()
            for number in range(self.plan.faults):
                name = await self._strike()
                self.damage.faults[name] += 1
                rig.say(f"{number + 1:>2}/{self.plan.faults} {name}; {await self._progress()}")
                await asyncio.sleep(self.random.uniform(*self.plan.between))
            await self._calm()
            await self._count(ids)
        finally:
            for worker in self.workers:
                worker.stop()
        self.damage.seconds = time.monotonic() - started
        return self.damage

    async def _connection(self) -> AsyncConnection[Any]:
        return await AsyncConnection.connect(self.servers.postgres.url, autocommit=True)

    async def _enroll(self) -> list[str]:
        at = self.settings.clock().now()
        wait = timedelta(seconds=self.plan.wait * self.plan.speed)
        async with await self._connection() as connection:
            program = rig.drip(
                PROGRAM, self.plan.touches, f"{round(wait.total_seconds() / 60)} minutes"
            )
            await rig.publish(connection, program, at)
            accounts = await rig.people(connection, self.plan.enrollments, at, prefix="storm")
            # A few at a time, so that at every moment of the storm somebody is being written to.
            for first in range(0, len(accounts), 10):
                part = accounts[first : first + 10]
                now = self.settings.clock().now()
                await enroll(connection, PROGRAM, part, source="chaos", now=now, again="never")
                await asyncio.sleep(self.plan.wait * 10 / len(accounts))
        return [f"{PROGRAM}:{account}:1" for account in accounts]

    async def _strike(self) -> str:
        """One thing goes wrong; servers come back after a moment."""
        kinds: list[tuple[str, Callable[[], Any]]] = [
            ("kill -9 worker", self._kill_worker),
            ("kill -9 Temporal", self._kill_temporal),
            ("kill -9 Postgres", self._kill_postgres),
            ("mail server", self._spoil_mail),
        ]
        name, strike = self.random.choice(kinds)
        detail = await strike()
        return f"{name}{detail or ''}"

    async def _kill_worker(self) -> None:
        worker = self.random.choice(self.workers)
        await asyncio.to_thread(worker.kill)
        await asyncio.sleep(self.random.uniform(0.0, 1.0))
        await asyncio.to_thread(worker.start)

    async def _kill_temporal(self) -> None:
        await asyncio.to_thread(self.servers.temporal.kill)
        await asyncio.sleep(self.random.uniform(0.0, 2.0))
        await asyncio.to_thread(self.servers.temporal.start)

    async def _kill_postgres(self) -> None:
        await asyncio.to_thread(self.servers.postgres.kill)
        await asyncio.sleep(self.random.uniform(0.0, 2.0))
        await asyncio.to_thread(self.servers.postgres.start)

    async def _spoil_mail(self) -> str:
        mode = self.random.choice(MAIL_FAULTS)
        seed = self.random.randrange(2**31)
        Faults(mode=mode, share=self.random.choice((0.5, 1.0)), seed=seed).write(self.servers.mail)
        await asyncio.sleep(self.random.uniform(1.0, 3.0))
        Faults(mode=FaultMode.NONE).write(self.servers.mail)
        return f": {mode.value}"

    async def _progress(self) -> str:
        async with await self._connection() as connection:
            states = dict(
                await (
                    await connection.execute("select state, count(*) from messages group by 1")
                ).fetchall()
            )
        return ", ".join(f"{state} {count}" for state, count in sorted(states.items()))

    async def _calm(self) -> None:
        """Wait until everybody is through, or the patience is over."""
        until = time.monotonic() + self.plan.patience
        while time.monotonic() < until:
            async with await self._connection() as connection:
                row = await (
                    await connection.execute(
                        "select count(*) from enrollments where ended_at is null"
                    )
                ).fetchone()
            if row and row[0] == 0:
                return
            await asyncio.sleep(1.0)

    async def _count(self, enrollments: list[str]) -> None:
        damage = self.damage
        in_sink = Counter(entry.message_id for entry in read_index(self.servers.mail))
        async with await self._connection() as connection:
            ledger = await (
                await connection.execute(
                    "select enrollment_id, visit, step, key, state, message_id,"
                    " coalesce(settled_at, claimed_at), coalesce(detail, reason) from messages"
                )
            ).fetchall()
            open_rows = await (
                await connection.execute("select id from enrollments where ended_at is null")
            ).fetchall()
        touched: dict[str, set[str]] = {id: set() for id in enrollments}
        for enrollment, _visit, step, key, state, message_id, moment, detail in ledger:
            damage.states[state] += 1
            if state in ("accepted", "failed", "unknown", "skipped"):
                touched[enrollment].add(step)
            if state == "unknown":
                damage.unknown.append((key, moment, detail, message_id in in_sink))
            if state == "accepted" and message_id not in in_sink:
                damage.lost.append(f"{key}: accepted, but not in the sink")
            if state in ("failed", "skipped", "planned") and message_id in in_sink:
                damage.stray.append(f"{key}: {state}, but in the sink")
        known = {row[5] for row in ledger}
        damage.stray += [f"{id}: in the sink, not in the ledger" for id in in_sink.keys() - known]
        damage.twice = [f"{id} x{n}" for id, n in in_sink.items() if n > 1]
        wanted = {f"touch-{number + 1}" for number in range(self.plan.touches)}
        damage.not_ended = [row[0] for row in open_rows]
        for enrollment, steps in touched.items():
            if enrollment not in damage.not_ended:
                damage.lost += [f"{enrollment} {step}: no row" for step in sorted(wanted - steps)]
        client = await connect(self.settings)
        query = f"WorkflowType = '{ENROLLMENT_WORKFLOW}' AND ExecutionStatus = 'Running'"
        for _ in range(20):  # the last ones may just be closing, and the list lags behind
            damage.workflows_left = (await client.count_workflows(query)).count
            if not damage.workflows_left:
                break
            await asyncio.sleep(1.0)


def _environment(settings: Settings) -> dict[str, str]:
    """These settings as the environment of a worker process."""
    from pydantic import SecretStr

    values = {}
    for name in type(settings).model_fields:
        value = getattr(settings, name)
        if value is not None:
            shown = value.get_secret_value() if isinstance(value, SecretStr) else value
            values[name.upper()] = shown.isoformat() if isinstance(shown, datetime) else str(shown)
    return values
