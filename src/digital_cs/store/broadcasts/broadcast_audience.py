"""The audience of a broadcast: who gets it, fixed in one statement, or only counted."""

# ruff: noqa: S608  the statements are put together from constants and a compiled rule
from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from psycopg import AsyncConnection

from digital_cs.domain.account import LEAVING_STAGES, NO_HOLIDAYS
from digital_cs.domain.programs.touch import ANYBODY, QUIET
from digital_cs.domain.sending.broadcast import EVERYBODY, Broadcast, due_by_zone
from digital_cs.domain.sending.policy import length
from digital_cs.domain.sending.reason import Reason
from digital_cs.domain.timing.business_calendar import BusinessCalendar
from digital_cs.store.people.suppressions import SUPPRESSED_HERE
from digital_cs.store.rules.condition_sql import compile_condition
from digital_cs.store.rules.condition_sql_people import QUIET_BECAUSE

Connection = AsyncConnection[Any]

CHUNKS, LEAST, MOST = 100, 200, 2000
"""About so many chunks, each of no fewer and no more recipients than this."""

# Everything that a person may still say before their message goes out is asked again when it does;
# here it only chooses among the people of an account, and tells who is left out from the start.
_PEOPLE = f"""
     accounts_in as materialized (
       select a.id as account_id, a.name, a.zone, a.stage from accounts a {{audience}}),
     people as (
       select k.account_id, k.name, k.zone as account_zone, k.stage, c.id as contact_id, c.zone,
              lower(c.email) as address, c.active, c.created_at,
              coalesce(nullif(c.full_name, ''), nullif(c.first_name, ''), 'The reader') as who,
              {QUIET_BECAUSE} as quiet, f.rank
         from accounts_in k
         join memberships m on m.account_id = k.account_id and m.left_at is null
         join contacts c on c.id = m.contact_id {SUPPRESSED_HERE}
        cross join lateral (
              select min(r.nth) as rank
                from unnest(%(roles)s::text[]) with ordinality as r(role, nth)
               where r.role = any(m.roles) or r.role in ('{ANYBODY}', '{EVERYBODY}')) f
        where f.rank is not null),
     fitting as materialized (
       select p.*, p.active and (p.quiet is null
                or %(kind)s = 'service' and p.quiet = 'unsubscribed') as may
         from people p),
     -- As `choose_recipient` does: who may be written to and wants it, then by role, then by age.
     chosen as (
       select f.* from (
         select distinct on (x.account_id, case when %(all)s then x.contact_id end) x.*
           from (
             select f.*, f.may and (%(kind)s = 'service' or not exists (
                      select from contacts o
                       where lower(o.email) = f.address
                         and (o.quiet_until > %(now)s or exists (
                           select from preferences p where p.contact_id = o.id
                              and p.topic = %(topic)s and not p.wanted)))) as wants
               from fitting f) x
          order by x.account_id, case when %(all)s then x.contact_id end, x.may desc, x.wants desc,
                   x.rank, x.created_at, x.contact_id) f),
     -- One person gets it once, though they are several contacts, or in several accounts (P2).
     ranked as (
       select c.*, row_number() over (partition by case when c.may then c.address
                     else c.account_id || '/' || c.contact_id end
                order by c.stage = any(%(leaving)s) nulls first, c.rank, c.account_id, c.contact_id)
                as copy,
              first_value(c.name) over (partition by c.address
                order by c.may desc, c.stage = any(%(leaving)s) nulls first, c.rank, c.account_id,
                         c.contact_id) as first_name_of
         from chosen c),
     -- Where one is chosen of each account, nobody who may be written to is the account's affair.
     judged as (
       select account_id, contact_id, zone, account_zone,
              case when stage = any(%(leaving)s) then '{Reason.STAGE}'
                   when not may and not %(all)s then '{Reason.NOBODY}'
                   when not may then '{Reason.SUPPRESSED}'
                   when copy > 1 then '{Reason.SAME_PERSON}' end as reason,
              case when stage = any(%(leaving)s) then 'The account is ' || stage || '.'
                   when not may and not %(all)s then 'Nobody who fits may be written to: '
                     || (select string_agg(n || ' ' || q, ', ' order by q) from (
                           select count(*) as n, coalesce(w.words, f.quiet, 'not active') as q
                             from fitting f
                             left join unnest(%(quiet)s::text[], %(quiet_words)s::text[])
                               as w(quiet, words) on w.quiet = coalesce(f.quiet, '')
                            where f.account_id = r.account_id group by 2) x) || '.'
                   when not may then who || ' is not written to: '
                     || coalesce(quiet, 'they are not active') || '.'
                   when copy > 1 then 'The same person gets it for ' || first_name_of || '.'
              end as words
         from ranked r
       union all
       select k.account_id, null, null, k.zone,
              case when k.stage = any(%(leaving)s) then '{Reason.STAGE}'
                   else '{Reason.NOBODY}' end,
              case when k.stage = any(%(leaving)s) then 'The account is ' || k.stage || '.'
                   when exists (select from memberships m
                                 where m.account_id = k.account_id and m.left_at is null)
                   then %(no_role)s else 'The account has no contacts.' end
         from accounts_in k
        where not exists (select from fitting f where f.account_id = k.account_id)),
     recipients as (
       select j.*,
              %(id)s || '/' || case when j.reason is null then j.contact_id
                   else 'account:' || j.account_id || '/' || coalesce(j.contact_id, '') end as key,
              coalesce(zr.name, za.name, %(last_zone)s) as zone_name,
              case when zr.name is not null then 'recipient' when za.name is not null
                   then 'account' else %(last_source)s end as zone_source
         from judged j
         left join unnest(%(zones)s::text[]) zr(name)
           on %(zone_rule)s = 'recipient' and zr.name = j.zone
         left join unnest(%(zones)s::text[]) za(name)
           on %(zone_rule)s in ('recipient', 'account') and za.name = j.account_zone),
     placed as (
       select r.*, d.due_at + %(spread)s::interval
                * ((hashtextextended(r.key, 7) & 1048575) / 1048576.0) as due_at
         from recipients r
         join unnest(%(zones)s::text[], %(dues)s::timestamptz[]) d(name, due_at)
           on d.name = r.zone_name)
"""

