"""Accounts as the rules see them."""

# ruff: noqa: S608  the statements are put together from constants, never from values
from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import date, datetime
from typing import Any

from psycopg import AsyncConnection
from psycopg.types.json import Jsonb

from digital_cs.domain.account import (
    SOLVED,
    Account,
    Contact,
    Event,
    Subscription,
    Ticket,
    UsageDay,
)
from digital_cs.domain.rules.condition_traits import number_of
from digital_cs.domain.rules.reads import Reads
from digital_cs.domain.timing.business_calendar import BusinessCalendar
from digital_cs.store.people.suppressions import SUPPRESSED_HERE
from digital_cs.store.rules.condition_sql_people import QUIET_BECAUSE
from digital_cs.store.rules.condition_sql_product import THROUGH

Connection = AsyncConnection[Any]

# What one account is loaded with, as select items over accounts `a`. {reads} is the JSON of a
# Reads: what is not in it costs one look at a key, here and on the hot path of a touch. {now} is
# the moment of business; a day more than is asked for, as a touch may be judged for the moment for
# which it was planned.
FACTS = f"""
       a.id, a.stage, a.managed, a.zone, a.country, a.traits, a.last_active_on,
       (select complete_day from feeds where feed = 'usage'),
       (select jsonb_object_agg(m.name, m.reached_at) from milestones m
         where m.account_id = a.id),
       case when {{reads}} ? 'usage_days' then
         (select jsonb_agg(jsonb_build_array(u.event, u.day, u.n, u.users, u.value,
                 case when {{reads}} ? 'users' then u.user_keys end) order by u.event, u.day)
            from usage_days u
           where u.account_id = a.id
             and u.day >= ({{now}} at time zone 'UTC')::date - 1
                          - ({{reads}} ->> 'usage_days')::int
             and ({{reads}} ? 'usage_of_any' or {{reads}} -> 'usage' ? u.event)) end,
       case when {{reads}} ? 'ticket_days' then
         (select jsonb_build_array(
                 (select complete_through from feeds where feed = 'tickets'),
                 jsonb_agg(jsonb_build_array(t.id, t.status, t.opened_at, t.solved_at, t.severity,
                           t.topic, t.tags)))
            from tickets t, (select {{now}} - interval '24 hours'
                                     * (({{reads}} ->> 'ticket_days')::int + 1) as at) old
           where t.account_id = a.id and (t.status not in {SOLVED}
                 or t.opened_at >= old.at or t.solved_at >= old.at)) end,
       case when {{reads}} ? 'subscriptions' then
         (select jsonb_agg(jsonb_build_array(s.starts_on, s.ends_on, s.product, s.plan, s.mrr,
                 s.seats, s.trial)) from subscriptions s where s.account_id = a.id) end,
       case when {{reads}} ? 'segments' then
         (select jsonb_object_agg(s.segment_id, s.since) from (
            select k.segment_id, k.since from segment_members k where k.account_id = a.id
            union all select k.segment_id, null from segment_unknown k where k.account_id = a.id) s
           where {{reads}} -> 'segments' ? s.segment_id) end,
       case when {{reads}} ? 'programs' then
         (select jsonb_agg(jsonb_build_array(i.program_id, i.ended_at is null, i.ending))
            from enrollments i
           where i.account_id = a.id and {{reads}} -> 'programs' ? i.program_id) end,
       case when {{reads}} ? 'former_roles' then
         (select jsonb_agg(m.roles) from memberships m
           where m.account_id = a.id and m.left_at is not null) end
"""
WIDTH = 15
"""So many columns."""

CONTACT = f"""c.id, m.roles, c.zone, c.active, {QUIET_BECAUSE},
               case when {{reads}} ? 'contact_traits' then
                 (select jsonb_object_agg(k, c.traits -> k)
                    from jsonb_array_elements_text({{reads}} -> 'contact_traits') k
                   where c.traits ? k) end"""
"""A contact in a row of FACTS, over PEOPLE."""

PEOPLE = f"""memberships m join contacts c on c.id = m.contact_id
          {SUPPRESSED_HERE}
         where m.account_id = a.id and m.left_at is null"""

HAPPENED = "coalesce(u.first_at, case when u.n > 0 then u.day::timestamp at time zone 'UTC' end)"
"""When an event of usage_days `u` happened first on its day. Who loads mere counts by day says no
moment: it is the day's beginning then, as for milestones."""

