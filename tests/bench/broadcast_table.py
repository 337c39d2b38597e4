"""What bench-broadcast found, in tables for people and in one line for machines."""

from __future__ import annotations

import math
import statistics
import sys
from collections.abc import Mapping, Sequence
from typing import Any

from rich.console import Console
from rich.table import Table

from tests.bench.broadcast_rig import EMAIL, Sent

GOAL = 0.7
DRIP_GOAL = 2.0
"""Seconds after which 99 of 100 single drips that fall due while a broadcast runs are out."""


def show(
    sent: Sequence[Sent], planned: Mapping[int, tuple[int, float]], processes: int,
    connections: int,
) -> dict[str, Any]:  # fmt: skip
    """Tables for people; gives what the last line says. The second broadcast is the one that
    counts, the first had a tenth of its recipients. `planned` are peak bytes and seconds."""
    small, main, *_ = sent
    console = Console(file=sys.stdout, width=120)
    _speeds(console, sent, f"{processes} processes with {connections} connections each")
    _costs(console, sent)
    for recipients, (memory, seconds) in planned.items():
        console.print(f"planned {recipients:,}: peak {memory / 1e6:.0f} MB of the worker, "
                      f"audience fixed in {seconds:.1f} s")  # fmt: skip
    late = sorted(each for one in sent for each in one.late)
    p99 = late[-(-len(late) * 99 // 100) - 1] if late else 0.0
    if late:
        console.print(f"{len(late)} drips while it ran: handed over {late[len(late) // 2]:.2f} s "
                      f"after they fell due (median), {p99:.2f} s (p99)")  # fmt: skip
    wrong = sum(one.wrong + one.recipients - one.accepted for one in sent)
    return {
        "bench": "broadcast", "ratio": round(main.ratio, 3), "goal": GOAL,
        "holds": main.ratio >= GOAL and not wrong and p99 <= DRIP_GOAL,
        "messages_per_second": round(main.rate), "recipients": main.recipients,
        "bare_per_second": round(statistics.mean(main.bare)),
        # Beside the goal, which the client of our own decides.
        "aiosmtplib_per_second": round(main.library),
        "ratio_over_aiosmtplib": round(main.over_library, 3),
        "ratios_over_aiosmtplib": {
            f"{one.way}-{one.recipients}": round(one.over_library, 3) for one in sent
        },
        "ratios": {f"{one.way}-{one.recipients}": round(one.ratio, 3) for one in sent},
        "rates": {f"{one.way}-{one.recipients}": round(one.rate) for one in sent},
        "lost_or_twice": wrong, "drips": len(late),
        "drip_p99_seconds": round(p99, 2) if math.isfinite(p99) else None,
        "cpu_us": {part: round(us) for part, us in main.spent.a_message(main.recipients).items()},
        "bare_cpu_us": {
            part: round(us) for part, us in main.bare_spent.a_message(main.recipients).items()
        },
        "cpu_of_ten_times_as_many": round(_cost(main) / _cost(small), 3),
        "peak_mb": {str(one.recipients): round(one.peak / 1e6) for one in (small, main)},
        "planned_peak_mb": {str(n): round(memory / 1e6) for n, (memory, _) in planned.items()},
        "processes": processes, "connections": connections, "message": EMAIL,
    }  # fmt: skip


def _speeds(console: Console, sent: Sequence[Sent], how: str) -> None:
    table = Table(title=f"A broadcast, {how}")
    for column in ("", "recipients", "messages/s", "bare loop/s", "ratio", "seconds", "peak MB"):
        table.add_column(column)
    for one in sent:
        table.add_row(
            one.way, f"{one.recipients:,}", f"{one.rate:,.0f}", f"{statistics.mean(one.bare):,.0f}",
            f"{one.ratio:.3f}", f"{one.seconds:.1f}", f"{one.peak / 1e6:.0f}",
        )  # fmt: skip
        table.add_row(
            f"{one.way}, over aiosmtplib", "", f"{one.rate:,.0f}", f"{one.library:,.0f}",
            f"{one.over_library:.3f}", "", "",
        )  # fmt: skip
    console.print(table)


def _costs(console: Console, sent: Sequence[Sent]) -> None:
    table = Table(title="CPU a message, in microseconds")
    parts = ("workers", "Postgres", "Temporal", "sink", "drip worker")
    for column in ("", "recipients", *parts, "bare loop", "its sink"):
        table.add_column(column)
    for one in sent:
        spent = one.spent.a_message(one.recipients)
        bare = one.bare_spent.a_message(one.recipients)
        shown = [*(spent[part] for part in parts), bare["loop"], bare["sink"]]
        table.add_row(one.way, f"{one.recipients:,}", *(f"{each:.0f}" for each in shown))
    console.print(table)


def _cost(sent: Sent) -> float:
    """CPU of the workers and the database for one message."""
    return (sent.spent.cpu["workers"] + sent.spent.cpu["Postgres"]) / sent.recipients