MESSAGE_ID = """'<' || left(encode(sha256(convert_to(p.key, 'UTF8')), 'hex'), 40) || '@'
                || %(mail_domain)s::text || '>'"""
"""What `channels.mail.message_id_for` makes of a key. The claim would write the same, but as one
more entry in an index for each."""

_FREEZE = f"""
with owner as materialized (
       select id from broadcasts
        where id = %(id)s and state = 'running' and not paused and frozen_at is null for update),
{_PEOPLE},
     before as (
       select from messages where broadcast_id = %(id)s),
     frozen as (
       insert into messages (key, broadcast_id, chunk, variant, account_id, contact_id, email,
              kind, priority, topic, state, due_at, useful_until, zone, zone_source, settled_at,
              reason, detail, attempts, message_id)
       select p.key, %(id)s,
              case when p.reason is null then ((row_number() over (
                     partition by p.reason is null order by p.due_at, p.account_id, p.key) - 1)
                   / greatest({LEAST}, least({MOST}, count(*) over () / {CHUNKS})))::int end,
              coalesce(v.variant, w.variant, ''), p.account_id, p.contact_id, %(email)s, %(kind)s,
              %(priority)s, %(topic)s, case when p.reason is null then 'planned' else 'skipped' end,
              p.due_at, p.due_at + %(useful)s::interval, p.zone_name, p.zone_source,
              case when p.reason is not null then %(now)s::timestamptz end, p.reason, p.words, 0,
              case when p.reason is null then {MESSAGE_ID} end
         from placed p
         cross join owner
         left join broadcast_choices v on v.broadcast_id = %(id)s
          and v.account_id = p.account_id and v.contact_id = p.contact_id
         left join broadcast_choices w on w.broadcast_id = %(id)s
          and w.account_id = p.account_id and w.contact_id = ''
       on conflict (key) do nothing
       returning account_id, contact_id, reason, detail),
     noted as (
       insert into decisions (at, broadcast_id, account_id, contact_id, verdict, reason, words)
       select %(now)s, %(id)s, account_id, contact_id, 'skipped', reason, detail
         from frozen where reason is not null)
update broadcasts set frozen_at = %(now)s,
       recipients = (select count(*) from frozen) + (select count(*) from before)
 where id in (select id from owner)
returning recipients
"""

