"""The client of Temporal: address, TLS, key or profile in, a connected client out."""

from __future__ import annotations

from collections.abc import Mapping

from temporalio.client import Client, TLSConfig
from temporalio.envconfig import ClientConfig, ClientConnectConfig
from temporalio.runtime import LoggingConfig, Runtime, TelemetryConfig, TelemetryFilter

from digital_cs.config import Settings
from digital_cs.errors import SettingsError, UnavailableError
from digital_cs.messages.converter import CONVERTER

_runtime: list[Runtime] = []


def quiet_runtime() -> Runtime:
    """One runtime a process, whose core only speaks up about errors."""
    if not _runtime:
        levels = TelemetryFilter(core_level="ERROR", other_level="ERROR")
        _runtime.append(Runtime(telemetry=TelemetryConfig(logging=LoggingConfig(levels))))
    return _runtime[0]


async def connect(settings: Settings, address: str | None = None) -> Client:
    """Connect, or raise UnavailableError that says where was tried."""
    target = settings.temporal_address or address or "127.0.0.1:7233"
    namespace = settings.temporal_namespace
    key = settings.temporal_api_key.get_secret_value() if settings.temporal_api_key else None
    tls: bool | TLSConfig | None = _tls(settings)
    metadata: Mapping[str, str] = {}
    if settings.temporal_profile is not None:
        profile = _profile(settings.temporal_profile)
        target = profile.get("target_host") or target
        namespace = profile.get("namespace") or namespace
        key = profile.get("api_key") or key
        tls = profile.get("tls", tls)
        metadata = profile.get("rpc_metadata") or metadata
    try:
        return await Client.connect(
            target,
            namespace=namespace,
            api_key=key,
            tls=tls,
            rpc_metadata=metadata,
            data_converter=CONVERTER,
            runtime=quiet_runtime(),
        )
    except (RuntimeError, OSError, ValueError, TimeoutError) as error:
        raise UnavailableError(
            f"Temporal does not answer at {target}. Start it, or correct TEMPORAL_ADDRESS."
        ) from error


def _profile(name: str) -> ClientConnectConfig:
    """A profile of Temporal's environment configuration (a TOML file and TEMPORAL_… variables)."""
    try:
        return ClientConfig.load_client_connect_config(profile=name)
    except Exception as error:  # the SDK's bridge has an error class of its own for it
        raise SettingsError(
            f"TEMPORAL_PROFILE: the profile {name!r} cannot be used: {error}. Correct its name, or"
            " the file that TEMPORAL_CONFIG_FILE names."
        ) from error


def _tls(settings: Settings) -> bool | TLSConfig:
    paths = (settings.temporal_tls_cert, settings.temporal_tls_key, settings.temporal_tls_ca)
    if not any(paths):
        return settings.temporal_tls or settings.temporal_api_key is not None
    try:
        cert, key, authority = (path.read_bytes() if path else None for path in paths)
    except OSError as error:
        raise SettingsError(
            f"A certificate or key for Temporal cannot be read: {error}. Correct TEMPORAL_TLS_CERT,"
            " TEMPORAL_TLS_KEY or TEMPORAL_TLS_CA."
        ) from error
    return TLSConfig(client_cert=cert, client_private_key=key, server_root_ca_cert=authority)
