"""The whole stack on a state folder: start, find it, refuse a second one, stop, crash."""

from __future__ import annotations

import signal
import socket
import sys
from datetime import UTC, datetime
from pathlib import Path

import psycopg
import pytest

from digital_cs.config import Settings
from digital_cs.stack.embedded import EmbeddedStack, StackNotRunningError
from digital_cs.stack.lock import StateLockedError, lock_holder
from digital_cs.stack.ports import PortTakenError
from digital_cs.stack.postgres_data import PostgresDataError
from digital_cs.stack.running import StackFileError, read_last, read_running
from tests.stack.processes import eventually, kill, python, read_line

UP = """
    import sys, time
    from pathlib import Path
    from digital_cs.stack.embedded import EmbeddedStack
    try:
        with EmbeddedStack(Path(sys.argv[1]), ui=False, durable=False) as stack:
            stack.publish(smtp_port=2525)
            print(stack.postgres.pid, stack.temporal.pid, flush=True)
            time.sleep(600)
    except KeyboardInterrupt:
        print("interrupted", flush=True)
"""


def test_a_stack_is_found_while_it_runs_and_keeps_data_and_ports(state_dir: Path) -> None:
    state = state_dir / "var"
    told: list[tuple[str, str]] = []
    stack = EmbeddedStack(state, on_progress=lambda part, detail: told.append((part, detail)))
    assert read_running(state) is None
    with stack:
        with psycopg.connect(stack.running.database_url) as connection:
            connection.execute("CREATE TABLE kept (id int)")
        started = datetime(2026, 1, 5, tzinfo=UTC)
        stack.publish(smtp_host="127.0.0.1", smtp_port=2525, mail_dir="mail")
        stack.publish(clock_speed=86_400.0, clock_started=started)
        first = read_running(state)
        assert first is not None
        assert first == stack.running
        assert (state / "stack.json").stat().st_mode & 0o777 == 0o600
        assert first.smtp_port == 2525
        assert first.clock_started == started
        assert first.model_extra == {"mail_dir": "mail"}
        assert Settings(**first.settings()).temporal_address == stack.temporal.address
        with pytest.raises(StateLockedError, match="already in use by process"):
            EmbeddedStack(state).start()
    assert read_running(state) is None
    assert [part for part, detail in told if detail.startswith("ready")] == ["Postgres", "Temporal"]
    assert told[-2:] == [("Temporal", "stopping"), ("Postgres", "stopping")]

    with EmbeddedStack(state) as again:
        assert again.previous == first
        assert again.running.temporal_address == first.temporal_address
        assert again.running.temporal_ui_url == first.temporal_ui_url
        assert again.running.smtp_port is None
        with psycopg.connect(again.running.database_url) as connection:
            assert connection.execute("SELECT count(*) FROM kept").fetchone() == (0,)


def test_a_port_that_somebody_took_is_refused_if_asked_for_and_else_replaced(
    state_dir: Path,
) -> None:
    with EmbeddedStack(state_dir, durable=False) as stack:
        ui_port = stack.temporal.ui_port
        assert ui_port
    with socket.create_server(("127.0.0.1", ui_port)):
        with pytest.raises(PortTakenError, match=rf"Port {ui_port} .*\(Temporal UI\).*--ui-port"):
            EmbeddedStack(state_dir, ui_port=ui_port).start()
        assert lock_holder(state_dir) is None
        with EmbeddedStack(state_dir, durable=False) as moved:
            assert moved.temporal.ui_port != ui_port


def test_a_process_beside_the_servers_is_stopped_first(state_dir: Path) -> None:
    told: list[tuple[str, str]] = []
    with EmbeddedStack(
        state_dir,
        ui=False,
        durable=False,
        on_progress=lambda part, detail: told.append((part, detail)),
    ) as stack:
        script = "import os, time; print(os.environ['WHO'], flush=True); time.sleep(600)"
        worker = stack.spawn("worker", [sys.executable, "-c", script], env={"WHO": "a worker"})
        worker.wait_ready(lambda: "a worker" in worker.log_tail(), timeout=30)
        worker.kill()
        worker.start()
        worker.wait_ready(lambda: "a worker" in worker.log_tail(), timeout=30)
    assert not worker.is_running
    assert (state_dir / "logs" / "worker.log").read_text() == "a worker\n" * 2
    assert [part for part, detail in told if detail == "stopping"] == [
        "worker", "Temporal", "Postgres",
    ]  # fmt: skip


def test_ctrl_c_stops_both_servers_in_order(state_dir: Path) -> None:
    with python(UP, state_dir) as up:
        read_line(up)
        assert lock_holder(state_dir) == up.pid
        up.send_signal(signal.SIGINT)
        assert read_line(up) == "interrupted"
        assert up.wait() == 0
    log = (state_dir / "logs" / "postgres.log").read_text()
    assert "database system is shut down" in log


def test_after_a_kill_9_nothing_is_found_and_a_new_stack_starts_on_the_same_ports(
    state_dir: Path,
) -> None:
    with python(UP, state_dir) as up:
        read_line(up)
        before = read_running(state_dir)
        assert before is not None
        assert before.smtp_port == 2525
        kill(up)
        assert read_running(state_dir) is None
        with EmbeddedStack(state_dir, ui=False, durable=False) as stack:
            assert stack.running.temporal_address == before.temporal_address
            assert stack.running.database_url == before.database_url


def test_a_start_that_fails_leaves_nothing_running(state_dir: Path) -> None:
    (state_dir / "postgres" / "data").mkdir(parents=True)
    stack = EmbeddedStack(state_dir)
    with pytest.raises(PostgresDataError, match="no Postgres data folder"):
        stack.start()
    assert not stack.temporal.is_running
    assert eventually(lambda: lock_holder(state_dir) is None)
    with pytest.raises(StackNotRunningError):
        _ = stack.running


def test_a_description_that_cannot_be_read_is_said_or_ignored(tmp_path: Path) -> None:
    assert read_last(tmp_path) is None
    (tmp_path / "stack.json").write_text("{half a descr")
    assert read_last(tmp_path) is None
    (tmp_path / "stack.json").unlink()
    (tmp_path / "stack.json").mkdir()
    with pytest.raises(StackFileError, match=r"stack.json cannot be read"):
        read_last(tmp_path)
