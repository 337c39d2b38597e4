"""One typed table of settings: name, default, help; read once at the edge, then passed in."""

from __future__ import annotations

import os
import re
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import Field, SecretStr, ValidationError, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from digital_cs.clock import Clock, FastClock, SystemClock
from digital_cs.errors import SettingsError

if TYPE_CHECKING:
    from pydantic_core import ErrorDetails

SOURCE_NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,60}")

_POSTGRES = ("postgresql://", "postgres://")
_CHOICE = re.compile(r"\^\(([a-z|-]+)\)\$")
_BOUNDS = {"greater_than_equal": ("at least", "ge"), "less_than_equal": ("at most", "le")}
_NOUNS = {
    "int": "a whole number", "float": "a number", "bool": "true or false",
    "datetime": "a moment like 2026-01-05T00:00:00+00:00",
}  # fmt: skip


class Settings(BaseSettings):
    """Every setting of digital-cs. The environment variable is the field's name in capitals.

    `NAME_FILE` may name a file that holds the value (mounted secrets).
    """

    model_config = SettingsConfigDict(
        frozen=True, extra="ignore", env_ignore_empty=True, validate_default=True
    )

    state_dir: Path = Field(
        Path("var"), description="Folder of the embedded servers' state, logs and the mail sink."
    )
    content_dir: Path = Field(
        Path("content"), description="Folder of programs, e-mails, blocks and holidays."
    )
    workspace: str = Field(
        "default",
        description="Name of this workspace; part of ids, so never change it.",
        pattern=r"^[a-z0-9][a-z0-9-]{0,30}$",
    )
    workspace_zone: str = Field(
        "UTC", description="Time zone used where neither contact nor account has one."
    )

    database_url: SecretStr | None = Field(
        None, description="Postgres, as postgresql://user@host/name. Empty: the embedded server."
    )
    database_pool: int = Field(
        12, ge=1, le=200, description="Most Postgres connections one process keeps open."
    )

    temporal_address: str | None = Field(
        None, description="Temporal frontend, host:port. Empty: the embedded dev server."
    )
    temporal_namespace: str = Field("default", description="Temporal namespace.")
    temporal_api_key: SecretStr | None = Field(None, description="API key (Temporal Cloud).")
    temporal_tls: bool = Field(False, description="Use TLS to Temporal. An API key implies it.")
    temporal_tls_cert: Path | None = Field(None, description="Client certificate (PEM) for mTLS.")
    temporal_tls_key: Path | None = Field(None, description="Client key (PEM) for mTLS.")
    temporal_tls_ca: Path | None = Field(None, description="Root certificate (PEM) to trust.")
    temporal_profile: str | None = Field(
        None, description="Name of a profile in Temporal's own environment configuration."
    )
    task_queue: str = Field("digital-cs", description="Temporal task queue of the engine.")

    smtp_host: str | None = Field(None, description="SMTP server. Empty: the built-in sink.")
    smtp_port: int = Field(25, ge=1, le=65535, description="Port of the SMTP server.")
    smtp_tls: str = Field(
        "starttls-if-offered",
        description="none, starttls-if-offered, starttls (required) or tls (from the first byte).",
        pattern=r"^(none|starttls-if-offered|starttls|tls)$",
    )
    smtp_user: str | None = Field(None, description="SMTP user, where the server wants one.")
    smtp_password: SecretStr | None = Field(None, description="SMTP password.")
    smtp_connections: int = Field(
        4, ge=1, le=100, description="Most SMTP connections one worker keeps open."
    )
    smtp_timeout: float = Field(
        20.0, gt=0, description="Seconds that one whole SMTP dialogue may take."
    )
    broadcast_connections: int = Field(
        4, ge=1, le=100, description="SMTP connections one worker of broadcasts keeps open."
    )
    broadcast_in_flight: int = Field(
        100, ge=1, le=500,
        description="Messages of a broadcast that are claimed together. A crash leaves at most two"
        " such sets for each connection unknown.",
    )  # fmt: skip
    mail_from: str = Field(
        "Customer team <hello@digital-cs.test>", description="From of every message."
    )
    mail_domain: str = Field(
        "digital-cs.test", description="Domain of Message-IDs and bounce addresses."
    )
    mail_footer: str = Field(
        "You get this because your company uses our product.",
        description="Line above the unsubscribe link; put your postal address here.",
    )
    public_url: str = Field(
        "http://127.0.0.1:8088", description="Where unsubscribe links point to, no slash at end."
    )
    app_url: str = Field(
        "https://app.lantern.example", description="Base address of your product, for links."
    )
    webhooks_to_private_networks: bool = Field(
        False, description="Let webhook steps call addresses inside private networks."
    )
    signing_key: SecretStr = Field(
        SecretStr("not-secret-only-for-a-first-look"),
        description="Signs unsubscribe links and webhooks. `doctor` insists on your own.",
    )
    signing_keys_old: SecretStr = Field(
        SecretStr(""),
        description="Earlier values of SIGNING_KEY, with commas between: links in e-mails that"
        " were signed with them go on working.",
    )
    clicks: str = Field(
        "record",
        description="record: links of messages lead over PUBLIC_URL, and who follows one is"
        " recorded. off: they lead straight on.",
        pattern=r"^(record|off)$",
    )
    opens: str = Field(
        "off",
        description="record: a picture in messages tells when it is loaded, which proves nothing"
        " and steers nothing. off: there is none.",
        pattern=r"^(record|off)$",
    )

    api_key: SecretStr | None = Field(
        None, description="Key of the HTTP API. Empty: only the unsubscribe links are served."
    )
    api_host: str = Field(
        "127.0.0.1", description="Address that `digital-cs api` listens on; 0.0.0.0 is every one."
    )
    api_port: int = Field(
        8088, ge=1, le=65535, description="Port that `digital-cs api` listens on."
    )
    api_processes: int = Field(
        1, ge=1, le=64,
        description="Processes of `digital-cs api` that share its port: for many events a second.",
    )  # fmt: skip

    write_keys: SecretStr = Field(
        SecretStr(""),
        description="Keys for SDKs that send events: NAME=KEY, with commas between; each NAME is"
        " a source. A key alone is that of the source 'product'. Empty: no events are taken.",
    )
    write_rate: float = Field(
        50_000.0, ge=1,
        description="Most messages a second that one API process takes by one write key.",
    )  # fmt: skip

    zendesk_url: str | None = Field(
        None, description="Your Zendesk, like https://company.zendesk.com. Empty: none is pulled."
    )
    zendesk_email: str | None = Field(
        None, description="E-mail of the Zendesk admin whose token it is."
    )
    zendesk_token: SecretStr | None = Field(None, description="API token of Zendesk.")
    zendesk_every: float = Field(
        300.0, ge=10, description="Real seconds between two pulls of tickets from Zendesk."
    )
    zendesk_webhook_secret: SecretStr | None = Field(
        None, description="Signing secret of Zendesk's webhook. Empty: it is not let in."
    )
    ticket_text_days: int = Field(
        180, ge=0, le=36_500,
        description="Days after its last update that the text of a ticket is kept. 0: never.",
    )  # fmt: skip

    returned_host: str = Field(
        "127.0.0.1", description="Address that `digital-cs returned listen` listens on."
    )
    returned_port: int | None = Field(
        None, ge=1, le=65535,
        description="Port of the listener for mail that comes back (SMTP and LMTP). Empty: none"
        " is started by `digital-cs up`.",
    )  # fmt: skip
    returned_kept_days: int = Field(
        30, ge=1, le=3650,
        description="Days that mail a person should look at is kept as it came.",
    )  # fmt: skip
    ses_topic_arn: str | None = Field(
        None, description="ARN of the SNS topic that tells of bounces. Empty: SES is not let in.",
        pattern=r"^arn:aws[a-z-]*:sns:[a-z0-9-]+:\d{12}:[A-Za-z0-9_.-]+$",
    )  # fmt: skip
    postmark_webhook_secret: SecretStr | None = Field(
        None, description="Password in the address of Postmark's webhooks. Empty: not let in."
    )

    content_links: str = Field(
        "check",
        description="check: workers look every few hours at the links of the library that are due."
        " off: only `digital-cs content links --check` does.",
        pattern=r"^(check|off)$",
    )
    link_agent: str = Field(
        "digital-cs",
        description="Who the link checker says it is; best with an address where its owner can be"
        " reached: digital-cs (+https://example.com/bot). Its first word is sought in robots.txt.",
        pattern=r"^[A-Za-z][ -~]{0,200}$",
    )
    link_delay: float = Field(
        1.0, ge=0, le=60,
        description="Real seconds between two requests of the link checker to one server.",
    )  # fmt: skip
    link_requests: int = Field(
        32, ge=1, le=500,
        description="Most requests of the link checker under way at once, over all servers.",
    )  # fmt: skip

    events_oldest: int = Field(
        400, ge=1, description="Days ago that an event may have happened; older ones are refused."
    )

    events_kept_days: int = Field(
        90, ge=2, description="Days that product events are kept raw; usage by day stays for ever."
    )

    worker_concurrency: int = Field(
        40, ge=1, le=1000, description="Touches that one worker handles at the same time."
    )
    touch_timeout: float = Field(
        60.0, gt=1, description="Seconds one touch may take before it is tried again elsewhere."
    )
    relay_rate: float = Field(
        50.0, gt=0, description="Most workflow starts and wakes a second that one relay does."
    )
    dispatch_grace: float = Field(
        60.0, ge=0,
        description="Real seconds a touch may reach a worker late and still count as on time.",
    )  # fmt: skip
    catchup_spread: float = Field(
        3600.0, ge=0,
        description="Real seconds over which touches overdue after an outage are spread.",
    )  # fmt: skip
    metrics_port: int | None = Field(
        None, ge=1, le=65535, description="Port of Prometheus metrics. Empty: none are served."
    )
    log_level: str = Field(
        "info",
        description="debug, info, warning or error.",
        pattern=r"^(debug|info|warning|error)$",
    )
    log_format: str = Field("json", description="json or text.", pattern=r"^(json|text)$")

    clock_speed: float = Field(
        1.0, ge=1, le=1_000_000,
        description="Business seconds per real second. Other than 1 is for demos and tests.",
    )  # fmt: skip
    clock_origin: datetime | None = Field(
        None, description="Business time at the start of a fast clock (with a UTC offset)."
    )
    clock_started: datetime | None = Field(
        None, description="Real time at which the fast clock started (with a UTC offset)."
    )

    clock_until: datetime | None = Field(
        None, description="Business time from which a fast clock runs at normal speed again."
    )

    @field_validator("clock_origin", "clock_started", "clock_until")
    @classmethod
    def _aware(cls, value: datetime | None) -> datetime | None:
        if value is not None and value.tzinfo is None:
            raise ValueError("needs a UTC offset, like 2026-01-05T00:00:00+00:00")
        return value

    @field_validator("database_url")
    @classmethod
    def _postgres(cls, value: SecretStr | None) -> SecretStr | None:
        if value and not value.get_secret_value().startswith(_POSTGRES):
            raise ValueError("is to be like postgresql://user@host/name")
        return value

    @field_validator("workspace_zone")
    @classmethod
    def _on_earth(cls, value: str) -> str:
        try:
            ZoneInfo(value)
        except (ZoneInfoNotFoundError, ValueError, OSError):
            raise ValueError("is to be a time zone like Europe/Berlin") from None
        return value

    @field_validator("write_keys")
    @classmethod
    def _writable(cls, value: SecretStr) -> SecretStr:
        _sources_by_key(value.get_secret_value())
        return value

    def link_keys(self) -> list[str]:
        """The key that signs links, then those of before, whose links go on working."""
        old = self.signing_keys_old.get_secret_value().split(",")
        return [self.signing_key.get_secret_value(), *filter(None, map(str.strip, old))]

    def sources_by_key(self) -> dict[str, str]:
        """The name of a source by its write key."""
        return _sources_by_key(self.write_keys.get_secret_value())

    def clock(self) -> Clock:
        """The clock that every part of this process is given."""
        if self.clock_speed == 1.0 and self.clock_origin is None:
            return SystemClock()
        started = self.clock_started or datetime.now(UTC)
        origin = self.clock_origin or started
        return FastClock(origin, started, self.clock_speed, self.clock_until)


