"""The operating-system user a server runs as, because Postgres refuses to run as root."""

from __future__ import annotations

import os
import pwd
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypedDict

from digital_cs.errors import DigitalCsError

_NOBODY = "nobody"


class UnreachableError(DigitalCsError):
    """The user that Postgres runs as cannot reach a file it needs. Move it, or let it through."""


class PopenUser(TypedDict, total=False):
    """The arguments of `subprocess.Popen` that change the user."""

    user: int
    group: int
    extra_groups: Sequence[int]


@dataclass(frozen=True, slots=True)
class OsUser:
    """A user to run a child as."""

    name: str
    uid: int
    gid: int

    @property
    def popen(self) -> PopenUser:
        return {"user": self.uid, "group": self.gid, "extra_groups": []}


def unprivileged_user(home: Path) -> OsUser | None:
    """The user to run a server as whose files are in `home`; None: as ourselves.

    Only root changes user: to the owner of `home` if there is one already (the folder may have
    been used before by an ordinary user), else to `nobody`. No user is created for it.
    """
    if os.geteuid() != 0:
        if home.exists() and home.stat().st_uid != os.geteuid():
            raise UnreachableError(
                f"{home} belongs to {_name(home.stat().st_uid)}, probably because root made it. "
                "Run this as root too, or name another folder with STATE_DIR."
            )
        return None
    if home.exists() and home.stat().st_uid != 0:
        owner = home.stat()
        return OsUser(_name(owner.st_uid), owner.st_uid, owner.st_gid)
    try:
        entry = pwd.getpwnam(_NOBODY)
    except KeyError:
        raise UnreachableError(
            f"Postgres does not run as root, and this machine has no user `{_NOBODY}` to run it "
            "as. Start digital-cs as an ordinary user."
        ) from None
    return OsUser(entry.pw_name, entry.pw_uid, entry.pw_gid)


def make_private(folder: Path, user: OsUser | None) -> None:
    """Make `folder` if there is none, for `user` (None: us) and nobody else.

    Raises `UnreachableError` if it exists and belongs to somebody else, who could then read what
    is put into it or put something else there.
    """
    try:
        folder.mkdir(mode=0o700, parents=True)
    except FileExistsError:
        owner = folder.lstat()
        expected = user.uid if user else os.geteuid()
        if owner.st_uid not in {expected, os.geteuid()} or not folder.is_dir():
            raise UnreachableError(
                f"{folder} is not a folder of ours: it belongs to {_name(owner.st_uid)}. "
                "Find out what it is, and remove it."
            ) from None
    folder.chmod(0o700)
    if user is not None:
        os.chown(folder, user.uid, user.gid, follow_symlinks=False)


def require_reachable(path: Path, what: str, user: OsUser | None) -> None:
    """Raise `UnreachableError` naming the folder that keeps `user` from getting to `path`.

    Asked of the operating system in a process of that user: mode bits alone would not know
    about access lists. Nothing is changed; opening folders is for their owner to decide.
    """
    if user is None:
        return
    steps = [str(step) for step in (*reversed(path.parents), path)]
    script = 'for step; do [ -x "$step" ] || { printf %s "$step"; exit 1; }; done'
    probe = subprocess.run(
        ["/bin/sh", "-c", script, "reach", *steps],
        cwd="/",
        capture_output=True,
        text=True,
        check=False,
        **user.popen,
    )
    if probe.returncode == 0:
        return
    closed = probe.stdout
    raise UnreachableError(
        f"Postgres does not run as root, so it runs as the user `{user.name}`, who cannot get "
        f"past {closed} to {what} {path}. Run digital-cs as an ordinary user, move {what} "
        f"somewhere else, or open the folder yourself: chmod o+x {closed}"
    )


def _name(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return f"user {uid}"
