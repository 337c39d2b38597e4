"""The real servers that tests of every room share, started when the first test asks for one."""

from __future__ import annotations

import logging
import shutil
import subprocess
import tempfile
import uuid
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
import structlog
from psycopg import AsyncConnection

from digital_cs.messages.search_attributes import DECLARED
from digital_cs.stack.postgres import PostgresServer
from digital_cs.stack.temporal_server import TemporalServer
from digital_cs.store.migrate import migrate
from tests import rig


def _quick_place() -> str:
    """Memory where there is enough of it: copying a database takes a 25th of the time there."""
    shm = Path("/dev/shm")
    return str(shm) if shm.is_dir() and shutil.disk_usage(shm).free > 2 * 2**30 else "/tmp"


@pytest.fixture(autouse=True)
def logs_as_they_were() -> Iterator[None]:
    """What a command of a test configures in this process ends with the test."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)
    structlog.reset_defaults()


@pytest.fixture(scope="session")
def server_dir() -> Iterator[Path]:
    """A folder for state of servers. Not `tmp_path`: as root, Postgres runs as another user,
    who may not pass through pytest's folders; and their long names do not fit a socket's path."""
    folder = Path(tempfile.mkdtemp(prefix="dcs-", dir=_quick_place()))
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
def template_database(postgres: PostgresServer) -> str:
    """Name of a migrated database that tests copy, empty but for a policy that limits nothing.

    Nobody connects to it.
    """
    url = postgres.createdb("template")
    migrate(url)
    rig.without_limits(url)
    return "template"


@pytest.fixture
def database(postgres: PostgresServer, template_database: str) -> Iterator[str]:
    """URL of a migrated database for one test alone."""
    name = f"test-{uuid.uuid4().hex[:12]}"
    yield postgres.createdb(name, template=template_database)
    with psycopg.connect(postgres.url, autocommit=True) as connection:
        connection.execute(f'drop database if exists "{name}" with (force)')


@pytest.fixture
async def connection(database: str) -> AsyncIterator[AsyncConnection[Any]]:
    """An autocommit connection to the test's own database."""
    async with await AsyncConnection.connect(database, autocommit=True) as opened:
        yield opened


@pytest.fixture(scope="session")
def temporal_server(server_dir: Path) -> Iterator[TemporalServer]:
    """One Temporal dev server a test session, in memory and without UI, namespace `default`.

    It knows the engine's search attributes. It is shared: give workflows and task queues names of
    your own.
    """
    with TemporalServer(
        server_dir / "shared", ui=False, in_memory=True, search_attributes=DECLARED
    ) as server:
        yield server


@pytest.fixture(scope="session")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A throwaway self-signed certificate for localhost, and its key."""
    openssl = shutil.which("openssl")
    if openssl is None:
        pytest.skip("making a throwaway certificate needs the openssl command")
    folder = tmp_path_factory.mktemp("tls")
    cert, key = folder / "cert.pem", folder / "key.pem"
    key_kind = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes")
    names = ("-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1")
    # Without this it would be one of an authority, which Temporal's client takes from no server.
    names += ("-addext", "basicConstraints=critical,CA:FALSE")
    subprocess.run(
        [openssl, "req", "-x509", *key_kind, *names, "-days", "2", "-keyout", key, "-out", cert],
        check=True,
        capture_output=True,
    )
    return cert, key
