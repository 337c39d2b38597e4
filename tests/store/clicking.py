"""A message of the ledger whose links can be followed, and the clicks on it."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from psycopg import AsyncConnection

from digital_cs.channels.mail import message_id_for
from digital_cs.domain.sending.click import Click
from tests import rig
from tests.store.touching import ID, KEY, enrolled

Connection = AsyncConnection[Any]

DOMAIN = "digital-cs.test"
MESSAGE_ID = message_id_for(KEY, DOMAIN)
FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:144.0) Gecko/20100101 Firefox/144.0"
GUIDE = "https://company.test/guide?a=1&b=2"


async def a_sent_message(
    connection: Connection, key: str = KEY, message_id: str = MESSAGE_ID
) -> None:
    """One of the enrollment of the program `welcome`, handed over two minutes before MONDAY."""
    if key == KEY:
        await enrolled(connection)
    await connection.execute(
        "insert into messages (key, enrollment_id, program_id, version, step, visit, account_id,"
        " email, kind, priority, state, due_at, attempts, claimed_at, settled_at, message_id)"
        " select %s, id, program_id, version, 'touch-1', 1, account_id, 'welcome-trial-1',"
        " 'marketing', 'normal', 'accepted', %s, 1, %s, %s, %s from enrollments where id = %s",
        (
            key, rig.MONDAY, rig.MONDAY - timedelta(minutes=2),
            rig.MONDAY - timedelta(minutes=2), message_id, ID,
        ),
    )  # fmt: skip


def click(nth: int, after: float = 0, agent: str = FIREFOX, method: str = "GET") -> Click:
    """A click so many seconds after MONDAY."""
    return Click(nth, rig.MONDAY + timedelta(seconds=after), agent, method)
