"""bench-ingest: events a second through the HTTP API over rows a second of a bare COPY."""

from __future__ import annotations

import json
import os
import statistics
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from psycopg.types.json import Jsonb
from rich.console import Console
from rich.table import Table

from tests.bench.ingest_crash import BATCH, DIFFERENCES, Crash, crash
from tests.bench.ingest_rig import Rig, rig
from tests.bench.ingest_traffic import SOURCE, Event, Traffic, message, row_text
from tests.rig import say

GOAL = 0.25
EVENTS = int(os.environ.get("BENCH_EVENTS", "300000"))
ROUNDS = int(os.environ.get("BENCH_ROUNDS", "5"))
CLIENTS = int(os.environ.get("BENCH_CLIENTS", "128"))
KILLS = 3
KILL_AFTER = 0.7
WRITE_BYTES = 65_536

COLUMNS = (
    "id text, day date, at timestamptz, received_at timestamptz, account_id text, user_id text,"
    " anonymous_id text, kind text, name text, value float8, properties jsonb, source text"
)
TYPES = [column.split()[1] for column in COLUMNS.split(", ")]


@dataclass(frozen=True)
class Round:
    """Rows and events a second of one round.

    `bare`: COPY of rows, as a program has them; `formatted`: COPY of a text written beforehand.
    Both are done before and after the API, and meant together: the pace of a machine changes.
    """

    bare: float
    formatted: float
    api: float


def bare_copy(rig: Rig, events: Sequence[Event], now: datetime) -> float:
    """Rows a second of a COPY of what the events become: same columns, durable, no index.

    By psycopg in its faster, binary form: what a program does that has rows and wants them kept.
    """
    with rig.connect() as connection:
        connection.execute(f"create table bare ({COLUMNS})")
        started = time.perf_counter()
        with connection.cursor().copy("copy bare from stdin (format binary)") as copying:
            copying.set_types(TYPES)
            for e in events:
                copying.write_row(
                    (e.id, e.at.date(), e.at, now, e.account, e.user, None, "track", e.name, None,
                     Jsonb(e.properties), SOURCE)
                )  # fmt: skip
        seconds = time.perf_counter() - started
        connection.execute("drop table bare")
    return len(events) / seconds


def formatted_copy(rig: Rig, events: Sequence[Event], now: datetime) -> float:
    """The same without the cost of writing rows down, which every program has."""
    text = "".join(row_text(event, now) for event in events).encode()
    with rig.connect() as connection:
        connection.execute(f"create table bare ({COLUMNS})")
        started = time.perf_counter()
        with connection.cursor().copy("copy bare from stdin") as copying:
            for at in range(0, len(text), WRITE_BYTES):
                copying.write(text[at : at + WRITE_BYTES])
        seconds = time.perf_counter() - started
        connection.execute("drop table bare")
    return len(events) / seconds


def api_events(rig: Rig, events: Sequence[Event], clients: int) -> float:
    """Events a second from the first request to the last answer; all of them must be kept."""
    batches = batched([message(event) for event in events])
    seconds, kept = rig.send(batches, clients)
    assert len(kept) == len(batches), "The API did not keep everything."
    return len(events) / seconds


def batched(messages: Sequence[dict[str, Any]]) -> list[Sequence[dict[str, Any]]]:
    """Messages in batches of the size that SDKs send."""
    return [messages[at : at + BATCH] for at in range(0, len(messages), BATCH)]


def check(rig: Rig, sent: int) -> None:
    """Raise AssertionError unless all of it is kept, and the rollups are what it comes to."""
    with rig.connect() as connection:
        found = connection.execute("select count(*), count(account_id) from product_events")
        assert found.fetchone() == (sent, sent)
        assert connection.execute(DIFFERENCES).fetchone() == (0,)


def run(events: int, rounds: int, clients: int, kills: int) -> tuple[list[Round], Crash]:
    """The rounds after the first, which warms up, and then the kills."""
    now = datetime.now(UTC)
    traffic = Traffic(1, now)
    found = []
    with rig() as running:
        running.send(batched(list(traffic.memberships())), clients)
        for number in range(rounds + 1):
            some = traffic.events(events)
            before = bare_copy(running, some, now), formatted_copy(running, some, now)
            api = api_events(running, some, clients)
            after = bare_copy(running, some, now), formatted_copy(running, some, now)
            bare, formatted = map(statistics.harmonic_mean, zip(before, after, strict=True))
            found.append(Round(bare, formatted, api))
            say(f"round {number}: bare COPY {bare:,.0f} rows/s ({formatted:,.0f} of text written"
                f" beforehand), API {api:,.0f} events/s, ratio {api / bare:.3f}")  # fmt: skip
        check(running, (rounds + 1) * events)
        say(f"killing the API {kills} times while it is sent {events:,} events")
        crashed = crash(
            running, [traffic.events(events) for _ in range(kills)], clients, KILL_AFTER
        )
    return found[1:], crashed


def main() -> int:
    """Run it, print a table and one line of JSON; 0 when the goals hold."""
    rounds, crashed = run(EVENTS, ROUNDS, CLIENTS, KILLS)
    ratio = statistics.median(each.api / each.bare for each in rounds)
    strict = statistics.median(each.api / each.formatted for each in rounds)
    api, bare, formatted = (
        statistics.median(getattr(each, name) for each in rounds)
        for name in ("api", "bare", "formatted")
    )
    result = {
        "bench": "ingest", "ratio": round(ratio, 3), "goal": GOAL,
        "holds": ratio >= GOAL and crashed.holds, "ratio_of_formatted": round(strict, 3),
        "events_per_second": round(api), "bare_rows_per_second": round(bare),
        "formatted_rows_per_second": round(formatted), "kills": crashed.kills,
        "answered_before_kills": crashed.answered, "lost": crashed.lost, "twice": crashed.twice,
        "wrong_rollups": crashed.wrong_rollups, "rounds": ROUNDS, "events": EVENTS,
        "clients": CLIENTS, "batch": BATCH,
    }  # fmt: skip
    table = Table(title="Events through the API, kept raw and rolled up, against a bare COPY")
    for column in ("", "API", "bare COPY", "COPY of text", "goal"):
        table.add_column(column)
    table.add_row("a second (median)", *(f"{each:,.0f}" for each in (api, bare, formatted)), "")
    table.add_row("ratio (median of rounds)", "", f"{ratio:.3f}", f"{strict:.3f}", f">= {GOAL}")
    table.add_row(f"lost by {crashed.kills} kill -9", f"{crashed.lost}", "", "", "0")
    table.add_row("kept twice", f"{crashed.twice}", "", "", "0")
    table.add_row("rollups that are wrong", f"{crashed.wrong_rollups}", "", "", "0")
    Console(file=sys.stdout, width=110).print(table)
    sys.stdout.write(json.dumps(result) + "\n")
    return 0 if result["holds"] else 1


if __name__ == "__main__":
    sys.exit(main())
