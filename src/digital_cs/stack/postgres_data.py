"""The data folder of an embedded Postgres: made whole or not at all, opened by its own version."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

from digital_cs.errors import DigitalCsError
from digital_cs.stack.binaries import PostgresBinaries
from digital_cs.stack.os_user import OsUser

SUPERUSER = "postgres"

# The first version whose own locale is independent of the operating system's.
_BUILTIN_LOCALE_SINCE = 17


class PostgresDataError(DigitalCsError):
    """The Postgres data folder cannot be used by this server. See what it says, or use another."""


class PostgresData:
    """A cluster in `path`. Call `prepare` only while no server runs on it (its lease held)."""

    def __init__(
        self, path: Path, binaries: PostgresBinaries, user: OsUser | None, *, durable: bool
    ) -> None:
        self.path = path
        self._binaries = binaries
        self._user = user
        self._durable = durable

    def prepare(self, log: Path) -> None:
        """Make the cluster if there is none, check its version, clear what a crash left.

        Raises `PostgresDataError`; what `initdb` says goes to `log` as well.
        """
        if not self.path.exists():
            self._create(log)
        self._require_version()
        # Postgres takes a pidfile whose number lives again, as another program, for a running
        # server and refuses to start. Whoever holds the lease knows that there is none.
        (self.path / "postmaster.pid").unlink(missing_ok=True)

    def _create(self, log: Path) -> None:
        # Under another name first: an initdb that was cut short must not look like a cluster.
        # And each under its own, in case the process that was killed left its initdb running.
        for left_over in self.path.parent.glob("unfinished-*"):
            shutil.rmtree(left_over, ignore_errors=True)
        unfinished = self.path.with_name(f"unfinished-{os.getpid()}")
        done = subprocess.run(
            [
                self._binaries.initdb,
                *("--pgdata", unfinished, "--username", SUPERUSER, "--encoding", "UTF8"),
                *self._locale(),
                # The socket's folder lets only its user in. TCP, where asked for, has a password.
                *("--auth-local", "trust", "--auth-host", "scram-sha-256"),
                "--no-instructions",
                *(() if self._durable else ("--no-sync",)),
            ],
            cwd="/",
            env=postgres_environment(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
            **(self._user.popen if self._user else {}),
        )
        if done.returncode != 0:
            log.parent.mkdir(parents=True, exist_ok=True)
            with log.open("a", encoding="utf-8") as file:
                file.write(done.stdout)
            tail = "\n".join(done.stdout.splitlines()[-15:])
            raise PostgresDataError(
                f"initdb could not make the Postgres data folder {self.path}:\n{tail}"
            )
        unfinished.rename(self.path)

    def _locale(self) -> list[str]:
        if self._binaries.major >= _BUILTIN_LOCALE_SINCE:
            return ["--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8"]
        return ["--locale=C.UTF-8"]

    def _require_version(self) -> None:
        version = self.path / "PG_VERSION"
        if not version.is_file():
            raise PostgresDataError(
                f"{self.path} exists, but is no Postgres data folder. Move it away, or name "
                "another folder with STATE_DIR."
            )
        written_by = version.read_text(encoding="ascii").strip()
        if written_by != str(self._binaries.major):
            raise PostgresDataError(
                f"The data in {self.path} was written by Postgres {written_by}, and the one in "
                f"{self._binaries.folder} is {self._binaries.major}. Bring the data over with "
                "pg_upgrade or pg_dump, or name another folder with STATE_DIR."
            )


def postgres_environment() -> dict[str, str]:
    """Ours without PGDATA, PGPORT and the like, which would steer it; messages in English."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("PG")}
    return {**kept, "LC_ALL": "C"}
