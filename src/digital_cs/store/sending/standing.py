"""What is known about a person and their account at the moment of sending, read under locks."""

# ruff: noqa: S608  the statement is put together from constants, never from values
from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from typing import Any

from psycopg import AsyncConnection

from digital_cs.domain.account import SOLVED
from digital_cs.domain.content.stale_rule import AS_WRITTEN, Content, Doubt, Swaps
from digital_cs.domain.sending.budget import Coming
from digital_cs.domain.sending.eligibility import Standing
from digital_cs.domain.sending.policy import Policy, length
from digital_cs.store.content import doubts
from digital_cs.store.people.suppressions import REASON_HERE, SUPPRESSED_HERE
from digital_cs.store.programs.facts import moment
from digital_cs.store.sending.locks import TO_CLAIM

Connection = AsyncConnection[Any]

COUNTED = "('claimed', 'accepted', 'delivered', 'bounced', 'complained', 'unknown')"
"""States of messages that may have reached somebody. A bounce was an attempt on their attention."""

# A statement of its own after the locks, so that it sees what the one before us wrote.
_READ = f"""
with person as (
       select o.id from contacts c join contacts o on lower(o.email) = lower(c.email)
        where c.id = %(contact)s),
     coming as (
       select e.plans_at, e.plans_priority, e.account_id = %(account)s as here,
              e.plans_contact in (select id from person) as theirs
         from enrollments e join programs p on p.id = e.program_id
        where e.account_id in (select m.account_id from memberships m
                                where m.contact_id in (select id from person) and m.left_at is null)
          and e.ended_at is null and not e.paused and p.state not in ('paused', 'paused-closed')
          and e.plans_at > %(now)s - interval '1 hour' and e.plans_at <= %(horizon)s
          and e.id is distinct from %(enrollment)s
       union all
       select x.at, x.priority, x.account_id = %(account)s, true
         from broadcasts b cross join person o cross join lateral (
           select y.*, coalesce(y.retry_at, y.due_at) as at from messages y
            where y.key = b.id || '/' || o.id and y.state = 'planned' and y.kind <> 'service'
              and y.key <> %(key)s offset 0) x
        where b.state = 'running' and not b.paused
          and x.at > %(now)s - interval '1 hour' and x.at <= %(horizon)s)
select c.active and m.contact_id is not null, {REASON_HERE}, c.full_name,
       split_part(lower(c.email), '@', -1),
       array(select distinct p.topic from preferences p
              where p.contact_id in (select id from person) and not p.wanted),
       (select max(o.quiet_until) from contacts o where o.id in (select id from person)),
       exists (select from contacts o where o.id in (select id from person) and o.fewer),
       array(select x.claimed_at from messages x where x.contact_id in (select id from person)
              and x.useful_until > %(since)s and x.claimed_at > %(since)s
              and x.kind <> 'service' and x.state in {COUNTED} and x.key <> %(key)s),
       array(select x.claimed_at from messages x where x.account_id = %(account)s
              and x.useful_until > %(since)s and x.claimed_at > %(since)s
              and x.kind <> 'service' and x.state in {COUNTED} and x.key <> %(key)s),
       (select jsonb_agg(jsonb_build_array(plans_at, plans_priority, here, theirs)) from coming),
       (select jsonb_build_array(t.severity, t.opened_at) from tickets t
         where t.account_id = %(account)s and t.status not in {SOLVED}
           and t.severity = any(%(severities)s)
         order by array_position(%(severities)s, t.severity) desc, t.opened_at limit 1),
       (select i.title from incidents i where i.closed_at is null and %(incidents)s
           and (i.account_ids is null or %(account)s = any(i.account_ids))
         order by i.opened_at limit 1),
       (select min(k.opened_at) from tasks k
         where k.account_id = %(account)s and k.kind = 'reply' and k.state = 'open'),
       (select h.share from holdouts h
         where h.program_id = %(program)s and h.account_id = %(account)s and h.held),
       (select jsonb_build_array(a.name, x.claimed_at)
          from messages x join accounts a on a.id = x.account_id
         where x.contact_id in (select id from person) and x.account_id <> %(account)s
           and x.program_id = %(program)s and x.email = %(email)s and x.state in {COUNTED}
           and x.useful_until > %(same_since)s and x.claimed_at > %(same_since)s
         order by x.claimed_at desc limit 1),
       (select s.because from stops s where s.lifted_at is null),
       (select jsonb_build_array(d.sent, d.cap) from program_days d
         where d.program_id = %(program)s and d.day = %(day)s),
       (select max(version) from policies)
  from contacts c
  left join memberships m
    on m.contact_id = c.id and m.account_id = %(account)s and m.left_at is null
  {SUPPRESSED_HERE}
 where c.id = %(contact)s
"""


