"""bench-broadcast: messages a second of a whole broadcast over those of a bare loop of its client.

What is in the ratio: from the word to start until the last row is settled, that is the audience
fixed, every recipient decided by the policy, claimed, written, handed over and recorded; over a
loop that hands one ready-made message over on as many connections of the same client, from as many
processes, in the same run. The quicker the client, the smaller the ratio: where the server offers
CHUNKING a bare loop does little but copy, and a ledger costs what it costs.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import math
import os
import sys
import time
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import psycopg

from digital_cs.bootstrap import database_url
from digital_cs.config import Settings
from digital_cs.errors import UsageError
from digital_cs.rendering.library import EmailLibrary
from digital_cs.store.database import pool as pools
from digital_cs.store.programs.enrollments import enroll
from digital_cs.store.sending import policies
from digital_cs.temporal.broadcasts import Broadcasts
from tests import rig
from tests.bench.broadcast_rig import (
    POLICY,
    Sent,
    Spent,
    Watch,
    bare_loop,
    peak,
    plan_for,
    populate,
    ready_made,
    workers,
)
from tests.bench.broadcast_table import show
from tests.bench.fast_sink import FastSink, Taken, fast_sink
from tests.bench.own_server import OWN_SERVER

RECIPIENTS = int(os.environ.get("BENCH_RECIPIENTS", "100000"))
PLANNED = int(os.environ.get("BENCH_PLANNED", str(RECIPIENTS * 10)))
DRIPS = int(os.environ.get("BENCH_DRIPS", "100"))
PROCESSES = int(os.environ.get("BENCH_PROCESSES", "2"))
CONNECTIONS = int(os.environ.get("BENCH_CONNECTIONS", "4"))
LIBRARY = 20_000
"""Messages of the loop over aiosmtplib: its rate is the same however many there are."""

WAYS: dict[str, tuple[tuple[str, ...], float]] = {
    "pipelining": (("PIPELINING", "8BITMIME"), 0.0),
    "chunking": (("PIPELINING", "CHUNKING", "8BITMIME"), 0.0),
    "relay, 5 ms": (("PIPELINING", "8BITMIME"), 0.005),
}
"""What the sink offers, and the seconds that it takes for each message. The first is what the goal
is about; the last is nearer to a relay, which writes each message to a disk."""

SPEED = 60.0
"""Business seconds in a real one: drips that wait a minute fall due within the bench."""


class Bench:
    """Everything on throwaway servers."""

    def __init__(self, servers: rig.Servers) -> None:
        self.servers = servers
        plain = servers.settings()
        self.url = database_url(plain)
        self.queue = plain.task_queue
        self.message = servers.folder / "ready-made.eml"
        self.sent: list[Sent] = []

    def settings(self, way: str, sink: FastSink) -> Settings:
        return self.servers.settings(
            clock_speed=SPEED, smtp_port=sink.port, smtp_connections=CONNECTIONS,
            broadcast_connections=CONNECTIONS, task_queue=f"{self.queue}-{way}",
            mail_domain="bench.test",
        )  # fmt: skip

    @contextlib.asynccontextmanager
    async def broadcasts(self, settings: Settings) -> AsyncIterator[Broadcasts]:
        async with pools.opened(self.url, 1) as pool:
            yield Broadcasts(
                pool, settings.clock(), EmailLibrary(settings.content_dir), workspace_zone="UTC"
            )

    async def started(self, settings: Settings, cohort: str) -> None:
        """Plan, approve and start a broadcast, as people do."""
        async with self.broadcasts(settings) as asked:
            plan = plan_for(cohort)
            await asked.plan(cohort, plan, name="Bench", owner="maya", by="bench")
            await asked.approve(cohort, "bench")
            await asked.start(cohort, "bench")

    async def is_true(self, what: str, cohort: str, patience: float) -> None:
        """Wait until this is true of a broadcast."""
        deadline = time.monotonic() + patience
        async with await psycopg.AsyncConnection.connect(self.url, autocommit=True) as connection:
            while True:
                cursor = await connection.execute(
                    f"select {what} from broadcasts where id = %s", (cohort,)
                )
                row = await cursor.fetchone()
                if row is not None and row[0]:
                    return
                assert time.monotonic() < deadline, f"{cohort}: not {what}"
                await asyncio.sleep(0.1)

    async def bare(self, sink: FastSink, settings: Settings, messages: int, sent: Sent) -> None:
        rate, spent = await bare_loop(
            sink, self.message, messages, PROCESSES, CONNECTIONS, settings.broadcast_in_flight
        )
        rig.say(f"{sent.way}: bare loop {rate:,.0f} messages/s")
        sent.bare.append(rate)
        sent.bare_spent = spent

    async def library(self, sink: FastSink, settings: Settings, messages: int, sent: Sent) -> None:
        """The same loop over the library that people would take."""
        sent.library, _ = await bare_loop(
            sink, self.message, messages, PROCESSES, CONNECTIONS, settings.broadcast_in_flight,
            client="aiosmtplib",
        )  # fmt: skip
        rig.say(f"{sent.way}: loop of aiosmtplib {sent.library:,.0f} messages/s")

    async def round(self, way: str, recipients: int, drips: int) -> Sent:
        """A bare loop, a broadcast, and a bare loop again, all with the same sink."""
        cohort = f"{way.partition(',')[0]}-{recipients}"
        populate(self.url, cohort, recipients)
        features, takes = WAYS[way]
        with fast_sink(self.servers.folder / cohort, *features, takes=takes) as sink:
            settings = self.settings(cohort, sink)
            sent = Sent(way, recipients, 0.0, Spent({}, {}), 0)
            loops = max(PROCESSES * CONNECTIONS, recipients)
            await self.bare(sink, settings, loops, sent)
            await self.library(sink, settings, min(loops, LIBRARY), sent)
            with workers(settings, self.servers.folder, "broadcast", PROCESSES) as sending:
                dripping: contextlib.AbstractContextManager[list[int]] = contextlib.nullcontext([])
                if drips:
                    dripping = workers(settings, self.servers.folder, "programs", 1)
                with dripping as others:
                    await self._send(settings, sent, cohort, sink, sending, others, drips)
                sent.peak = peak(sending)
            await self.bare(sink, settings, loops, sent)
        rig.say(f"{way}: {recipients:,} recipients, {sent.rate:,.0f} messages/s, {sent.ratio:.2f}")
        self.sent.append(sent)
        return sent

    async def _send(
        self, settings: Settings, sent: Sent, cohort: str, sink: FastSink, sending: list[int],
        others: list[int], drips: int,
    ) -> None:  # fmt: skip
        ids = await self._people_who_drip(settings, cohort, drips)
        watch = Watch(
            {
                "workers": sending, "Postgres": [self.servers.postgres.pid or 0],
                "Temporal": [self.servers.temporal.pid or 0], "sink": sink.pids,
                "drip worker": others,
            }
        )  # fmt: skip
        began = time.perf_counter()
        await self.started(settings, cohort)
        entered: list[str] = []
        drip = asyncio.create_task(self._drip(settings, cohort, ids, entered))
        await self.is_true("state = 'done'", cohort, 600 + sent.recipients / 200)
        sent.seconds = time.perf_counter() - began
        drip.cancel()
        sent.spent = watch.spent()
        await self._until_dripped(cohort, len(entered))
        self._audit(settings, sent, cohort, sink.taken(), len(entered))

    async def _people_who_drip(self, settings: Settings, cohort: str, drips: int) -> list[str]:
        """Accounts that enter a program one by one: each message falls due a minute later."""
        if not drips:
            return []
        async with pools.opened(self.url, 1) as pool, pool.connection() as connection:
            steps = [{"wait": "1 minute"}, {"send": "welcome-trial-1", "useful_for": "30 days"}]
            await rig.publish(
                connection, rig.program(f"drip-{cohort}", steps), settings.clock().now()
            )
            return await rig.people(
                connection, drips, settings.clock().now(), prefix=f"drip-{cohort}"
            )

    async def _drip(
        self, settings: Settings, cohort: str, ids: list[str], entered: list[str]
    ) -> None:
        """Let the accounts enter one after the other while the broadcast runs."""
        async with pools.opened(self.url, 1) as pool, pool.connection() as connection:
            for id in ids:
                now = settings.clock().now()
                await enroll(
                    connection, f"drip-{cohort}", [id], source="bench", now=now, again="never"
                )
                entered.append(id)
                await asyncio.sleep(0.1)

    async def _until_dripped(self, cohort: str, drips: int) -> None:
        """Wait for those who fell due while it ran."""
        deadline = time.monotonic() + 30
        async with await psycopg.AsyncConnection.connect(self.url, autocommit=True) as connection:
            while time.monotonic() < deadline:
                cursor = await connection.execute(
                    "select count(*) >= %s from messages where program_id = %s"
                    " and state = 'accepted'", (drips, f"drip-{cohort}"),
                )  # fmt: skip
                if (await cursor.fetchone() or (False,))[0]:
                    return
                await asyncio.sleep(0.1)

    def _audit(
        self, settings: Settings, sent: Sent, cohort: str, taken: Taken, entered: int
    ) -> None:
        """Compare the ledger with what came, and see how late the drips were."""
        with psycopg.connect(self.url, autocommit=True) as connection:
            rows = connection.execute(
                "select message_id, state from messages where broadcast_id = %s", (cohort,)
            ).fetchall()
            drips = connection.execute(
                "select message_id, due_at from messages where program_id = %s", (f"drip-{cohort}",)
            ).fetchall()
        sent.accepted = sum(state == "accepted" for _, state in rows)
        sent.wrong = sum(taken.times.get(id or "", 0) != 1 for id, _ in rows)
        sent.wrong += abs(len(rows) - sent.recipients)
        now, real_now = settings.clock().now(), time.time()
        for id, due_at in drips:
            due = real_now - (now - due_at) / timedelta(seconds=SPEED)
            sent.late.append(taken.at.get(id or "", math.inf) - due)
        sent.late += [math.inf] * (entered - len(drips))

    async def planned(self, recipients: int) -> tuple[int, float]:
        """Peak memory of a worker that fixed so large an audience and began to send, in bytes, and
        how many seconds fixing it took."""
        cohort = f"planned-{recipients}"
        populate(self.url, cohort, recipients)
        with fast_sink(self.servers.folder / cohort, *WAYS["pipelining"][0]) as sink:
            settings = self.settings(f"planned-{recipients}", sink)
            with workers(settings, self.servers.folder, "broadcast", 1) as sending:
                began = time.perf_counter()
                await self.started(settings, cohort)
                await self.is_true("frozen_at is not null", cohort, 600)
                seconds = time.perf_counter() - began
                await asyncio.sleep(5.0)
                async with self.broadcasts(settings) as asked:
                    with contextlib.suppress(UsageError):  # a small one is through already
                        await asked.pause(cohort, "bench")
                return peak(sending), seconds


async def main() -> int:
    with rig.servers(settings=OWN_SERVER) as servers:
        bench = Bench(servers)
        async with pools.opened(servers.postgres.url, 1) as pool, pool.connection() as connection:
            await policies.publish(connection, POLICY, rig.MONDAY)
        with fast_sink(servers.folder / "first") as sink:
            Path(bench.message).write_bytes(ready_made(bench.settings("first", sink)))
        await bench.round("pipelining", RECIPIENTS // 10, 0)
        await bench.round("pipelining", RECIPIENTS, DRIPS)
        await bench.round("chunking", RECIPIENTS // 5, 0)
        await bench.round("relay, 5 ms", RECIPIENTS // 10, 0)
        planned = {n: await bench.planned(n) for n in _sizes()}
        result = show(bench.sent, planned, PROCESSES, CONNECTIONS)
    sys.stdout.write(json.dumps(result) + "\n")
    return 0 if result["holds"] else 1


def _sizes() -> list[int]:
    """Audiences that are only planned: each ten times the one before."""
    return [size for size in (PLANNED // 100, PLANNED // 10, PLANNED) if size]


if __name__ == "__main__":
    code = asyncio.run(main())
    sys.stdout.flush()
    os._exit(code)  # the SDK may abort at interpreter exit, after the work is done
