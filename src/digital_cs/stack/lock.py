"""Locks on files that end with their holder: nothing is left to clean up after a kill -9."""

from __future__ import annotations

import fcntl
import os
import time
from pathlib import Path
from types import TracebackType
from typing import Self

from digital_cs.errors import DigitalCsError


class StateLockedError(DigitalCsError):
    """Another digital-cs already runs on this state folder. Stop it, or use another folder."""


class StillRunningError(DigitalCsError):
    """A server of an earlier start still runs on this folder. Stop it, then start again."""


def _try_lock(descriptor: int, how: int) -> bool:
    try:
        fcntl.flock(descriptor, how | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _lock_within(descriptor: int, seconds: float) -> bool:
    deadline = time.monotonic() + seconds
    while not _try_lock(descriptor, fcntl.LOCK_EX):
        if time.monotonic() >= deadline:
            return False
        time.sleep(0.02)
    return True


def _read_pid(descriptor: int) -> int | None:
    text = os.pread(descriptor, 32, 0).decode("ascii", "replace").strip()
    return int(text) if text.isdecimal() else None


def _write_pid(descriptor: int, pid: int) -> None:
    os.ftruncate(descriptor, 0)
    os.pwrite(descriptor, f"{pid}\n".encode("ascii"), 0)


class StateLock:
    """One process at a time on a state folder: an exclusive `flock` on `<state>/lock`.

    The kernel frees it when the holder ends, however it ends. The pid in the file is only there
    for the sentence that a second process shows.
    """

    def __init__(self, state_dir: Path) -> None:
        self._state_dir = state_dir
        self._path = state_dir / "lock"
        self._descriptor: int | None = None

    def acquire(self) -> None:
        """Take the lock, or raise `StateLockedError` that says who holds it."""
        if self._descriptor is not None:
            return
        descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        # `lock_holder` holds it for an instant while it looks: that must not refuse anybody.
        if not _lock_within(descriptor, 0.5):
            pid = _read_pid(descriptor)
            os.close(descriptor)
            who = f"process {pid}" if pid else "another process"
            raise StateLockedError(
                f"The state folder {self._state_dir} is already in use by {who}. "
                "Stop that one first (Ctrl-C in its terminal"
                + (f", or `kill {pid}`" if pid else "")
                + "), or name another folder with STATE_DIR."
            )
        _write_pid(descriptor, os.getpid())
        self._descriptor = descriptor

    def release(self) -> None:
        if self._descriptor is not None:
            os.ftruncate(self._descriptor, 0)
            os.close(self._descriptor)
            self._descriptor = None

    def __enter__(self) -> Self:
        self.acquire()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.release()


def lock_holder(state_dir: Path) -> int | None:
    """The pid of the live process that holds the state folder, or None if nobody does."""
    try:
        descriptor = os.open(state_dir / "lock", os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return None
    try:
        if _try_lock(descriptor, fcntl.LOCK_SH):
            return None
        return _read_pid(descriptor)
    finally:
        os.close(descriptor)


class Lease:
    """Proof that a server still runs: a `flock` that the server and its children inherit.

    A pidfile can name a process that has nothing to do with the server any more, because numbers
    are used again. This lock is held exactly as long as one process of the server is alive, also
    when the one that started it has long been killed.
    """

    def __init__(self, path: Path, what: str) -> None:
        self._path = path
        self._what = what

    def take(self, wait: float) -> int:
        """A locked descriptor to hand down; waits up to `wait` seconds for an earlier server.

        Raises `StillRunningError` if that one does not end.
        """
        descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            if _lock_within(descriptor, wait):
                # The shell that starts the server uses 3 to 9 for itself.
                return fcntl.fcntl(descriptor, fcntl.F_DUPFD_CLOEXEC, 10)
            pid = _read_pid(descriptor)
        finally:
            os.close(descriptor)
        raise StillRunningError(
            f"{self._what} of an earlier start is still running on {self._path.parent}"
            + (f" (process {pid}). Stop it with `kill {pid}`" if pid else ". Stop it")
            + " and start again."
        )

    def await_end(self, wait: float) -> None:
        """Wait until no server of an earlier start is left; raises as `take` does."""
        if self._path.exists():
            os.close(self.take(wait))

    @staticmethod
    def hand_over(descriptor: int, pid: int) -> None:
        """Note who holds the lease now, and let go of our own copy."""
        _write_pid(descriptor, pid)
        os.close(descriptor)
