"""All that one touch may look at, read in one round trip."""

# ruff: noqa: S608  the statement is put together from constants, never from values
from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from psycopg import AsyncConnection

from digital_cs.domain.account import Account, Event
from digital_cs.domain.programs.enrollment import (
    Controls,
    MessageFact,
    MessageState,
    Position,
    TaskFact,
    WebhookFact,
)
from digital_cs.domain.timing.business_calendar import BusinessCalendar
from digital_cs.store.programs.facts import (
    CONTACT,
    FACTS,
    HAPPENED,
    PEOPLE,
    WIDTH,
    account_of,
    moment,
)
from digital_cs.store.programs.positions import position_from_json
from digital_cs.store.sending.replies import SINCE

Connection = AsyncConnection[Any]

# Instant steps ride in one touch without being written down one by one, so that there may be
# messages, tasks and calls of later visits than the one that the position is at.
_GIVEN = {"reads": "v.reads", "now": "%(now)s::timestamptz"}
# What a person said under one id holds for all ids with their address.
_UNWANTED = """array(select p.topic from preferences p join contacts o on o.id = p.contact_id
                      where lower(o.email) = lower(c.email) and not p.wanted)"""
_QUIET_UNTIL = """(select max(o.quiet_until) from contacts o
                     where lower(o.email) = lower(c.email))"""
# Accounts for which the same people are to get a message of the same program soon (P2).
_ALSO_FOR = """(select jsonb_agg(distinct jsonb_build_array(c.id, x.plans_email, n.name))
          from memberships m join contacts c on c.id = m.contact_id
          join contacts o on lower(o.email) = lower(c.email)
          join memberships om on om.contact_id = o.id and om.left_at is null
          join enrollments x on x.account_id = om.account_id and x.plans_contact = o.id
          join accounts n on n.id = x.account_id
         where m.account_id = a.id and m.left_at is null and x.account_id <> a.id
           and x.program_id = e.program_id and x.ended_at is null
           and x.plans_at <= %(now)s + interval '1 day')"""
# The first and the last firing of each day, as of events: of an event there may be many.
_FIRED = """(select jsonb_object_agg(x.trigger_id, x.moments) from (
          select d.trigger_id, jsonb_agg(d.first) || jsonb_agg(d.last) as moments from (
            select f.trigger_id, min(f.at) as first, max(f.at) as last from trigger_firings f
             where f.account_id = a.id and f.at > e.started_at
               and v.reads -> 'triggers' ? f.trigger_id
             group by 1, (f.at at time zone 'UTC')::date) d
           group by 1) x)"""
_LOAD = f"""
select {FACTS.format(**_GIVEN)},
       e.program_id, e.version, e.started_at, e.position, e.revision, e.wake_at,
       e.paused or p.state in ('paused', 'paused-closed'), {SINCE.format(account="e.account_id")},
       e.exit_because, e.skip_visit,
       e.not_before, e.skip_due_before, e.ended_at is not null, a.name, a.updated_at,
       (select jsonb_agg(jsonb_build_array({CONTACT.format(**_GIVEN)}, c.email,
               c.first_name, c.full_name, c.language, {_UNWANTED}, {_QUIET_UNTIL})
               order by c.created_at, c.id)
          from {PEOPLE}),
       (select jsonb_agg(jsonb_build_array(u.event, {HAPPENED}, u.last_at) order by u.day)
          from usage_days u
         where u.account_id = a.id and u.event = any(v.event_names)
           and coalesce(u.last_at, {HAPPENED}) >= e.started_at),
       case when v.reads ? 'triggers' then {_FIRED} end,
       (select jsonb_agg(jsonb_build_array(x.visit, x.key, x.state, x.attempts, x.retry_at,
               x.contact_id, extract(epoch from x.claim_until - clock_timestamp()))) from (
          select distinct on (m.visit) m.* from messages m
           where m.enrollment_id = e.id and m.visit >= e.visit
           order by m.visit, m.state = 'skipped', m.state in ('planned', 'claimed', 'unknown'),
                    m.attempts desc) x),
       (select jsonb_agg(jsonb_build_array(t.visit, t.closed_at, t.due_at, t.state)) from tasks t
         where t.enrollment_id = e.id and t.visit >= e.visit),
       (select jsonb_agg(jsonb_build_array(w.visit, w.state, w.attempts, w.retry_at))
          from webhook_calls w where w.enrollment_id = e.id and w.visit >= e.visit),
       case when v.spec->>'same_person' = 'both' then {_ALSO_FOR} end
  from enrollments e
  join programs p on p.id = e.program_id
  join program_versions v on v.program_id = e.program_id and v.number = e.version
  join accounts a on a.id = e.account_id
 where e.id = %(id)s
"""


