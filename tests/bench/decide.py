"""bench-decide: decisions per second, and what share of a touch's time the policy takes."""

from __future__ import annotations

import asyncio
import json
import os
import random
import statistics
import sys
import time
from dataclasses import replace
from datetime import timedelta
from typing import Any
from zoneinfo import ZoneInfo

from psycopg import AsyncConnection
from rich.console import Console
from rich.table import Table

from activities.claiming import Claim, Claimed, Gate, Refused
from digital_cs.bootstrap import database_url
from digital_cs.catalog.policy import load_policy
from digital_cs.clock import SystemClock
from digital_cs.domain.sending.budget import Coming
from digital_cs.domain.sending.eligibility import Answer, Request, Standing, decide
from digital_cs.domain.sending.policy import Limits, Policy
from digital_cs.domain.timing.business_calendar import BusinessCalendar
from digital_cs.domain.timing.send_window import SendWindow
from digital_cs.store.sending import claims, policies
from digital_cs.store.sending.standing import Asked
from tests import rig
from tests.bench import touch

GOAL = 0.15
MOST_TRIPS = 4
DECISIONS = int(os.environ.get("BENCH_DECISIONS", "100000"))
ROUNDS = int(os.environ.get("BENCH_ROUNDS", "3"))

Connection = AsyncConnection[Any]


class Ungated(Gate):
    """The same touch without policy: the claim in a statement of its own, and nothing asked.

    What the claim itself looks at is the same in both: suppressions, pauses, the stop switch.
    """

    async def pass_through(
        self, connection: Connection, asked: Asked, request: Request,
        calendar: BusinessCalendar, now: Any, claim: Claim,
    ) -> Claimed | Refused | None:  # fmt: skip
        """Claim, whatever a policy says."""
        attempt = await claims.attempt_of(await claim(connection, 0, {}))
        return Claimed(attempt.number, 0) if attempt.number is not None else None


def shipped(policy: Policy) -> Policy:
    """The starter playbook's policy with room for what the bench sends."""
    most = Limits(low=10_000, normal=10_000, high=10_000)
    budget = policy.budget.model_copy(update={"person": most, "account": most})
    day = policy.damage.program_a_day
    assert day is not None
    damage = policy.damage.model_copy(
        update={"program_a_day": day.model_copy(update={"at_least": 1_000_000})}
    )
    return policy.model_copy(update={"budget": budget, "damage": damage, "holdout": 0.0})


def cases(count: int) -> list[tuple[Request, Standing]]:
    """Requests as a week of a company brings them: most may go, each refusal comes up."""
    chance = random.Random(4)
    window = SendWindow()
    zones = [ZoneInfo(name) for name in ("UTC", "Europe/Berlin", "America/New_York", "Asia/Tokyo")]
    found = []
    for _ in range(count):
        now = rig.MONDAY
        request = Request(
            program="renewal", account_id="acme", contact_id="ada", email="renewal-30",
            kind="service" if chance.random() < 0.05 else "marketing",
            priority=chance.choice(("low", "normal", "high")),
            useful_until=now + timedelta(days=chance.randint(1, 14)), window=window,
            zone=chance.choice(zones), country=chance.choice((None, "DE", "US")),
        )  # fmt: skip

        def moments(most: int, now: Any = now) -> list[Any]:
            return [now - timedelta(hours=chance.randint(1, 24 * 20))
                    for _ in range(chance.randint(0, most))]  # fmt: skip

        standing = Standing(person=moments(4), account=moments(6))
        if chance.random() < 0.2:
            ahead = [Coming(now + timedelta(hours=chance.randint(1, 24)), "high")]
            standing = replace(standing, coming_person=ahead, coming_account=ahead)
        if chance.random() < 0.1:
            standing = chance.choice([
                replace(standing, suppressed="unsubscribed"),
                replace(standing, ticket=("urgent", now)), replace(standing, held_out=5.0),
                replace(standing, replied_at=now),
                replace(standing, unwanted=frozenset({"tips"})),
                replace(standing, quiet_until=now + timedelta(days=3)),
                replace(standing, sent_today=9, cap=9),
            ])  # fmt: skip
        found.append((request, standing))
    return found


def decisions_per_second(policy: Policy) -> tuple[float, float]:
    """(Decisions a second of one process, the share of them that say: send)."""
    given, calendar, now = cases(2_000), BusinessCalendar(), rig.MONDAY
    rates = []
    sent = done = 0
    for _ in range(5):
        began = time.perf_counter()
        for _ in range(DECISIONS // len(given) // 5):
            for request, standing in given:
                ruling = decide(request, standing, policy, calendar, now)
                sent += ruling.answer is Answer.SEND
                done += 1
        rates.append(DECISIONS / 5 / (time.perf_counter() - began))
    return statistics.median(rates), sent / done


async def put_in_force(servers: rig.Servers, policy: Policy) -> None:
    """Publish it where this bench runs."""
    url = database_url(servers.settings())
    async with await AsyncConnection.connect(url, autocommit=True) as connection:
        await policies.publish(connection, policy, rig.MONDAY)


async def main() -> int:
    loaded = load_policy(rig.ROOT / "content")
    assert loaded.policy is not None, loaded.problems
    rate, share_sent = decisions_per_second(loaded.policy)
    rig.say(f"{rate:,.0f} decisions a second; {share_sent:.0%} of them say: send")
    speed = 3600.0 / touch.SLEEP_SECONDS
    without: list[float] = []
    whole: list[float] = []
    with rig.servers() as servers:
        await put_in_force(servers, shipped(loaded.policy))
        for number in range(ROUNDS + 1):
            bare, _ = await touch.touch_round(
                servers, 2 * number, speed, gate=Ungated(SystemClock())
            )
            gated, _ = await touch.touch_round(servers, 2 * number + 1, speed)
            rig.say(f"round {number}: {bare:.1f} touches/s without policy, {gated:.1f} with it")
            if number:  # the first round warms up the server, the caches and the connections
                without.append(bare)
                whole.append(gated)
        trips = await touch.count_round_trips(servers, speed)
    cost = statistics.median(b / w - 1 for w, b in zip(whole, without, strict=True))
    result = {
        "bench": "decide", "share": round(cost, 3), "goal": GOAL,
        "holds": cost <= GOAL and trips <= MOST_TRIPS,
        "decisions_per_second": round(rate), "share_sent": round(share_sent, 3),
        "touches_per_second": round(statistics.median(whole), 1),
        "touches_per_second_without_policy": round(statistics.median(without), 1),
        "round_trips_per_touch": trips, "rounds": ROUNDS,
        "workflows": touch.WORKFLOWS, "touches": touch.TOUCHES,
    }  # fmt: skip
    table = Table(title="What the decision costs")
    for column in ("", "measured", "goal"):
        table.add_column(column)
    table.add_row("decisions a second, one process", f"{rate:,.0f}", "")
    table.add_row("touches a second, without policy", f"{statistics.median(without):.1f}", "")
    table.add_row("touches a second, with policy", f"{statistics.median(whole):.1f}", "")
    table.add_row("policy's share of a touch's time", f"{cost:.1%}", f"<= {GOAL:.0%}")
    table.add_row("database round trips a touch", str(trips), f"<= {MOST_TRIPS}")
    Console(file=sys.stdout, width=100).print(table)
    sys.stdout.write(json.dumps(result) + "\n")
    return 0 if result["holds"] else 1


if __name__ == "__main__":
    code = asyncio.run(main())
    sys.stdout.flush()
    os._exit(code)  # the SDK may abort at interpreter exit, after the work is done
