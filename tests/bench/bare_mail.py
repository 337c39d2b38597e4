"""The yardstick of bench-broadcast: a bare loop over the bulk line with one ready-made message."""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import sys
import time
from pathlib import Path

import uvloop

from digital_cs.channels.bulk import BulkLine, Handed
from digital_cs.channels.delivery import DeliveryOutcome
from digital_cs.channels.smtp import SmtpChannel
from digital_cs.cli.worker import YIELDING


async def loop(options: argparse.Namespace) -> None:
    """Hand the same message over again and again, on all connections at once."""
    server = SmtpChannel(host="127.0.0.1", port=options.port, tls="none").server
    lines = [BulkLine(server, depth=options.at_once) for _ in range(options.connections)]
    local = "0" * 40
    letter = Handed(
        f"bounce+{local}@company.test", "ada123@company12.test", options.message.read_bytes(),
        dotless=True,
    )  # fmt: skip
    share = options.messages // options.connections

    async def carry(line: BulkLine) -> None:
        left = share
        while left:
            batch = [letter] * min(options.at_once, left)
            for delivery in await line.hand_over(batch):
                assert delivery.outcome is DeliveryOutcome.ACCEPTED, delivery
            left -= len(batch)

    os.nice(YIELDING)  # as the workers are, so that both get as much of a busy machine
    await asyncio.sleep(max(0.0, options.start - time.time()))
    cpu = time.process_time()
    await asyncio.gather(*(carry(line) for line in lines))
    found = {
        "messages": share * options.connections, "ended": time.time(),
        "cpu": time.process_time() - cpu,
    }  # fmt: skip
    sys.stdout.write(json.dumps(found) + "\n")
    await asyncio.gather(*(line.close() for line in lines))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("port", type=int)
    parser.add_argument("message", type=Path)
    parser.add_argument("--messages", type=int, required=True)
    parser.add_argument("--connections", type=int, required=True)
    parser.add_argument("--at-once", type=int, required=True, help="messages given to a line")
    parser.add_argument("--start", type=float, required=True, help="Unix time to begin at")
    uvloop.run(loop(parser.parse_args()))


if __name__ == "__main__":
    main()
