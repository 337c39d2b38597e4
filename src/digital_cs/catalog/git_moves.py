"""Where the files of a git checkout went between two imports."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path

# A checkout may come from anybody, and its own settings can name programs to run.
_SAFE = (
    "-c", "core.fsmonitor=false", "-c", "core.hooksPath=/dev/null", "-c", "log.showSignature=false",
    "-c", "diff.external=",
)  # fmt: skip
_SECONDS = 120
_COMMIT = re.compile(r"[0-9a-f]{40,64}")


def revision_of(folder: Path) -> str | None:
    """The commit that is checked out at a folder, or None where there is no git or checkout."""
    told = _git(folder, "rev-parse", "--verify", "HEAD")
    commit = told.strip() if told is not None else ""
    return commit if _COMMIT.fullmatch(commit) else None


def moves_since(folder: Path, since: str, until: str) -> dict[str, str]:
    """Old path -> new path, both relative to the folder, of what was renamed between commits.

    Followed from commit to commit, so that a file that was moved and then rewritten is known.
    Empty where the history does not tell.
    """
    if since == until or not (_COMMIT.fullmatch(since) and _COMMIT.fullmatch(until)):
        return {}
    told = _git(
        folder, "log", "--reverse", "--format=", "--name-status", "-z", "--diff-filter=R",
        "-M50%", "--relative", "--no-ext-diff", "--no-textconv", f"{since}..{until}", "--", ".",
    )  # fmt: skip
    parts = (told or "").split("\0")
    moves: dict[str, str] = {}
    for status, old, new in zip(parts[0::3], parts[1::3], parts[2::3], strict=False):
        if not status.strip().startswith("R"):
            return {}  # not the form that we know: better no history than a wrong one
        first = next((start for start, end in moves.items() if end == old), old)
        moves[first] = new
    return {old: new for old, new in moves.items() if old != new}


def _git(folder: Path, *arguments: str) -> str | None:
    git = shutil.which("git")
    if git is None:
        return None
    environment = {**os.environ, "GIT_OPTIONAL_LOCKS": "0", "GIT_TERMINAL_PROMPT": "0"}
    try:
        done = subprocess.run(  # noqa: S603  no shell, and nothing of the checkout is an option
            [git, "-C", str(folder), "--no-pager", *_SAFE, *arguments],
            capture_output=True, timeout=_SECONDS, env=environment, check=True,
        )  # fmt: skip
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout.decode(errors="replace")