@dataclass(frozen=True, slots=True)
class Asked:
    """Which message is about to be sent; `key` is that of its ledger row, which never counts.

    `content` is all that its e-mail may show, `swaps` how it was rendered.
    """

    key: str
    enrollment_id: str | None
    program_id: str
    account_id: str
    contact_id: str
    email: str
    content: Content | None = None
    swaps: Swaps = AS_WRITTEN


@dataclass(frozen=True, slots=True)
class Seen:
    """A standing, with what else is needed to act on it.

    `policy_version` is the one in force, which may be newer than the one that was read with.
    `day_known` is False where nobody has counted the program's messages of this day yet. `doubts`
    are about what it shows (see `doubts`).
    """

    standing: Standing
    who: str
    domain: str
    policy_version: int
    day_known: bool
    doubts: Mapping[str, Doubt] = field(default_factory=dict)


async def read(
    connection: Connection, asked: Asked, policy: Policy, now: datetime, day: date
) -> Seen | None:
    """Take the locks and read; None if there is no such contact. Call it in a transaction.

    Within a pipeline this is one round trip. The locks last until the transaction ends.
    """
    who = {"account": asked.account_id, "contact": asked.contact_id}
    await connection.execute(TO_CLAIM, who)
    shown = await doubts.asking(connection, asked.content) if asked.content else None
    cursor = await connection.execute(
        _READ,
        {
            **who, "key": asked.key, "enrollment": asked.enrollment_id, "email": asked.email,
            "program": asked.program_id, "now": now, "day": day,
            "since": now - policy.budget.longest,
            "horizon": now + length(policy.budget.look_ahead),
            "same_since": now - length(policy.same_person_within),
            "severities": list(policy.quiet.severities), "incidents": policy.quiet.incidents,
        },
    )  # fmt: skip
    row = await cursor.fetchone()
    if row is None:
        return None
    seen = _seen(row)
    if shown is None or asked.content is None:
        return seen
    # It was asked before, so its answer is there already.
    return replace(seen, doubts=await doubts.found(shown, asked.content, day))


def _seen(row: Any) -> Seen:
    (active, suppressed, name, domain, unwanted, quiet_until, fewer, person, account, coming,
     ticket, incident, replied_at, held_out, got_it_for, stopped, today, version) = row  # fmt: skip
    ahead = [
        (Coming(at, priority), here, theirs)
        for text, priority, here, theirs in coming or ()
        if (at := moment(text)) is not None
    ]
    standing = Standing(
        active=bool(active), suppressed=suppressed, unwanted=frozenset(unwanted),
        quiet_until=quiet_until, fewer=fewer, person=person, account=account,
        coming_person=[each for each, _, theirs in ahead if theirs],
        coming_account=[each for each, here, _ in ahead if here],
        ticket=_dated(ticket), incident=incident, replied_at=replied_at, held_out=held_out,
        got_it_for=_dated(got_it_for), stopped=stopped,
        sent_today=today[0] if today else 0, cap=today[1] if today else None,
    )  # fmt: skip
    return Seen(standing, name or "The reader", domain or "", version or 0, today is not None)


def _dated(pair: Any) -> tuple[str, datetime] | None:
    """A name with a moment, as JSON has them."""
    at = moment(pair[1]) if pair else None
    return (pair[0], at) if at is not None else None
