"""Ports: free ones, and the sentence about one that is taken."""

from __future__ import annotations

import socket
from collections.abc import Iterator

import pytest

from digital_cs.stack.ports import PortTakenError, free_port, require_free


@pytest.fixture
def taken_port() -> Iterator[int]:
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


def test_a_free_port_can_be_listened_on_and_is_no_port_of_outgoing_connections() -> None:
    port = free_port()
    assert port < 32_768
    socket.create_server(("127.0.0.1", port)).close()


def test_a_taken_port_is_refused_with_its_number_purpose_and_remedy(taken_port: int) -> None:
    with pytest.raises(PortTakenError) as refused:
        require_free(taken_port, "Temporal UI", "--ui-port")
    assert f"Port {taken_port} is already taken (Temporal UI)" in str(refused.value)
    assert "--ui-port" in str(refused.value)


def test_a_port_whose_server_has_just_ended_counts_as_free() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        with socket.create_connection(("127.0.0.1", port)):
            accepted, _ = server.accept()
            accepted.close()  # the server closes first, so its side stays in TIME_WAIT
    assert require_free(port, "a test", "nothing") == port
