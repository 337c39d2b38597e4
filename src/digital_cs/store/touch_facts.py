"""All that one touch may look at, read in one round trip."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from psycopg import AsyncConnection

from digital_cs.domain.account import Account, Contact, Event
from digital_cs.domain.enrollment import (
    Controls,
    MessageFact,
    MessageState,
    Position,
    TaskFact,
    WebhookFact,
)
from digital_cs.store.positions import position_from_json

Connection = AsyncConnection[Any]

# Instant steps ride in one touch without being written down one by one, so that there may be
# messages, tasks and calls of later visits than the one that the position is at.
_LOAD = """
select e.program_id, e.version, e.nth, e.started_at, e.position, e.revision, e.wake_at,
       e.paused or p.state in ('paused', 'paused-closed'), e.exit_because, e.skip_visit,
       e.not_before, e.skip_due_before, e.ended_at is not null,
       a.id, a.name, a.stage, a.managed, a.zone, a.country, a.traits, a.last_active_on,
       (select complete_day from feeds where feed = 'usage'), a.updated_at,
       (select jsonb_agg(jsonb_build_array(c.id, m.roles, c.zone, c.active,
               case when c.email is null then 'no address' else s.reason end, c.email,
               c.first_name, c.full_name, c.language) order by c.created_at, c.id)
          from memberships m join contacts c on c.id = m.contact_id
          left join suppressions s on s.address = lower(c.email)
         where m.account_id = a.id and m.left_at is null),
       (select jsonb_object_agg(m.name, m.reached_at) from milestones m
         where m.account_id = a.id),
       (select jsonb_agg(jsonb_build_array(u.event, u.first_at, u.last_at) order by u.day)
          from usage_days u
         where u.account_id = a.id and u.event = any(v.event_names)
           and u.last_at >= e.started_at),
       (select jsonb_agg(jsonb_build_array(x.visit, x.key, x.state, x.attempts, x.retry_at,
               x.contact_id, extract(epoch from x.claim_until - clock_timestamp()))) from (
          select distinct on (m.visit) m.* from messages m
           where m.enrollment_id = e.id and m.visit >= e.visit
           order by m.visit, m.state = 'skipped', m.state in ('planned', 'claimed', 'unknown'),
                    m.attempts desc) x),
       (select jsonb_agg(jsonb_build_array(t.visit, t.closed_at, t.due_at, t.state)) from tasks t
         where t.enrollment_id = e.id and t.visit >= e.visit),
       (select jsonb_agg(jsonb_build_array(w.visit, w.state, w.attempts, w.retry_at))
          from webhook_calls w where w.enrollment_id = e.id and w.visit >= e.visit)
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

    Messages, claims, tasks and calls are by step visit, from the present one on.
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


async def load(connection: Connection, enrollment_id: str) -> Loaded | None:
    """Read an enrollment with all that its next step may look at; None if there is none."""
    cursor = await connection.execute(_LOAD, {"id": enrollment_id})
    row = await cursor.fetchone()
    return _loaded(row) if row is not None else None


def _loaded(row: Any) -> Loaded:
    (program_id, version, _nth, started_at, position, revision, wake_at, paused, exit_because,
     skip_visit, not_before, skip_due_before, ended, account_id, name, stage, managed, zone,
     country, traits, last_active_on, usage_through, updated_at, contacts, milestones, events,
     messages, tasks, calls) = row  # fmt: skip
    moments = {key: _moment(value) for key, value in (milestones or {}).items()}
    account = Account(
        id=account_id, stage=stage, managed=managed, zone=zone, country=country, traits=traits,
        milestones={key: at for key, at in moments.items() if at is not None},
        last_active_on=last_active_on, usage_through=usage_through,
        contacts=tuple(
            Contact(id, tuple(roles), contact_zone, active, quiet)
            for id, roles, contact_zone, active, quiet, *_ in contacts or ()
        ),
        events=tuple(
            Event(name, at)
            for name, *found in events or ()
            for at in {_moment(value) for value in found}
            if at is not None
        ),
    )  # fmt: skip
    recipients = {
        id: Recipient(address, first, full, language, roles[0] if roles else "")
        for id, roles, _, _, _, address, first, full, language in contacts or ()
    }
    return Loaded(
        program_id=program_id, version=version, started_at=started_at,
        position=position_from_json(position), revision=revision, wake_at=wake_at,
        controls=Controls(paused, exit_because, skip_visit, not_before, skip_due_before),
        ended=ended, account=account, account_name=name, data_as_of=updated_at,
        recipients=recipients,
        messages={
            visit: MessageFact(MessageState(state), attempts, _moment(retry_at), contact_id)
            for visit, _, state, attempts, retry_at, contact_id, _ in messages or ()
        },
        claims={
            visit: Claim(key, float(left))
            for visit, key, state, _, _, _, left in messages or ()
            if state == MessageState.CLAIMED
        },
        tasks={
            visit: TaskFact(_moment(closed_at) if state == "done" else None, _moment(due_at))
            for visit, closed_at, due_at, state in tasks or ()
        },
        calls={
            visit: WebhookFact(state != "planned", state == "delivered", tried, _moment(retry_at))
            for visit, state, tried, retry_at in calls or ()
        },
    )  # fmt: skip


def _moment(value: str | None) -> datetime | None:
    return datetime.fromisoformat(value) if value is not None else None
