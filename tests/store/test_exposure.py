"""Who is about to be shown which content: several programs, and those who will not be."""

from __future__ import annotations

from datetime import date
from typing import Any

from psycopg import AsyncConnection

from digital_cs.store import exposure
from digital_cs.store.exposure import Showing
from tests import rig
from tests.store.showing import at, block, email, keep, stand

Connection = AsyncConnection[Any]


async def test_a_block_is_shown_to_whoever_waits_for_an_email_with_it(
    connection: Connection,
) -> None:
    await rig.publish(connection, rig.drip("welcome", 2, "3 days"), rig.MONDAY)
    ids = await rig.people(connection, 3, rig.MONDAY)
    await keep(
        connection,
        [email("welcome-trial-1"), email("other"), block("help"), block("lost")],
        {"emails/welcome-trial-1.md": ["blocks/help.md"], "emails/other.md": ["blocks/lost.md"]},
    )
    for id, due in zip(ids, (at(5), at(5, 17), at(30)), strict=True):
        await stand(connection, "welcome", id, "wait-2", due)

    found = await exposure.of_items(connection, rig.MONDAY)
    assert set(found) == {"emails/welcome-trial-1.md", "blocks/help.md"}
    shown = found["blocks/help.md"]
    assert (shown.people, shown.accounts, shown.first_on) == (2, 2, date(2026, 3, 5))
    assert shown.through == (Showing("welcome-trial-1", "welcome", date(2026, 3, 5), 2, True),)
