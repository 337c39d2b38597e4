"""bench-react: from a `track` call to the moment at which the waiting enrollment goes on."""

from __future__ import annotations

import asyncio
import base64
import json
import os
import random
import statistics
import sys
import time
import uuid
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import httpx2
from psycopg import AsyncConnection
from rich.console import Console
from rich.table import Table

from digital_cs.stack.children import Child
from digital_cs.stack.ports import free_port
from digital_cs.store.programs.enrollments import enroll
from tests import rig

P50_GOAL, P99_GOAL = 0.5, 2.0
SLEEPING = int(os.environ.get("BENCH_SLEEPING", "10000"))
PROBES = int(os.environ.get("BENCH_PROBES", "500"))
FLOW = int(os.environ.get("BENCH_FLOW", "200"))
"""Events a second that nobody waits for, beside those that are measured."""
PROBES_A_SECOND = 5
WRITE_KEY = "bench-write-key"
EVENT = "report_exported"

# Stamped inside the transaction in which the enrollment stands at its next step: later than the
# moment at which its workflow began with it, so that nothing is made to look faster.
STAMP = """
create table bench_moved (enrollment_id text, at timestamptz);
create function bench_moved() returns trigger language plpgsql as $$
begin
  if new.step is distinct from old.step then
    insert into bench_moved values (new.id, clock_timestamp());
  end if;
  return new;
end $$;
create trigger bench_moved after update on enrollments
  for each row execute function bench_moved();
"""


def waiting_program() -> Any:
    """Waits for one event, for long; what comes after it is another wait."""
    return rig.program(
        "react",
        [
            {
                "wait_for": {"event": EVENT}, "for_up_to": "300 days", "id": "listen",
                "if_it_happens": [{"wait": "300 days", "id": "went-on"}],
            }
        ],
    )  # fmt: skip


class Bench:
    """Servers, an API and a worker in processes of their own, and who talks to them."""

    def __init__(self, servers: rig.Servers) -> None:
        self.servers = servers
        self.port = free_port()
        self.settings = servers.settings(
            clock_origin=None, clock_started=None, api_port=self.port, relay_rate=500.0,
            write_keys=f"bench={WRITE_KEY}",
        )  # fmt: skip
        log = servers.folder / "logs"
        env = {**os.environ, **rig.environment(self.settings)}
        self.parts = [
            Child(
                name, [sys.executable, "-m", "digital_cs", name], log=log / f"{name}.log", env=env
            )
            for name in ("worker", "api")
        ]
        authorization = base64.b64encode(f"{WRITE_KEY}:".encode()).decode()
        self.http = httpx2.AsyncClient(
            base_url=f"http://127.0.0.1:{self.port}",
            headers={"Authorization": f"Basic {authorization}"},
            timeout=30.0,
        )

    async def prepare(self, connection: AsyncConnection[Any]) -> list[str]:
        """Publish, make accounts, and put everybody to sleep; returns the accounts."""
        now = datetime.now(UTC)
        await connection.execute(STAMP)
        await rig.publish(connection, waiting_program(), now)
        ids = await rig.people(connection, SLEEPING, now)
        for part in self.parts:
            part.start()
        await self._until_it_answers()
        await enroll(connection, "react", ids, source="bench", now=now, again="never")
        while waiting := await self._not_asleep(connection):
            rig.say(f"{SLEEPING - waiting:,} of {SLEEPING:,} enrollments asleep")
            await asyncio.sleep(5)
        return ids

    async def _until_it_answers(self) -> None:
        for _ in range(120):
            try:
                (await self.http.get("/healthz")).raise_for_status()
                return
            except httpx2.HTTPError:
                await asyncio.sleep(0.5)
        raise SystemExit(f"the API did not come up: {self.parts[1].log_tail()}")

    async def _not_asleep(self, connection: AsyncConnection[Any]) -> int:
        cursor = await connection.execute(
            "select count(*) from enrollments where revision = 0 or wake_at is null"
        )
        row = await cursor.fetchone()
        assert row is not None
        return int(row[0])

    async def measure(self, connection: AsyncConnection[Any], ids: Sequence[str]) -> list[float]:
        """Seconds from each call to its enrollment's next step, while other events flow."""
        stop = asyncio.Event()
        flow = asyncio.create_task(self._flow(ids, stop))
        await asyncio.sleep(2)
        asked: dict[str, float] = {}
        for account in random.Random(7).sample(ids, PROBES):
            asked[f"react:{account}:1"] = time.time()
            answer = await self.http.post("/v1/track", json=_track(account, EVENT))
            answer.raise_for_status()
            await asyncio.sleep(1 / PROBES_A_SECOND)
        await asyncio.sleep(10)
        stop.set()
        await flow
        cursor = await connection.execute("select enrollment_id, at from bench_moved")
        moved = {id: at.timestamp() for id, at in await cursor.fetchall()}
        missing = asked.keys() - moved.keys()
        assert not missing, f"{len(missing)} enrollments did not go on, like {min(missing)}"
        return sorted(moved[id] - at for id, at in asked.items())

    async def _flow(self, ids: Sequence[str], stop: asyncio.Event) -> None:
        """Batches of events that nobody waits for, at an even pace."""
        chance, sent, began = random.Random(8), 0, time.monotonic()
        while not stop.is_set():
            batch = [_track(chance.choice(ids), f"event_{chance.randrange(20)}") for _ in range(20)]
            answer = await self.http.post("/v1/batch", json={"batch": batch})
            answer.raise_for_status()
            sent += len(batch)
            await asyncio.sleep(max(0.0, sent / FLOW - (time.monotonic() - began)))
        rig.say(f"{sent / (time.monotonic() - began):.0f} other events a second flowed")

    async def close(self) -> None:
        await self.http.aclose()
        for part in self.parts:
            part.stop()


