"""The demo itself, as a person runs it: to its end, and stopped on the way."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from email import message_from_bytes, policy
from pathlib import Path
from typing import Any

import pytest

from digital_cs.channels.sink import read_index
from digital_cs.demo.run import INTERRUPTED
from digital_cs.demo.surroundings import OURS
from digital_cs.stack.running import read_running
from tests.stack.processes import ROOT, eventually

SECONDS = 15


@pytest.fixture
def state_dir() -> Iterator[Path]:
    """Not `tmp_path`: as root, Postgres runs as a user who may not pass through that."""
    folder = Path(tempfile.mkdtemp(prefix="dcs-demo-", dir="/tmp"))
    folder.chmod(0o711)
    yield folder
    shutil.rmtree(folder)


@contextmanager
def demo(state_dir: Path, *arguments: str) -> Iterator[subprocess.Popen[str]]:
    """A demo with progress on `stderr`, killed at the end if it still runs."""
    process = subprocess.Popen(
        [sys.executable, "-m", "digital_cs", "demo", "--accounts", "30", "--json", *arguments],
        cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        env=environment(state_dir),
    )  # fmt: skip
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def environment(state_dir: Path) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if name != "DEMO_SECONDS"}
    return {**kept, "STATE_DIR": str(state_dir), "PYTHONUNBUFFERED": "1"}


def read_until(process: subprocess.Popen[str], words: str) -> None:
    """Read what the demo says until a line holds these words."""
    assert process.stderr is not None
    told = []
    for line in process.stderr:
        told.append(line)
        if words in line:
            return
    pytest.fail(f"the demo ended before it said {words!r}:\n{''.join(told)}")


def command(state_dir: Path, *words: str) -> Any:
    done = subprocess.run(
        [sys.executable, "-m", "digital_cs", *words, "--json"],
        cwd=ROOT, env=environment(state_dir), capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def family(pid: int) -> set[int]:
    """The process and all that it started, directly or not."""
    listed = subprocess.run(
        ["ps", "-A", "-o", "pid=,ppid="], capture_output=True, text=True, check=True
    ).stdout
    rows = (line.split() for line in listed.splitlines())
    parents = {int(child): int(parent) for child, parent in rows}
    found = {pid}
    while more := {child for child, parent in parents.items() if parent in found} - found:
        found |= more
    return found


def running(pids: set[int]) -> set[int]:
    """Those that still run; a process that has ended and was not collected does not."""
    listed = subprocess.run(
        ["ps", "-A", "-o", "pid=,stat="], capture_output=True, text=True, check=True
    ).stdout
    states = (line.split() for line in listed.splitlines())
    return {int(pid) for pid, state in states if int(pid) in pids and not state.startswith("Z")}


def test_a_demo_runs_to_its_end_and_leaves_mail_and_no_process(state_dir: Path) -> None:
    with demo(state_dir, "--seconds", str(SECONDS)) as process:
        read_until(process, "90 days of programs in 15 seconds")
        parts = family(process.pid)
        assert read_running(state_dir / "demo") is not None
        account = command(state_dir / "demo", "account", "show", "acc-0001")
        out, told = process.communicate(timeout=60)
    assert process.returncode == 0, told
    assert "acc-0001" in json.dumps(account), "commands in a second terminal find the demo"
    assert eventually(lambda: not running(parts), within=5), "something is still running"

    summary = json.loads(out)
    assert summary["accounts"] == 30
    assert {program["id"] for program in summary["programs"]} >= {"welcome-trial", "usage-drop"}
    assert summary["stories"]
    known = summary["known"]
    assert known["events"] > 1000, "the product speaks through the API"
    assert known["late"] == []
    assert known["segments"]["Customers"] > 10
    assert sum(known["triggers"].values()) > 0
    readers = summary["fates"]["readers"]
    assert readers["clicks"] > 0, "readers come by the links of their mail"

    mail_folder = state_dir / "demo" / "mail"
    sent = [each for each in read_index(mail_folder) if not each.to.endswith(f"@{OURS}")]
    states = summary["messages"]
    taken = [states.get(state, 0) for state in ("accepted", "bounced", "complained")]
    assert len(sent) == sum(taken) > 20
    assert summary["arrived"] == len(sent)
    assert summary["twice"] == 0
    assert summary["told"] == len(read_index(mail_folder)) - len(sent) > 0, "colleagues get mail"
    assert summary["content"]["items"] > 40
    mail = message_from_bytes((mail_folder / sent[0].file).read_bytes(), policy=policy.default)
    assert mail["Subject"]
    assert mail["List-Unsubscribe"]
    logs = "\n".join(path.read_text() for path in (state_dir / "demo" / "logs").glob("*.log"))
    assert "Traceback" not in logs + told
    assert '"level": "error"' not in logs


@pytest.mark.parametrize("moment", ["Postgres", "Worker", "90 days of programs"])
def test_ctrl_c_stops_everything_cleanly_at_any_moment(state_dir: Path, moment: str) -> None:
    with demo(state_dir) as process:
        read_until(process, moment)
        parts = family(process.pid)
        process.send_signal(signal.SIGINT)
        out, told = process.communicate(timeout=40)
    assert process.returncode == INTERRUPTED, told
    assert out == ""
    assert "Everything is stopped." in told
    assert "Traceback" not in told
    assert eventually(lambda: not running(parts), within=5), "something is still running"
    assert read_running(state_dir / "demo") is None
