"""The built-in SMTP sink: a real server that keeps every message in a folder and sends nothing.

A protocol of our own because aiosmtpd costs several times the CPU and cannot misbehave on demand.
"""

from __future__ import annotations

import argparse
import asyncio
import signal
import sys
from pathlib import Path
from types import TracebackType

from digital_cs.channels.sink_faults import FaultControl, FaultMode, Faults
from digital_cs.channels.sink_folder import SinkEntry, SinkFolder, read_index
from digital_cs.channels.sink_session import SinkSession
from digital_cs.errors import DigitalCsError, UnavailableError

__all__ = ["FaultMode", "Faults", "Sink", "SinkEntry", "main", "read_index"]


class Sink:
    """The sink on `host` and `port` (0: any free one), as an async context manager.

    Messages are `.eml` files in `folder`, listed by `read_index(folder)`; `Faults.write(folder)`
    makes it misbehave. Raises `UnavailableError` on entering if the port or folder cannot be used.
    """

    def __init__(
        self, folder: Path, *, host: str = "127.0.0.1", port: int = 0, durable: bool = False
    ) -> None:
        self.folder = folder
        self.host = host
        self.port = port
        self._durable = durable
        self._sessions: set[SinkSession] = set()

    async def __aenter__(self) -> Sink:
        try:
            self._store = SinkFolder(self.folder, durable=self._durable)
        except OSError as error:
            raise UnavailableError(
                f"The mail sink cannot write to {self.folder}: {error.strerror}. "
                "Name a folder that is yours."
            ) from error
        control = FaultControl(self.folder)
        loop = asyncio.get_running_loop()
        try:
            self._server = await loop.create_server(
                lambda: SinkSession(self._store, control, self._sessions), self.host, self.port
            )
        except OSError as error:
            self._store.close()
            raise UnavailableError(
                f"The mail sink cannot listen on {self.host}:{self.port}: {error.strerror}. "
                "Choose another port, or 0 for any free one."
            ) from error
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._server.close()
        for session in tuple(self._sessions):
            session.hang_up(b"421 4.3.2 the sink is closing")
        await asyncio.sleep(0)  # lets the sessions close
        await self._server.wait_closed()
        self._store.close()


async def _serve(sink: Sink, port_file: Path | None) -> None:
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    async with sink:
        if port_file is not None:
            temporary = port_file.with_name(f".{port_file.name}.part")
            temporary.write_text(f"{sink.port}\n", encoding="utf-8")
            temporary.replace(port_file)
        sys.stdout.write(f"SMTP sink on {sink.host}:{sink.port}, messages in {sink.folder}\n")
        sys.stdout.flush()
        await stop.wait()


def main(arguments: list[str] | None = None) -> int:
    """Run the sink as its own process until SIGTERM or SIGINT; gives the exit code."""
    parser = argparse.ArgumentParser(prog="python -m digital_cs.channels.sink", description=__doc__)
    parser.add_argument("--folder", type=Path, required=True, help="where the messages go")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=0, help="0 takes any free one")
    parser.add_argument("--port-file", type=Path, help="gets the port when the sink is ready")
    parser.add_argument("--durable", action="store_true", help="fsync before each 250")
    options = parser.parse_args(arguments)
    sink = Sink(options.folder, host=options.host, port=options.port, durable=options.durable)
    try:
        asyncio.run(_serve(sink, options.port_file))
    except DigitalCsError as error:
        sys.stderr.write(f"{error}\n")
        return error.exit_code
    return 0


if __name__ == "__main__":
    sys.exit(main())