_COUNT = f"""
with {_PEOPLE}
select reason, count(*), count(distinct account_id), min(due_at), max(due_at)
  from placed group by reason order by reason nulls first
"""

_PLACED = f"""
with {_PEOPLE}
insert into {{table}} (account_id, contact_id, due_at, zone)
select account_id, contact_id, due_at, zone_name from placed where reason is null
"""


@dataclass(frozen=True, slots=True)
class Share:
    """A part of an audience: those who would get it (`reason` None), or would not, and why."""

    reason: Reason | None
    recipients: int
    accounts: int
    first_at: datetime
    last_at: datetime


async def freeze(
    connection: Connection, broadcast: Broadcast, topic: str | None, now: datetime,
    workspace_zone: str, calendar: BusinessCalendar = NO_HOLIDAYS, mail_domain: str | None = None,
) -> int | None:  # fmt: skip
    """Write one row into the ledger for each recipient; None: it is frozen already, or paused.

    Those who may not be sent to are rows as well, with the reason. One statement: nobody passes
    through this process, and either all are there or none is. `topic` is that of the message,
    `mail_domain` that of the Message-IDs (None: the claim writes them).
    """
    statement, values = _filled(_FREEZE, broadcast, topic, now, workspace_zone, calendar)
    values = {**values, "mail_domain": mail_domain}
    row = await (await connection.execute(statement, values)).fetchone()
    return int(row[0]) if row is not None else None


async def count(
    connection: Connection, broadcast: Broadcast, topic: str | None, now: datetime,
    workspace_zone: str, calendar: BusinessCalendar = NO_HOLIDAYS,
) -> list[Share]:  # fmt: skip
    """The audience as it would be fixed now; those who would get it first."""
    statement, values = _filled(_COUNT, broadcast, topic, now, workspace_zone, calendar)
    cursor = await connection.execute(statement, values)
    return [
        Share(Reason(reason) if reason else None, *rest)
        for reason, *rest in await cursor.fetchall()
    ]


async def place(
    connection: Connection, broadcast: Broadcast, table: str, now: datetime, workspace_zone: str,
    calendar: BusinessCalendar = NO_HOLIDAYS,
) -> None:  # fmt: skip
    """Write those who would get it now, and when, into a table: account_id, contact_id, due_at
    and zone. `table` is a name in the code, never what somebody says."""
    statement, values = _filled(
        _PLACED, broadcast, broadcast.plan.topic, now, workspace_zone, calendar
    )
    await connection.execute(statement.replace("{table}", table), values)


def _filled(
    statement: str, broadcast: Broadcast, topic: str | None, now: datetime, workspace_zone: str,
    calendar: BusinessCalendar,
) -> tuple[str, Mapping[str, Any]]:  # fmt: skip
    plan = broadcast.plan
    audience, given = "", {}
    if plan.audience is not None:
        compiled = compile_condition(plan.audience, "audience")
        audience = f"join ({compiled.query}) j on j.account_id = a.id and j.verdict"
        given = compiled.values(now, calendar)
    rule = plan.send_window.zone
    named = rule not in ("recipient", "account", "workspace")
    dues = due_by_zone(plan, now)
    return statement.replace("{audience}", audience), {
        **given, "id": broadcast.id, "now": now, "roles": list(plan.to), "kind": plan.kind.value,
        "all": plan.to == (EVERYBODY,), "topic": topic, "email": plan.email or broadcast.id,
        "priority": plan.priority.value, "leaving": list(LEAVING_STAGES),
        "quiet": list(QUIET), "quiet_words": list(QUIET.values()),
        "no_role": f"No contact has a role of {', '.join(plan.to)}.",
        "zones": list(dues), "dues": list(dues.values()), "zone_rule": rule,
        "last_zone": rule if named else workspace_zone,
        "last_source": "window" if named else "workspace",
        "spread": length(plan.spread) if plan.spread is not None else timedelta(0),
        "useful": length(plan.useful_for),
    }  # fmt: skip
