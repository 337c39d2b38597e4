"""Surroundings that cannot be used are told of in a sentence that says what to do."""

from __future__ import annotations

import os
import socket
import subprocess
import sys

import pytest

from digital_cs.bootstrap import open_engine
from digital_cs.errors import SettingsError, UnavailableError
from tests.engine.house import House


async def test_a_temporal_that_does_not_answer_is_named(house: House) -> None:
    with pytest.raises(UnavailableError, match=r"127\.0\.0\.1:1\. .*TEMPORAL_ADDRESS"):
        async with open_engine(house.settings(temporal_address="127.0.0.1:1")):
            pass


async def test_without_a_database_or_a_mail_server_it_says_which_setting_is_missing(
    house: House,
) -> None:
    for missing, name in (("database_url", "DATABASE_URL"), ("smtp_host", "SMTP_HOST")):
        with pytest.raises(SettingsError, match=name):
            async with open_engine(house.settings(**{missing: None})):
                pass


def test_a_worker_whose_metrics_port_is_taken_says_so_and_ends(house: House) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        done = subprocess.run(
            [sys.executable, "-m", "digital_cs", "worker"],
            capture_output=True, text=True, timeout=60,
            env={**os.environ, "DATABASE_URL": house.database_url, "METRICS_PORT": str(port),
                 "TEMPORAL_ADDRESS": house.temporal.address, "SMTP_HOST": "127.0.0.1"},
        )  # fmt: skip
    assert done.returncode == UnavailableError.exit_code
    assert f"Metrics cannot be served on port {port}" in " ".join(done.stderr.split())
    assert "METRICS_PORT" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_log_on_a_full_disk_stops_nobody() -> None:
    speak = (
        "import logging; from digital_cs import logs; logs.configure('info', 'json')\n"
        "for n in range(2000): logs.get('x').warning('a.fault', number=n)\n"
        "logging.getLogger('temporalio').warning('a fault'); print('still at work')\n"
    )
    with open("/dev/full", "w") as full:
        done = subprocess.run(
            [sys.executable, "-c", speak],
            stdout=subprocess.PIPE,
            stderr=full,
            text=True,
            timeout=60,
        )
    assert done.stdout == "still at work\n"
