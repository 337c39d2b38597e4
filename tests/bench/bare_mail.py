"""The yardsticks of bench-broadcast: bare loops over a client with one ready-made message.

The first is our own bulk line, the second aiosmtplib, the library that people would take.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

import aiosmtplib
import uvloop

from digital_cs.channels.bulk import BulkLine, Handed
from digital_cs.channels.delivery import DeliveryOutcome
from digital_cs.channels.smtp import SmtpChannel
from digital_cs.cli.running.worker import YIELDING

_SENDER, _TO = f"bounce+{'0' * 40}@company.test", "ada123@company12.test"


class Loop(Protocol):
    """One connection that hands the same message over again and again."""

    async def carry(self, message: bytes, times: int) -> None: ...

    async def close(self) -> None: ...


class OurLoop:
    """Over a bulk line, as many at once as a set has."""

    def __init__(self, port: int, at_once: int) -> None:
        server = SmtpChannel(host="127.0.0.1", port=port, tls="none").server
        self._line = BulkLine(server, depth=at_once)
        self._at_once = at_once

    async def carry(self, message: bytes, times: int) -> None:
        letter = Handed(_SENDER, _TO, message, dotless=True)
        while times:
            batch = [letter] * min(self._at_once, times)
            for delivery in await self._line.hand_over(batch):
                assert delivery.outcome is DeliveryOutcome.ACCEPTED, delivery
            times -= len(batch)

    async def close(self) -> None:
        await self._line.close()


class LibraryLoop:
    """Over a client of aiosmtplib, one after the other: it has no other way."""

    def __init__(self, port: int, at_once: int) -> None:
        del at_once
        self._client = aiosmtplib.SMTP(hostname="127.0.0.1", port=port, start_tls=False)

    async def carry(self, message: bytes, times: int) -> None:
        await self._client.connect()
        for _ in range(times):
            refused, _ = await self._client.sendmail(_SENDER, _TO, message)
            assert not refused, refused

    async def close(self) -> None:
        await self._client.quit()


CLIENTS: dict[str, Callable[[int, int], Loop]] = {"bulk": OurLoop, "aiosmtplib": LibraryLoop}


async def run(options: argparse.Namespace) -> None:
    """Loop on all connections at once."""
    message = options.message.read_bytes()
    client = CLIENTS[options.client]
    loops = [client(options.port, options.at_once) for _ in range(options.connections)]
    share = options.messages // options.connections
    os.nice(YIELDING)  # as the workers are, so that both get as much of a busy machine
    await asyncio.sleep(max(0.0, options.start - time.time()))
    cpu = time.process_time()
    await asyncio.gather(*(loop.carry(message, share) for loop in loops))
    found = {
        "messages": share * options.connections, "ended": time.time(),
        "cpu": time.process_time() - cpu,
    }  # fmt: skip
    sys.stdout.write(json.dumps(found) + "\n")
    await asyncio.gather(*(loop.close() for loop in loops))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("port", type=int)
    parser.add_argument("message", type=Path)
    parser.add_argument("--client", choices=CLIENTS, default="bulk")
    parser.add_argument("--messages", type=int, required=True)
    parser.add_argument("--connections", type=int, required=True)
    parser.add_argument("--at-once", type=int, required=True, help="messages given to a line")
    parser.add_argument("--start", type=float, required=True, help="Unix time to begin at")
    uvloop.run(run(parser.parse_args()))


if __name__ == "__main__":
    main()
