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
from typing import Any, NamedTuple

from psycopg import AsyncConnection

from digital_cs.channels.sink_faults import FaultMode, Faults
from digital_cs.channels.sink_folder import read_index
from digital_cs.messages.enrollment import ENROLLMENT_WORKFLOW
from digital_cs.stack.children import Child
from digital_cs.store.programs.enrollments import enroll
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


LEDGER = """
select m.enrollment_id, m.step, m.key, m.state, m.message_id, coalesce(m.settled_at, m.claimed_at),
       coalesce(m.detail, m.reason), exists (select 1 from decisions d
         where d.enrollment_id = m.enrollment_id and d.visit = m.visit and d.verdict = m.state)
  from messages m
"""


class Row(NamedTuple):
    """One row of the ledger; `explained`: a decision of the same visit says the same."""

    enrollment: str
    step: str
    key: str
    state: str
    message_id: str | None
    moment: datetime
    detail: str
    explained: bool


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
    """What is true afterwards: lines for people, each beginning with what it is about.

    `died`: workers that ended though nobody killed them. `told`: log lines with an address.
    """

    faults: Counter[str] = field(default_factory=Counter)
    states: Counter[str] = field(default_factory=Counter)
    lost: list[str] = field(default_factory=list)
    twice: list[str] = field(default_factory=list)
    stray: list[str] = field(default_factory=list)
    unknown: list[tuple[str, datetime, str, bool]] = field(default_factory=list)
    not_ended: list[str] = field(default_factory=list)
    died: list[str] = field(default_factory=list)
    told: list[str] = field(default_factory=list)
    workflows_left: int = 0
    seconds: float = 0.0

    @property
    def holds(self) -> bool:
        wrong = [*self.lost, *self.twice, *self.stray, *self.not_ended, *self.died, *self.told]
        listed = all(moment is not None for _, moment, _, _ in self.unknown)
        return not wrong and not self.workflows_left and listed


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
                f"worker-{number}", [sys.executable, "-m", "digital_cs", "worker"],
                log=servers.folder / "logs" / f"worker-{number}.log",
                env={**os.environ, **rig.environment(self.settings)},
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
            self.damage.died = [
                f"worker-{number}: ended with code {worker.returncode}"
                for number, worker in enumerate(self.workers) if not worker.is_running
            ]  # fmt: skip
            await self._count(ids)
            self._read_logs()
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
        in_sink = Counter(entry.message_id for entry in read_index(self.servers.mail))
        async with await self._connection() as connection:
            ledger = await (await connection.execute(LEDGER)).fetchall()
            endings = dict(
                await (await connection.execute("select id, ending from enrollments")).fetchall()
            )
        self._compare([Row(*row) for row in ledger], in_sink)
        damage, wanted = self.damage, {f"touch-{n + 1}" for n in range(self.plan.touches)}
        steps = {(row[0], row[1]) for row in ledger}
        for enrollment in enrollments:
            ending = endings.get(enrollment)
            if ending is None:
                damage.not_ended.append(enrollment)
                continue
            if ending != "completed":
                damage.lost.append(f"{enrollment}: fell out, {ending}")
            missing = wanted - {step for id, step in steps if id == enrollment}
            damage.lost += [f"{enrollment} {step}: no row" for step in sorted(missing)]
        await self._count_workflows()

    def _compare(self, ledger: list[Row], in_sink: Counter[str]) -> None:
        """The ledger with what the sink has: what was told must be what happened."""
        damage = self.damage
        arrived: Counter[tuple[str, str]] = Counter()
        for row in ledger:
            damage.states[row.state] += 1
            came = row.message_id in in_sink
            arrived[row.enrollment, row.step] += came
            match row.state:
                case "unknown":
                    damage.unknown.append((row.key, row.moment, row.detail, came))
                    if not row.explained:
                        damage.lost.append(f"{row.key}: unknown, and no decision says so")
                case "accepted" if not came:
                    damage.lost.append(f"{row.key}: accepted, but not in the sink")
                case "planned" | "claimed":
                    damage.lost.append(f"{row.key}: still {row.state}")
                case "skipped":  # everything was useful for longer than the storm took
                    damage.lost.append(f"{row.key}: skipped, {row.detail}")
            if came and row.state not in ("accepted", "unknown"):
                damage.stray.append(f"{row.key}: {row.state}, but in the sink")
        known = {row.message_id for row in ledger}
        damage.stray += [f"{id}: in the sink, not in the ledger" for id in in_sink.keys() - known]
        damage.twice += [f"{id} x{n}" for id, n in in_sink.items() if n > 1]
        damage.twice += [f"{id} {step}: {n} messages" for (id, step), n in arrived.items() if n > 1]

    async def _count_workflows(self) -> None:
        client = await connect(self.settings)
        query = f"WorkflowType = '{ENROLLMENT_WORKFLOW}' AND ExecutionStatus = 'Running'"
        for _ in range(20):  # the last ones may just be closing, and the list lags behind
            self.damage.workflows_left = (await client.count_workflows(query)).count
            if not self.damage.workflows_left:
                break
            await asyncio.sleep(1.0)

    def _read_logs(self) -> None:
        for path in sorted((self.servers.folder / "logs").glob("worker-*.log")):
            for number, line in enumerate(path.read_text(errors="replace").splitlines(), 1):
                if rig.MAIL_DOMAIN in line:
                    self.damage.told.append(f"{path.name}:{number}: has an address")
