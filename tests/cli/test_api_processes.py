"""Several processes of the API: one address, each event once, and one end for all."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from digital_cs import logs
from digital_cs.stack.ports import free_port

PATIENCE = 30


@pytest.fixture
def port() -> int:
    return free_port()


@pytest.fixture
def api(database: str, port: int, tmp_path: Path) -> Iterator[subprocess.Popen[str]]:
    """Two processes of the API and their parent; what is left of them is killed."""
    environment = {
        **os.environ, "DATABASE_URL": database, "API_PORT": str(port), "API_PROCESSES": "2",
        "WRITE_KEYS": "product=a-key", "SIGNING_KEY": "only-for-this-test",
        "STATE_DIR": str(tmp_path),
    }  # fmt: skip
    with subprocess.Popen(
        [sys.executable, "-m", "digital_cs", "api"],
        env=environment, stderr=subprocess.PIPE, text=True, start_new_session=True,
    ) as process:  # fmt: skip
        try:
            assert process.stderr is not None
            for line in process.stderr:
                if logs.API_SERVED in line:
                    break
            yield process
        finally:
            try:
                os.killpg(process.pid, signal.SIGKILL)
            except ProcessLookupError:
                pass


def serving(api: subprocess.Popen[str]) -> list[int]:
    """The pids of those that serve."""
    children = Path(f"/proc/{api.pid}/task/{api.pid}/children")
    if not children.exists():
        pytest.skip("the children of a process are only told by Linux")
    return [int(pid) for pid in children.read_text().split()]


def sent(port: int, id: str) -> dict[str, object]:
    """The answer to one event, on a connection of its own."""
    body = {"messageId": id, "userId": "ada", "event": "Signed In", "writeKey": "a-key",
            "context": {"groupId": "acme"}}  # fmt: skip
    request = urllib.request.Request(
        f"http://127.0.0.1:{port}/v1/track", json.dumps(body).encode(),
        {"Content-Type": "application/json"},
    )  # fmt: skip
    with urllib.request.urlopen(request, timeout=PATIENCE) as response:
        found: dict[str, object] = json.load(response)
    return found


def listens(port: int) -> bool:
    with socket.socket() as one:
        return one.connect_ex(("127.0.0.1", port)) == 0


def test_an_event_that_comes_to_both_processes_is_kept_once(
    api: subprocess.Popen[str], port: int, database: str
) -> None:
    assert len(serving(api)) == 2
    answers = [sent(port, "the-same") for _ in range(20)]  # the kernel deals out connections
    assert sum(answer["kept"] == 1 for answer in answers) == 1
    assert sum(answer["repeated"] == 1 for answer in answers) == 19
    with psycopg.connect(database) as connection:
        assert connection.execute("select n from usage_days").fetchall() == [(1,)]


def test_all_of_them_stop_when_they_are_told_to(api: subprocess.Popen[str], port: int) -> None:
    sent(port, "one")
    api.terminate()
    assert api.wait(PATIENCE) == 0
    assert not listens(port)


def test_the_end_of_one_is_the_end_of_all_and_is_said(
    api: subprocess.Popen[str], port: int
) -> None:
    os.kill(serving(api)[1], signal.SIGKILL)
    assert api.wait(PATIENCE) == 3
    assert api.stderr is not None
    assert "A process of the API was killed" in api.stderr.read()
    assert not listens(port)


def test_they_do_not_outlive_the_parent_that_was_killed(
    api: subprocess.Popen[str], port: int
) -> None:
    api.kill()
    assert api.stderr is not None
    api.stderr.read()  # ends when the last that could write has ended
    assert not listens(port)
