"""The parts of `digital-cs up`: servers, mail sink and worker, started, watched and stopped."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from digital_cs import logs
from digital_cs.config import Settings
from digital_cs.console.key_file import kept_key
from digital_cs.errors import DigitalCsError, UsageError
from digital_cs.messages.search_attributes import DECLARED
from digital_cs.stack.children import Child, ChildStartError
from digital_cs.stack.embedded import EmbeddedStack, Progress
from digital_cs.stack.ports import free_port, is_free, require_free
from digital_cs.store.migrate import migrate

SINK_PATIENCE = 20.0
WORKER_PATIENCE = 60.0
WORKER_GRACE = 30.0
MOST_MENDS, WITHIN = 5, 60.0
"""A part that has to be started again more often than this within so many seconds is broken."""


class PartBrokenError(DigitalCsError):
    """A part of the stack ends again and again. Its log says why."""

    exit_code = 3


@dataclass(frozen=True, slots=True)
class Ports:
    """Ports that were asked for; None: those of the last time, or any free one."""

    temporal: int | None = None
    ui: int | None = None
    smtp: int | None = None


@dataclass(slots=True)
class Part:
    """One part that is watched: how to tell that it runs, and how to start it again."""

    name: str
    runs: Callable[[], bool]
    start: Callable[[], None]
    mended: list[float] = field(default_factory=list)


class Household:
    """Everything on one state folder, as a context manager that stops all of it.

    Other commands find it through the folder: the worker that is started here does so too.
    """

    def __init__(
        self, settings: Settings, ports: Ports, *, ui: bool, worker: bool, on_progress: Progress
    ) -> None:
        self.settings = settings
        self.state_dir = settings.state_dir.resolve()
        self.mail_dir = self.state_dir / "mail"
        self.api_port = settings.api_port
        self._ports = ports
        self._with_worker = worker
        self._progress = on_progress
        self._parts: list[Part] = []
        self.stack = EmbeddedStack(
            self.state_dir,
            temporal_port=ports.temporal,
            ui=ui,
            ui_port=ports.ui,
            namespace=settings.temporal_namespace,
            search_attributes=DECLARED,
            on_progress=on_progress,
        )

    def __enter__(self) -> Household:
        if self._ports.smtp is not None:
            require_free(self._ports.smtp, "The mail sink", "--smtp-port")
        if "api_port" in self.settings.model_fields_set:
            require_free(self.api_port, "the API", "API_PORT")
        self.stack.start()
        try:
            self._parts = [
                Part("Postgres", lambda: self.stack.postgres.is_running, self.stack.postgres.start),
                Part("Temporal", lambda: self.stack.temporal.is_running, self.stack.temporal.start),
            ]
            self.stack.publish(**self._clock())
            self.api_port = self._choose_api_port()
            migrate(self.stack.running.database_url)
            if self.settings.smtp_host is None:
                self._start_sink()
        except BaseException:
            self.stack.stop()
            raise
        return self

    def __exit__(self, *reason: object) -> None:
        self.stack.stop()

    def _clock(self) -> dict[str, Any]:
        """Real time; on a folder where business time once ran fast, its clock goes on.

        Business time must never go back, and it must not race on while nobody watches.
        """
        previous = self.stack.previous
        if previous is None or previous.clock_speed in (None, 1.0):
            return {}
        until = (previous.model_extra or {}).get("clock_until")
        if until is None:
            raise UsageError(
                f"Business time runs fast on the folder {self.state_dir}, without an end."
                " Name another folder with STATE_DIR."
            )
        kept = previous.model_dump(include={"clock_speed", "clock_origin", "clock_started"})
        return {**kept, "clock_until": until}

    def _start_sink(self) -> None:
        port_file = self.state_dir / "sink.port"
        port_file.unlink(missing_ok=True)
        last = self.stack.previous.smtp_port if self.stack.previous else None
        port = self._ports.smtp or (last if last is not None and is_free(last) else 0)
        self._progress("Mail sink", "starting")
        argv: list[str | Path] = [sys.executable, "-m", "digital_cs.channels.sink"]
        argv += ["--folder", self.mail_dir, "--port", str(port), "--port-file", port_file]
        sink = self.stack.spawn("sink", [*argv, "--durable"])
        sink.wait_ready(port_file.exists, SINK_PATIENCE)
        # A sink that is started again must come back where everybody looks for it.
        found = port_file.read_text(encoding="utf-8").strip()
        sink.argv[sink.argv.index("--port") + 1] = found
        self.stack.publish(smtp_host="127.0.0.1", smtp_port=int(found))
        self._parts.append(Part("Mail sink", lambda: sink.is_running, sink.start))
        self._progress("Mail sink", f"ready at 127.0.0.1:{found}")

    def start_worker(self) -> None:
        """Start the workers, of programs and of broadcasts, and wait until they work.

        Raises ChildStartError.
        """
        if not self._with_worker:
            return
        self._spawn_worker("Worker", "worker")
        # Broadcasts have a process of their own: no touch waits behind a bulk send.
        self._spawn_worker("Broadcasts", "broadcasts", "--queue", "broadcast")

    def _spawn_worker(self, name: str, child: str, *arguments: str) -> None:
        self._progress(name, "starting")
        # Two processes cannot serve metrics on one port: the second takes the next.
        port = self.settings.metrics_port
        metrics = {"METRICS_PORT": str(port + 1)} if port is not None and arguments else {}
        worker = self.stack.spawn(
            child,
            [sys.executable, "-m", "digital_cs", "worker", *arguments],
            env={
                "STATE_DIR": str(self.state_dir),
                "CONTENT_DIR": str(self.settings.content_dir.resolve()),
                **self._links(),
                **self._keys("signing"),
                **metrics,
            },
            grace=WORKER_GRACE,
        )
        worker.wait_ready(lambda: _works(worker), WORKER_PATIENCE)
        self._parts.append(Part(name, lambda: worker.is_running, worker.start))
        self._progress(name, "ready")

    def start_api(self) -> None:
        """Start the HTTP API, with a key of its own if there is none, and wait until it answers."""
        self._progress("API", "starting")
        api = self.stack.spawn(
            "api",
            [sys.executable, "-m", "digital_cs", "api"],
            env={"STATE_DIR": str(self.state_dir), "API_PORT": str(self.api_port),
                 **self._keys("api", "signing", "write")},
        )  # fmt: skip
        api.wait_ready(lambda: logs.API_SERVED in api.log_tail(), WORKER_PATIENCE)
        self.stack.publish(api_port=self.api_port)
        self._parts.append(Part("API", lambda: api.is_running, api.start))
        self._progress("API", f"ready at port {self.api_port}")

    def start_returned(self) -> None:
        """Start the listener for mail that comes back, where a port is set for it."""
        port = self.settings.returned_port
        if port is None:
            return
        require_free(port, "The listener for returned mail", "RETURNED_PORT")
        self._progress("Returned mail", "starting")
        door = self.stack.spawn(
            "returned",
            [sys.executable, "-m", "digital_cs", "returned", "listen"],
            env={"STATE_DIR": str(self.state_dir), "RETURNED_PORT": str(port)},
        )
        door.wait_ready(lambda: logs.RETURNED_TAKEN_AT in door.log_tail(), WORKER_PATIENCE)
        self._parts.append(Part("Returned mail", lambda: door.is_running, door.start))
        self._progress("Returned mail", f"taken at {self.settings.returned_host}:{port}")

    def _keys(self, *wanted: str) -> dict[str, str]:
        """Files of keys that this folder keeps, for those that nobody has set."""
        settings = {what: "write_keys" if what == "write" else f"{what}_key" for what in wanted}
        return {
            f"{setting.upper()}_FILE": str(kept_key(self.state_dir, what))
            for what, setting in settings.items()
            if setting not in self.settings.model_fields_set
        }

    def _choose_api_port(self) -> int:
        """The port of the settings; if it is taken, that of the last time, or a free one.

        Links in e-mails that went out lead to the port of their time.
        """
        last = (self.stack.previous.model_extra or {}).get("api_port") if self.stack.previous else 0
        known = (port for port in (self.api_port, last) if port and is_free(port))
        return next(known, None) or free_port()

    def _links(self) -> dict[str, str]:
        """Where the worker's unsubscribe links lead to, unless somebody has said that."""
        if "public_url" in self.settings.model_fields_set:
            return {}
        return {"PUBLIC_URL": f"http://127.0.0.1:{self.api_port}"}

    def mend(self) -> None:
        """Start again what has ended by itself. Raises PartBrokenError when that does not help."""
        for part in self._parts:
            if part.runs():
                continue
            now = time.monotonic()
            part.mended = [at for at in part.mended if now - at < WITHIN] + [now]
            folder = self.state_dir / "logs"
            if len(part.mended) > MOST_MENDS:
                raise PartBrokenError(
                    f"{part.name} ends again and again. Its log in {folder} says why."
                )
            self._progress(part.name, f"ended by itself, starting again (log in {folder})")
            try:
                part.start()
            except ChildStartError as error:
                raise PartBrokenError(str(error)) from error


def _works(worker: Child) -> bool:
    return logs.WORKER_STARTED in worker.log_tail()
