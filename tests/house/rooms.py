"""Where the files of the house are, for the tests that look at them as files."""

from __future__ import annotations

import subprocess
from pathlib import Path

HOUSE = Path(__file__).parents[2]
SOURCE = ("src", "workflows", "activities")

_NOT_OURS = ("requirements", "LICENSE", "tests/workflows/histories/")


def files(*suffixes: str, under: tuple[str, ...] = ("",)) -> list[Path]:
    """The files of the repository with one of these endings, under any of these folders.

    Those that git knows or would take: no environment, no state, no caches. Where there is no
    git (a source archive), every file below the folders that hold our files.
    """
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"],
        cwd=HOUSE, capture_output=True, text=True, check=False,
    )  # fmt: skip
    if listed.returncode == 0:
        names = sorted(name for name in listed.stdout.split("\0") if name)
    else:
        folders = (*SOURCE, "tests", "content", "docs", "deploy")
        names = sorted(
            str(path.relative_to(HOUSE)) for room in folders for path in (HOUSE / room).rglob("*.*")
        )
    return [
        HOUSE / name
        for name in names
        if name.endswith(suffixes)
        and not name.startswith(_NOT_OURS)
        and (HOUSE / name).is_file()
        and any(name.startswith(folder) for folder in under)
    ]


def name_of(path: Path) -> str:
    """The path as people write it, from the root of the repository."""
    return path.relative_to(HOUSE).as_posix()
