"""An embedded Temporal dev server on loopback that keeps its state in one SQLite file."""

from __future__ import annotations

import http.client
import json
import os
import subprocess
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Self

from digital_cs.stack.binaries import find_temporal
from digital_cs.stack.children import Child, ChildStartError
from digital_cs.stack.lock import Lease
from digital_cs.stack.ports import LOOPBACK, free_port, require_free

_START_TIMEOUT = 60.0
_PREDECESSOR_TIMEOUT = 15.0


class TemporalServer:
    """`temporal server start-dev`, with the frontend (and the UI, where wanted) on 127.0.0.1.

    - State is in `<state_dir>/temporal/temporal.db`, or nowhere with `in_memory=True`. A kill -9
      of the server loses nothing; a crash of the machine may lose the last moments
      (`synchronous=normal`). This is not a server for production.
    - `port=None` and `ui_port=None` take free ports, the same ones at every start of this object;
      `ui=False` serves none.
    - `search_attributes`: name to type (Text, Keyword, Int, Double, Bool, Datetime, KeywordList).
      Those that an existing state lacks are added at start.
    - `dynamic_config`: key to value, for example `{"frontend.WorkflowTimeSkippingEnabled": True}`.
    """

    def __init__(
        self,
        state_dir: Path,
        *,
        port: int | None = None,
        ui: bool = True,
        ui_port: int | None = None,
        namespace: str = "default",
        search_attributes: Mapping[str, str] | None = None,
        dynamic_config: Mapping[str, object] | None = None,
        in_memory: bool = False,
    ) -> None:
        self.namespace = namespace
        self.port = port or free_port()
        self.ui_port = (ui_port or free_port()) if ui else None
        self._http_port = free_port()
        self._home = state_dir.resolve() / "temporal"
        self._log = state_dir.resolve() / "logs" / "temporal.log"
        self._search_attributes = dict(search_attributes or {})
        self._dynamic_config = dict(dynamic_config or {})
        self._in_memory = in_memory
        self._child: Child | None = None

    @property
    def address(self) -> str:
        """host:port of the frontend."""
        return f"{LOOPBACK}:{self.port}"

    @property
    def ui_url(self) -> str | None:
        """Where a browser finds the UI; None without one."""
        return f"http://{LOOPBACK}:{self.ui_port}" if self.ui_port else None

    @property
    def is_running(self) -> bool:
        return self._child is not None and self._child.is_running

    @property
    def pid(self) -> int | None:
        """The pid of the server, None if it does not run."""
        return self._child.pid if self._child else None

    def start(self) -> None:
        """Start it and wait until the namespace and its search attributes can be used."""
        self.launch()
        self.wait_ready()

    def launch(self) -> None:
        """Start it without waiting, for a caller that has something else to do meanwhile.

        Nothing happens if it runs. Raises `NotInstalledError`, `PortTakenError` or
        `StillRunningError` (an earlier server does not end).
        """
        if self.is_running:
            return
        if self._child is None:
            self._child = self._make_child()
        self._child.start()

    def wait_ready(self) -> None:
        """Wait until the frontend answers for the namespace; add missing search attributes.

        Raises `ChildStartError` with the last lines of its log.
        """
        if self._child is None:
            raise ChildStartError("Temporal was not launched. Call launch() first.")
        self._child.wait_ready(self._answers, _START_TIMEOUT)
        missing = self._search_attributes.keys() - (self._known_attributes() or set())
        if missing:
            self._add_attributes(sorted(missing))

    def stop(self, timeout: float = 15.0) -> None:
        """End it in order, which takes it about 3 seconds; one in memory has nothing to save."""
        if self._child is not None:
            if self._in_memory:
                self._child.kill()
            else:
                self._child.stop(timeout)

    def kill(self) -> None:
        """kill -9, as a crash would be. `start` goes on at the same address with the same state."""
        if self._child is not None:
            self._child.kill()

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

    def _make_child(self) -> Child:
        self._home.mkdir(parents=True, exist_ok=True)
        storage = [
            *("--db-filename", str(self._home / "temporal.db")),
            *("--sqlite-pragma", "journal_mode=WAL", "--sqlite-pragma", "synchronous=normal"),
        ]
        return Child(
            "Temporal",
            [
                *(find_temporal(), "server", "start-dev"),
                *("--ip", LOOPBACK, "--port", str(self.port), "--http-port", str(self._http_port)),
                *(("--ui-port", str(self.ui_port)) if self.ui_port else ("--headless",)),
                "--ui-disable-news-fetch",
                *("--namespace", self.namespace, "--log-level", "error"),
                *([] if self._in_memory else storage),
                *_pairs("--search-attribute", self._search_attributes),
                *_pairs(
                    "--dynamic-config-value",
                    {key: json.dumps(value) for key, value in self._dynamic_config.items()},
                ),
            ],
            log=self._log,
            env=_environment(self._home),
            lease=_lease(self._home),
            prepare=self._require_ports,
        )

    def _require_ports(self) -> None:
        require_free(self.port, "Temporal", "another Temporal port")
        if self.ui_port:
            require_free(self.ui_port, "Temporal UI", "another UI port")
        require_free(self._http_port, "Temporal's HTTP door", "another start")

    def _answers(self) -> bool:
        return self._known_attributes() is not None

    def _known_attributes(self) -> set[str] | None:
        """The namespace's own search attributes, None while the server cannot tell them.

        Asked over the frontend's HTTP door: a real answer of the service and its store, without
        loading the SDK. `http.client`, because urllib would ask a proxy.
        """
        connection = http.client.HTTPConnection(LOOPBACK, self._http_port, timeout=5)
        try:
            connection.request("GET", f"/api/v1/namespaces/{self.namespace}/search-attributes")
            response = connection.getresponse()
            body = response.read()
            if response.status != http.HTTPStatus.OK:
                return None
            return set(json.loads(body).get("customAttributes", {}))
        except (OSError, http.client.HTTPException):
            return None
        finally:
            connection.close()

    def _add_attributes(self, names: list[str]) -> None:
        """start-dev registers attributes only when it creates a namespace, not in later starts."""
        wanted = [
            word
            for name in names
            for word in ("--name", name, "--type", self._search_attributes[name])
        ]
        done = subprocess.run(
            [
                *(find_temporal(), "operator", "search-attribute", "create"),
                *("--address", self.address, "--namespace", self.namespace, *wanted),
            ],
            env=_environment(self._home),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        if done.returncode != 0:
            self.kill()
            raise ChildStartError(
                f"Temporal refused the search attributes {', '.join(names)}: {done.stdout.strip()}"
            )


def await_predecessor(state_dir: Path) -> None:
    """Wait until the server of a killed process has ended, and with it let go of its ports."""
    _lease(state_dir.resolve() / "temporal").await_end(_PREDECESSOR_TIMEOUT)


def _lease(home: Path) -> Lease:
    return Lease(home / "lease", "Temporal")


def _pairs(flag: str, values: Mapping[str, str]) -> list[str]:
    return [word for key, value in values.items() for word in (flag, f"{key}={value}")]


def _environment(home: Path) -> dict[str, str]:
    """Ours without what would steer the command: TEMPORAL_ADDRESS and the like, which it takes as
    its own flags, and the profiles that a person keeps in their home folder."""
    kept = {key: value for key, value in os.environ.items() if not key.startswith("TEMPORAL_")}
    return {**kept, "HOME": str(home), "XDG_CONFIG_HOME": str(home)}
