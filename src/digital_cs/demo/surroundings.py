"""The settings that every process of a demo shares, none of which come from the environment."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

from pydantic import SecretStr

from digital_cs.clock import FastClock
from digital_cs.config import Settings
from digital_cs.console.key_file import kept_key
from digital_cs.stack.running import RunningStack

OURS = "lantern.example"
"""The domain of the sample company: its messages, and its colleagues."""

PATIENCE = 600.0
"""Real seconds that a slow machine may be late before the engine takes that for an outage."""


def demo_settings(
    state_dir: Path, content_dir: Path, running: RunningStack, smtp_port: int, api_port: int,
    returned_port: int, clock: FastClock,
) -> Settings:  # fmt: skip
    """Settings for the servers of a demo: what is not said here has its default."""
    said = {
        "state_dir": state_dir.resolve(),
        "content_dir": content_dir.resolve(),
        "database_url": SecretStr(running.database_url),
        "temporal_address": running.temporal_address,
        "temporal_namespace": running.temporal_namespace,
        "smtp_host": "127.0.0.1",
        "smtp_port": smtp_port,
        "smtp_tls": "none",
        "mail_from": f"Maya from Lantern <maya@{OURS}>",
        "mail_domain": OURS,
        "mail_footer": "Lantern, 4 Lamp Street, Brightwater.",
        "api_port": api_port,
        "returned_port": returned_port,
        "public_url": f"http://127.0.0.1:{api_port}",
        "signing_key": SecretStr(kept_key(state_dir, "signing").read_text("ascii").strip()),
        "write_keys": SecretStr(kept_key(state_dir, "write").read_text("ascii").strip()),
        "dispatch_grace": PATIENCE,
        "content_links": "off",
        "clock_speed": clock.speed,
        "clock_origin": clock.origin,
        "clock_started": clock.started,
        "clock_until": clock.until,
    }
    defaults = {name: field.default for name, field in Settings.model_fields.items()}
    return Settings(**{**defaults, **said})


def environment(settings: Settings) -> dict[str, str]:
    """The settings as the environment of a child; an empty variable counts as not set."""
    texts = {}
    for name, value in settings:
        texts[name.upper()] = _text(value)
        texts[f"{name.upper()}_FILE"] = ""
    return texts


def _text(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, SecretStr):
        return value.get_secret_value()
    return value.isoformat() if isinstance(value, datetime) else str(value)
