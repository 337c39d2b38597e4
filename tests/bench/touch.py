"""bench-touch: touches per second of the whole path over steps per second of a bare workflow."""

from __future__ import annotations

import asyncio
import json
import os
import statistics
import sys
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table
from temporalio import activity
from temporalio.api.enums.v1 import EventType
from temporalio.client import Client
from temporalio.worker import Worker

from activities.claiming import Gate
from digital_cs.background import end
from digital_cs.bootstrap import Engine, database_url, open_engine
from digital_cs.channels.sink_folder import read_index
from digital_cs.messages.enrollment import (
    ADVANCE_ACTIVITY,
    AdvanceReply,
    AdvanceRequest,
    workflow_id,
)
from digital_cs.store.database import pool as pools
from digital_cs.store.programs.enrollments import enroll
from digital_cs.temporal.client import connect
from digital_cs.temporal.worker import build_worker, runner
from tests import rig
from tests.bench.bare import BareWorkflow, nothing

GOAL = 0.85
WORKFLOWS = int(os.environ.get("BENCH_WORKFLOWS", "120"))
TOUCHES = int(os.environ.get("BENCH_TOUCHES", "8"))
ROUNDS = int(os.environ.get("BENCH_ROUNDS", "3"))
SLEEP_SECONDS = 1.0
AT_ONCE = 40

BILLABLE = {
    EventType.EVENT_TYPE_TIMER_STARTED,
    EventType.EVENT_TYPE_ACTIVITY_TASK_SCHEDULED,
    EventType.EVENT_TYPE_WORKFLOW_EXECUTION_SIGNALED,
    EventType.EVENT_TYPE_UPSERT_WORKFLOW_SEARCH_ATTRIBUTES,
    EventType.EVENT_TYPE_MARKER_RECORDED,
}
"""Events that a hosted Temporal counts as one action each, besides the start of the workflow."""


@dataclass(frozen=True)
class Costs:
    """What a wait and the touch after it cost, read from a finished history."""

    events: float
    actions: float


async def bare_round(client: Client, number: int, *, local: bool = False) -> float:
    """Steps per second of bare workflows, the yardstick; `local` is what we use ourselves."""
    queue = f"bare-{'local-' if local else ''}{number}"
    worker = Worker(
        client, task_queue=queue, workflows=[BareWorkflow], activities=[nothing],
        workflow_runner=runner(), max_concurrent_activities=AT_ONCE,
    )  # fmt: skip
    gate = asyncio.Semaphore(16)

    async def start(index: int) -> Any:
        async with gate:
            return await client.start_workflow(
                BareWorkflow.run, args=[TOUCHES, SLEEP_SECONDS, local], id=f"{queue}-{index}",
                task_queue=queue,
            )  # fmt: skip

    async with worker:
        started = time.perf_counter()
        handles = await asyncio.gather(*(start(index) for index in range(WORKFLOWS)))
        await asyncio.gather(*(handle.result() for handle in handles))
        return WORKFLOWS * TOUCHES / (time.perf_counter() - started)


async def touch_round(
    servers: rig.Servers, number: int, speed: float, gate: Gate | None = None
) -> tuple[float, list[str]]:
    """Touches per second of the whole path, and the enrollments that travelled.

    `gate` takes the place of the one that decides.
    """
    settings = servers.settings(
        task_queue=f"touch-{number}", clock_speed=speed, relay_rate=10_000.0,
        worker_concurrency=AT_ONCE, smtp_connections=4, mail_domain="bench.test",
    )  # fmt: skip
    async with open_engine(settings) as engine:
        if gate is not None:
            engine.activities._mailing._gate = gate
        name = f"bench-{number}"
        async with engine.pool.connection() as connection:
            at = engine.clock.now()
            await rig.publish(connection, rig.drip(name, TOUCHES, "1 hour"), at)
            ids = await rig.people(connection, WORKFLOWS, at, prefix=f"bench{number}")
        worker = build_worker(
            engine.client, settings.task_queue, [engine.activities.advance], concurrency=AT_ONCE
        )
        relay = asyncio.create_task(engine.relay.run())
        async with worker:
            started = time.perf_counter()
            async with engine.pool.connection() as connection:
                await enroll(
                    connection, name, ids, source="bench", now=engine.clock.now(), again="never"
                )
            await _all_ended(engine.client, settings.workspace, [f"{name}:{id}:1" for id in ids])
            elapsed = time.perf_counter() - started
        await end(relay)
    return WORKFLOWS * TOUCHES / elapsed, [f"{name}:{id}:1" for id in ids]


async def _all_ended(client: Client, workspace: str, enrollments: list[str]) -> None:
    """Wait as the yardstick does: for the result of every workflow."""
    await asyncio.sleep(0.5)

    async def result(enrollment_id: str) -> None:
        while True:
            try:
                await client.get_workflow_handle(workflow_id(workspace, enrollment_id)).result()
                return
            except Exception as error:
                if "not found" not in str(error):
                    raise
                await asyncio.sleep(0.2)  # the relay has not come to it yet

    await asyncio.gather(*(result(id) for id in enrollments))


async def read_costs(client: Client, id: str) -> Costs:
    """Events and billable actions for one wait and the touch after it, without start and end."""
    history = await client.get_workflow_handle(id).fetch_history()
    kinds = Counter(event.event_type for event in history.events)
    first = next(
        event.event_id for event in history.events
        if event.event_type == EventType.EVENT_TYPE_TIMER_STARTED
    )  # fmt: skip
    last = max(
        event.event_id for event in history.events
        if event.event_type == EventType.EVENT_TYPE_WORKFLOW_TASK_COMPLETED
    )  # fmt: skip
    waits = kinds[EventType.EVENT_TYPE_TIMER_STARTED]
    actions = sum(
        1 for event in history.events if event.event_id >= first and event.event_type in BILLABLE
    )
    return Costs((last - first + 1) / waits, actions / waits)


