"""The checks of `doctor`: each looks at one real part and gives findings, and none raises."""

from __future__ import annotations

import tempfile
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from digital_cs.cli.connection import Found, database_url, no_database
from digital_cs.config import Settings
from digital_cs.errors import DigitalCsError, SettingsError

if TYPE_CHECKING:
    from psycopg import AsyncConnection

    from digital_cs.temporal.namespace import NamespaceState

FIRST_KEY = str(Settings.model_fields["signing_key"].default.get_secret_value())
SKEW_WARNS, SKEW_FAILS = 2.0, 30.0
"""Seconds between this machine's clock and the database's."""
RELAY_LATE = 60.0
TZDATA_OLD_MONTHS = 18


class Level(StrEnum):
    OK = "OK"
    WARN = "WARN"
    FAIL = "FAIL"


@dataclass(frozen=True, slots=True)
class Finding:
    """One line: which part, how it is, and what to do if it is not well."""

    part: str
    level: Level
    words: str
    advice: str | None = None


Findings = AsyncIterator[Finding]


async def examine(found: Found | SettingsError) -> list[Finding]:
    """Look at every part. Settings that cannot be used are all there is to say then."""
    if isinstance(found, SettingsError):
        advice = "Correct them; `digital-cs settings` explains each."
        return [Finding("settings", Level.FAIL, str(found), advice)]
    findings: list[Finding] = []
    for part, look in CHECKS:
        try:
            findings += [each async for each in look(found)]
        except DigitalCsError as error:
            findings.append(Finding(part, Level.FAIL, str(error)))
        except Exception as error:  # a doctor who falls ill says so, and looks at the rest
            words = f"The check itself failed: {type(error).__name__}: {error}"
            findings.append(Finding(part, Level.FAIL, words))
    return findings


async def _settings(found: Found) -> Findings:
    settings = found.settings
    own = settings.signing_key.get_secret_value() != FIRST_KEY
    embedded = "database_url" in found.from_stack
    taken = " (servers: those of `digital-cs up`)" if found.from_stack else ""
    yield Finding("settings", Level.OK, f"All can be used{taken}.")
    kept = settings.state_dir / "signing.key"
    if own:
        yield Finding("signing key", Level.OK, "It is your own.")
    elif embedded and kept.exists():
        yield Finding("signing key", Level.OK, f"`digital-cs up` keeps its own in {kept}.")
    else:
        yield Finding(
            "signing key", Level.WARN if embedded else Level.FAIL,
            "It is the one everybody knows: whoever does can forge unsubscribe links.",
            "Set SIGNING_KEY (or SIGNING_KEY_FILE) to a long random text of your own.",
        )  # fmt: skip
    if settings.public_url.startswith("https://"):
        yield Finding("links", Level.OK, f"They lead to {settings.public_url}.")
    elif not embedded:
        yield Finding(
            "links", Level.WARN,
            f"They lead to {settings.public_url}: mail clients offer to unsubscribe with one click"
            " only over https (RFC 8058).",
            "Set PUBLIC_URL to the https address at which `digital-cs api` is reached.",
        )  # fmt: skip


async def _database(found: Found) -> Findings:
    from psycopg import AsyncConnection, OperationalError

    from digital_cs.store import revision
    from digital_cs.store.programs import outbox

    url = database_url(found.settings)
    try:
        connection = await AsyncConnection.connect(url, autocommit=True, connect_timeout=10)
    except OperationalError as error:
        yield Finding("database", Level.FAIL, no_database(error).rpartition(" `")[0],
                      "Start Postgres, or correct DATABASE_URL.")  # fmt: skip
        return
    async with connection:
        asked = time.time()
        cursor = await connection.execute("select extract(epoch from clock_timestamp()), version()")
        row = await cursor.fetchone()
        assert row is not None
        middle = (asked + time.time()) / 2
        version = " ".join(str(row[1]).split()[:2])
        migrated = await revision.current(connection)
        try:
            revision.require_newest(migrated)
        except DigitalCsError as error:
            yield Finding("database", Level.FAIL, f"{version} answers. {error}")
        else:
            yield Finding("database", Level.OK, f"{version} answers, migrated to {migrated}.")
            waiting, oldest = await outbox.lag(connection)
            if oldest > RELAY_LATE:
                yield Finding(
                    "outbox", Level.WARN,
                    f"{waiting:,} wishes wait to be relayed, the oldest for {oldest:.0f} s.",
                    "Start a worker: `digital-cs worker`.",
                )  # fmt: skip
            else:
                yield Finding("outbox", Level.OK, f"{waiting:,} wishes wait to be relayed.")
            for each in await _late(connection, found):
                yield each
            yield await _returned(connection)
            yield await _policy(connection)
    yield _skew(float(row[0]) - middle)


async def _late(connection: AsyncConnection[Any], found: Found) -> list[Finding]:
    from digital_cs.domain.source import late_sources
    from digital_cs.store.product.sources import list_sources

    now = found.settings.clock().now()
    known = await list_sources(connection, retired=False)
    late = late_sources(known, now)
    if not late:
        words = f"{len(known)} known, none is late." if known else "Nothing came in yet."
        return [Finding("sources", Level.OK, words)]
    advice = "See `digital-cs sources`; `sources retire` where nothing more will come."
    return [Finding("sources", Level.WARN, each.late_words(now), advice) for each in late]


async def _policy(connection: AsyncConnection[Any]) -> Finding:
    from digital_cs.cli.output import when
    from digital_cs.store.sending import policies

    found = await policies.current(connection)
    if found.version:
        since = when(found.published_at)
        return Finding("policy", Level.OK, f"Version {found.version} is in force since {since}.")
    return Finding(
        "policy", Level.WARN, "None is published: the defaults hold.",
        "See `digital-cs policy show`, and put yours in force: `digital-cs policy publish`.",
    )  # fmt: skip


