"""Claims: the right to hand one message over, in one statement; and the end of those in vain."""

# ruff: noqa: S608  the statements are put together from constants, never from values
from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType
from typing import Any

from psycopg import AsyncConnection, AsyncCursor

from digital_cs.domain.programs.enrollment import SendMessage
from digital_cs.store.sending import caps, rates
from digital_cs.store.sending.replies import AWAITED

Connection = AsyncConnection[Any]

# P16: suppressions and the contact's state are read here, in the statement that claims.
# The revision makes a pause, an exit or a second worker that came in between win.
_CLAIM = f"""
with {caps.ROOM}, {{turn}},
claimed as (
insert into messages as m (key, enrollment_id, program_id, version, step, visit, account_id,
       contact_id, email, kind, priority, topic, policy, state, due_at, useful_until, zone,
       zone_source, attempts, claimed_at, claim_until, claim_token, message_id, content_hash)
select %(key)s, e.id, e.program_id, e.version, %(step)s, %(visit)s, e.account_id,
       c.id, %(email)s, %(kind)s, %(priority)s, %(topic)s, %(policy)s, 'claimed', %(due_at)s,
       greatest(%(useful_until)s, %(now)s), %(zone)s, %(zone_source)s, 1,
       %(now)s, clock_timestamp() + make_interval(secs => %(claim_seconds)s), %(token)s,
       %(message_id)s,
       %(content_hash)s
  from enrollments e
  join programs p on p.id = e.program_id and p.state not in ('paused', 'paused-closed')
  join contacts c on c.id = %(contact_id)s and c.active
  join memberships b on b.contact_id = c.id and b.account_id = e.account_id and b.left_at is null
 where e.id = %(enrollment_id)s and e.revision = %(revision)s and e.ended_at is null
   and not e.paused and not {AWAITED.format(account="e.account_id")}
   and not exists (select from stops where lifted_at is null)
   and (select t.complete and t.scope is null from turn t)
   and ({caps.HAS_ROOM} or exists (select from messages x where x.key = %(key)s and x.attempts > 0))
   and not exists (select 1 from suppressions s
                    where s.subject = any(array['address:' || lower(c.email),
                          'domain:' || split_part(lower(c.email), '@', -1),
                          'account:' || e.account_id])
                      and not (%(kind)s = 'service' and s.reason = 'unsubscribed'))
on conflict (key) do update
   set state = 'claimed', claimed_at = excluded.claimed_at, useful_until = excluded.useful_until,
       attempts = m.attempts + (m.claim_token is distinct from excluded.claim_token)::int,
       claim_until = excluded.claim_until, claim_token = excluded.claim_token,
       content_hash = excluded.content_hash, policy = excluded.policy, retry_at = null
 where m.state = 'planned' or (m.state = 'unknown' and m.kind = 'service')
    or (m.state = 'claimed' and m.claim_token = excluded.claim_token)
returning m.key, m.enrollment_id, m.visit, m.attempts, m.program_id, m.xmax = 0 as fresh),
{caps.COUNTED},
-- An earlier try may have named a contact who may not be written to any more.
superseded as (
update messages m
   set state = 'skipped', settled_at = %(now)s, retry_at = null, reason = 'other_contact',
       detail = 'Somebody else of the account is written to instead.'
  from claimed
 where m.enrollment_id = claimed.enrollment_id and m.visit = claimed.visit
   and m.key <> claimed.key and m.state = 'planned')
select (select attempts from claimed), t.complete, t.scope, t.wait,
       case when not {caps.HAS_ROOM} then (select sent from room) end
  from turn t
"""

_CLAIM_AT_A_RATE = _CLAIM.format(turn=rates.TURN.format(first=caps.ROOM_FIRST))
_CLAIM_AT_ONCE = _CLAIM.format(turn=rates.NO_TURN)

# What is claimed of a broadcast is in no index: all of one is read.
_OF_PROGRAMS = "open_state = 'claimed' and claim_until < clock_timestamp() - interval '1 minute'"
_OF_BROADCASTS = """claim_until < clock_timestamp() - interval '1 minute' and kind <> 'service'
   and broadcast_id in (select id from broadcasts where frozen_at is not null and ended_at is null)
"""

