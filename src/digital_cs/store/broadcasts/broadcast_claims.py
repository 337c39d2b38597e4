"""Claims of a broadcast: who is due is taken, claimed and settled in sets, a statement each."""

# ruff: noqa: S608  the statements are put together from constants, never from values
from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from psycopg import AsyncConnection, AsyncCursor

from digital_cs.domain.programs.enrollment import MessageState, Verdict
from digital_cs.domain.programs.touch import MOST_RESENDS
from digital_cs.domain.sending.reason import Reason
from digital_cs.store.database.arrays import text_array

Connection = AsyncConnection[Any]

_DUE = """m.broadcast_id = %(id)s and m.state = 'planned'
       and coalesce(m.retry_at, m.due_at) <= %(now)s"""

_DUE_KEYS = f"""
select m.key, m.account_id, m.contact_id, lower(c.email)
  from messages m left join contacts c on c.id = m.contact_id
 where {_DUE} and m.chunk = %(chunk)s
 order by coalesce(m.retry_at, m.due_at), m.account_id, m.key
"""

_CLAIM = """
update messages m
   set state = 'claimed', claimed_at = %(now)s, attempts = m.attempts + 1, retry_at = null,
       claim_until = clock_timestamp() + make_interval(secs => %(seconds)s),
       claim_token = %(token)s, message_id = g.message_id, content_hash = g.content_hash,
       policy = %(policy)s, useful_until = greatest(m.useful_until, %(now)s)
  from unnest(%(keys)s::text[], %(message_ids)s::text[], %(hashes)s::text[])
    as g(key, message_id, content_hash)
 where m.key = g.key and m.state = 'planned'
   and exists (select from broadcasts b where b.id = %(id)s and b.state = 'running'
                  and not b.paused and b.approved_hash = %(approved)s)
returning m.key, m.attempts
"""

_PUT_OFF = """
with given as (
       select * from unnest(%(keys)s::text[], %(states)s::text[], %(verdicts)s::text[],
              %(reasons)s::text[], %(words)s::text[], %(rules)s::text[], %(untils)s::timestamptz[],
              %(tell)s::bool[])
           as g(key, state, verdict, reason, words, rule, until, tell)),
     told as (
       update messages m
          set state = g.state, retry_at = g.until, reason = g.reason, detail = g.words,
              settled_at = case when g.state <> 'planned' then %(now)s end, policy = %(policy)s
         from given g where m.key = g.key and m.state = 'planned'
       returning m.account_id, m.contact_id, g.*)
insert into decisions (at, broadcast_id, account_id, contact_id, verdict, reason, words, rule,
                       policy, until)
select %(now)s, %(id)s, account_id, contact_id, verdict, reason, words, rule, %(policy)s, until
  from told where tell
"""

# Most of a set end alike: what they share is said once.
_SETTLE = """
with told as (
       update messages m
          set state = %(state)s, settled_at = %(now)s, retry_at = %(until)s, claim_until = null,
              claim_token = null,
              smtp_code = %(code)s, detail = g.detail, reason = %(reason)s
         from unnest(%(keys)s::text[], %(details)s::text[]) as g(key, detail)
        where m.key = g.key and m.state = 'claimed' and m.claim_token = %(token)s
       returning m.account_id, m.contact_id, m.policy)
insert into decisions (at, broadcast_id, account_id, contact_id, verdict, reason, words, policy,
                       until)
select %(now)s, %(id)s, account_id, contact_id, %(verdict)s, %(reason)s, %(words)s, policy,
       %(until)s::timestamptz
  from told
"""

_SWEEP = f"""
with swept as (
       update messages m
          set state = 'skipped', settled_at = %(now)s, retry_at = null,
              reason = '{Reason.CANCELLED}', detail = %(words)s
        where m.key in (select x.key from messages x
                         where x.broadcast_id = %(id)s and x.state = 'planned' limit %(most)s)
          and m.state = 'planned'
          and exists (select from broadcasts b where b.id = %(id)s and b.state = 'cancelled')
       returning m.account_id, m.contact_id)
insert into decisions (at, broadcast_id, account_id, contact_id, verdict, reason, words)
select %(now)s, %(id)s, account_id, contact_id, '{Verdict.SKIPPED}', '{Reason.CANCELLED}', %(words)s
  from swept
"""

