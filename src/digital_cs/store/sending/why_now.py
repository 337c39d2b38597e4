"""Reads of what stands against writing to an account now, and what comes next, in one statement."""

# ruff: noqa: S608  statements are put together from constants, never from values
from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from psycopg import AsyncConnection
from psycopg.rows import dict_row

from digital_cs.domain.account import SOLVED
from digital_cs.domain.sending.policy import Policy, length
from digital_cs.domain.sending.why_now import Inside, Person, Situation
from digital_cs.store.people.suppressions import REASON_HERE, SUPPRESSED_HERE
from digital_cs.store.programs.facts import moment
from digital_cs.store.sending.holds import LABELS
from digital_cs.store.sending.standing import COUNTED

Connection = AsyncConnection[Any]

MOST_PEOPLE = 20
"""People of whom it is told what stands against writing to them."""

_NAME = "coalesce(nullif(c.full_name, ''), nullif(c.first_name, ''), c.id)"

# What an enrollment waits for a review of, in the words of the decision (P25).
_WAITS = f"""case when e.label in ({LABELS}) then (
                   select x.words from decisions x where x.enrollment_id = e.id
                      and x.visit = e.visit order by x.id desc limit 1) end"""

# What is blocked of the e-mail that comes next, or of the blocks in it and in these.
_WRONG = """(
                   with recursive shown as (
                     select i.id from content_items i
                       join content_sources s on s.name = i.source and s.kind = 'content'
                      where i.locator = 'emails/' || e.plans_email || '.md'
                        and i.retired_at is null
                      union
                     select u.item_id from shown h
                       join content_uses u on u.by_id = h.id and u.how = 'includes')
                   select i.title || ': ' || i.blocked_because from shown h
                     join content_items i on i.id = h.id and i.blocked_at is not null
                    order by i.blocked_at limit 1)"""

# The same person may be several contacts with one address: what any of them said holds for all.
_READ = f"""
with members as materialized (
       select distinct on (c.id) c.id, {_NAME} as name, lower(c.email) as address,
              c.active, m.left_at is null as member, {REASON_HERE} as suppressed, c.created_at,
              %(contact)s::text is null or c.id = %(contact)s
                or lower(c.email) = lower(%(contact)s)
                or c.id = (select contact_id from identities where alias = %(contact)s) as wanted
         from memberships m join contacts c on c.id = m.contact_id {SUPPRESSED_HERE}
        where m.account_id = %(account)s
        order by c.id, m.left_at desc nulls first),
     people as (
       select x.id, x.name, x.active and x.member as active, x.created_at,
              case when x.address is null then 'no address' else x.suppressed end as suppressed,
              s.since, s.expires_at, t.topics, o.quiet_until, o.fewer, h.had
         from members x
         left join lateral (
           select e.created_at as since, e.expires_at from suppression_entries e
            where e.subject in ('address:' || x.address,
                    'domain:' || split_part(x.address, '@', -1), 'account:' || %(account)s)
              and e.reason = x.suppressed and e.lifted_at is null
            order by e.created_at limit 1) s on true
        cross join lateral (
           select array_agg(p.id) as ids, max(p.quiet_until) as quiet_until,
                  bool_or(p.fewer) as fewer
             from contacts p where p.id = x.id or lower(p.email) = x.address) o
        cross join lateral (
           select array(select distinct p.topic from preferences p
                         where p.contact_id = any(o.ids) and not p.wanted order by 1) as topics) t
        cross join lateral (
           select count(*) as had from messages y
            where y.contact_id = any(o.ids) and y.useful_until > %(since)s
              and y.claimed_at > %(since)s and y.kind <> 'service' and y.state in {COUNTED}) h
        where x.wanted and (x.member or %(contact)s::text is not null))
select (select jsonb_build_array(because, at) from stops where lifted_at is null) as stopped,
       (select count(*) from members where member) as members,
       (select count(*) from members
         where member and active and suppressed is null and address is not null) as reachable,
       (select count(*) from members where wanted) as meant,
       (select jsonb_agg(jsonb_build_array(severity, opened_at)) from tickets
         where account_id = %(account)s and status not in {SOLVED}
           and severity = any(%(severities)s)) as tickets,
       (select jsonb_agg(jsonb_build_array(title, opened_at) order by opened_at) from incidents
         where closed_at is null and (account_ids is null or %(account)s = any(account_ids)))
         as incidents,
       (select array_agg(opened_at order by opened_at) from tasks
         where account_id = %(account)s and kind = 'reply' and state = 'open') as replies,
       (select jsonb_agg(to_jsonb(p) order by p.created_at, p.id) from (
          select * from people
           where %(contact)s::text is not null or not active or suppressed is not null or fewer
              or topics <> '{{}}' or quiet_until > %(now)s or had >= %(low)s
           order by created_at, id limit {MOST_PEOPLE}) p) as people,
       (select count(*) from messages where account_id = %(account)s and claimed_at > %(since)s
           and useful_until > %(since)s and kind <> 'service' and state in {COUNTED}) as had,
       (select jsonb_agg(to_jsonb(i) order by i.wake_at nulls last, i.enrollment) from (
          select e.id as enrollment, e.program_id as program,
                 coalesce(nullif(v.spec->>'name', ''), e.program_id) as name, e.version,
                 p.state in ('paused', 'paused-closed') as program_paused, e.paused, e.step,
                 e.label, e.next_label, e.wake_at, e.plans_email as email,
                 coalesce(nullif(c.full_name, ''), nullif(c.first_name, ''), e.plans_contact)
                   as contact, coalesce(d.sent, 0) as sent_today, d.cap, {_WAITS} as waits_because,
                 {_WRONG} as next_is_wrong
            from enrollments e
            join programs p on p.id = e.program_id
            join program_versions v on v.program_id = e.program_id and v.number = e.version
            left join contacts c on c.id = e.plans_contact
            left join program_days d on d.program_id = e.program_id and d.day = %(day)s
           where e.account_id = %(account)s and e.ended_at is null
             and (%(program)s::text is null or e.program_id = %(program)s)) i) as inside,
       (select jsonb_object_agg(h.program_id, jsonb_build_array(h.share, h.assigned_at))
          from holdouts h where h.account_id = %(account)s and h.held
           and (h.program_id = %(program)s or %(program)s::text is null and exists (
             select from enrollments e where e.account_id = %(account)s
                and e.program_id = h.program_id and e.ended_at is null))) as held_out,
       (select complete_day from feeds where feed = 'usage') as usage_through,
       (select complete_through from feeds where feed = 'tickets') as tickets_through
"""


