"""`digital-cs migrate`: the database and the Temporal namespace made ready for this release."""

from __future__ import annotations

import asyncio

from digital_cs.cli.options import Json

EXAMPLE = "Example: DATABASE_URL=postgresql://cs@db/cs digital-cs migrate"


def migrate(as_json: Json = False) -> None:
    """Bring the database to this release, and register search attributes on Temporal.

    Safe to run again, and by several at once. If Temporal does not answer, the database is
    migrated all the same; run it again when Temporal is there.
    """
    from digital_cs.cli import output
    from digital_cs.cli.connection import database_url, find_settings
    from digital_cs.errors import UnavailableError
    from digital_cs.store import migrate as migrations

    settings = find_settings().settings
    before, after = migrations.migrate(database_url(settings))
    added: tuple[str, ...] | None = None
    try:
        added = asyncio.run(_register(settings))
    except UnavailableError as error:
        output.complain(f"{error} The search attributes are not registered: migrate again then.")
    if as_json:
        output.emit({"before": before, "after": after, "search_attributes_added": added})
        return
    if before == after:
        output.say(f"The database is at {after} already.")
    else:
        output.say(f"The database went from {before or 'nothing'} to {after}.")
    if added is not None:
        output.say(
            f"Temporal got the search attributes {', '.join(added)}."
            if added
            else "Temporal has its search attributes already."
        )


async def _register(settings: object) -> tuple[str, ...]:
    from digital_cs.config import Settings
    from digital_cs.temporal.client import connect
    from digital_cs.temporal.namespace import add_search_attributes

    assert isinstance(settings, Settings)
    return await add_search_attributes(await connect(settings))