_GIVEN = {"reads": "%(reads)s::jsonb", "now": "%(now)s::timestamptz"}
_PAGE = f"""
select {FACTS.format(**_GIVEN)},
       case when %(reads)s::jsonb ? 'contacts' then
         (select jsonb_agg(jsonb_build_array({CONTACT.format(**_GIVEN)})
                 order by c.created_at, c.id) from {PEOPLE}) end,
       (select jsonb_object_agg(x.event, x.at) from (select u.event, min({HAPPENED}) as at
          from usage_days u where u.account_id = a.id
           and %(reads)s::jsonb -> 'events' ? u.event group by 1) x where x.at is not null),
       case when %(reads)s::jsonb ? 'triggers' then
         (select jsonb_object_agg(x.trigger_id, jsonb_build_array(x.at))
            from (select f.trigger_id, min(f.at) as at from trigger_firings f
                   where f.account_id = a.id and %(reads)s::jsonb -> 'triggers' ? f.trigger_id
                   group by 1) x) end
  from accounts a
 where a.id > %(after)s and (%(ids)s::text[] is null or a.id = any(%(ids)s))
 order by a.id limit %(most)s
"""


def reads_json(reads: Reads) -> dict[str, Any]:
    """What is read, as FACTS wants it: what is not is not in it."""
    return {
        name: sorted(value) if isinstance(value, frozenset) else value
        for name, value in asdict(reads).items()
        if value or (name == "ticket_days" and value is not None)
    }


async def facts_page(
    connection: Connection, now: datetime, calendar: BusinessCalendar, *, reads: Reads,
    ids: Sequence[str] | None = None, after: str = "", most: int = 1000,
) -> list[Account]:  # fmt: skip
    """One page of accounts, or of these, with all that `reads` says; in order of id."""
    cursor = await connection.execute(
        _PAGE,
        {
            "after": after, "ids": list(ids) if ids is not None else None, "most": most,
            "reads": Jsonb(reads_json(reads)), "now": now,
        },
    )  # fmt: skip
    return [
        account_of(
            row[:WIDTH], calendar, row[WIDTH],
            tuple(Event(name, datetime.fromisoformat(at)) for name, at in (row[-2] or {}).items()),
            row[-1],
        )
        for row in await cursor.fetchall()
    ]  # fmt: skip


def account_of(
    row: Sequence[Any], calendar: BusinessCalendar, contacts: Sequence[Any] | None,
    events: tuple[Event, ...], firings: Mapping[str, Sequence[str]] | None,
) -> Account:  # fmt: skip
    """An account from a row of FACTS, with contacts that begin as CONTACT does, and with moments of
    firings by trigger."""
    (id, stage, managed, zone, country, traits, last_active_on, usage_through, milestones, usage,
     tickets, subscriptions, segments, programs, former_roles) = row  # fmt: skip
    tickets_through, found = tickets or (None, None)
    return Account(
        id=id, stage=stage, managed=managed, zone=zone, country=country, traits=traits,
        milestones=_moments(milestones), last_active_on=last_active_on,
        usage_through=usage_through, events=events, usage=_usage(usage or ()),
        firings={
            trigger: tuple(datetime.fromisoformat(at) for at in moments)
            for trigger, moments in (firings or {}).items()
        },
        contacts=tuple(
            Contact(id, tuple(roles), zone, active, quiet, contact_traits or {})
            for id, roles, zone, active, quiet, contact_traits, *_ in contacts or ()
        ),
        tickets=tuple(
            Ticket(id, status, datetime.fromisoformat(opened_at), moment(solved_at), severity,
                   topic, tuple(tags))
            for id, status, opened_at, solved_at, severity, topic, tags in found or ()
        ),
        tickets_through=moment(tickets_through),
        subscriptions=tuple(
            Subscription(date.fromisoformat(starts_on), _day(ends_on), product or None, plan,
                         number_of(mrr), seats, trial)
            for starts_on, ends_on, product, plan, mrr, seats, trial in subscriptions or ()
        ),
        segments={name: moment(since) for name, since in (segments or {}).items()},
        programs=_programs(programs or ()),
        former_roles=frozenset(role for roles in former_roles or () for role in roles),
        calendar=calendar,
    )  # fmt: skip


def _usage(rows: Sequence[Any]) -> Mapping[str, tuple[UsageDay, ...]]:
    found: dict[str, list[UsageDay]] = {}
    for event, day, n, users, value, keys in rows:
        known = tuple(keys) if keys is not None else None
        found.setdefault(event, []).append(
            UsageDay(date.fromisoformat(day), n, users, float(value), known)
        )
    return {event: tuple(days) for event, days in found.items()}


def _programs(rows: Sequence[Any]) -> Mapping[str, frozenset[str]]:
    found: dict[str, frozenset[str]] = {}
    for program, inside, ending in rows:
        place = "inside" if inside else "through" if ending in THROUGH else "out"
        found[program] = found.get(program, frozenset()) | {place}
    return found


def _moments(found: Mapping[str, str] | None) -> dict[str, datetime]:
    return {name: datetime.fromisoformat(at) for name, at in (found or {}).items()}


def _day(value: str | None) -> date | None:
    return date.fromisoformat(value) if value is not None else None


def moment(value: str | None) -> datetime | None:
    """A moment out of JSON."""
    return datetime.fromisoformat(value) if value is not None else None
