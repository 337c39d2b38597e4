"""What a touch writes: the claim, the result and the move, each one statement and round trip."""

# ruff: noqa: S608  the statements are put together from constants above, never from values
from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from psycopg import AsyncConnection, AsyncCursor
from psycopg.types.json import Jsonb

from digital_cs.domain.enrollment import (
    Decision,
    MessageState,
    Outcome,
    SendMessage,
)
from digital_cs.store.positions import position_to_json
from digital_cs.store.replies import AWAITED

Connection = AsyncConnection[Any]

# P16: suppressions and the contact's state are read here, in the statement that claims.
# The revision makes a pause, an exit or a second worker that came in between win.
_CLAIM = f"""
with claimed as (
insert into messages as m (key, enrollment_id, program_id, version, step, visit, account_id,
       contact_id, email, kind, priority, topic, policy, state, due_at, useful_until, zone,
       zone_source, attempts, claimed_at, claim_until, claim_token, message_id, content_hash)
select %(key)s, e.id, e.program_id, e.version, %(step)s, %(visit)s, e.account_id,
       c.id, %(email)s, %(kind)s, %(priority)s, %(topic)s, %(policy)s, 'claimed', %(due_at)s,
       %(useful_until)s, %(zone)s, %(zone_source)s, 1,
       %(now)s, clock_timestamp() + make_interval(secs => %(claim_seconds)s), %(token)s,
       %(message_id)s,
       %(content_hash)s
  from enrollments e
  join programs p on p.id = e.program_id and p.state not in ('paused', 'paused-closed')
  join contacts c on c.id = %(contact_id)s and c.active
  join memberships b on b.contact_id = c.id and b.account_id = e.account_id and b.left_at is null
 where e.id = %(enrollment_id)s and e.revision = %(revision)s and e.ended_at is null
   and not e.paused and not {AWAITED.format(account="e.account_id")}
   and not exists (select 1 from suppressions s
                    where s.subject = any(array['address:' || lower(c.email),
                          'domain:' || split_part(lower(c.email), '@', -1),
                          'account:' || e.account_id])
                      and not (%(kind)s = 'service' and s.reason = 'unsubscribed'))
on conflict (key) do update
   set state = 'claimed', claimed_at = excluded.claimed_at,
       attempts = m.attempts + (m.claim_token is distinct from excluded.claim_token)::int,
       claim_until = excluded.claim_until, claim_token = excluded.claim_token,
       content_hash = excluded.content_hash, policy = excluded.policy, retry_at = null
 where m.state = 'planned' or (m.state = 'unknown' and m.kind = 'service')
    or (m.state = 'claimed' and m.claim_token = excluded.claim_token)
returning m.key, m.enrollment_id, m.visit, m.attempts),
-- An earlier try may have named a contact who may not be written to any more.
superseded as (
update messages m
   set state = 'skipped', settled_at = %(now)s, retry_at = null, reason = 'other_contact',
       detail = 'Somebody else of the account is written to instead.'
  from claimed
 where m.enrollment_id = claimed.enrollment_id and m.visit = claimed.visit
   and m.key <> claimed.key and m.state = 'planned')
select attempts from claimed
"""

_RESULT = """
update messages
   set state = %(state)s, settled_at = %(now)s, retry_at = %(retry_at)s,
       claim_until = null, smtp_code = %(code)s, detail = %(detail)s, reason = %(reason)s
 where key = %(key)s and state = 'claimed' and attempts = %(attempts)s
returning enrollment_id, account_id, program_id, version, step, visit, contact_id
"""

_GIVE_UP = """
update messages set state = 'unknown', settled_at = %(now)s, claim_until = null,
       reason = 'crash', detail = 'A worker stopped between handing over and recording.'
 where state = 'claimed'
   and (key = %(key)s and claim_until < clock_timestamp()
        or %(key)s::text is null and claim_until < clock_timestamp() - interval '1 minute')
returning enrollment_id, account_id, program_id, version, step, visit, contact_id
"""

