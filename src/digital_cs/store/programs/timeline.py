"""Reads for people: an account, where it stands, and what happened to it and why (P19)."""

# ruff: noqa: S608  statements are put together from constants, never from values
from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from psycopg import AsyncConnection
from psycopg.rows import class_row

from digital_cs.store.people.suppressions import REASON_HERE, SUPPRESSED_HERE
from digital_cs.store.sending.replies import AWAITED

Connection = AsyncConnection[Any]


@dataclass(frozen=True, slots=True)
class AccountView:
    """One account. `inside` counts the programs it is in."""

    id: str
    name: str
    stage: str | None
    managed: bool
    zone: str | None
    country: str | None
    traits: dict[str, Any]
    last_active_on: date | None
    usage_through: date | None
    updated_at: datetime
    inside: int


@dataclass(frozen=True, slots=True)
class PersonView:
    """A contact; `suppressed` is the reason, where the address is not written to."""

    id: str
    name: str
    email: str | None
    roles: list[str]
    zone: str | None
    active: bool
    suppressed: str | None


@dataclass(frozen=True, slots=True)
class EnrollmentView:
    """Where an enrollment stands. `state`: inside, paused, completed, goal or exited."""

    id: str
    program: str
    program_name: str
    version: int
    account: str
    account_name: str
    account_zone: str | None
    state: str
    program_state: str
    step: str
    visit: int
    label: str
    next_label: str
    wake_at: datetime | None
    due_at: datetime | None
    not_before: datetime | None
    source: str
    started_at: datetime
    ended_at: datetime | None
    because: str | None
    leaving: str | None


@dataclass(frozen=True, slots=True)
class Happening:
    """One line of a timeline. `what` is entered, left, task, milestone, trigger, or a verdict."""

    at: datetime
    what: str
    program: str | None
    step: str | None
    reason: str | None
    words: str
    contact: str | None
    data_as_of: datetime | None


_ACCOUNT = """
select a.id, a.name, a.stage, a.managed, a.zone, a.country, a.traits, a.last_active_on,
       (select complete_day from feeds where feed = 'usage') as usage_through, a.updated_at,
       (select count(*) from enrollments e where e.account_id = a.id and e.ended_at is null)
         as inside
  from accounts a
"""

_ENROLLMENT = f"""
select e.id, e.program_id as program, coalesce(v.spec->>'name', e.program_id) as program_name,
       e.version, e.account_id as account, a.name as account_name, a.zone as account_zone,
       case when e.ended_at is not null then coalesce(e.ending, 'exited')
            when e.paused or p.state in ('paused', 'paused-closed')
              or {AWAITED.format(account="e.account_id")} then 'paused'
            else 'inside' end as state,
       p.state as program_state, e.step, e.visit, e.label, e.next_label, e.wake_at,
       (e.position->>'due_at')::timestamptz as due_at,
       (e.position->>'not_before')::timestamptz as not_before,
       e.source, e.started_at, e.ended_at, e.because, e.exit_because as leaving
  from enrollments e
  join programs p on p.id = e.program_id
  join program_versions v on v.program_id = e.program_id and v.number = e.version
  join accounts a on a.id = e.account_id
"""

# What happens in one transaction has one moment: `rank` keeps causes before their effects.
_TIMELINE = """
with wanted as (
  select id, account_id, program_id from enrollments
   where (%(account)s::text is null or account_id = %(account)s)
     and (%(program)s::text is null or program_id = %(program)s)
     and (%(enrollment)s::text is null or id = %(enrollment)s)),
happened as (
  select d.at, d.verdict as what, d.program_id as program, d.step, d.reason, d.words,
         d.contact_id, d.data_as_of, 1 as rank, d.id as nth
    from decisions d join wanted w on w.id = d.enrollment_id
  union all
  select d.at, d.verdict, d.broadcast_id, 'broadcast', d.reason, d.words, d.contact_id,
         d.data_as_of, 1, d.id
    from decisions d
   where d.account_id = %(account)s and d.broadcast_id is not null
     and (%(program)s::text is null or d.broadcast_id = %(program)s)
     and %(enrollment)s::text is null
  union all
  select e.started_at, 'entered', e.program_id, null, null, 'Entered, by ' || e.source || '.',
         null, null, 0, 0
    from enrollments e join wanted w on w.id = e.id
  union all
  select e.ended_at, 'left', e.program_id, null, e.ending, coalesce(e.because, ''), null, null, 3, 0
    from enrollments e join wanted w on w.id = e.id where e.ended_at is not null
  union all
  select t.opened_at, 'task', t.program_id, t.step, 'open', t.title, null, null, 2, 0
    from tasks t join wanted w on w.id = t.enrollment_id
  union all
  select x.at, 'task', t.program_id, t.step, x.state, t.title || x.words, t.contact_id, null,
         x.rank, 0
    from tasks t cross join lateral (values
           (t.opened_at, 'open', ' — all to this account waits until somebody has looked', 2),
           (t.closed_at, t.state, ' — looked at by ' || t.closed_by, 0)) x(at, state, words, rank)
   where t.kind = 'reply' and t.account_id = %(account)s and %(enrollment)s::text is null
     and x.at is not null
  union all
  select t.closed_at, 'task', t.program_id, t.step, t.state,
         t.title || case t.state when 'done' then ' — done by ' || t.closed_by
                    when 'expired' then ' — nobody did it in time' else ' — withdrawn' end,
         null, null, 0, 1
    from tasks t join wanted w on w.id = t.enrollment_id where t.closed_at is not null
  union all
  select m.reached_at, 'milestone', null, null, null,
         'Reached the milestone ' || coalesce(d.title, m.name) || '.',
         null, null, 0, 0
    from milestones m left join milestone_definitions d on d.name = m.name
   where m.account_id = %(account)s and %(enrollment)s::text is null
  union all
  select f.at, 'trigger', null, null, f.trigger_id,
         'The trigger ' || f.trigger_id || ' fired. ' || f.words, null, null, -1, f.id
    from trigger_firings f
   where f.account_id = %(account)s and %(enrollment)s::text is null)
select h.at, h.what, h.program, h.step, h.reason, h.words,
       coalesce(nullif(c.full_name, ''), h.contact_id) as contact, h.data_as_of
  from happened h left join contacts c on c.id = h.contact_id
 order by h.at desc, h.rank desc, h.nth desc limit %(most)s
"""