class Watched:
    """The activity, with how often each call that sent a message waited for the database."""

    def __init__(self, engine: Engine, mail: Path) -> None:
        self.costs: list[int] = []
        self._engine = engine
        self._mail = mail

    @activity.defn(name=ADVANCE_ACTIVITY)
    async def advance(self, request: AdvanceRequest) -> AdvanceReply:
        """Do as the engine does, one call at a time."""
        sent, before = len(read_index(self._mail)), pools.CountingConnection.round_trips
        reply = await self._engine.activities.advance(request)
        if len(read_index(self._mail)) > sent:
            self.costs.append(pools.CountingConnection.round_trips - before)
        return reply


async def count_round_trips(servers: rig.Servers, speed: float, name: str = "trips") -> int:
    """Most database round trips of a touch, counted where the driver waits for the server.

    What a process does once, as to read the program and the policy, and to have its statements
    prepared, is not on the way of a touch: that of the first accounts is not counted.
    """
    settings = servers.settings(clock_speed=speed, task_queue=name, mail_domain="bench.test")
    async with (
        pools.opened(database_url(settings), 1, counting=True) as pool,
        open_engine(settings, pool=pool) as engine,
    ):
        watched = Watched(engine, servers.mail)
        async with pool.connection() as connection:
            at = engine.clock.now()
            await rig.publish(connection, rig.drip(name, 5, "1 hour"), at)
            ids = await rig.people(connection, 10, at, prefix=name)
            await enroll(connection, name, ids, source="bench", now=at, again="never")
        while await engine.relay.pass_once():
            pass
        async with build_worker(engine.client, name, [watched.advance], concurrency=1):
            await _all_ended(engine.client, settings.workspace, [f"{name}:{id}:1" for id in ids])
    assert len(watched.costs) == 5 * len(ids), watched.costs
    return max(watched.costs[len(ids) :])


async def main() -> int:
    speed = 3600.0 / SLEEP_SECONDS
    with rig.servers() as servers:
        client = await connect(servers.settings())
        bare: list[float] = []
        whole: list[float] = []
        local: list[float] = []  # not the goal's yardstick: shows what our own work costs
        travelled: list[str] = []
        for number in range(ROUNDS + 1):
            steps = await bare_round(client, number)
            touches, ids = await touch_round(servers, number, speed)
            lean = await bare_round(client, number, local=True)
            rig.say(f"round {number}: bare {steps:.1f} steps/s, whole path {touches:.1f} touches/s,"
                    f" bare with a local activity {lean:.1f} steps/s")  # fmt: skip
            if number:  # the first round warms up the server, the caches and the connections
                bare.append(steps)
                whole.append(touches)
                local.append(lean)
            travelled = ids
        costs = await read_costs(client, workflow_id("default", travelled[0]))
        bare_costs = await read_costs(client, f"bare-{ROUNDS}-0")
        local_costs = await read_costs(client, f"bare-local-{ROUNDS}-0")
        trips = await count_round_trips(servers, speed)
        accepted = len(read_index(servers.mail))
    ratio = statistics.median(w / b for w, b in zip(whole, bare, strict=True))
    result = {
        "bench": "touch", "ratio": round(ratio, 3), "goal": GOAL,
        "holds": ratio >= GOAL and costs.events <= 11 and costs.actions <= 2 and trips <= 4,
        "touches_per_second": round(statistics.median(whole), 1),
        "bare_steps_per_second": round(statistics.median(bare), 1),
        "bare_local_steps_per_second": round(statistics.median(local), 1),
        "events_per_touch": round(costs.events, 2), "actions_per_touch": round(costs.actions, 2),
        "round_trips_per_touch": trips, "messages_in_sink": accepted,
        "messages_expected": (ROUNDS + 1) * WORKFLOWS * TOUCHES + 50,
        "rounds": ROUNDS, "workflows": WORKFLOWS, "touches": TOUCHES,
    }  # fmt: skip
    table = Table(title="A touch: wait, decide, render, hand over, record")
    for column in ("", "whole path", "bare workflow", "bare, local activity", "goal"):
        table.add_column(column)
    speeds = (f"{statistics.median(found):.1f}" for found in (whole, bare, local))
    table.add_row("per second (median)", *speeds, "")
    table.add_row("ratio (median of rounds)", f"{ratio:.3f}", "1", "", f">= {GOAL}")
    table.add_row("history events a touch", f"{costs.events:.2f}", f"{bare_costs.events:.2f}",
                  f"{local_costs.events:.2f}", "<= 11")  # fmt: skip
    table.add_row("billable actions a touch", f"{costs.actions:.2f}", f"{bare_costs.actions:.2f}",
                  f"{local_costs.actions:.2f}", "<= 2")  # fmt: skip
    table.add_row("database round trips a touch", str(trips), "0", "0", "<= 4")
    Console(file=sys.stdout, width=110).print(table)
    sys.stdout.write(json.dumps(result) + "\n")
    return 0 if result["holds"] else 1


if __name__ == "__main__":
    code = asyncio.run(main())
    sys.stdout.flush()
    os._exit(code)  # the SDK may abort at interpreter exit, after the work is done
