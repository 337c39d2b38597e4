"""The servers and processes of a demo: embedded stack, mail sink, worker, API, returned mail."""

from __future__ import annotations

import asyncio
import sys
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Self

from digital_cs import logs
from digital_cs.clock import FastClock
from digital_cs.console.key_file import kept_key
from digital_cs.demo.folder import MAIL, SINK_PORT, empty_folder
from digital_cs.demo.surroundings import demo_settings, environment
from digital_cs.errors import DigitalCsError
from digital_cs.messages.search_attributes import DECLARED
from digital_cs.stack.children import Child, ChildStartError
from digital_cs.stack.embedded import EmbeddedStack, Progress
from digital_cs.stack.ports import free_port

HEAD_START = timedelta(seconds=5)
"""So long a worker may take to get ready before the clock starts; doubled where it is too short."""

TRIES = 4
START_PATIENCE = 30.0

_SAY = {
    ("worker",): logs.WORKER_STARTED,
    ("worker", "--queue", "broadcast"): logs.WORKER_STARTED,
    ("api",): logs.API_SERVED,
    ("returned", "listen"): logs.RETURNED_TAKEN_AT,
}
"""Commands that run all the time, and what each says once it is ready."""


class DemoPartEndedError(DigitalCsError):
    """A part of the demo ended by itself. Its log says why."""


class Stage:
    """Everything the demo runs on, in a folder of its own that is emptied first.

    Used as a context manager; leaving it stops everything, however far the start had come.
    """

    def __init__(self, state_dir: Path, content_dir: Path, on_progress: Progress) -> None:
        self.state_dir = state_dir.resolve()
        self.mail_folder = self.state_dir / MAIL
        self._content_dir = content_dir
        self._progress = on_progress
        self._children: list[Child] = []
        self.smtp_port = 0
        self.api_port = 0
        self.returned_port = 0

    def __enter__(self) -> Self:
        empty_folder(self.state_dir)
        self.stack = EmbeddedStack(
            self.state_dir, search_attributes=DECLARED, durable=False, on_progress=self._progress
        )
        try:
            self.stack.start()
            self._start_sink()
        except BaseException:
            self.stack.stop()
            raise
        return self

    def __exit__(self, *reason: object) -> None:
        self.stack.stop()

    @property
    def database_url(self) -> str:
        """The database of this demo."""
        return self.stack.running.database_url

    @property
    def temporal_ui(self) -> str | None:
        """Where a browser finds Temporal."""
        return self.stack.running.temporal_ui_url

    @property
    def api_url(self) -> str:
        """Where the API of this demo is, once the workers are started."""
        return f"http://127.0.0.1:{self.api_port}"

    @property
    def write_key(self) -> str:
        """The key with which the sample company's product sends events."""
        return kept_key(self.state_dir, "write").read_text("ascii").strip()

    def _start_sink(self) -> None:
        self._progress("Mail sink", "starting")
        port_file = self.state_dir / SINK_PORT
        argv = [
            sys.executable, "-m", "digital_cs.channels.sink",
            "--folder", str(self.mail_folder), "--port-file", str(port_file),
        ]  # fmt: skip
        sink = self.stack.spawn("sink", argv, env={"PYTHONUNBUFFERED": "1"})
        sink.wait_ready(port_file.exists, START_PATIENCE)
        self._children.append(sink)
        self.smtp_port = int(port_file.read_text(encoding="utf-8"))
        self._progress("Mail sink", f"ready, keeps everything in {self.mail_folder}")

    async def start_workers(self, clock: FastClock) -> FastClock:
        """Start the worker, the API and the door for what comes back; returns the clock.

        It starts a moment after this. They are told so at their start, so that all go by the same
        one. Where they are not ready by then, or somebody took a port, they are started again.
        """
        self._progress("Worker", "starting")
        head_start = HEAD_START
        for _ in range(TRIES):
            running = replace(clock, started=datetime.now(UTC) + head_start)
            self.api_port, self.returned_port = free_port(), free_port()
            parts = {self._spawn(*command, clock=running): says for command, says in _SAY.items()}
            worker = next(iter(parts))
            while datetime.now(UTC) < running.started and all(part.is_running for part in parts):
                if all(_says(part, words) for part, words in parts.items()):
                    self._children += parts
                    self._publish(running)
                    self._progress("Worker", "ready")
                    return running
                await asyncio.sleep(0.05)
            if not worker.is_running:
                raise ChildStartError(
                    f"The worker ended while starting. The whole log is {worker.log};"
                    f" its last lines:\n{worker.log_tail()}"
                )
            for child in parts:
                child.kill()
                child.log.unlink()
            head_start *= 2
        raise ChildStartError(
            f"The worker and the doors were not ready within {head_start.total_seconds() / 2:g}"
            " seconds. This machine is very busy: try again later."
        )

    def _spawn(self, *command: str, clock: FastClock) -> Child:
        """A process of `digital-cs`, with the settings of this demo and nothing else."""
        settings = demo_settings(
            self.state_dir, self._content_dir, self.stack.running, self.smtp_port, self.api_port,
            self.returned_port, clock,
        )  # fmt: skip
        argv = [sys.executable, "-m", "digital_cs", *command]
        name = "-".join(word for word in command if not word.startswith("-"))
        return self.stack.spawn(name, argv, env=environment(settings), grace=30.0)

    def _publish(self, clock: FastClock) -> None:
        """Tell other processes: commands in a second terminal live in the same business time."""
        facts: dict[str, Any] = {
            "smtp_host": "127.0.0.1", "smtp_port": self.smtp_port,
            "clock_speed": clock.speed, "clock_origin": clock.origin,
            "clock_started": clock.started,
            "clock_until": clock.until.isoformat() if clock.until else None,
        }  # fmt: skip
        self.stack.publish(**facts)

    def require_alive(self) -> None:
        """Raise DemoPartEndedError when a process of the demo has ended by itself."""
        for child in self._children:
            if not child.is_running:
                raise DemoPartEndedError(
                    f"The {child.what} of the demo ended by itself. The whole log is {child.log};"
                    f" its last lines:\n{child.log_tail()}"
                )


def _says(child: Child, words: str) -> bool:
    return words in child.log_tail()
