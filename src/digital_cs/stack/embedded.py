"""The embedded stack: Postgres and Temporal on one state folder, for one process at a time."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from digital_cs.errors import DigitalCsError
from digital_cs.stack.children import Child
from digital_cs.stack.lock import StateLock
from digital_cs.stack.ports import is_free, require_free
from digital_cs.stack.postgres import PostgresServer
from digital_cs.stack.running import RunningStack, read_last, write_running
from digital_cs.stack.temporal_server import TemporalServer, await_predecessor

Progress = Callable[[str, str], None]


class StackNotRunningError(DigitalCsError):
    """The embedded stack does not run. Start it with `digital-cs up`."""


def _silent(part: str, detail: str) -> None:
    pass


class EmbeddedStack:
    """Starts the servers, keeps their state, stops them in the reverse order.

    - Ports that are not given stay those of the last start on this folder, unless somebody else
      has taken them meanwhile.
    - Other processes find everything through `read_running(state_dir)`.
    - `previous` is what the last stack on this folder published (its clock, for one), or None.
    - Any exception on the way, Ctrl-C included, stops what was started. If this process is
      killed, its children stop by themselves.
    """

    def __init__(
        self,
        state_dir: Path,
        *,
        temporal_port: int | None = None,
        ui: bool = True,
        ui_port: int | None = None,
        namespace: str = "default",
        search_attributes: Mapping[str, str] | None = None,
        dynamic_config: Mapping[str, object] | None = None,
        database: str = "digital_cs",
        durable: bool = True,
        max_connections: int = 120,
        on_progress: Progress = _silent,
    ) -> None:
        self.state_dir = state_dir.resolve()
        self.postgres = PostgresServer(
            self.state_dir, database=database, durable=durable, max_connections=max_connections
        )
        self.previous: RunningStack | None = None
        self._temporal: TemporalServer | None = None
        self._temporal_port = temporal_port
        self._ui = ui
        self._ui_port = ui_port
        self._namespace = namespace
        self._search_attributes = search_attributes
        self._dynamic_config = dynamic_config
        self._progress = on_progress
        self._lock = StateLock(self.state_dir)
        self._children: list[Child] = []
        self._running: RunningStack | None = None

    @property
    def temporal(self) -> TemporalServer:
        if self._temporal is None:
            raise StackNotRunningError
        return self._temporal

    @property
    def running(self) -> RunningStack:
        """What is published now. Raises `StackNotRunningError` before `start`."""
        if self._running is None:
            raise StackNotRunningError
        return self._running

    def start(self) -> None:
        """Take the folder, start both servers, publish where they are.

        Raises a `DigitalCsError` with nothing left running: `StateLockedError`, `PortTakenError`,
        `ChildStartError` and what else `PostgresServer.start` and `TemporalServer.start` name.
        """
        self._make_state_dir()
        self._lock.acquire()
        try:
            self.previous = read_last(self.state_dir)
            self._temporal = temporal = self._make_temporal()
            self._progress("Temporal", "starting")
            temporal.launch()  # gets ready while Postgres starts
            self._progress("Postgres", "starting")
            self.postgres.start()
            self._progress("Postgres", "ready")
            temporal.wait_ready()
            self._progress("Temporal", f"ready at {temporal.address}")
            self._running = RunningStack(
                pid=os.getpid(),
                database_url=self.postgres.url,
                temporal_address=temporal.address,
                temporal_namespace=temporal.namespace,
                temporal_ui_url=temporal.ui_url,
            )
            write_running(self.state_dir, self._running)
        except BaseException:
            self.stop()
            raise

    def publish(self, **values: Any) -> None:
        """Add facts for other processes, for example `smtp_port` or the clock's three values.

        Values are what JSON holds, or datetimes for fields that are one. Later ones win.
        """
        merged = {**self.running.model_dump(), **values}
        self._running = RunningStack.model_validate(merged)
        write_running(self.state_dir, self._running)

    def spawn(
        self,
        name: str,
        argv: Sequence[str | Path],
        *,
        env: Mapping[str, str] | None = None,
        grace: float = 10.0,
    ) -> Child:
        """Start a process of ours beside the servers, stopped before them.

        It logs to `<state>/logs/<name>.log`, gets our environment with `env` on top, SIGTERM when
        it should end, and SIGKILL `grace` seconds later.
        """
        child = Child(
            name,
            argv,
            log=self.state_dir / "logs" / f"{name}.log",
            env={**os.environ, **(env or {})},
            grace=grace,
        )
        self._children.append(child)
        child.start()
        return child

    def stop(self) -> None:
        """Stop all parts in the reverse order and free the folder; safe to call again."""
        parts: list[tuple[str, Callable[[], None]]] = [
            (child.what, child.stop) for child in reversed(self._children) if child.is_running
        ]
        if self._temporal is not None and self._temporal.is_running:
            parts.append(("Temporal", self._temporal.stop))
        if self.postgres.is_running:
            parts.append(("Postgres", self.postgres.stop))
        try:
            for part, stop in parts:
                self._progress(part, "stopping")
                stop()
        finally:
            # Only after a second Ctrl-C is anything left here.
            for kill in (*(child.kill for child in self._children), self._kill_servers):
                kill()
            self._children.clear()
            self._running = None
            self._lock.release()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    def _kill_servers(self) -> None:
        if self._temporal is not None:
            self._temporal.kill()
        self.postgres.kill()

    def _make_state_dir(self) -> None:
        if not self.state_dir.exists():
            self.state_dir.mkdir(parents=True)
            # Others may pass through, as the user of Postgres must, but not look around.
            self.state_dir.chmod(0o711)

    def _make_temporal(self) -> TemporalServer:
        await_predecessor(self.state_dir)
        last, temporal_port, ui_port = self.previous, self._temporal_port, self._ui_port
        if temporal_port is not None:
            require_free(temporal_port, "Temporal", "--temporal-port")
        elif last is not None:
            temporal_port = _if_free(last.temporal_port)
        if ui_port is not None:
            require_free(ui_port, "Temporal UI", "--ui-port")
        elif last is not None:
            ui_port = _if_free(last.ui_port)
        return TemporalServer(
            self.state_dir,
            port=temporal_port,
            ui=self._ui,
            ui_port=ui_port,
            namespace=self._namespace,
            search_attributes=self._search_attributes,
            dynamic_config=self._dynamic_config,
        )


def _if_free(port: int | None) -> int | None:
    return port if port is not None and is_free(port) else None
