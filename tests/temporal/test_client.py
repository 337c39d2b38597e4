"""The client finds any Temporal: by address, by profile, by TLS; and says where it is not."""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from digital_cs.config import load_settings
from digital_cs.errors import SettingsError, UnavailableError
from digital_cs.stack.ports import free_port
from digital_cs.stack.temporal_server import TemporalServer
from digital_cs.temporal.client import connect

NAMES = "TEMPORAL_ADDRESS", "TEMPORAL_NAMESPACE", "TEMPORAL_API_KEY", "TEMPORAL_PROFILE"


@pytest.fixture(autouse=True)
def nobodys_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in NAMES:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("TEMPORAL_CONFIG_FILE", str(tmp_path / "temporal.toml"))


async def answers(**settings: Any) -> bool:
    client = await connect(load_settings(**settings))
    return await client.service_client.check_health()


async def test_by_address(temporal_server: TemporalServer) -> None:
    assert await answers(temporal_address=temporal_server.address)


async def test_by_a_profile_of_temporals_own_configuration(
    temporal_server: TemporalServer, tmp_path: Path
) -> None:
    (tmp_path / "temporal.toml").write_text(
        f'[profile.shop]\naddress = "{temporal_server.address}"\nnamespace = "default"\n'
    )
    assert await answers(temporal_profile="shop", temporal_address="127.0.0.1:1")


async def test_a_profile_that_is_not_there_is_named() -> None:
    with pytest.raises(SettingsError, match="TEMPORAL_PROFILE: the profile 'shp' cannot be used"):
        await connect(load_settings(temporal_profile="shp"))


async def test_nobody_at_the_address_is_said_with_the_address() -> None:
    port = free_port()
    with pytest.raises(UnavailableError, match=f"Temporal does not answer at 127.0.0.1:{port}"):
        await connect(load_settings(temporal_address=f"127.0.0.1:{port}"))


async def test_a_certificate_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"nothing\.pem.*TEMPORAL_TLS_CA"):
        await connect(load_settings(temporal_tls_ca=tmp_path / "nothing.pem"))


@contextlib.asynccontextmanager
async def tls_in_front_of(
    server: TemporalServer, certificate: tuple[Path, Path]
) -> AsyncIterator[int]:
    """A port that speaks TLS, wants a certificate of its clients, and passes on to the server."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*certificate)
    context.load_verify_locations(certificate[0])
    context.verify_mode = ssl.CERT_REQUIRED
    context.set_alpn_protocols(["h2"])
    tasks: set[asyncio.Task[None]] = set()
    writers: list[asyncio.StreamWriter] = []

    async def copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError, ssl.SSLError):
            while data := await reader.read(65_536):
                writer.write(data)
                await writer.drain()
        writer.close()
        with contextlib.suppress(OSError, ssl.SSLError):
            await writer.wait_closed()

    async def pass_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there, back = await asyncio.open_connection("127.0.0.1", server.port)
        writers.extend((back, writer))
        for pair in ((reader, back), (there, writer)):
            task = asyncio.create_task(copy(*pair))
            tasks.add(task)
            task.add_done_callback(tasks.discard)

    front = await asyncio.start_server(pass_on, "127.0.0.1", 0, ssl=context)
    try:
        yield front.sockets[0].getsockname()[1]
    finally:
        front.close()
        for writer in writers:  # the SDK's client keeps its connection until it is collected
            writer.transport.abort()
        await asyncio.gather(*tasks)


async def test_by_tls_with_a_certificate_of_our_own(
    temporal_server: TemporalServer, certificate: tuple[Path, Path]
) -> None:
    cert, key = certificate
    async with tls_in_front_of(temporal_server, certificate) as port:
        address = f"localhost:{port}"
        assert await answers(
            temporal_address=address, temporal_tls_cert=cert, temporal_tls_key=key,
            temporal_tls_ca=cert,
        )  # fmt: skip
        with pytest.raises(UnavailableError, match="does not answer"):
            await connect(load_settings(temporal_address=address, temporal_tls_ca=cert))
