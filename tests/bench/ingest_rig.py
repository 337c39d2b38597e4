"""The servers of bench-ingest: a durable Postgres, the API as its own process, and clients."""

from __future__ import annotations

import contextlib
import json
import os
import pickle
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg

from digital_cs import logs
from digital_cs.stack.children import Child
from digital_cs.stack.ports import free_port
from digital_cs.stack.postgres import PostgresServer
from digital_cs.store.migrate import migrate
from tests.bench.ingest_traffic import SOURCE, WRITE_KEY, request
from tests.bench.own_server import OWN_SERVER
from tests.rig import ROOT

PROCESSES = os.environ.get("BENCH_PROCESSES", "2")
"""Of the API: while one waits for the database, another reads what comes."""


@dataclass
class Rig:
    """What runs, and how to send to it."""

    folder: Path
    postgres: PostgresServer
    port: int
    api: Child

    @contextlib.contextmanager
    def sending(
        self, batches: Sequence[Sequence[dict[str, Any]]], clients: int
    ) -> Iterator[subprocess.Popen[str]]:
        """Clients that have the batches in hand, and begin at a line; see `answers`."""
        path = self.folder / "requests"
        path.write_bytes(pickle.dumps([request(messages, self.port) for messages in batches]))
        argv = [sys.executable, "-m", "tests.bench.ingest_client", str(self.port), str(clients)]
        with subprocess.Popen(
            [*argv, str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=ROOT
        ) as process:
            assert process.stdin is not None
            assert process.stdout is not None
            process.stdout.readline()
            process.stdin.write("go\n")
            process.stdin.flush()
            yield process

    def send(
        self, batches: Sequence[Sequence[dict[str, Any]]], clients: int
    ) -> tuple[float, list[int]]:
        """Send all; returns the seconds that took, and the numbers of the batches kept whole."""
        with self.sending(batches, clients) as process:
            return answers(process)

    def connect(self) -> psycopg.Connection[Any]:
        """A connection to the API's database."""
        return psycopg.connect(self.postgres.url, autocommit=True)

    def start_api(self) -> None:
        """Start the API; returns when it can be called."""
        log = self.folder / "logs" / "api.log"
        log.unlink(missing_ok=True)
        self.api = _api(self.folder, self.postgres.url, self.port)
        self.api.start()
        self.api.wait_ready(lambda: logs.API_SERVED in log.read_text(), 30)


def answers(process: subprocess.Popen[str]) -> tuple[float, list[int]]:
    """What clients say at their end: seconds, and the numbers of the batches kept whole."""
    assert process.stdout is not None
    found = json.loads(process.stdout.readline())
    return found["seconds"], found["kept"]


def _api(folder: Path, database: str, port: int) -> Child:
    environment = {
        **os.environ, "DATABASE_URL": database, "API_PORT": str(port), "API_PROCESSES": PROCESSES,
        "WRITE_KEYS": f"{SOURCE}={WRITE_KEY}", "WRITE_RATE": "1000000000",
        "SIGNING_KEY": "only-for-this-bench", "LOG_LEVEL": "warning", "STATE_DIR": str(folder),
    }  # fmt: skip
    argv = [sys.executable, "-m", "digital_cs", "api"]
    return Child("api", argv, log=folder / "logs" / "api.log", env=environment, cwd=ROOT)


@contextlib.contextmanager
def rig(*, durable: bool = True) -> Iterator[Rig]:
    """Everything runs, on a disk and not in memory; nothing is left of it afterwards."""
    folder = Path(tempfile.mkdtemp(prefix="dcs-bench-", dir="/tmp"))
    folder.chmod(0o711)
    try:
        with PostgresServer(folder, durable=durable, settings=OWN_SERVER) as postgres:
            migrate(postgres.url)
            port = free_port()
            running = Rig(folder, postgres, port, _api(folder, postgres.url, port))
            running.start_api()
            try:
                yield running
            finally:
                running.api.stop()
    finally:
        shutil.rmtree(folder, ignore_errors=True)