_TELL = """
insert into decisions (at, enrollment_id, account_id, program_id, version, step, visit, contact_id,
                       verdict, reason, words, data_as_of, rule, policy, until)
"""

_MOVE = """
update enrollments
   set position = %(position)s, step = %(step)s, visit = %(visit)s, entered_at = %(entered_at)s,
       wake_at = %(wake_at)s, label = %(label)s, next_label = %(next_label)s,
       listens = %(listens)s, revision = revision + 1, ended_at = %(ended_at)s,
       ending = %(ending)s, because = %(because)s, touched_at = %(now)s,
       plans_at = %(plans_at)s, plans_priority = %(plans_priority)s,
       plans_contact = %(plans_contact)s, plans_email = %(plans_email)s
 where id = %(id)s and revision = %(revision)s and ended_at is null
returning id, account_id, program_id, version
"""

# Who asks whether an account is in a program learns that it is out: see `changes.tell`.
_OUT = """
told_rules as (
insert into account_changes (account_id, keys)
select m.account_id, array['program:' || m.program_id] from moved m
 where %(ended_at)s::timestamptz is not null and exists (select from segments s
   where s.state = 'kept' and 'program:' || m.program_id = any(s.reads))),
woken as (
insert into outbox (kind, enrollment_id)
select 'wake', e.id
  from moved m join enrollments e on e.account_id = m.account_id and e.id <> m.id
  join program_versions v on v.program_id = e.program_id and v.number = e.version
 where %(ended_at)s::timestamptz is not null and e.ended_at is null
   and 'program:' || m.program_id = any(v.listens))
"""

_NOTES = """
select %(now)s::timestamptz, moved.id, moved.account_id, moved.program_id, moved.version,
       d.step, d.visit, d.contact_id, d.verdict, d.reason, d.words, %(as_of)s::timestamptz,
       d.rule, case when d.rule is not null then %(policy)s::int end, d.until
  from moved, jsonb_to_recordset(%({which})s) as d(step text, visit int, contact_id text,
       verdict text, reason text, words text, rule text, until timestamptz)
"""

_BEFORE, _AFTER = _NOTES.format(which="before"), _NOTES.format(which="decisions")

_MOVE_ONLY = f"""
with moved as ({_MOVE}), noted as ({_TELL} {_BEFORE} union all {_AFTER}), {_OUT}
select count(*) from moved
"""

_RECORD_AND_MOVE = f"""
with told as ({_RESULT}), moved as ({_MOVE}), {_OUT}, noted as ({_TELL}
  {_BEFORE}
  union all
  select %(now)s, told.enrollment_id, told.account_id, told.program_id, told.version, told.step,
         told.visit, told.contact_id, %(verdict)s, %(reason)s, %(words)s, %(as_of)s, null,
         %(policy)s::int, null
    from told
  union all
  {_AFTER}),
eased as (
update alerts a set closed_at = %(now)s from told
 where a.closed_at is null and a.kind = 'smtp' and a.program_id = told.program_id
   and a.step = told.step and %(state)s = 'accepted')
select count(*) from moved
"""


@dataclass(frozen=True, slots=True)
class MessageResult:
    """How handing a message over ended, for the ledger."""

    key: str
    attempts: int
    state: MessageState
    verdict: str
    reason: str
    words: str
    code: int | None = None
    detail: str | None = None
    retry_at: datetime | None = None
    policy: int | None = None


async def claim(
    connection: Connection, *, key: str, enrollment_id: str, revision: int, act: SendMessage,
    now: datetime, claim_seconds: float, token: str, message_id: str, content_hash: str,
    policy: int | None = None,
) -> AsyncCursor[Any]:  # fmt: skip
    """Take the right to hand this message over (P13, P16); see `attempt_of` for the answer.

    `token` names the claimer: asking again with the same one, after an answer that was lost,
    gives the same claim.
    """
    return await connection.execute(
        _CLAIM,
        {
            "key": key, "enrollment_id": enrollment_id, "revision": revision, "step": act.step,
            "visit": act.visit, "contact_id": act.contact_id, "email": act.email,
            "kind": act.kind, "priority": act.priority, "due_at": act.due_at,
            "useful_until": act.useful_until, "zone": act.zone, "zone_source": act.zone_source,
            "now": now, "claim_seconds": claim_seconds, "token": token, "message_id": message_id,
            "content_hash": content_hash, "topic": act.topic, "policy": policy,
        },
    )  # fmt: skip


