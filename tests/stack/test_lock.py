"""Locks: one process a state folder, and none that outlives its holder."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from digital_cs.stack.lock import Lease, StateLock, StateLockedError, StillRunningError, lock_holder
from tests.stack.processes import kill, python, read_line

HOLD = """
    import sys, time
    from pathlib import Path
    from digital_cs.stack.lock import StateLock
    with StateLock(Path(sys.argv[1])):
        print("held", flush=True)
        time.sleep(600)
"""


def test_a_second_process_is_refused_and_told_who_holds_the_folder(tmp_path: Path) -> None:
    with python(HOLD, tmp_path) as holder:
        read_line(holder)
        assert lock_holder(tmp_path) == holder.pid
        with pytest.raises(StateLockedError) as refused:
            StateLock(tmp_path).acquire()
    assert str(tmp_path) in str(refused.value)
    assert f"kill {holder.pid}" in str(refused.value)


def test_a_holder_that_was_killed_holds_nothing(tmp_path: Path) -> None:
    with python(HOLD, tmp_path) as holder:
        read_line(holder)
        kill(holder)
    assert (tmp_path / "lock").read_text() == f"{holder.pid}\n"
    assert lock_holder(tmp_path) is None
    with StateLock(tmp_path):
        assert lock_holder(tmp_path) == os.getpid()
    assert lock_holder(tmp_path) is None


def test_a_folder_nobody_ever_used_has_no_holder(tmp_path: Path) -> None:
    assert lock_holder(tmp_path) is None


def test_a_lease_that_is_held_names_the_process_to_stop(tmp_path: Path) -> None:
    held = Lease(tmp_path / "lease", "Postgres").take(wait=0)
    os.pwrite(held, b"4711\n", 0)
    with pytest.raises(StillRunningError, match=r"Postgres .* still running .*kill 4711"):
        Lease(tmp_path / "lease", "Postgres").take(wait=0.05)
    os.close(held)
    Lease(tmp_path / "lease", "Postgres").await_end(wait=0.05)