def _sources_by_key(text: str) -> dict[str, str]:
    """Raises ValueError, without any key in it: what is refused is often one, mistyped."""
    found: dict[str, str] = {}
    for number, entry in enumerate(filter(None, map(str.strip, text.split(","))), 1):
        name, given, key = map(str.strip, entry.partition("="))
        if not given:
            name, key = "product", name
        if not SOURCE_NAME.fullmatch(name) or not key:
            raise ValueError(
                f"entry {number} is not NAME=KEY, with a NAME of small letters, digits and dashes"
            )
        if key in found:
            raise ValueError(f"entry {number} repeats a key: each belongs to one source")
        found[key] = name
    return found


def load_settings(**overrides: Any) -> Settings:
    """Read the settings from the environment; `overrides` win.

    Raises `SettingsError` that names every bad setting, by its environment name.
    """
    values: dict[str, Any] = {}
    for name in Settings.model_fields:
        file_variable = f"{name.upper()}_FILE"
        path = os.environ.get(file_variable)
        if path:
            try:
                values[name] = Path(path).read_text(encoding="utf-8").strip()
            except OSError as error:
                raise SettingsError(
                    f"{file_variable} names {path}, which cannot be read: {error.strerror}."
                ) from error
    try:
        return Settings(**{**values, **overrides})
    except ValidationError as error:
        lines = [
            f"{str(item['loc'][0]).upper() if item['loc'] else 'settings'} {_fault(item)}"
            for item in error.errors(include_input=False, include_url=False)
        ]
        raise SettingsError(f"Settings cannot be used: {'; '.join(lines)}.") from error


def _fault(item: ErrorDetails) -> str:
    """What is wrong with a value, without the value: it may be a secret that was mistyped."""
    kind, context = item["type"], item.get("ctx", {})
    if kind == "value_error":
        return str(context["error"])
    if kind in _BOUNDS:
        word, name = _BOUNDS[kind]
        return f"is to be {word} {context[name]:g}"
    if kind == "string_pattern_mismatch" and (found := _CHOICE.fullmatch(context["pattern"])):
        return f"is to be {found[1].replace('|', ' or ')}"
    for begin, noun in _NOUNS.items():
        if kind.startswith(begin):
            return f"is to be {noun}"
    return f"cannot be used: {item['msg']}"
