"""What a touch writes at its end: the result and the move, one statement and round trip."""

# ruff: noqa: S608  the statements are put together from constants above, never from values
from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from psycopg import AsyncConnection
from psycopg.types.json import Jsonb

from digital_cs.domain.programs.enrollment import (
    Decision,
    MessageState,
    Outcome,
)
from digital_cs.store.programs.positions import position_to_json

Connection = AsyncConnection[Any]

_RESULT = """
update messages
   set state = %(state)s, settled_at = %(now)s, retry_at = %(retry_at)s,
       claim_until = null, smtp_code = %(code)s, detail = %(detail)s, reason = %(reason)s
 where key = %(key)s and state = 'claimed' and attempts = %(attempts)s
returning enrollment_id, account_id, program_id, version, step, visit, contact_id
"""

TELL = """
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
with moved as ({_MOVE}), noted as ({TELL} {_BEFORE} union all {_AFTER}), {_OUT}
select count(*) from moved
"""

_RECORD_AND_MOVE = f"""
with told as ({_RESULT}), moved as ({_MOVE}), {_OUT}, noted as ({TELL}
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