async def situation(
    connection: Connection, account_id: str, policy: Policy, now: datetime, *,
    contact: str | None = None, program: str | None = None,
) -> tuple[Situation, int]:  # fmt: skip
    """What holds for an account at this moment; `contact` by id or e-mail address.

    The number counts the contacts of the account, now or before, that were meant; `people` are
    then those, else the members of whom there is anything to tell.
    """
    person = policy.budget.person
    async with connection.cursor(row_factory=dict_row) as cursor:
        await cursor.execute(
            _READ,
            {
                "account": account_id, "contact": contact, "program": program, "now": now,
                "day": now.date(), "since": now - length(policy.budget.per),
                "severities": list(policy.quiet.severities),
                "low": max(person.low, 1) if person is not None else 2**31 - 1,
            },
        )  # fmt: skip
        row = await cursor.fetchone()
    assert row is not None
    return _situation(row), row["meant"]


def _situation(row: Mapping[str, Any]) -> Situation:
    return Situation(
        stopped=_dated(row["stopped"]) if row["stopped"] else None, members=row["members"],
        reachable=row["reachable"], tickets=[_dated(each) for each in row["tickets"] or ()],
        incidents=[_dated(each) for each in row["incidents"] or ()], replies=row["replies"] or [],
        people=[_person(each) for each in row["people"] or ()], had=row["had"],
        inside=[
            Inside(**{**each, "wake_at": moment(each["wake_at"])}) for each in row["inside"] or ()
        ],
        held_out={
            program: (share, datetime.fromisoformat(at))
            for program, (share, at) in (row["held_out"] or {}).items()
        },
        usage_through=row["usage_through"], tickets_through=row["tickets_through"],
    )  # fmt: skip


def _dated(pair: Any) -> tuple[str, datetime]:
    return pair[0], datetime.fromisoformat(pair[1])


def _person(row: Mapping[str, Any]) -> Person:
    return Person(
        id=row["id"], name=row["name"], active=row["active"], suppressed=row["suppressed"],
        suppressed_since=moment(row["since"]), suppressed_until=moment(row["expires_at"]),
        unwanted=tuple(row["topics"]), quiet_until=moment(row["quiet_until"]),
        fewer=bool(row["fewer"]), had=row["had"],
    )  # fmt: skip
