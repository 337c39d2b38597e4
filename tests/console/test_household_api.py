"""The API as a part of `digital-cs up`: a key nobody had to make, a port that is free, mended."""

from __future__ import annotations

import socket
import time
import urllib.request
from base64 import b64encode
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from digital_cs.cli.running.household import Household, Ports
from digital_cs.config import Settings, load_settings
from digital_cs.stack.ports import PortTakenError
from tests.console.fetching import fetch


def household(settings: Settings) -> Household:
    return Household(settings, Ports(), ui=False, worker=False, on_progress=lambda *_: None)


@contextmanager
def a_taken_port() -> Iterator[int]:
    with socket.create_server(("127.0.0.1", 0)) as somebody:
        yield somebody.getsockname()[1]


def test_up_serves_the_api_on_a_free_port_with_a_kept_key_and_starts_it_again(
    server_dir: Path,
) -> None:
    kept = load_settings(state_dir=server_dir / "up")
    with a_taken_port() as port:
        # The default port is taken, and nobody insists on it.
        settings = Settings.model_construct(set(), **{**dict(kept), "api_port": port})
        with household(settings) as house:
            house.start_api()
            assert house.api_port != port
            url = f"http://127.0.0.1:{house.api_port}"
            key = (house.state_dir / "api.key").read_text().strip()
            asked = urllib.request.Request(
                f"{url}/v1/accounts/acme", headers={"Authorization": f"Bearer {key}"}
            )
            assert fetch(f"{url}/healthz")[0] == 200
            assert fetch(asked)[0] == 404
            write_key = (house.state_dir / "write.key").read_text().strip()
            assert knows_write_key(url, write_key)
            assert not knows_write_key(url, f"{write_key}x")

            (api,) = (child for child in house.stack._children if child.what == "api")
            api.kill()
            house.mend()
            deadline = time.monotonic() + 60
            while not answers(f"{url}/healthz") and time.monotonic() < deadline:
                time.sleep(0.1)
            assert fetch(asked)[0] == 404
            assert key not in api.log.read_text()
            assert write_key not in api.log.read_text()


def knows_write_key(url: str, key: str) -> bool:
    """Whether a call without any message in it is let in."""
    said = {"Authorization": f"Basic {b64encode(f'{key}:'.encode()).decode()}"}
    asked = urllib.request.Request(f"{url}/v1/batch", data=b'{"batch": []}', headers=said)
    return fetch(asked)[0] == 200


def answers(url: str) -> bool:
    try:
        return fetch(url)[0] == 200
    except OSError:
        return False


def test_up_refuses_a_taken_port_that_somebody_insists_on(server_dir: Path) -> None:
    with a_taken_port() as port:
        settings = load_settings(state_dir=server_dir / "up-insisting", api_port=port)
        with (
            pytest.raises(PortTakenError, match=f"Port {port} is already taken .*API_PORT"),
            household(settings),
        ):
            pass