_GIVE_UP = """
update messages set state = 'unknown', settled_at = %(now)s, claim_until = null,
       reason = 'crash', detail = 'A worker stopped between handing over and recording.'
 where state = 'claimed' and {which}
returning enrollment_id, broadcast_id, account_id, program_id, version, step, visit, contact_id
"""


@dataclass(frozen=True, slots=True)
class Attempt:
    """What a claim was answered. `number` is that of the attempt, None: it may not go now.

    Then `wait` is how long, in real seconds, `scope` sends as much as it may; a slot after that is
    kept for the message. `full_with`: the program has sent all that it may today. With neither, the
    contact was suppressed, somebody paused or moved the enrollment, all sending was stopped, or
    the message is settled or in another worker's hands: load again to learn which. `new_scope`
    says that a scope was never met, see `rates.meet`.
    """

    number: int | None
    wait: float = 0.0
    scope: str | None = None
    full_with: int | None = None
    new_scope: bool = False


async def claim(
    connection: Connection, *, key: str, enrollment_id: str, revision: int, act: SendMessage,
    now: datetime, claim_seconds: float, token: str, message_id: str, content_hash: str,
    policy: int | None = None, scopes: Mapping[str, float] = MappingProxyType({}),
) -> AsyncCursor[Any]:  # fmt: skip
    """Take the right to hand this message over (P13, P16); see `attempt_of` for the answer.

    `token` names the claimer: asking again with the same one, after an answer that was lost,
    gives the same claim. `scopes` are messages a minute by scope, where they are limited: then the
    answer must be committed whatever it is, for it may have given the message a slot.
    """
    return await connection.execute(
        _CLAIM_AT_A_RATE if scopes else _CLAIM_AT_ONCE,
        {
            "key": key, "enrollment_id": enrollment_id, "revision": revision, "step": act.step,
            "visit": act.visit, "contact_id": act.contact_id, "email": act.email,
            "kind": act.kind, "priority": act.priority, "due_at": act.due_at,
            "useful_until": act.useful_until, "zone": act.zone, "zone_source": act.zone_source,
            "now": now, "claim_seconds": claim_seconds, "token": token, "message_id": message_id,
            "content_hash": content_hash, "topic": act.topic, "policy": policy,
            **rates.turn_values(scopes, waited=act.waited),
        },
    )  # fmt: skip


async def attempt_of(claimed: AsyncCursor[Any]) -> Attempt:
    """What a claim was answered."""
    row = await claimed.fetchone()
    assert row is not None
    number, complete, scope, wait, full_with = row
    if number is not None:
        return Attempt(int(number))
    late = max(wait, 0.001) if scope is not None else 0.0
    return Attempt(None, late, scope, full_with, not complete)


async def give_up_claim(connection: Connection, key: str | None, now: datetime) -> bool:
    """A claim that outlived its worker becomes unknown (P14); False: somebody settled it.

    Without a key: every claim of programs that nobody came back to for a minute, because its
    account left the program at that moment.
    """
    one = "key = %(key)s and claim_until < clock_timestamp()"
    return await _give_up(connection, _OF_PROGRAMS if key is None else one, key, now)


async def give_up_broadcasts(connection: Connection, now: datetime) -> bool:
    """The same for broadcasts without a worker, which would have done it a minute ago. A service
    notice waits for one, which sends it again."""
    return await _give_up(connection, _OF_BROADCASTS, None, now)


async def _give_up(connection: Connection, which: str, key: str | None, now: datetime) -> bool:
    words = "A worker stopped while handing it over; it may or may not have arrived."
    cursor = await connection.execute(
        f"with told as ({_GIVE_UP.format(which=which)}),"
        " noted as (insert into decisions (at, enrollment_id, broadcast_id, account_id, program_id,"
        " version, step, visit, contact_id, verdict, reason, words)"
        " select %(now)s, told.*, 'unknown', 'crash', %(words)s from told)"
        " select count(*) from told",
        {"key": key, "now": now, "words": words},
    )
    row = await cursor.fetchone()
    return bool(row and row[0])
