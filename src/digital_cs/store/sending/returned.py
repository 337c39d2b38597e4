"""What came back: each thing once, what it says of a message of ours, and what waits for a look."""

# ruff: noqa: S608  statements are put together from constants, never from values
from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from psycopg import AsyncConnection
from psycopg.rows import class_row

from digital_cs.domain.programs.enrollment import MessageState, Verdict

Connection = AsyncConnection[Any]

FROM_STATES = {
    MessageState.DELIVERED: (MessageState.ACCEPTED, MessageState.UNKNOWN),
    MessageState.BOUNCED: (MessageState.ACCEPTED, MessageState.UNKNOWN, MessageState.DELIVERED),
    MessageState.COMPLAINED: (
        MessageState.ACCEPTED, MessageState.UNKNOWN, MessageState.DELIVERED, MessageState.BOUNCED,
    ),
}  # fmt: skip
"""From which states of the ledger something that came back leads on: never to a better one."""


@dataclass(frozen=True, slots=True)
class Origin:
    """The message of ours that something answers. `address`: the contact's present one, in small
    letters; `email` is the name of the text."""

    key: str
    state: str
    program_id: str | None
    step: str | None
    visit: int | None
    account_id: str
    contact_id: str | None
    email: str
    address: str | None


@dataclass(frozen=True, slots=True)
class Settled:
    """What became of something that came back. States: applied, ignored, listed."""

    kind: str
    state: str
    detail: str
    message_key: str | None = None
    contact_id: str | None = None
    account_id: str | None = None
    address: str | None = None
    status: str | None = None
    keep_raw: bool = False


@dataclass(frozen=True, slots=True)
class ReturnedView:
    """A row for people. `kept`: whether it can still be read as it came."""

    id: str
    received_at: datetime
    source: str
    kind: str
    state: str
    account: str | None
    account_name: str | None
    contact: str | None
    program: str | None
    step: str | None
    address: str | None
    status: str | None
    detail: str
    kept: bool
    looked_at: datetime | None
    looked_by: str | None


async def begin(
    connection: Connection, id: str, source: str, raw: bytes, kept_until: datetime, now: datetime
) -> bool:
    """Take something in, first of all in its transaction; False: it came before.

    A second one of the same id waits here for the first one's end.
    """
    cursor = await connection.execute(
        "insert into returned_messages (id, received_at, source, kind, state, raw, raw_kept_until)"
        " values (%s, %s, %s, 'unknown', 'listed', %s, %s) on conflict (id) do nothing",
        (id, now, source, raw, kept_until),
    )
    return cursor.rowcount == 1


async def settle(connection: Connection, id: str, what: Settled) -> None:
    """Write down what it was and what became of it, in the transaction of `begin`."""
    await connection.execute(
        "update returned_messages set kind = %(kind)s, state = %(state)s, detail = %(detail)s,"
        " message_key = %(message)s, contact_id = %(contact)s, account_id = %(account)s,"
        " address = %(address)s, status = %(status)s, raw = case when %(keep)s then raw end,"
        " raw_kept_until = case when %(keep)s then raw_kept_until end where id = %(id)s",
        {
            "id": id, "kind": what.kind, "state": what.state, "detail": what.detail,
            "message": what.message_key, "contact": what.contact_id, "account": what.account_id,
            "address": what.address, "status": what.status, "keep": what.keep_raw,
        },
    )  # fmt: skip


async def known(connection: Connection, id: str) -> tuple[str, str] | None:
    """(kind, state) of what came before under this id."""
    cursor = await connection.execute(
        "select kind, state from returned_messages where id = %s", (id,)
    )
    row = await cursor.fetchone()
    return (row[0], row[1]) if row else None


async def origin(connection: Connection, message_ids: Sequence[str]) -> Origin | None:
    """The message of ours by the first of these Message-IDs that is one."""
    async with connection.cursor(row_factory=class_row(Origin)) as cursor:
        await cursor.execute(
            "select m.key, m.state, m.program_id, m.step, m.visit, m.account_id, m.contact_id,"
            " m.email, lower(c.email) as address"
            " from unnest(%s::text[]) with ordinality as g(id, nth)"
            " join messages m on lower(m.message_id) = g.id"
            " left join contacts c on c.id = m.contact_id"
            " order by g.nth limit 1",
            ([each.lower() for each in message_ids],),
        )
        return await cursor.fetchone()


async def person_at(
    connection: Connection, address: str, account_id: str | None = None
) -> tuple[str, str | None] | None:
    """(contact, account) of an address: of several accounts the one that was last written to.

    `account_id` looks for somebody of this account first.
    """
    cursor = await connection.execute(
        "select c.id, b.account_id from contacts c"
        " left join memberships b on b.contact_id = c.id and b.left_at is null"
        " where lower(c.email) = lower(%(address)s)"
        " order by b.account_id is not distinct from %(account)s desc, b.account_id is null,"
        " (select max(m.claimed_at) from messages m where m.contact_id = c.id"
        "   and m.account_id = b.account_id) desc nulls last,"
        " c.active desc, b.joined_at desc, c.id, b.account_id limit 1",
        {"address": address, "account": account_id},
    )
    row = await cursor.fetchone()
    return (row[0], row[1]) if row else None