_EXPIRE = f"""
with over as (
       update messages m
          set state = 'skipped', settled_at = %(now)s, retry_at = null,
              reason = '{Reason.NO_LONGER_USEFUL}',
              detail = %(because)s || ' It was only useful until '
                || to_char(m.useful_until at time zone 'UTC', 'FMDD Mon YYYY HH24:MI') || ' UTC.'
        where m.key in (select x.key from messages x
                         where x.broadcast_id = %(id)s and x.state = 'planned'
                           and x.useful_until <= %(now)s limit %(most)s)
          and m.state = 'planned'
       returning m.account_id, m.contact_id, m.detail)
insert into decisions (at, broadcast_id, account_id, contact_id, verdict, reason, words)
select %(now)s, %(id)s, account_id, contact_id, '{Verdict.SKIPPED}', '{Reason.NO_LONGER_USEFUL}',
       detail
  from over
"""

# A service notice is sent again, with the same Message-ID.
_GIVE_UP = f"""
with lost as (
       update messages m
          set state = case when m.kind = 'service' and m.attempts < {MOST_RESENDS}
                           then 'planned' else 'unknown' end,
              settled_at = %(now)s, claim_until = null, reason = '{Reason.CRASH}',
              detail = %(words)s
        where m.broadcast_id = %(id)s and m.state = 'claimed'
          and m.claim_until < clock_timestamp()
       returning m.account_id, m.contact_id)
insert into decisions (at, broadcast_id, account_id, contact_id, verdict, reason, words)
select %(now)s, %(id)s, account_id, contact_id, '{Verdict.UNKNOWN}', '{Reason.CRASH}', %(words)s
  from lost
"""

_LEFT = """
select count(*), min(coalesce(retry_at, due_at)) filter (where state = 'planned'),
       extract(epoch from max(claim_until) - clock_timestamp())::float8,
       coalesce(min(claim_until) < clock_timestamp(), false)
  from messages where broadcast_id = %(id)s and state in ('planned', 'claimed')
"""

_CHUNKS = f"""
select m.chunk from messages m where {_DUE} group by m.chunk
 order by min(coalesce(m.retry_at, m.due_at)), m.chunk limit %(most)s
"""


@dataclass(slots=True)
class Due:
    """A recipient who is due, as they were when nobody held their locks yet."""

    key: str
    account_id: str
    contact_id: str
    address: str | None


@dataclass(frozen=True, slots=True)
class PutOff:
    """A recipient who is not written to now: later (`state` planned), or never.

    `tell`: the decision is written down, which one that was told already is not.
    """

    key: str
    state: MessageState
    verdict: Verdict
    reason: Reason
    words: str
    rule: str | None
    until: datetime | None
    tell: bool = True


@dataclass(slots=True)
class Result:
    """What became of a message that was handed over."""

    key: str
    state: MessageState
    verdict: Verdict
    reason: Reason
    words: str
    code: int | None = None
    detail: str | None = None
    retry_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Left:
    """Recipients who are not settled, when the first of those that nobody has in hand is due, and
    in how many real seconds the last claim runs out (None: nobody is in hand)."""

    open: int
    next_due: datetime | None
    claims_end: float | None


async def due(connection: Connection, broadcast_id: str, chunk: int, now: datetime) -> list[Due]:
    """The recipients of a chunk that are due, those of one account side by side."""
    cursor = await connection.execute(_DUE_KEYS, {"id": broadcast_id, "chunk": chunk, "now": now})
    return [Due(*row) for row in await cursor.fetchall()]


async def claim(
    connection: Connection, broadcast_id: str, messages: Sequence[tuple[str, str, str]], *,
    token: str, approved: str, policy: int, now: datetime, seconds: float,
) -> AsyncCursor[Any]:  # fmt: skip
    """Take the right to hand these over: (key, Message-ID, content hash). See `claimed_of`.

    None is claimed while the broadcast is paused or cancelled, or if it is approved as something
    else than `approved`. `seconds` are real ones, until the claim is over.
    """
    keys, ids, hashes = zip(*messages, strict=True) if messages else ((), (), ())
    return await connection.execute(
        _CLAIM,
        {
            "id": broadcast_id, "keys": text_array(keys), "message_ids": text_array(ids),
            "hashes": text_array(hashes), "token": token, "approved": approved, "policy": policy,
            "now": now, "seconds": seconds,
        },
    )  # fmt: skip