@dataclass(frozen=True, slots=True)
class Recipient:
    """What is needed to write to a contact. Never leaves the activity."""

    address: str
    first_name: str
    full_name: str
    language: str | None
    role: str


@dataclass(frozen=True, slots=True)
class Claim:
    """A message that somebody is handing over, or died with: real seconds that are left."""

    key: str
    seconds_left: float


@dataclass(frozen=True, slots=True)
class Loaded:
    """Everything that one touch needs, read in one round trip.

    Messages, claims, tasks and calls are by step visit, from the present one on. `also_for` are
    the names of other accounts by contact and e-mail, where one message is to name them all (P2).
    """

    program_id: str
    version: int
    started_at: datetime
    position: Position
    revision: int
    wake_at: datetime | None
    controls: Controls
    ended: bool
    account: Account
    account_name: str
    data_as_of: datetime
    recipients: dict[str, Recipient]
    messages: dict[int, MessageFact]
    claims: dict[int, Claim]
    tasks: dict[int, TaskFact]
    calls: dict[int, WebhookFact]
    also_for: dict[tuple[str, str], tuple[str, ...]]


async def load(
    connection: Connection, enrollment_id: str, now: datetime, calendar: BusinessCalendar
) -> Loaded | None:
    """Read an enrollment with all that its next step may look at; None if there is none."""
    cursor = await connection.execute(_LOAD, {"id": enrollment_id, "now": now})
    row = await cursor.fetchone()
    return _loaded(row, calendar) if row is not None else None


def _loaded(row: Any, calendar: BusinessCalendar) -> Loaded:
    (program_id, version, started_at, position, revision, wake_at, paused, replied_at, exit_because,
     skip_visit, not_before, skip_due_before, ended, name, updated_at, contacts, events, fired,
     messages, tasks, calls, also_for) = row[WIDTH:]  # fmt: skip
    happened = tuple(
        Event(name, at)
        for name, *found in events or ()
        for at in {moment(value) for value in found}
        if at is not None
    )
    account = account_of(row[:WIDTH], calendar, contacts, happened, fired)
    asked = {id: (frozenset(topics), moment(until)) for id, *_, topics, until in contacts or ()}
    account = replace(
        account,
        contacts=tuple(
            replace(each, unwanted=asked[each.id][0], quiet_until=asked[each.id][1])
            for each in account.contacts
        ),
    )
    named: dict[tuple[str, str], tuple[str, ...]] = {}
    for contact, email, other in also_for or ():
        named[contact, email] = (*named.get((contact, email), ()), other)
    recipients = {
        id: Recipient(address, first, full, language, roles[0] if roles else "")
        for id, roles, _, _, _, _, address, first, full, language, *_ in contacts or ()
    }
    return Loaded(
        program_id=program_id, version=version, started_at=started_at,
        position=position_from_json(position), revision=revision, wake_at=wake_at,
        controls=Controls(
            paused or replied_at is not None, exit_because, skip_visit, not_before,
            skip_due_before, replied_at,
        ),
        ended=ended, account=account, account_name=name, data_as_of=updated_at,
        recipients=recipients,
        messages={
            visit: MessageFact(MessageState(state), attempts, moment(retry_at), contact_id)
            for visit, _, state, attempts, retry_at, contact_id, _ in messages or ()
        },
        claims={
            visit: Claim(key, float(left))
            for visit, key, state, _, _, _, left in messages or ()
            if state == MessageState.CLAIMED
        },
        tasks={
            visit: TaskFact(moment(closed_at) if state == "done" else None, moment(due_at))
            for visit, closed_at, due_at, state in tasks or ()
        },
        calls={
            visit: WebhookFact(state != "planned", state == "delivered", tried, moment(retry_at))
            for visit, state, tried, retry_at in calls or ()
        },
        also_for=named,
    )  # fmt: skip
