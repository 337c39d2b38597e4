"""Reads of why something was sent or not: the messages wanted for an account, with their story."""

# ruff: noqa: S608  the statement is put together from constants, never from values
from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from psycopg import AsyncConnection
from psycopg.rows import dict_row

from digital_cs.domain.programs.enrollment import MessageState, Verdict
from digital_cs.domain.sending.policy import Policy
from digital_cs.domain.sending.reason import Reason
from digital_cs.domain.sending.why import Ledger, Told, Wish
from digital_cs.store.programs.facts import moment
from digital_cs.store.sending.policies import policy_from_json

Connection = AsyncConnection[Any]

MOST_NEAR = 11
"""Accounts of a similar name that are looked for: one more than are worth listing."""

# An id wins over names, a whole name over a part of one.
_FIND = """
with exact as (select * from accounts where id = %(named)s),
     near as (
       select * from accounts
        where not exists (select from exact) and %(by_name)s
          and (strpos(lower(name), lower(%(named)s)) > 0 or strpos(lower(id), lower(%(named)s)) > 0)
        order by lower(name) <> lower(%(named)s), id limit %(most)s)
select a.id, a.name, a.zone, lower(a.name) = lower(%(named)s) or a.id = %(named)s as whole,
       p.version as policy, p.spec
  from (select * from exact union all select * from near) a
  left join (select version, spec from policies order by version desc limit 1) p on true
 order by 4 desc, 1
"""


@dataclass(frozen=True, slots=True)
class Subject:
    """An account that somebody may have meant. `whole`: by its id, or its whole name."""

    id: str
    name: str
    zone: str | None
    whole: bool


@dataclass(frozen=True, slots=True)
class Subjects:
    """Those who may have been meant, the likeliest first, with the policy in force."""

    found: list[Subject]
    policy: Policy
    policy_version: int


async def find(connection: Connection, named: str, *, by_name: bool) -> Subjects:
    """Look for an account by its id, or by its name or a part of it as well (`by_name`)."""
    async with connection.cursor(row_factory=dict_row) as cursor:
        await cursor.execute(_FIND, {"named": named, "by_name": by_name, "most": MOST_NEAR})
        rows = await cursor.fetchall()
    found = [Subject(row["id"], row["name"], row["zone"], row["whole"]) for row in rows]
    spec = rows[0]["spec"] if rows else None
    policy = policy_from_json(spec) if spec is not None else Policy()
    return Subjects(found, policy, (rows[0]["policy"] or 0) if rows else 0)


# A message that waits has no row in the ledger yet, and one in hand no decision. The text's name
# is then that of the plan, or of the step as it is written, whose id else is made of it.
# One broadcast may go to several people of an account: each is a story of its own.
_WHOM = "case when broadcast_id is not null then coalesce(contact_id, '') end"
_WISHES = f"""
with happened as (
  select enrollment_id, visit, broadcast_id, {_WHOM} as whom, program_id, step, at, contact_id,
         verdict in ('sent', 'deferred', 'skipped', 'held', 'failed', 'unknown')
           and reason <> all(%(without)s::text[]) as sends, false as booked
    from decisions where account_id = %(account)s and at >= %(since)s
     and (%(program)s::text is null or coalesce(program_id, broadcast_id) = %(program)s)
  union all
  select enrollment_id, visit, broadcast_id, {_WHOM}, program_id, step,
         coalesce(settled_at, claimed_at, due_at), contact_id, true, true
    from messages where account_id = %(account)s
     and coalesce(settled_at, claimed_at, due_at) >= %(since)s
     and (%(program)s::text is null or coalesce(program_id, broadcast_id) = %(program)s)),
grouped as (
  select enrollment_id, visit, broadcast_id, whom, min(program_id) as program_id,
         min(step) as step, max(at) as at,
         -- An operator skips steps of every kind: only a message has a row in the ledger then.
         bool_or(sends) as sends, bool_or(contact_id is not null) as named,
         bool_or(contact_id = any(%(contacts)s::text[])) as theirs
    from happened group by 1, 2, 3, 4),
chosen as (
  select * from grouped
   where (sends or %(program)s::text is not null)
     and (%(contacts)s::text[] is null or theirs or (sends and not named))
   order by at desc, enrollment_id, broadcast_id, visit desc limit %(most)s)
select w.enrollment_id, w.visit, w.broadcast_id, coalesce(w.program_id, w.broadcast_id) as sender,
       w.step, w.sends, e.version, e.ended_at, e.because,
       w.broadcast_id is not null or e.visit = w.visit as here,
       coalesce(nullif(v.spec->>'name', ''), nullif(b.name, ''), w.program_id, w.broadcast_id)
         as program_name,
       coalesce(case when e.visit = w.visit and e.ended_at is null then e.plans_email end,
                jsonb_path_query_first(v.spec, '$.steps.** ? (@.id == $step).send',
                  jsonb_build_object('step', w.step)) #>> '{{}}', w.step) as email,
       d.told, m.*, g.state as merge, r.returned, k.clicks, k.scans, o.of_others
  from (select count(*) as of_others from grouped where sends and named and not theirs) o
  left join chosen w on true
  left join enrollments e on e.id = w.enrollment_id
  left join program_versions v on v.program_id = e.program_id and v.number = e.version
  left join broadcasts b on b.id = w.broadcast_id
  cross join lateral (
    select jsonb_agg(jsonb_build_array(d.at, d.verdict, d.reason, d.words, d.version, d.rule,
             d.policy, d.until, d.data_as_of, d.contact_id, coalesce(nullif(c.full_name, ''),
             nullif(c.first_name, ''), d.contact_id)) order by d.id) as told
      from (select * from decisions
             where enrollment_id = w.enrollment_id and visit = w.visit
             union all select * from decisions
             where account_id = %(account)s and broadcast_id = w.broadcast_id
               and {_WHOM} = w.whom) d
      left join contacts c on c.id = d.contact_id) d
  left join lateral (
    select m.key, m.state, coalesce(m.claimed_at, m.settled_at) as booked_at, m.contact_id,
           coalesce(nullif(c.full_name, ''), nullif(c.first_name, ''), m.contact_id)
             as contact_name, m.zone, m.zone_source, m.policy, m.email as text, m.kind
      from (select * from messages
             where enrollment_id = w.enrollment_id and visit = w.visit
             union all select * from messages
             where account_id = %(account)s and broadcast_id = w.broadcast_id
               and {_WHOM} = w.whom) m
      left join contacts c on c.id = m.contact_id
     order by m.state = 'skipped', m.attempts desc limit 1) m on true
  left join merges g on g.message_key = m.key
  left join lateral (select jsonb_object_agg(kind, n) as returned from (
    select kind, count(*) as n from returned_messages where message_key = m.key group by 1) x)
    r on true
  left join lateral (
    select count(*) filter (where human) as clicks, count(*) filter (where not human) as scans
      from clicks where message_key = m.key) k on true
 order by w.at desc, w.enrollment_id, w.broadcast_id, w.visit desc
"""

