"""An embedded Postgres server that keeps its data and never outlives who started it."""

from __future__ import annotations

import hashlib
import os
import secrets
import shutil
import signal
import tempfile
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Self
from urllib.parse import quote

import psycopg
from psycopg import sql

from digital_cs.stack.binaries import find_postgres
from digital_cs.stack.children import Child
from digital_cs.stack.lock import Lease
from digital_cs.stack.os_user import make_private, require_reachable, unprivileged_user
from digital_cs.stack.ports import LOOPBACK, free_port, require_free
from digital_cs.stack.postgres_data import (
    SUPERUSER,
    PostgresData,
    PostgresDataError,
    postgres_environment,
)

# Part of the socket's file name only; no TCP port is opened for it.
_SOCKET_PORT = 5432
# The kernel's limit is 107 bytes on Linux and 103 on macOS.
_SOCKET_PATH_LIMIT = 100
# Recovery after a crash replays the log before the first connection is accepted.
_START_TIMEOUT = 60.0

# Without synchronous_commit=off, which gains nothing over fsync=off and would lose what was
# committed just before a kill -9: tests of crashes must be able to use this.
_THROWAWAY = {
    "fsync": "off",
    "full_page_writes": "off",
    "wal_level": "minimal",
    "max_wal_senders": "0",
}


