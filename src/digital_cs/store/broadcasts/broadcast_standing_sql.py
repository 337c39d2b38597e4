"""Statements of what is known of many recipients: who they are, and what stands against them."""

# ruff: noqa: S608  the statements are put together from constants, never from values
from __future__ import annotations

from digital_cs.domain.account import SOLVED
from digital_cs.store.people.suppressions import REASON_HERE, SUPPRESSED_HERE
from digital_cs.store.sending.standing import COUNTED

# Every table is read by a list of what the set needs of it, which costs a tenth of going from one
# recipient to the next; a CTE has the name of its table where what is joined to it has a home.
PEOPLE = f"""
with suppressions as materialized (
       select subject, reason from suppressions where subject = any(%(subjects)s::text[])),
     account as materialized (
       select id, name, stage, country, traits from accounts
        where id = any(%(accounts)s::text[])),
     contact as materialized (
       select id, email, active, first_name, full_name, language from contacts
        where id = any(%(contacts)s::text[])),
     member as materialized (
       select contact_id, account_id, roles from memberships
        where contact_id = any(%(contacts)s::text[]) and left_at is null),
     choice as materialized (
       select account_id, contact_id, traits from broadcast_choices
        where broadcast_id = %(id)s and account_id = any(%(accounts)s::text[]))
select x.key, x.account_id, x.contact_id, lower(c.email), c.email,
       c.active and m.contact_id is not null,
       {REASON_HERE}, x.due_at, x.useful_until, x.zone, x.variant, x.reason, x.attempts,
       a.name, a.stage, a.country, a.traits, c.first_name, c.full_name, c.language, m.roles,
       case when own.contact_id is null then alike.traits
            else coalesce(alike.traits, '{{}}') || own.traits end
  from messages x
  join account a on a.id = x.account_id
  left join contact c on c.id = x.contact_id
  left join member m on m.contact_id = c.id and m.account_id = x.account_id
  {SUPPRESSED_HERE}
  left join choice alike on alike.account_id = x.account_id and alike.contact_id = ''
  left join choice own on own.account_id = x.account_id and own.contact_id = x.contact_id
 where x.key = any(%(keys)s::text[]) and x.state = 'planned'
"""

# All that could stand against anybody, in rows that say what they are: one statement is read once,
# planned once and answered once. Of most people there is nothing.
AGAINST = f"""
with person as materialized (
       select lower(o.email) as address, o.id, o.quiet_until, o.fewer from contacts o
        where lower(o.email) = any(%(persons)s::text[])),
     member as materialized (
       select p.address, y.account_id from memberships y join person p on p.id = y.contact_id
        where y.contact_id = any(array(select id from person)) and y.left_at is null),
     unwanted as materialized (
       select contact_id, topic from preferences
        where contact_id = any(array(select id from person)) and not wanted)
select 'all' as what, (select because from stops where lifted_at is null) as who,
       (select max(version) from policies)::text as name, null::timestamptz as at,
       null::bool as flag, null::text as more, null::text[] as several
union all
select 'asked', p.address, null, max(p.quiet_until), bool_or(p.fewer), null,
       array_agg(distinct u.topic) filter (where u.topic is not null)
  from person p left join unwanted u on u.contact_id = p.id
 where p.quiet_until is not null or p.fewer or u.topic is not null
 group by p.address
union all
select 'had', p.address, y.account_id, y.claimed_at, y.kind <> 'service',
       case when y.broadcast_id = %(id)s
            then (select a.name from accounts a where a.id = y.account_id) end, null
  from messages y join person p on p.id = y.contact_id
 where y.contact_id = any(array(select id from person)) and y.useful_until > %(since)s
   and y.claimed_at > %(since)s and y.state in {COUNTED}
union all
select 'here', y.account_id, null, y.claimed_at, null, null, null
  from messages y
 where y.account_id = any(%(accounts)s::text[]) and y.useful_until > %(budget_since)s
   and y.claimed_at > %(budget_since)s and y.kind <> 'service' and y.state in {COUNTED}
union all
select 'coming', p.address, e.account_id, e.plans_at,
       exists (select from person q where q.address = p.address and q.id = e.plans_contact),
       e.plans_priority, null
  from enrollments e
  join (select distinct address, account_id from member) p on p.account_id = e.account_id
  join programs g on g.id = e.program_id and g.state not in ('paused', 'paused-closed')
 where e.account_id = any(array(select account_id from member))
   and e.ended_at is null and not e.paused
   and e.plans_at > %(now)s - interval '1 hour' and e.plans_at <= %(horizon)s
union all
select 'coming', p.address, y.account_id, coalesce(y.retry_at, y.due_at), true, y.priority, null
  from messages y join person p on p.id = y.contact_id
 where y.key = any(array(select b.id || '/' || o.id from broadcasts b cross join person o
                          where b.state = 'running' and not b.paused and b.id <> %(id)s))
   and y.state = 'planned' and y.kind <> 'service'
   and coalesce(y.retry_at, y.due_at) > %(now)s - interval '1 hour'
   and coalesce(y.retry_at, y.due_at) <= %(horizon)s
union all
select 'ticket', account_id, severity, opened_at, null, null, null from (
       select distinct on (account_id) account_id, severity, opened_at from tickets
        where account_id = any(%(accounts)s::text[]) and status not in {SOLVED}
          and severity = any(%(severities)s::text[])
        order by account_id, array_position(%(severities)s::text[], severity) desc, opened_at) t
union all
select 'reply', account_id, null, min(opened_at), null, null, null from tasks
 where account_id = any(%(accounts)s::text[]) and kind = 'reply' and state = 'open' group by 2
union all
select 'incident', title, null, opened_at, null, null, account_ids
  from incidents where closed_at is null and %(incidents)s
"""

# A plan that reads a table from end to end is a good one for a ledger that is nearly empty, and
# would be kept while a broadcast fills it. Of lists that are parameters the planner takes it that
# they are short, where comparing each with each would do. And to plan one of these anew takes five
# times as long as to answer it.
BY_INDEX = """
select set_config('enable_seqscan', 'off', true), set_config('enable_nestloop', 'off', true),
       set_config('plan_cache_mode', 'force_generic_plan', true)
"""
AS_USUAL = """
select set_config('enable_seqscan', 'on', true), set_config('enable_nestloop', 'on', true),
       set_config('plan_cache_mode', 'auto', true)
"""
