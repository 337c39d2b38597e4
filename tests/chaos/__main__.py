"""`make chaos`: storms over 200 enrollments and over a broadcast; nothing lost, nothing sent twice.

`python -m tests.chaos broadcast` or `programs` makes one of the two.
"""

from __future__ import annotations

import asyncio
import json
import os
import random
import sys

from rich.console import Console
from rich.table import Table

from tests import rig
from tests.chaos.bulk import BulkDamage, BulkPlan, BulkStorm
from tests.chaos.storm import Damage, Plan, Storm


def show(plan: Plan, damage: Damage) -> None:
    """A table for people, and one last line of JSON."""
    console = Console(file=sys.stdout, width=110)
    table = Table(title=f"Chaos: {plan.enrollments} enrollments, {plan.touches} touches each, "
                        f"seed {plan.seed}")  # fmt: skip
    for column in ("", "count", "must be"):
        table.add_column(column)
    for name, count in sorted(damage.faults.items()):
        table.add_row(name, str(count), "")
    for state, count in sorted(damage.states.items()):
        table.add_row(f"messages {state}", str(count), "")
    table.add_row("lost", str(len(damage.lost)), "0")
    table.add_row("sent twice", str(len(damage.twice)), "0")
    table.add_row("sent without a row, or against it", str(len(damage.stray)), "0")
    table.add_row("enrollments not at their end", str(len(damage.not_ended)), "0")
    table.add_row("workers that ended by themselves", str(len(damage.died)), "0")
    table.add_row("addresses in logs", str(len(damage.told)), "0")
    table.add_row("workflows left over", str(damage.workflows_left), "0")
    table.add_row("unknown, listed below", str(len(damage.unknown)), "each with its moment")
    console.print(table)
    for key, moment, detail, arrived in damage.unknown:
        console.print(f"  unknown {key} at {moment:%Y-%m-%d %H:%M} ({detail}) "
                      f"- it did{'' if arrived else ' not'} arrive")  # fmt: skip
    wrong = [*damage.lost, *damage.twice, *damage.stray, *damage.not_ended, *damage.died]
    for line in [*wrong, *damage.told][:40]:
        console.print(f"  WRONG {line}")
    result = {
        "bench": "chaos", "seed": plan.seed, "holds": damage.holds, "lost": len(damage.lost),
        "twice": len(damage.twice), "stray": len(damage.stray), "unknown": len(damage.unknown),
        "not_ended": len(damage.not_ended), "workers_died": len(damage.died),
        "addresses_in_logs": len(damage.told), "workflows_left": damage.workflows_left,
        "faults": dict(damage.faults), "messages": dict(damage.states),
        "seconds": round(damage.seconds, 1),
    }  # fmt: skip
    sys.stdout.write(json.dumps(result) + "\n")


def show_bulk(plan: BulkPlan, damage: BulkDamage) -> None:
    """The same for the storm over a broadcast."""
    console = Console(file=sys.stdout, width=110)
    table = Table(title=f"Chaos: a broadcast to {plan.recipients:,}, seed {plan.seed}")
    for column in ("", "count", "must be"):
        table.add_column(column)
    for name, count in sorted(damage.faults.items()):
        table.add_row(name, str(count), "")
    for state, count in sorted(damage.states.items()):
        table.add_row(f"messages {state}", f"{count:,}", "")
    table.add_row("missing", str(len(damage.missing)), "0")
    table.add_row("sent twice", str(len(damage.twice)), "0")
    table.add_row("sent without a row", str(len(damage.stray)), "0")
    table.add_row("unknown", str(len(damage.unknown)), f"among the {len(damage.in_flight)} in hand")
    table.add_row("called done before it was", str(damage.early), "False")
    table.add_row("finished", str(damage.finished), "True")
    table.add_row("addresses in logs", str(len(damage.told)), "0")
    console.print(table)
    for line in [*damage.missing, *damage.twice, *damage.stray, *damage.told][:40]:
        console.print(f"  WRONG {line}")
    for key in set(damage.unknown) - damage.in_flight:
        console.print(f"  WRONG {key}: unknown, and in nobody's hand at a kill")
    result = {
        "bench": "chaos-broadcast", "seed": plan.seed, "holds": damage.holds,
        "missing": len(damage.missing), "twice": len(damage.twice), "stray": len(damage.stray),
        "unknown": len(damage.unknown), "in_flight_at_kills": len(damage.in_flight),
        "finished_early": damage.early, "finished": damage.finished,
        "addresses_in_logs": len(damage.told), "faults": dict(damage.faults),
        "messages": dict(damage.states), "seconds": round(damage.seconds, 1),
    }  # fmt: skip
    sys.stdout.write(json.dumps(result) + "\n")


async def main(which: str | None = None) -> int:
    """Make one storm, or both."""
    held = [await storm() for name, storm in STORMS.items() if which in (None, name)]
    return 0 if all(held) else 1


async def broadcast() -> bool:
    """A storm over a broadcast to 20,000; whether everything held."""
    seed = int(os.environ.get("CHAOS_SEED", random.SystemRandom().randrange(10**6)))
    plan = BulkPlan(seed=seed)
    rig.say(f"chaos over a broadcast with seed {seed}")
    with rig.servers() as servers:
        damage = await BulkStorm(plan, servers).run()
    show_bulk(plan, damage)
    return damage.holds


async def programs() -> bool:
    """A storm over enrollments; whether everything held."""
    seed = int(os.environ.get("CHAOS_SEED", random.SystemRandom().randrange(10**6)))
    plan = Plan(seed=seed, faults=int(os.environ.get("CHAOS_FAULTS", "20")))
    rig.say(f"chaos with seed {seed}; run it again with CHAOS_SEED={seed} make chaos")
    with rig.servers() as servers:
        damage = await Storm(plan, servers).run()
        if not damage.holds:
            import shutil

            shutil.copytree(servers.folder / "logs", "/tmp/chaoslogs", dirs_exist_ok=True)
    show(plan, damage)
    return damage.holds


STORMS = {"programs": programs, "broadcast": broadcast}


if __name__ == "__main__":
    code = asyncio.run(main(sys.argv[1] if len(sys.argv) > 1 else None))
    sys.stdout.flush()
    os._exit(code)  # the SDK may abort at interpreter exit, after the work is done