async def _returned(connection: AsyncConnection[Any]) -> Finding:
    from digital_cs.store.sending.returned import waiting

    count, since = await waiting(connection)
    if since is None:
        return Finding("returned mail", Level.OK, "None waits for somebody to look at it.")
    words = f"{count:,} waits for somebody to look at it, the oldest since {since:%-d %b %Y}."
    advice = "See `digital-cs returned list --listed`."
    return Finding("returned mail", Level.WARN, words, advice)


def _skew(seconds: float) -> Finding:
    words = f"This machine and the database differ by {abs(seconds):.1f} s."
    advice = "Let both keep time by NTP."
    if abs(seconds) > SKEW_FAILS:
        return Finding("clock", Level.FAIL, words, advice)
    if abs(seconds) > SKEW_WARNS:
        return Finding("clock", Level.WARN, words, advice)
    return Finding("clock", Level.OK, words)


async def _temporal(found: Found) -> Findings:
    from digital_cs.messages.broadcast import queue_of
    from digital_cs.temporal.client import connect
    from digital_cs.temporal.namespace import inspect, workers_seen

    client = await connect(found.settings)
    state = await inspect(client, found.settings.task_queue)
    if not state.found:
        yield Finding(
            "temporal", Level.FAIL,
            f"Server {state.server_version} answers, but has no namespace '{client.namespace}'.",
            f"Create it: temporal operator namespace create -n {client.namespace}",
        )  # fmt: skip
        return
    yield Finding(
        "temporal", Level.OK,
        f"Server {state.server_version} answers for the namespace '{client.namespace}'.",
    )  # fmt: skip
    yield _attributes(state)
    queue = found.settings.task_queue
    yield _workers("workers", queue, state.workers, "Start one: `digital-cs worker`.")
    queue = queue_of(queue)
    yield _workers(
        "broadcasts", queue, await workers_seen(client, queue),
        "Broadcasts and newsletters wait. Start one: `digital-cs worker --queue broadcast`.",
    )  # fmt: skip


def _workers(part: str, queue: str, seen: int, advice: str) -> Finding:
    if seen:
        return Finding(part, Level.OK, f"{seen} seen on the task queue '{queue}'.")
    words = f"No worker was seen on the task queue '{queue}' lately."
    return Finding(part, Level.WARN, words, advice)


def _attributes(state: NamespaceState) -> Finding:
    part = "search attributes"
    if state.wrong:
        words = f"{', '.join(state.wrong)} are registered with another type."
        return Finding(part, Level.FAIL, words, "Remove them on the server, then migrate.")
    if state.missing:
        words = f"{', '.join(state.missing)} are not registered: no workflow could start."
        return Finding(part, Level.FAIL, words, "Run `digital-cs migrate`.")
    return Finding(part, Level.OK, "All are registered.")


async def _mail(found: Found) -> Findings:
    from digital_cs.bootstrap import smtp_channel

    channel = smtp_channel(found.settings)
    try:
        greeting = await channel.greet()
    finally:
        await channel.close()
    yield Finding("mail", Level.OK, greeting)
    if "smtp_host" not in found.from_stack and found.settings.mail_domain.endswith(".test"):
        yield Finding(
            "sender", Level.WARN, f"Messages come from {found.settings.mail_domain}, a domain for"
            " tests.", "Set MAIL_FROM and MAIL_DOMAIN to your own.",
        )  # fmt: skip


async def _content(found: Found) -> Findings:
    from digital_cs.cli.check import content_problems

    problems = content_problems(found.settings.content_dir)
    errors = [each for each in problems if each.severity == "error"]
    folder = found.settings.content_dir
    if errors:
        words = f"{folder} has {len(errors)} errors, the first: {errors[0]}"
        yield Finding("content", Level.FAIL, words, "`digital-cs check` lists all of them.")
    elif problems:
        words = f"{folder} has {len(problems)} warnings."
        yield Finding("content", Level.WARN, words, "`digital-cs check` lists them.")
    else:
        yield Finding("content", Level.OK, f"{folder} has no errors.")


async def _zones(found: Found) -> Findings:
    from digital_cs.domain.timing.zone import load_zone, tzdata_version

    version = tzdata_version()
    year, month = (int(part) for part in version.split(".")[:2])
    now = datetime.now(UTC)
    zone = load_zone(found.settings.workspace_zone)
    words = f"tzdata {version} from its package; here it is {now.astimezone(zone):%H:%M %Z}."
    if (now.year - year) * 12 + now.month - month > TZDATA_OLD_MONTHS:
        yield Finding("time zones", Level.WARN, words, "It is old: update the package tzdata.")
    else:
        yield Finding("time zones", Level.OK, words)


async def _state(found: Found) -> Findings:
    folder = found.settings.state_dir.resolve()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder) as file:
            file.write(b"x" * 65_536)
    except OSError as error:
        yield Finding("state folder", Level.FAIL, f"{folder} cannot be written: {error.strerror}.",
                      "Make room, give yourself the right, or set STATE_DIR.")  # fmt: skip
    else:
        yield Finding("state folder", Level.OK, f"{folder} can be written.")


CHECKS: tuple[tuple[str, Callable[[Found], Findings]], ...] = (
    ("settings", _settings),
    ("database", _database),
    ("temporal", _temporal),
    ("mail", _mail),
    ("content", _content),
    ("time zones", _zones),
    ("state folder", _state),
)
