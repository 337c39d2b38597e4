"""How a server or a worker is started as a child that never outlives the process that wants it."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import IO

from digital_cs.errors import DigitalCsError
from digital_cs.stack.lock import Lease
from digital_cs.stack.os_user import OsUser

_LOG_LIMIT = 10_000_000  # bytes; a longer log is set aside at the next start
_TAIL_BYTES = 20_000

# The child is `sh`, which leaves a guard behind and then becomes the program (same pid).
# The guard reads a pipe whose other end only we hold. Nobody ever writes to it: the read returns
# when we are gone, by kill -9 too, and the guard stops the program and then its whole group.
# - The guard is there before the program is, so no moment is left uncovered.
# - Its parent is init (the double fork), so the program never sees an unknown child of its own.
# - As a member of the program's group it keeps the group's number from being given to others.
# - Not PR_SET_PDEATHSIG: Linux only, and it fires when the *thread* that started the child ends.
_GUARD = """
signal=$1 ticks=$2; shift 2
exec 3<&0 </dev/null
( ( trap '' HUP INT QUIT TERM
    read -r nothing <&3
    kill -s "$signal" $$
    while [ "$ticks" -gt 0 ] && kill -s 0 $$; do
      sleep 0.2 || sleep 1
      ticks=$((ticks - 1))
    done
    kill -s KILL -- -$$
  ) >/dev/null 2>&1 & )