class PostgresServer:
    """Postgres in `<state_dir>/postgres`, reached by a unix socket that only its user can open.

    - `durable=False` is for tests: fast, and safe against a kill -9 of the server, but a crash of
      the *machine* may spoil the data.
    - `tcp=True` also listens on 127.0.0.1, with a random password that is kept (mode 0600) in
      `<state_dir>/postgres.password`; see `tcp_url`.
    - As root it runs as the owner of the data, `nobody` at first; no user is created and no
      permission outside `<state_dir>/postgres` is changed.
    """

    def __init__(
        self,
        state_dir: Path,
        *,
        database: str = "digital_cs",
        durable: bool = True,
        tcp: bool = False,
        tcp_port: int | None = None,
        max_connections: int = 120,
        settings: Mapping[str, str] | None = None,
    ) -> None:
        self.database = database
        self._state_dir = state_dir.resolve()
        self._home = self._state_dir / "postgres"
        self._durable = durable
        self._tcp = tcp
        self._port = (tcp_port or free_port()) if tcp else _SOCKET_PORT
        self._settings = {
            "max_connections": str(max_connections),
            "timezone": "UTC",
            "log_timezone": "UTC",
            "log_checkpoints": "off",
            **({} if durable else _THROWAWAY),
            **(settings or {}),
        }
        self._socket_dir = _socket_dir(self._home, self._port)
        self._log = self._state_dir / "logs" / "postgres.log"
        self._child: Child | None = None

    @property
    def url(self) -> str:
        """Of `database`. For SQLAlchemy, replace `postgresql://` by `postgresql+psycopg://`."""
        return self.url_for(self.database)

    @property
    def tcp_url(self) -> str:
        """The same database by TCP, password included: do not log it. Needs `tcp=True`."""
        if not self._tcp:
            raise PostgresDataError("This Postgres has no TCP port. Start it with tcp=True.")
        return (
            f"postgresql://{SUPERUSER}:{self._password()}@{LOOPBACK}:{self._port}"
            f"/{quote(self.database)}"
        )

    @property
    def is_running(self) -> bool:
        return self._child is not None and self._child.is_running

    @property
    def pid(self) -> int | None:
        """The pid of the postmaster, None if it does not run."""
        return self._child.pid if self._child else None

    def url_for(self, database: str) -> str:
        """The URL of one of its databases; the same before and after a restart."""
        # The port is named because PGPORT in somebody's environment would win otherwise.
        return (
            f"postgresql://{SUPERUSER}@/{quote(database)}"
            f"?host={quote(str(self._socket_dir), safe='/')}&port={self._port}"
        )

    def start(self) -> None:
        """Start it and wait until it accepts connections; creates the data and the database.

        Nothing happens if it runs. Raises a `DigitalCsError`: `NotInstalledError`,
        `UnreachableError`, `PostgresDataError`, `PortTakenError`, `StillRunningError` (an earlier
        server does not end) or `ChildStartError` with the last lines of its log.
        """
        if self.is_running:
            return
        if self._child is None:
            self._child = self._make_child()
        if self._tcp:
            require_free(self._port, "Postgres", "another tcp_port")
        self._child.start()
        self._child.wait_ready(self._accepts, _START_TIMEOUT)
        self.ensure_database(self.database)
        if self._tcp:
            self._set_password()

    def stop(self, timeout: float = 30.0) -> None:
        """A fast shutdown: open transactions are rolled back, everything committed is kept."""
        if self._child is not None:
            self._child.stop(timeout)
        if self._socket_dir.parent != self._home:
            shutil.rmtree(self._socket_dir, ignore_errors=True)

    def kill(self) -> None:
        """kill -9 of the postmaster and all backends at once. `start` recovers."""
        if self._child is not None:
            self._child.kill()

    def createdb(self, name: str, *, template: str | None = None) -> str:
        """Create a database, as a copy of `template` if one is named; returns its URL.

        Raises `psycopg.errors.DuplicateDatabase` if it exists. Nobody may be connected to the
        template meanwhile.
        """
        statement = sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name))
        if template is not None:
            # FILE_COPY is the faster strategy where fsync is off, as it is in tests.
            strategy = sql.SQL(" TEMPLATE {}" + ("" if self._durable else " STRATEGY FILE_COPY"))
            statement += strategy.format(sql.Identifier(template))
        with psycopg.connect(self.url_for("postgres"), autocommit=True) as connection:
            connection.execute(statement)
        return self.url_for(name)

    def ensure_database(self, name: str) -> str:
        """Create a database unless it exists; returns its URL."""
        with psycopg.connect(self.url_for("postgres"), autocommit=True) as connection:
            found = connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [name])
            exists = found.fetchone() is not None
        return self.url_for(name) if exists else self.createdb(name)

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
        binaries = find_postgres()
        user = unprivileged_user(self._home)
        make_private(self._home, user)
        require_reachable(self._home, "its data folder", user)
        require_reachable(binaries.postgres, "its program", user)
        data = PostgresData(self._home / "data", binaries, user, durable=self._durable)

        def prepare() -> None:
            make_private(self._socket_dir, user)
            data.prepare(self._log)

        options = {
            "unix_socket_directories": str(self._socket_dir),
            "listen_addresses": LOOPBACK if self._tcp else "",
            "port": str(self._port),
            **self._settings,
        }
        argv: list[str | Path] = [binaries.postgres, "-D", data.path]
        for name, value in options.items():
            argv += ["-c", f"{name}={value}"]
        return Child(
            "Postgres",
            argv,
            log=self._log,
            env=postgres_environment(),
            # Not where we are: its user may not be allowed to look there, and it wants to.
            cwd=Path("/"),
            run_as=user,
            lease=Lease(self._home / "lease", "Postgres"),
            prepare=prepare,
            stop_signal=signal.SIGINT,
        )

    def _accepts(self) -> bool:
        try:
            psycopg.connect(self.url_for("postgres"), connect_timeout=5).close()
        except psycopg.OperationalError:
            return False
        return True

    def _password(self) -> str:
        path = self._state_dir / "postgres.password"
        if not path.exists():
            descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(descriptor, "w", encoding="ascii") as file:
                file.write(secrets.token_urlsafe(24))
        return path.read_text(encoding="ascii")

    def _set_password(self) -> None:
        """Make the server's password the one of the file, whichever of the two is older."""
        statement = sql.SQL("ALTER ROLE {} PASSWORD {}").format(
            sql.Identifier(SUPERUSER), sql.Literal(self._password())
        )
        with psycopg.connect(self.url_for("postgres"), autocommit=True) as connection:
            connection.execute(statement)


def _socket_dir(home: Path, port: int) -> Path:
    """Beside the data, or in a short folder of the same meaning where that path is too long."""
    beside = home / "run"
    if _socket_fits(beside, port):
        return beside
    # Always the same folder for the same data, so that URLs outlive a restart.
    digest = hashlib.sha256(os.fsencode(home)).hexdigest()[:16]
    short = Path(tempfile.gettempdir()) / f"digital-cs-{digest}"
    if _socket_fits(short, port):
        return short
    raise PostgresDataError(
        f"No folder is short enough for the socket of Postgres: neither {beside} nor {short} "
        f"stays under {_SOCKET_PATH_LIMIT} bytes. Set STATE_DIR or TMPDIR to a shorter path."
    )


def _socket_fits(folder: Path, port: int) -> bool:
    return len(os.fsencode(folder / f".s.PGSQL.{port}.lock")) <= _SOCKET_PATH_LIMIT