WITHOUT_MESSAGE = (Reason.NO_DATE, Reason.UNKNOWN, Reason.DEAD_LETTER, Reason.OPERATOR)
"""Reasons for which steps that send nothing wait, fail or are skipped, too."""


async def wishes(
    connection: Connection, account_id: str, since: datetime, *, most: int,
    program: str | None = None, contacts: Sequence[str] | None = None,
) -> tuple[list[Wish], int]:  # fmt: skip
    """The latest messages that anybody wanted to send to an account since then, newest first.

    Of one program, also its steps that sent nothing; `program` may name a broadcast as well. With
    `contacts`, only what was for them, or for nobody; the number counts what was for others of the
    account.
    """
    async with connection.cursor(row_factory=dict_row) as cursor:
        await cursor.execute(
            _WISHES,
            {
                "account": account_id, "since": since, "most": most, "program": program,
                "contacts": list(contacts) if contacts is not None else None,
                "without": [str(each) for each in WITHOUT_MESSAGE],
            },
        )  # fmt: skip
        rows = await cursor.fetchall()
    found = [_wish(row) for row in rows if row["sender"] is not None]
    return found, rows[0]["of_others"]


def _wish(row: Mapping[str, Any]) -> Wish:
    ended_here = row["here"] and row["ended_at"] is not None
    return Wish(
        program=row["sender"], program_name=row["program_name"], broadcast=row["broadcast_id"],
        enrollment=row["enrollment_id"] or "", version=row["version"] or 0,
        step=row["step"] or "", visit=row["visit"] or 0,
        email=(row["text"] or row["email"]) if row["sends"] else None,
        is_message=row["sends"], kind=row["kind"],
        told=tuple(_told(each) for each in row["told"] or ()),
        ledger=_ledger(row) if row["key"] is not None else None,
        present=row["here"] and row["ended_at"] is None,
        ended_at=row["ended_at"] if ended_here else None,
        ended_because=row["because"] if ended_here else None,
    )  # fmt: skip


def _told(values: Sequence[Any]) -> Told:
    (at, verdict, reason, words, version, rule, policy, until, data_as_of, contact, name) = values
    return Told(
        datetime.fromisoformat(at), Verdict(verdict), Reason(reason), words, version or 0, rule,
        policy, moment(until), moment(data_as_of), contact, name,
    )  # fmt: skip


def _ledger(row: Mapping[str, Any]) -> Ledger:
    return Ledger(
        key=row["key"], state=MessageState(row["state"]), at=row["booked_at"],
        contact=row["contact_id"], contact_name=row["contact_name"], zone=row["zone"],
        zone_source=row["zone_source"], policy=row["policy"], merge=row["merge"],
        returned=row["returned"] or {}, clicks=row["clicks"], scans=row["scans"],
    )  # fmt: skip
