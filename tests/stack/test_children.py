"""Children: their log, their end, and that they do not outlive us."""

from __future__ import annotations

import json
import os
import signal
import sys
import threading
from pathlib import Path

import pytest

from digital_cs.stack import children
from digital_cs.stack.children import Child, ChildStartError
from digital_cs.stack.lock import Lease, StillRunningError
from tests.stack.processes import eventually, kill, python, read_line

SLEEP = ["/bin/sh", "-c", "echo started; exec sleep 600"]
STUBBORN = ["/bin/sh", "-c", "trap '' TERM; echo started; while :; do sleep 0.1; done"]
FAMILY = ["/bin/sh", "-c", "sleep 600 & echo started; wait"]
# Its child leaves the group, as the backends of Postgres do, and keeps the lease.
LEAVING = [
    sys.executable,
    "-c",
    "import subprocess, time; print('started', flush=True);"
    "subprocess.Popen(['sleep', '600'], start_new_session=True, close_fds=False).wait()",
]


def child_of(argv: list[str], folder: Path, grace: float = 10.0) -> Child:
    return Child(
        "The child",
        argv,
        log=folder / "logs" / "child.log",
        lease=Lease(folder / "lease", "The child"),
        grace=grace,
    )


def has_started(child: Child) -> bool:
    return "started" in child.log_tail()


def is_held(folder: Path) -> bool:
    """Whether any process of the child still lives."""
    try:
        Lease(folder / "lease", "The child").await_end(wait=0)
    except StillRunningError:
        return True
    return False


def test_it_runs_with_a_log_and_stops_when_asked(tmp_path: Path) -> None:
    child = child_of(SLEEP, tmp_path)
    child.start()
    child.wait_ready(lambda: has_started(child), timeout=30)
    assert child.is_running
    assert child.pid
    assert is_held(tmp_path)
    child.stop()
    assert not child.is_running
    assert child.pid is None
    assert child.returncode == -signal.SIGTERM
    assert eventually(lambda: not is_held(tmp_path))


def test_one_that_ignores_the_request_to_stop_is_killed(tmp_path: Path) -> None:
    child = child_of(STUBBORN, tmp_path)
    child.start()
    child.wait_ready(lambda: has_started(child), timeout=30)
    child.stop(timeout=0.2)
    assert child.returncode == -signal.SIGKILL
    assert eventually(lambda: not is_held(tmp_path))


def test_a_kill_takes_descendants_that_left_the_group(tmp_path: Path) -> None:
    child = child_of(LEAVING, tmp_path)
    child.start()
    assert child.pid
    parent = child.pid
    assert eventually(lambda: any(ppid == parent for _, ppid in children._process_table()))
    child.kill()
    assert eventually(lambda: not is_held(tmp_path))


def test_it_can_be_started_again_after_a_kill(tmp_path: Path) -> None:
    child = child_of(SLEEP, tmp_path)
    for _ in range(3):
        child.start()
        child.wait_ready(lambda: has_started(child), timeout=30)
        child.kill()
    assert (tmp_path / "logs" / "child.log").read_text() == "started\n" * 3


def test_one_that_ends_while_starting_is_an_error_with_its_last_words(tmp_path: Path) -> None:
    child = child_of(["/bin/sh", "-c", "echo the disk is full; exit 3"], tmp_path)
    (tmp_path / "logs").mkdir()
    (tmp_path / "logs" / "child.log").write_text("words of an earlier run\n")
    child.start()
    with pytest.raises(ChildStartError) as failed:
        child.wait_ready(lambda: False, timeout=30)
    assert "The child ended while starting (exit status 3)" in str(failed.value)
    assert "the disk is full" in str(failed.value)
    assert "earlier run" not in str(failed.value)
    assert str(child.log) in str(failed.value)


def test_one_that_never_answers_is_stopped_and_is_an_error(tmp_path: Path) -> None:
    child = child_of(SLEEP, tmp_path)
    child.start()
    with pytest.raises(ChildStartError, match="did not answer within"):
        child.wait_ready(lambda: False, timeout=0.1)
    assert not child.is_running


def test_a_program_that_does_not_exist_is_named_in_the_error(tmp_path: Path) -> None:
    child = child_of(["/no/such/program"], tmp_path)
    child.start()
    with pytest.raises(ChildStartError, match="/no/such/program"):
        child.wait_ready(lambda: False, timeout=30)


def test_it_outlives_the_thread_that_started_it(tmp_path: Path) -> None:
    child = child_of(SLEEP, tmp_path)
    thread = threading.Thread(target=child.start)
    thread.start()
    thread.join()
    child.wait_ready(lambda: has_started(child), timeout=30)
    assert child.wait(timeout=0.3) is None
    child.stop()


def test_a_long_log_is_set_aside_at_the_next_start(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(children, "_LOG_LIMIT", 4)
    child = child_of(SLEEP, tmp_path)
    for _ in range(2):
        child.start()
        child.wait_ready(lambda: has_started(child), timeout=30)
        child.kill()
    assert (tmp_path / "logs" / "child.log.1").read_text() == "started\n"
    assert (tmp_path / "logs" / "child.log").read_text() == "started\n"


@pytest.mark.parametrize("argv", [SLEEP, STUBBORN, FAMILY], ids=["willing", "stubborn", "family"])
def test_it_ends_when_we_are_killed(tmp_path: Path, argv: list[str]) -> None:
    script = """
        import json, sys, time
        from pathlib import Path
        from tests.stack.test_children import child_of
        child = child_of(json.loads(sys.argv[1]), Path(sys.argv[2]), grace=0.4)
        child.start()
        print(child.pid, flush=True)
        time.sleep(600)
    """
    with python(script, json.dumps(argv), tmp_path) as ours:
        os.kill(int(read_line(ours)), 0)
        assert is_held(tmp_path)
        kill(ours)
        assert eventually(lambda: not is_held(tmp_path))
