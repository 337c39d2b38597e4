"""Whether a database fits this release, told without loading what migrates it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from psycopg import AsyncConnection
from psycopg.errors import UndefinedTable

from digital_cs.errors import DigitalCsError

VERSIONS = Path(__file__).parent / "migrations" / "versions"


class DatabaseAheadError(DigitalCsError):
    """The database was migrated by a newer release of digital-cs than this one.

    Install that release, or restore a backup from before it.
    """

    exit_code = 3


class DatabaseBehindError(DigitalCsError):
    """The database is not migrated to this release. Run `digital-cs migrate`."""

    exit_code = 3


def known_revisions() -> list[str]:
    """Every revision of this release, oldest first: the files of migrations begin with it."""
    return sorted(path.name.partition("_")[0] for path in VERSIONS.glob("[0-9]*_*.py"))


def require_known(found: str | None) -> None:
    """Raise DatabaseAheadError for a revision that this release does not know."""
    if found is not None and found not in known_revisions():
        raise DatabaseAheadError(
            f"The database is at revision {found}, which this release does not know: a newer"
            " release has migrated it. Install that release, or restore a backup from before it."
        )


def require_newest(found: str | None) -> None:
    """Raise unless this is the newest revision of this release."""
    require_known(found)
    newest = known_revisions()[-1]
    if found != newest:
        raise DatabaseBehindError(
            f"The database is at {found or 'nothing'}, this release needs {newest}."
            " Run `digital-cs migrate`."
        )


async def current(connection: AsyncConnection[Any]) -> str | None:
    """The revision of the database; None when it was never migrated."""
    try:
        cursor = await connection.execute("select version_num from alembic_version")
    except UndefinedTable:
        return None
    row = await cursor.fetchone()
    return str(row[0]) if row else None
