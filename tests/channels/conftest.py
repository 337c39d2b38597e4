"""Fixtures of the channels' tests: a sink, a channel to any port, a throwaway certificate."""

from __future__ import annotations

import ssl
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
def server_context(certificate: tuple[Path, Path]) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*certificate)
    return context


@pytest.fixture(scope="session")
def trusting_context(certificate: tuple[Path, Path]) -> ssl.SSLContext:
    """A client that knows the throwaway certificate."""
    return ssl.create_default_context(cafile=str(certificate[0]))
