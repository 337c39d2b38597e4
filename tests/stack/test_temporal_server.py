"""The embedded Temporal: the same address and the same state after any end."""

from __future__ import annotations

import http.client
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest
from temporalio.client import Client, WorkflowExecutionStatus

from digital_cs.stack.children import ChildStartError
from digital_cs.stack.lock import Lease, StillRunningError
from digital_cs.stack.ports import PortTakenError
from digital_cs.stack.temporal_server import TemporalServer
from tests.stack.processes import eventually, kill, python, read_line


@pytest.fixture
def server(state_dir: Path) -> Iterator[TemporalServer]:
    """A running server of the test's own, with its state in a file."""
    with TemporalServer(state_dir, search_attributes={"AccountId": "Keyword"}) as running:
        yield running


async def start_waiting(server: TemporalServer, workflow_id: str) -> None:
    """Start a workflow that no worker takes."""
    client = await Client.connect(server.address, namespace=server.namespace)
    await client.start_workflow("Waiting", id=workflow_id, task_queue="nobody")


async def is_waiting(server: TemporalServer, workflow_id: str) -> bool:
    client = await Client.connect(server.address, namespace=server.namespace)
    description = await client.get_workflow_handle(workflow_id).describe()
    return description.status == WorkflowExecutionStatus.RUNNING


async def test_the_shared_server_takes_workflows(temporal_server: TemporalServer) -> None:
    await start_waiting(temporal_server, "stack-shared")
    assert await is_waiting(temporal_server, "stack-shared")
    assert temporal_server.ui_url is None


async def test_a_kill_9_and_a_restart_keep_address_and_workflows(server: TemporalServer) -> None:
    await start_waiting(server, "before-the-kill")
    address = server.address
    server.kill()
    assert not server.is_running
    server.start()
    assert server.address == address
    assert await is_waiting(server, "before-the-kill")
    server.stop()
    server.start()
    assert await is_waiting(server, "before-the-kill")


def test_its_ui_answers_on_loopback(server: TemporalServer) -> None:
    assert server.ui_url == f"http://127.0.0.1:{server.ui_port}"
    connection = http.client.HTTPConnection("127.0.0.1", server.ui_port, timeout=10)
    connection.request("GET", "/")
    assert connection.getresponse().status == 200
    connection.close()


async def test_a_search_attribute_that_came_later_is_added_to_an_existing_state(
    server: TemporalServer, state_dir: Path
) -> None:
    server.stop()
    later = {"AccountId": "Keyword", "NextTouchAt": "Datetime"}
    with TemporalServer(state_dir, ui=False, search_attributes=later) as newer:
        client = await Client.connect(newer.address)
        # The query is refused if an attribute is unknown.
        query = 'AccountId = "a" AND NextTouchAt > "2026-01-01T00:00:00Z"'
        found = await client.count_workflows(query)
        assert found.count == 0


def test_nothing_of_a_persons_own_temporal_profile_gets_in(
    state_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    profile = state_dir / "person" / ".config" / "temporalio" / "temporal.yaml"
    profile.parent.mkdir(parents=True)
    profile.write_text("env: [this would stop the command")
    monkeypatch.setenv("HOME", str(state_dir / "person"))
    monkeypatch.setenv("TEMPORAL_ADDRESS", "temporal.invalid:7233")
    with TemporalServer(state_dir, ui=False, in_memory=True):
        pass


def test_a_search_attribute_of_another_type_is_refused(
    server: TemporalServer, state_dir: Path
) -> None:
    server.stop()
    wrong = TemporalServer(state_dir, ui=False, search_attributes={"Seats": "Number"})
    with pytest.raises(ChildStartError, match="Number"):
        wrong.start()
    assert not wrong.is_running


def test_a_taken_port_is_refused_before_anything_starts(state_dir: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(PortTakenError, match=rf"Port {port} is already taken \(Temporal\)"):
            TemporalServer(state_dir, port=port).start()
        with pytest.raises(PortTakenError, match=rf"Port {port} is already taken \(Temporal UI\)"):
            TemporalServer(state_dir, ui_port=port).start()


def test_an_unusable_state_file_is_an_error_with_the_end_of_the_log(state_dir: Path) -> None:
    (state_dir / "temporal").mkdir()
    (state_dir / "temporal" / "temporal.db").write_text("this is no SQLite file" * 100)
    with pytest.raises(ChildStartError, match=r"Temporal ended while starting[\s\S]*database"):
        TemporalServer(state_dir).start()


def test_a_kill_9_of_the_parent_leaves_no_server_behind(state_dir: Path) -> None:
    script = """
        import sys, time
        from pathlib import Path
        from digital_cs.stack.temporal_server import TemporalServer
        server = TemporalServer(Path(sys.argv[1]), ui=False)
        server.start()
        print(server.pid, flush=True)
        time.sleep(600)
    """

    def is_held() -> bool:
        try:
            Lease(state_dir / "temporal" / "lease", "Temporal").await_end(wait=0)
        except StillRunningError:
            return True
        return False

    with python(script, state_dir) as parent:
        read_line(parent)
        assert is_held()
        kill(parent)
        assert eventually(lambda: not is_held())
