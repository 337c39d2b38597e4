"""Fixtures of the channels' tests: a sink, a channel to any port, a throwaway certificate."""

from __future__ import annotations

import shutil
import ssl
import subprocess
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest

from digital_cs.channels.sink import Sink
from digital_cs.channels.smtp import SmtpChannel

MakeChannel = Callable[..., SmtpChannel]


@pytest.fixture
async def sink(tmp_path: Path) -> AsyncIterator[Sink]:
    async with Sink(tmp_path / "sink") as running:
        yield running


@pytest.fixture
async def channel_to() -> AsyncIterator[MakeChannel]:
    """Makes channels to a port of this machine, and closes them after the test."""
    channels: list[SmtpChannel] = []

    def make(port: int, **options: Any) -> SmtpChannel:
        channel = SmtpChannel(
            **{"host": "127.0.0.1", "port": port, "tls": "none", "timeout": 10.0, **options}
        )
        channels.append(channel)
        return channel

    yield make
    for channel in channels:
        await channel.close()


@pytest.fixture(scope="session")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A throwaway self-signed certificate for localhost, and its key."""
    openssl = shutil.which("openssl")
    if openssl is None:
        pytest.skip("making a throwaway certificate needs the openssl command")
    folder = tmp_path_factory.mktemp("tls")
    cert, key = folder / "cert.pem", folder / "key.pem"
    key_kind = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes")
    names = ("-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1")
    subprocess.run(
        [openssl, "req", "-x509", *key_kind, *names, "-days", "2", "-keyout", key, "-out", cert],
        check=True,
        capture_output=True,
    )
    return cert, key


@pytest.fixture(scope="session")
def server_context(certificate: tuple[Path, Path]) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*certificate)
    return context


@pytest.fixture(scope="session")
def trusting_context(certificate: tuple[Path, Path]) -> ssl.SSLContext:
    """A client that knows the throwaway certificate."""
    return ssl.create_default_context(cafile=str(certificate[0]))
