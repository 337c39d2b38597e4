"""Bringing a database to the version that this code expects, and telling when it is ahead."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import create_engine, text
from sqlalchemy.engine import Connection
from sqlalchemy.exc import OperationalError

from digital_cs.errors import UnavailableError
from digital_cs.store.revision import (
    DatabaseAheadError,
    DatabaseBehindError,
    require_known,
    require_newest,
)

__all__ = ["DatabaseAheadError", "DatabaseBehindError", "current", "head", "migrate",
           "require_current", "sqlalchemy_url"]  # fmt: skip

MIGRATIONS = Path(__file__).parent / "migrations"
LOCK = 0x6463735F  # one migrator at a time, whoever it is


def sqlalchemy_url(database_url: str) -> str:
    """The same database, as SQLAlchemy wants it named."""
    for prefix in ("postgresql://", "postgres://"):
        if database_url.startswith(prefix):
            return "postgresql+psycopg://" + database_url[len(prefix) :]
    return database_url


def _config(connection: Connection | None = None) -> Config:
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    config.attributes["connection"] = connection
    return config


def head() -> str:
    """The newest revision that this code knows."""
    revision = ScriptDirectory.from_config(_config()).get_current_head()
    assert revision is not None
    return revision


def _engine(database_url: str) -> Any:
    return create_engine(sqlalchemy_url(database_url), pool_size=1)


def current(database_url: str) -> str | None:
    """The revision of the database, or None when it is empty."""
    engine = _engine(database_url)
    try:
        with engine.connect() as connection:
            return MigrationContext.configure(connection).get_current_revision()
    except OperationalError as error:
        raise UnavailableError(f"The database does not answer: {_first_line(error)}") from error
    finally:
        engine.dispose()


def migrate(database_url: str, to: str = "head") -> tuple[str | None, str]:
    """Upgrade to `to`; returns the revisions before and after. Safe to run twice, or at once."""
    engine = _engine(database_url)
    try:
        with engine.begin() as connection:
            connection.execute(text("select pg_advisory_xact_lock(:lock)"), {"lock": LOCK})
            before = MigrationContext.configure(connection).get_current_revision()
            require_known(before)
            command.upgrade(_config(connection), to)
            after = MigrationContext.configure(connection).get_current_revision()
    except OperationalError as error:
        raise UnavailableError(f"The database does not answer: {_first_line(error)}") from error
    finally:
        engine.dispose()
    assert after is not None
    return before, after


def require_current(database_url: str) -> None:
    """Raise unless the database is exactly at this code's revision."""
    require_newest(current(database_url))


def _first_line(error: Exception) -> str:
    return str(error.__cause__ or error).strip().splitlines()[0]
