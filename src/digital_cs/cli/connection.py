"""How commands reach the engine: settings, or what the running embedded stack says."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

from digital_cs.config import Settings, load_settings
from digital_cs.errors import UnavailableError

if TYPE_CHECKING:
    from psycopg import AsyncConnection

    from digital_cs.clock import Clock
    from digital_cs.temporal.gateway import Gateway

T = TypeVar("T")

# What belongs together comes from one place: the clock is that of the database, and the port of
# the embedded sink means nothing to a mail server of somebody's own.
_GROUPS = (
    ("database_url", "clock_speed", "clock_origin", "clock_started", "clock_until"),
    ("temporal_address", "temporal_namespace", "temporal_profile"),
    ("smtp_host", "smtp_port"),
)
PATIENCE = 10
"""Seconds that a database may take to answer the first time."""


@dataclass(frozen=True, slots=True)
class Found:
    """The settings in force, and which of them the running embedded stack gave."""

    settings: Settings
    from_stack: frozenset[str] = frozenset()


def find_settings() -> Found:
    """Settings of the environment; of each group that it does not name, the running stack's.

    Raises SettingsError.
    """
    own = load_settings()
    named = own.model_fields_set
    groups = [group for group in _GROUPS if group[0] not in named]
    if "temporal_profile" in named:
        groups = [group for group in groups if "temporal_profile" not in group]
    if not groups:
        return Found(own)
    from digital_cs.stack.running import read_running

    stack = read_running(own.state_dir)
    if stack is None:
        return Found(own)
    offered = stack.settings()
    taken = {name: offered[name] for group in groups for name in group if name in offered}
    return Found(load_settings(**taken), frozenset(taken))


def database_url(settings: Settings) -> str:
    """The address of the database. Raises UnavailableError when there is none to use."""
    if settings.database_url is None:
        raise UnavailableError(
            f"There is no database: DATABASE_URL is not set, and no `digital-cs up` is running on"
            f" the folder {settings.state_dir}. Start that, or set DATABASE_URL (or STATE_DIR)."
        )
    return settings.database_url.get_secret_value()


def ask(question: Callable[[Gateway], Coroutine[Any, Any, T]]) -> T:
    """Open the database of the settings, check that it fits this release, and ask.

    Raises UnavailableError, DatabaseBehindError or DatabaseAheadError.
    """
    return asyncio.run(_ask(find_settings().settings, question))


async def _ask(settings: Settings, question: Callable[[Gateway], Coroutine[Any, Any, T]]) -> T:
    from digital_cs.ingest.rules.calendars import calendar_of
    from digital_cs.ingest.rules.entries import Entries
    from digital_cs.store.database import pool
    from digital_cs.temporal.gateway import Gateway

    url = database_url(settings)
    # Once by itself: a pool would try for long, and could not say why.
    async with _connected(url):
        pass
    clock = settings.clock()
    async with pool.opened(url, 2) as opened:
        calendar = calendar_of(opened, clock, settings.content_dir)
        entries = Entries(opened, clock, settings.workspace_zone, calendar)
        return await question(Gateway(opened, clock, entries))


def ask_quickly(
    question: Callable[[AsyncConnection[Any], Clock], Coroutine[Any, Any, T]],
) -> T:
    """The same without a gateway, which takes a second to be imported: where seconds count."""

    async def asked() -> T:
        settings = find_settings().settings
        async with _connected(database_url(settings)) as connection:
            return await question(connection, settings.clock())

    return asyncio.run(asked())


@asynccontextmanager
async def _connected(url: str) -> AsyncIterator[AsyncConnection[Any]]:
    from psycopg import AsyncConnection, OperationalError

    from digital_cs.store import revision

    try:
        opened = await AsyncConnection.connect(url, autocommit=True, connect_timeout=PATIENCE)
    except OperationalError as error:
        raise UnavailableError(no_database(error)) from error
    async with opened:
        try:
            revision.require_newest(await revision.current(opened))
        except OperationalError as error:
            raise UnavailableError(no_database(error)) from error
        yield opened


def no_database(error: Exception) -> str:
    """The sentence for a database that cannot be reached."""
    reason = next(iter(str(error).strip().splitlines()), "") or type(error).__name__
    return f"The database does not answer: {reason.rstrip('.')}. `digital-cs doctor` looks further."