async def attempt_of(claimed: AsyncCursor[Any]) -> int | None:
    """The number of the attempt that a claim gives the right to.

    None: not now. The contact was suppressed, somebody paused or moved the enrollment, or the
    message is settled or in another worker's hands. Load again to learn which.
    """
    row = await claimed.fetchone()
    return int(row[0]) if row is not None else None


async def give_up_claim(connection: Connection, key: str | None, now: datetime) -> bool:
    """A claim that outlived its worker becomes unknown (P14); False: somebody settled it.

    Without a key: every claim that nobody came back to for a minute, because its account left
    the program at that moment.
    """
    words = "A worker stopped while handing it over; it may or may not have arrived."
    cursor = await connection.execute(
        f"with told as ({_GIVE_UP}), noted as ({_TELL} select %(now)s, told.enrollment_id,"
        " told.account_id, told.program_id, told.version, told.step, told.visit, told.contact_id,"
        " 'unknown', 'crash', %(words)s, null, null, null, null from told)"
        " select count(*) from told",
        {"key": key, "now": now, "words": words},
    )
    row = await cursor.fetchone()
    return bool(row and row[0])


async def move(
    connection: Connection, *, enrollment_id: str, revision: int, outcome: Outcome, now: datetime,
    as_of: datetime, result: MessageResult | None = None, before: Sequence[Decision] = (),
    policy: int | None = None,
) -> bool:  # fmt: skip
    """Move the position, with its decisions and the result of a message; False: too late.

    `policy` is the version that they were made by.
    `before` are decisions on the way to the message, told before what became of it.
    When somebody else moved first, the result of the message is kept all the same.
    """
    ended, plan = outcome.ending is not None, outcome.plan
    values = {
        "id": enrollment_id, "revision": revision, "now": now, "as_of": as_of,
        "position": Jsonb(position_to_json(outcome.position)), "step": outcome.position.step,
        "visit": outcome.position.visit, "entered_at": outcome.position.entered_at,
        "wake_at": outcome.wake_at, "label": outcome.label, "next_label": outcome.next_label,
        "listens": sorted(outcome.listens), "ended_at": now if ended else None,
        "ending": outcome.ending.value if outcome.ending else None,
        "because": outcome.because if ended else None, "policy": policy,
        "plans_at": plan.at if plan else None, "plans_priority": plan.priority if plan else None,
        "plans_contact": plan.contact_id if plan else None,
        "plans_email": plan.email if plan else None,
        "before": Jsonb([_note(decision) for decision in before]),
        "decisions": Jsonb([_note(decision) for decision in outcome.decisions]),
    }  # fmt: skip
    if result is None:
        cursor = await connection.execute(_MOVE_ONLY, values)
    else:
        values["policy"] = policy if result.policy is None else result.policy
        cursor = await connection.execute(_RECORD_AND_MOVE, {**values, **_result_values(result)})
    row = await cursor.fetchone()
    return bool(row and row[0])


def _note(decision: Decision) -> dict[str, Any]:
    return {
        "step": decision.step, "visit": decision.visit, "contact_id": decision.contact_id,
        "verdict": decision.verdict.value, "reason": decision.reason, "words": decision.words,
        "rule": decision.rule, "until": decision.until.isoformat() if decision.until else None,
    }  # fmt: skip


def _result_values(result: MessageResult) -> dict[str, Any]:
    return {
        "key": result.key, "attempts": result.attempts, "state": result.state.value,
        "verdict": result.verdict, "reason": result.reason, "words": result.words,
        "code": result.code, "detail": result.detail, "retry_at": result.retry_at,
    }  # fmt: skip