async def account(connection: Connection, id: str) -> AccountView | None:
    """One account by its id."""
    async with connection.cursor(row_factory=class_row(AccountView)) as cursor:
        await cursor.execute(f"{_ACCOUNT} where a.id = %s", (id,))
        return await cursor.fetchone()


async def list_accounts(
    connection: Connection, *, search: str | None = None, stage: str | None = None,
    most: int = 100,
) -> list[AccountView]:  # fmt: skip
    """Accounts in order of id; `search` finds parts of ids and names."""
    async with connection.cursor(row_factory=class_row(AccountView)) as cursor:
        await cursor.execute(
            f"{_ACCOUNT} where (%(stage)s::text is null or a.stage = %(stage)s)"
            " and (%(search)s::text is null or strpos(lower(a.id), lower(%(search)s)) > 0"
            "      or strpos(lower(a.name), lower(%(search)s)) > 0)"
            " order by a.id limit %(most)s",
            {"search": search, "stage": stage, "most": most},
        )
        return await cursor.fetchall()


async def all_account_ids(connection: Connection) -> list[str]:
    """The ids of all accounts, in order."""
    cursor = await connection.execute("select id from accounts order by id")
    return [row[0] for row in await cursor.fetchall()]


async def people(connection: Connection, account_id: str) -> list[PersonView]:
    """The contacts of an account, in the order in which a send considers them."""
    async with connection.cursor(row_factory=class_row(PersonView)) as cursor:
        await cursor.execute(
            "select c.id, coalesce(nullif(c.full_name, ''), c.first_name) as name, c.email,"
            f" m.roles, c.zone, c.active, {REASON_HERE} as suppressed"
            f" from memberships m join contacts c on c.id = m.contact_id {SUPPRESSED_HERE}"
            " where m.account_id = %s and m.left_at is null order by c.created_at, c.id",
            (account_id,),
        )
        return await cursor.fetchall()


async def enrollment(connection: Connection, id: str) -> EnrollmentView | None:
    """One enrollment by its id."""
    async with connection.cursor(row_factory=class_row(EnrollmentView)) as cursor:
        await cursor.execute(f"{_ENROLLMENT} where e.id = %s", (id,))
        return await cursor.fetchone()


async def list_enrollments(
    connection: Connection, *, program: str | None = None, account: str | None = None,
    inside_only: bool = False, most: int = 100,
) -> list[EnrollmentView]:  # fmt: skip
    """Enrollments: those inside first, what comes next first; then the latest that are over."""
    async with connection.cursor(row_factory=class_row(EnrollmentView)) as cursor:
        await cursor.execute(
            f"{_ENROLLMENT} where (%(program)s::text is null or e.program_id = %(program)s)"
            " and (%(account)s::text is null or e.account_id = %(account)s)"
            " and (not %(inside)s or e.ended_at is null)"
            " order by e.ended_at desc nulls first, e.wake_at nulls last, e.id limit %(most)s",
            {"program": program, "account": account, "inside": inside_only, "most": most},
        )
        return await cursor.fetchall()


async def timeline(
    connection: Connection, *, account: str | None = None, enrollment: str | None = None,
    program: str | None = None, most: int = 60,
) -> list[Happening]:  # fmt: skip
    """The latest that happened to an account, or within one enrollment; newest last."""
    async with connection.cursor(row_factory=class_row(Happening)) as cursor:
        await cursor.execute(
            _TIMELINE,
            {"account": account, "enrollment": enrollment, "program": program, "most": most},
        )
        return (await cursor.fetchall())[::-1]
