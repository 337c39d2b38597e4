"""The real servers that tests of every room share, started when the first test asks for one."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from digital_cs.stack.postgres import PostgresServer
from digital_cs.stack.temporal_server import TemporalServer


@pytest.fixture(scope="session")
def server_dir() -> Iterator[Path]:
    """A folder for state of servers. Not `tmp_path`: as root, Postgres runs as another user,
    who may not pass through pytest's folders; and their long names do not fit a socket's path."""
    folder = Path(tempfile.mkdtemp(prefix="dcs-", dir="/tmp"))
    folder.chmod(0o711)
    yield folder
    shutil.rmtree(folder)


@pytest.fixture(scope="session")
def postgres(server_dir: Path) -> Iterator[PostgresServer]:
    """One fast throwaway Postgres a test session (and xdist worker). Make databases in it with
    `createdb(name, template=...)`; its own `url` is an empty database that nobody should fill."""
    with PostgresServer(server_dir / "shared", durable=False) as server:
        yield server


@pytest.fixture(scope="session")
def temporal_server(server_dir: Path) -> Iterator[TemporalServer]:
    """One Temporal dev server a test session, in memory and without UI, namespace `default`.

    It knows no search attributes and is shared: give workflows and task queues names of your own.
    """
    with TemporalServer(server_dir / "shared", ui=False, in_memory=True) as server:
        yield server