def _track(account: str, event: str) -> dict[str, Any]:
    return {
        "type": "track", "messageId": str(uuid.uuid4()), "userId": f"{account}-c1", "event": event,
        "timestamp": datetime.now(UTC).isoformat(), "properties": {"format": "pdf", "rows": 1200},
        "context": {"groupId": account},
    }  # fmt: skip


def quantile(found: Sequence[float], share: float) -> float:
    """The value below which this share of the sorted values lies."""
    return found[min(int(len(found) * share), len(found) - 1)]


async def main() -> int:
    with rig.servers() as servers:
        bench = Bench(servers)
        try:
            async with await AsyncConnection.connect(
                servers.postgres.url, autocommit=True
            ) as connection:
                found = await bench.measure(connection, await bench.prepare(connection))
        finally:
            await bench.close()
    p50, p99 = statistics.median(found), quantile(found, 0.99)
    holds = p50 <= P50_GOAL and p99 <= P99_GOAL
    table = Table(title=f"From a track call to the next step, {SLEEPING:,} asleep, {FLOW} events/s")
    for column in ("", "seconds", "goal"):
        table.add_column(column)
    table.add_row("p50", f"{p50:.3f}", f"<= {P50_GOAL}")
    table.add_row("p90", f"{quantile(found, 0.9):.3f}", "")
    table.add_row("p99", f"{p99:.3f}", f"<= {P99_GOAL}")
    table.add_row("slowest", f"{found[-1]:.3f}", "")
    Console(file=sys.stdout, width=100).print(table)
    sys.stdout.write(
        json.dumps(
            {
                "bench": "react", "p50": round(p50, 3), "p99": round(p99, 3), "holds": holds,
                "slowest": round(found[-1], 3), "probes": len(found), "sleeping": SLEEPING,
                "events_per_second": FLOW,
            }
        )
        + "\n"
    )  # fmt: skip
    return 0 if holds else 1


if __name__ == "__main__":
    code = asyncio.run(main())
    sys.stdout.flush()
    os._exit(code)  # the SDK may abort at interpreter exit, after the work is done