exec "$@" 3<&-
"""


class ChildStartError(DigitalCsError):
    """A server did not start. Its log says why."""


class Child:
    """A program in a process group of its own, with a log file, that dies with us.

    - Ctrl-C in the terminal does not reach it: we stop it, in our order.
    - When our process ends in any way, it gets `stop_signal`, and SIGKILL after `grace` seconds.
    - `lease` stays held as long as the program (or a child of it) lives; `start` waits for it,
      so that a successor never meets its predecessor. `prepare` is called with the lease held,
      just before the program starts.

    Do not `os.fork()` without exec after `start`: the copy would hold the lifeline too.
    """

    def __init__(
        self,
        what: str,
        argv: Sequence[str | Path],
        *,
        log: Path,
        env: Mapping[str, str] | None = None,
        cwd: Path | None = None,
        run_as: OsUser | None = None,
        lease: Lease | None = None,
        prepare: Callable[[], None] | None = None,
        stop_signal: signal.Signals = signal.SIGTERM,
        grace: float = 10.0,
    ) -> None:
        self.what = what
        self.log = log
        self.argv = [str(part) for part in argv]
        self._env = dict(env) if env is not None else None
        self._cwd = cwd
        self._run_as = run_as
        self._lease = lease
        self._prepare = prepare
        self._stop_signal = stop_signal
        self._grace = grace
        self._process: subprocess.Popen[bytes] | None = None
        self._log_start = 0

    @property
    def pid(self) -> int | None:
        """The pid of the running child, None if it does not run."""
        return self._process.pid if self._process and self.is_running else None

    @property
    def is_running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    @property
    def returncode(self) -> int | None:
        """How the last run ended, as `Popen.returncode`; None while it runs."""
        return self._process.poll() if self._process else None

    def start(self) -> None:
        """Start the program; nothing happens if it runs. Does not wait until it is ready.

        Raises `StillRunningError` if a predecessor holds the lease and does not end.
        """
        if self.is_running:
            return
        self.kill()
        leased = self._lease.take(wait=self._grace + 5) if self._lease else None
        try:
            if self._prepare is not None:
                self._prepare()
            with self._open_log() as log:
                self._process = subprocess.Popen(
                    ["/bin/sh", "-c", _GUARD, "digital-cs-guard",
                     self._stop_signal.name.removeprefix("SIG"), str(int(self._grace * 5)),
                     *self.argv],
                    stdin=subprocess.PIPE,  # the lifeline: closed by us or by our end
                    stdout=log,
                    stderr=subprocess.STDOUT,
                    env=self._env,
                    cwd=self._cwd,
                    start_new_session=True,
                    pass_fds=(leased,) if leased is not None else (),
                    **(self._run_as.popen if self._run_as else {}),
                )  # fmt: skip
        except BaseException:
            if leased is not None:
                os.close(leased)
            raise
        if leased is not None:
            Lease.hand_over(leased, self._process.pid)

    def wait_ready(self, ready: Callable[[], bool], timeout: float) -> None:
        """Ask `ready` until it says yes; else stop the child and raise `ChildStartError`.

        The error carries the last lines that the child logged in this run.
        """
        deadline = time.monotonic() + timeout
        while not ready():
            if not self.is_running:
                problem = f"{self.what} ended while starting (exit status {self.returncode})."
            elif time.monotonic() > deadline:
                problem = f"{self.what} runs, but did not answer within {timeout:g} seconds."
            else:
                time.sleep(0.03)
                continue
            self.kill()
            raise ChildStartError(
                f"{problem} The whole log is {self.log}; its last lines:\n{self.log_tail()}"
            )

    def wait(self, timeout: float | None = None) -> int | None:
        """Wait until the child ends by itself: its return code, None if it still runs."""
        if self._process is None:
            return None
        try:
            return self._process.wait(timeout)
        except subprocess.TimeoutExpired:
            return None

    def stop(self, timeout: float | None = None) -> None:
        """Ask it to end, wait (`timeout` seconds, else `grace`), then kill what is left of it."""
        try:
            if self._process is not None and self._process.poll() is None:
                self._process.send_signal(self._stop_signal)
                self.wait(self._grace if timeout is None else timeout)
        finally:
            self.kill()

    def kill(self) -> None:
        """kill -9 of the child, its group and all descendants at once, as a crash would be."""
        process = self._process
        if process is None:
            return
        family: list[int] = []
        if process.poll() is None:
            # Frozen first, so that no descendant is born between looking and killing. Looked up
            # because members may have left the group: every Postgres backend does.
            process.send_signal(signal.SIGSTOP)
            family = _descendants(process.pid)
            process.kill()
        for pid in family:
            _signal_quietly(os.kill, pid)
        if process.stdin and not process.stdin.closed:
            # Until here the guard was in the group and kept its number ours.
            _signal_quietly(os.killpg, process.pid)
            process.stdin.close()
        process.wait()

    def log_tail(self, lines: int = 15) -> str:
        """The last lines of what this run wrote to its log."""
        try:
            with self.log.open("rb") as file:
                end = file.seek(0, os.SEEK_END)
                file.seek(max(self._log_start, end - _TAIL_BYTES))
                text = file.read().decode("utf-8", "replace")
        except FileNotFoundError:
            text = ""
        return "\n".join(text.splitlines()[-lines:]) or "(it wrote nothing)"

    def _open_log(self) -> IO[bytes]:
        self.log.parent.mkdir(parents=True, exist_ok=True)
        if self.log.exists() and self.log.stat().st_size > _LOG_LIMIT:
            self.log.replace(self.log.with_name(self.log.name + ".1"))
        file = self.log.open("ab")
        self._log_start = file.tell()
        return file


def _signal_quietly(send: Callable[[int, int], None], target: int) -> None:
    try:
        send(target, signal.SIGKILL)
    except (ProcessLookupError, PermissionError):
        pass  # it ended by itself in the meantime (macOS says "not permitted" of a zombie)


def _descendants(pid: int) -> list[int]:
    children: defaultdict[int, list[int]] = defaultdict(list)
    for child, parent in _process_table():
        children[parent].append(child)
    found: list[int] = []
    pending = [pid]
    while pending:
        born = children[pending.pop()]
        found += born
        pending += born
    return found


def _process_table() -> list[tuple[int, int]]:
    """(pid, pid of its parent) of every process."""
    proc = Path("/proc")
    if not (proc / "self" / "stat").exists():  # macOS
        listing = subprocess.run(
            ["ps", "-A", "-o", "pid=,ppid="], capture_output=True, text=True, check=True
        )
        rows = [line.split() for line in listing.stdout.splitlines()]
        return [(int(pid), int(parent)) for pid, parent in rows]
    table: list[tuple[int, int]] = []
    for entry in proc.iterdir():
        if not entry.name.isdecimal():
            continue
        try:
            stat = (entry / "stat").read_text("utf-8", "replace")
        except (FileNotFoundError, ProcessLookupError):
            continue
        # "pid (name) state ppid ...", and the name may hold spaces and brackets.
        table.append((int(entry.name), int(stat.rpartition(")")[2].split()[1])))
    return table
