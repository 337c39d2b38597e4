"""What the tests of a touch need: one enrollment, a claim on its message, a look at the ledger."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from psycopg import AsyncConnection
from psycopg.rows import dict_row

from digital_cs.domain.programs.enrollment import MessageState, Outcome, Position, SendMessage
from digital_cs.domain.timing.business_calendar import BusinessCalendar
from digital_cs.messages.keys import message_key
from digital_cs.store.people import suppressions
from digital_cs.store.programs import touch_facts, touches
from digital_cs.store.programs.enrollments import enroll
from digital_cs.store.sending import claims
from tests import rig

Connection = AsyncConnection[Any]

ACME = "acct-00000"
ID = f"welcome:{ACME}:1"
ADA = f"{ACME}-c1"
KEY = message_key(ID, 1, ADA)


async def enrolled(connection: Connection) -> touch_facts.Loaded:
    """The account ACME, with its champion ADA, inside the program `welcome`."""
    await enroll(connection, "welcome", [ACME], source="test", now=rig.MONDAY, again="never")
    await connection.execute("delete from outbox")
    return await load(connection)


async def load(connection: Connection) -> touch_facts.Loaded:
    loaded = await touch_facts.load(connection, ID, rig.MONDAY, BusinessCalendar())
    assert loaded is not None
    return loaded


def an_act(contact: str = ADA, *, visit: int = 1, kind: str = "marketing") -> SendMessage:
    return SendMessage(
        step="touch-1", visit=visit, email="welcome-trial-1", contact_id=contact,
        priority="normal", kind=kind, due_at=rig.MONDAY,
        useful_until=rig.MONDAY + timedelta(days=3), zone="Europe/Berlin", zone_source="contact",
    )  # fmt: skip


async def suppressed(connection: Connection, address: str, reason: str) -> None:
    """Nobody writes to this address any more."""
    async with connection.transaction():
        subject = suppressions.address_subject(address)
        await suppressions.add(connection, [subject], reason, "link", rig.MONDAY)


async def claim(
    connection: Connection, *, token: str = "worker-1", seconds: float = 60.0, revision: int = 0,
    act: SendMessage | None = None,
) -> int | None:  # fmt: skip
    act = act or an_act()
    claimed = await claims.claim(
        connection, key=message_key(ID, act.visit, act.contact_id), enrollment_id=ID,
        revision=revision, act=act, now=rig.MONDAY, claim_seconds=seconds, token=token,
        message_id="<id@test>", content_hash="hash",
    )  # fmt: skip
    return (await claims.attempt_of(claimed)).number


def a_result(state: MessageState, *, attempts: int = 1, **more: Any) -> touches.MessageResult:
    return touches.MessageResult(
        key=KEY, attempts=attempts, state=state, verdict="sent", reason="accepted",
        words="The mail server took it.", **more,
    )  # fmt: skip


def resting_at(step: str, visit: int, **more: Any) -> Outcome:
    """An outcome that rests at a step."""
    return Outcome(Position(step, visit, rig.MONDAY), label=f"rest at {step}", **more)


async def move(
    connection: Connection, outcome: Outcome, *, revision: int = 0,
    result: touches.MessageResult | None = None,
) -> bool:  # fmt: skip
    return await touches.move(
        connection, enrollment_id=ID, revision=revision, outcome=outcome, now=rig.MONDAY,
        as_of=rig.MONDAY, result=result,
    )  # fmt: skip


async def rows(connection: Connection, table: str) -> list[dict[str, Any]]:
    """All rows of a table, the oldest first."""
    async with connection.cursor(row_factory=dict_row) as cursor:
        await cursor.execute(f"select * from {table} order by ctid")
        return await cursor.fetchall()


async def message(connection: Connection) -> dict[str, Any]:
    """The one row of the ledger."""
    (found,) = await rows(connection, "messages")
    return found