_TELL = f"""
insert into decisions (at, enrollment_id, broadcast_id, account_id, program_id, version, step,
                       visit, contact_id, verdict, reason, words)
select %(now)s, t.enrollment_id, t.broadcast_id, t.account_id, t.program_id, t.version, t.step,
       t.visit, t.contact_id, '{Verdict.RETURNED}', %(reason)s, %(words)s
"""

_MOVE = f"""
with told as (
update messages set state = %(state)s, settled_at = %(now)s, retry_at = null, reason = %(reason)s,
       detail = %(words)s
 where key = %(key)s and state = any(%(before)s)
returning enrollment_id, broadcast_id, account_id, program_id, version, step, visit, contact_id)
{_TELL} from told t
"""


async def move_message(
    connection: Connection, key: str, state: MessageState, reason: str, words: str, now: datetime
) -> bool:
    """Lead the ledger on, with a decision for the timeline; False: it says as much, or worse."""
    cursor = await connection.execute(
        _MOVE,
        {
            "key": key, "state": state.value, "reason": reason, "words": words, "now": now,
            "before": [each.value for each in FROM_STATES[state]],
        },
    )  # fmt: skip
    return cursor.rowcount == 1


async def note(connection: Connection, key: str, reason: str, words: str, now: datetime) -> None:
    """A line in the timeline about a message, which stays as it is."""
    await connection.execute(
        f"{_TELL} from messages t where t.key = %(key)s",
        {"key": key, "reason": reason, "words": words, "now": now},
    )


async def soft_bounces(
    connection: Connection, id: str, address: str, message_key: str | None, since: datetime
) -> int:
    """How many messages to an address came back softly since then, with this one of now.

    Servers may report one message more than once. Call it under the lock of the address.
    """
    cursor = await connection.execute(
        "select count(distinct coalesce(message_key, id)) from ("
        " select message_key, id from returned_messages where kind = 'soft' and address = %(it)s"
        "    and state = 'applied' and received_at >= %(since)s and id <> %(id)s"
        " union all select %(message)s, %(id)s) s",
        {"it": address, "since": since, "id": id, "message": message_key},
    )
    row = await cursor.fetchone()
    assert row is not None
    return int(row[0])


_VIEW = """
select r.id, r.received_at, r.source, r.kind, r.state, r.account_id as account,
       a.name as account_name, coalesce(nullif(c.full_name, ''), r.contact_id) as contact,
       coalesce(m.program_id, m.broadcast_id) as program, m.step, r.address, r.status, r.detail,
       r.raw is not null as kept,
       r.looked_at, r.looked_by
  from returned_messages r
  left join accounts a on a.id = r.account_id
  left join contacts c on c.id = r.contact_id
  left join messages m on m.key = r.message_key
"""


async def list_returned(
    connection: Connection, *, listed: bool = False, account: str | None = None, most: int = 100
) -> list[ReturnedView]:
    """What came back, the latest first; `listed`: only what waits for somebody to look at it."""
    async with connection.cursor(row_factory=class_row(ReturnedView)) as cursor:
        await cursor.execute(
            f"{_VIEW} where (not %(listed)s or r.state = 'listed' and r.looked_at is null)"
            " and (%(account)s::text is null or r.account_id = %(account)s)"
            " order by r.received_at desc, r.id limit %(most)s",
            {"listed": listed, "account": account, "most": most},
        )
        return await cursor.fetchall()


async def find(connection: Connection, id: str) -> list[ReturnedView]:
    """What came back under an id, or an id that begins so: two at most."""
    async with connection.cursor(row_factory=class_row(ReturnedView)) as cursor:
        await cursor.execute(
            f"{_VIEW} where starts_with(r.id, %(id)s) order by r.id <> %(id)s, r.id limit 2",
            {"id": id},
        )
        return await cursor.fetchall()


async def raw(connection: Connection, id: str) -> bytes | None:
    """The first megabyte of it as it came, where that is kept."""
    cursor = await connection.execute("select raw from returned_messages where id = %s", (id,))
    row = await cursor.fetchone()
    return bytes(row[0]) if row and row[0] is not None else None


async def looked(connection: Connection, id: str, by: str, now: datetime) -> bool:
    """A person has looked at it, so that it need not be kept; False: it was not waiting for it."""
    cursor = await connection.execute(
        "update returned_messages set looked_at = %s, looked_by = %s, raw = null,"
        " raw_kept_until = null where id = %s and state = 'listed' and looked_at is null",
        (now, by, id),
    )
    return cursor.rowcount == 1


async def waiting(connection: Connection) -> tuple[int, datetime | None]:
    """How many wait for somebody to look at them, and since when the oldest does."""
    cursor = await connection.execute(
        "select count(*), min(received_at) from returned_messages"
        " where state = 'listed' and looked_at is null"
    )
    row = await cursor.fetchone()
    assert row is not None
    return int(row[0]), row[1]


async def forget_raw(connection: Connection, now: datetime) -> int:
    """Erase what was kept as it came and is over its time; the rows stay."""
    cursor = await connection.execute(
        "update returned_messages set raw = null, raw_kept_until = null where raw_kept_until <= %s",
        (now,),
    )
    return cursor.rowcount