async def claimed_of(cursor: AsyncCursor[Any]) -> dict[str, int]:
    """The number of the attempt of each message that was claimed, by key."""
    return dict(await cursor.fetchall())


async def held_by(connection: Connection, broadcast_id: str, token: str) -> dict[str, int]:
    """What was claimed with this token and is in hand, as `claimed_of` gives it."""
    cursor = await connection.execute(
        "select key, attempts from messages where broadcast_id = %s and state = 'claimed'"
        " and claim_token = %s",
        (broadcast_id, token),
    )
    return dict(await cursor.fetchall())


async def put_off(
    connection: Connection, broadcast_id: str, rows: Sequence[PutOff], policy: int, now: datetime
) -> None:
    """Write down who is not written to now, with the decisions."""
    await connection.execute(
        _PUT_OFF,
        {
            "id": broadcast_id, "now": now, "policy": policy, "keys": [row.key for row in rows],
            "states": [row.state.value for row in rows],
            "verdicts": [row.verdict.value for row in rows],
            "reasons": [row.reason.value for row in rows], "words": [row.words for row in rows],
            "rules": [row.rule for row in rows], "untils": [row.until for row in rows],
            "tell": [row.tell for row in rows],
        },
    )  # fmt: skip


async def settle(
    connection: Connection, broadcast_id: str, token: str, results: Sequence[Result], now: datetime
) -> None:
    """Write down what became of a set that was claimed with this token. May be repeated.

    A statement for each kind of end, in one round trip.
    """
    alike: dict[tuple[Any, ...], list[Result]] = defaultdict(list)
    for row in results:
        shared = (row.state, row.verdict, row.reason, row.words, row.code, row.retry_at)
        alike[shared].append(row)
    async with connection.pipeline():
        for (state, verdict, reason, words, code, retry_at), rows in alike.items():
            await connection.execute(
                _SETTLE,
                {
                    "id": broadcast_id, "now": now, "token": token, "state": state.value,
                    "verdict": verdict.value, "reason": reason.value, "words": words, "code": code,
                    "until": retry_at, "keys": text_array(row.key for row in rows),
                    "details": text_array(row.detail for row in rows),
                },
            )  # fmt: skip


async def sweep(connection: Connection, broadcast_id: str, now: datetime, most: int) -> int:
    """Settle some of those whom a cancelled broadcast will not reach; returns how many."""
    cursor = await connection.execute(
        _SWEEP,
        {"id": broadcast_id, "now": now, "most": most, "words": Reason.CANCELLED.sentence()},
    )
    return cursor.rowcount


async def expire(
    connection: Connection, broadcast_id: str, because: str, now: datetime, most: int
) -> int:
    """Settle some of those who were held until it was no longer useful (P8); returns how many.

    `because` is what held them, in a sentence.
    """
    cursor = await connection.execute(
        _EXPIRE, {"id": broadcast_id, "because": because, "now": now, "most": most}
    )
    return cursor.rowcount


async def give_up(connection: Connection, broadcast_id: str, now: datetime) -> int:
    """Claims that outlived their worker become unknown, or are due again (P14); how many."""
    cursor = await connection.execute(
        _GIVE_UP, {"id": broadcast_id, "now": now, "words": Reason.CRASH.sentence()}
    )
    return cursor.rowcount


async def left(connection: Connection, broadcast_id: str, now: datetime) -> Left:
    """How much of a broadcast is left, once claims that outlived their worker are given up.

    No index tells who is in hand, so that none has to be written with each claim: all of the
    broadcast is read once, and again only if there is something to give up.
    """
    while True:
        row = await (await connection.execute(_LEFT, {"id": broadcast_id})).fetchone()
        assert row is not None
        *found, outlived = row
        if not outlived or not await give_up(connection, broadcast_id, now):
            return Left(*found)


async def due_chunks(
    connection: Connection, broadcast_id: str, now: datetime, most: int
) -> list[int]:
    """Chunks in which somebody is due, the one that was due first first."""
    cursor = await connection.execute(_CHUNKS, {"id": broadcast_id, "now": now, "most": most})
    return [row[0] for row in await cursor.fetchall()]
