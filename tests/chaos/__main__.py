"""`make chaos`: a storm over 200 enrollments; at the end nothing is lost and nothing sent twice."""

from __future__ import annotations

import asyncio
import json
import os
import random
import sys

from rich.console import Console
from rich.table import Table

from tests import rig
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


async def main() -> int:
    seed = int(os.environ.get("CHAOS_SEED", random.SystemRandom().randrange(10**6)))
    plan = Plan(seed=seed, faults=int(os.environ.get("CHAOS_FAULTS", "20")))
    rig.say(f"chaos with seed {seed}; run it again with CHAOS_SEED={seed} make chaos")
    with rig.servers() as servers:
        damage = await Storm(plan, servers).run()
        if not damage.holds:
            import shutil

            shutil.copytree(servers.folder / "logs", "/tmp/chaoslogs", dirs_exist_ok=True)
    show(plan, damage)
    return 0 if damage.holds else 1


if __name__ == "__main__":
    code = asyncio.run(main())
    sys.stdout.flush()
    os._exit(code)  # the SDK may abort at interpreter exit, after the work is done
