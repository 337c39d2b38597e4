"""Whose ticket it is: the one place that says how tickets come to accounts, for one and for all."""

# ruff: noqa: S608  the statements are put together from constants above, never from values
from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from psycopg import AsyncConnection
from psycopg.types.json import Jsonb

from digital_cs.domain.support.ticket import FREE_MAIL
from digital_cs.store.rules import changes

Connection = AsyncConnection[Any]

TICKETS = "tickets"
"""The key of whatever reads an account's tickets."""

FREE = {"free": sorted(FREE_MAIL)}
"""The parameter of FOUND."""

FOUND = """
  asking as materialized (
    select *, split_part(requester_email, '@', -1) as domain from wanted),
  domains as materialized (
    select distinct each.domain
      from asking w, unnest(array_append(w.organization_domains, w.domain)) as each(domain)
     where each.domain <> all(%(free)s)),
  declares as materialized (
    select d.domain, a.id as account_id
      from domains d join accounts a on a.domains @> array[d.domain]),
  -- Once a domain, not once a ticket: a large customer has thousands of people in one. What two
  -- accounts declare is theirs, and nobody can say whose of the two.
  sharing as materialized (
    select d.domain, min(m.account_id) as account_id
      from domains d
      join contacts c on split_part(lower(c.email), '@', -1) = d.domain
      join memberships m on m.contact_id = c.id and m.left_at is null
     where d.domain not in (select domain from declares)
     group by 1 having min(m.account_id) = max(m.account_id)),
  grounds as (
    select w.id, a.id as account_id, 'given' as matched_by, 1 as place
      from asking w join accounts a on a.id = w.account_given
    union all
    select w.id, l.account_id, 'organization', 2
      from asking w join account_links l on l.source = w.source and l.external_id = w.organization
    union all
    select w.id, a.id, 'organization', 3
      from asking w join accounts a on a.id = w.organization_account
    union all
    select w.id, min(d.account_id), 'organization', 4
      from asking w cross join unnest(w.organization_domains) as each(domain)
      join declares d on d.domain = each.domain
     group by 1 having min(d.account_id) = max(d.account_id)
    union all
    (select distinct on (w.id) w.id, m.account_id, 'address', 5
       from asking w join contacts c on lower(c.email) = w.requester_email
       join memberships m on m.contact_id = c.id and m.left_at is null
      order by w.id, m.joined_at desc, m.account_id)
    union all
    select w.id, min(d.account_id), 'domain', 6
      from asking w join declares d on d.domain = w.domain
     group by 1 having min(d.account_id) = max(d.account_id)
    union all
    select w.id, s.account_id, 'domain', 7 from asking w join sharing s on s.domain = w.domain),
  surest as (
    select distinct on (id) id, account_id, matched_by from grounds order by id, place),
  people as (
    select distinct on (w.id) w.id, c.id as contact_id
      from asking w join contacts c on lower(c.email) = w.requester_email
      left join surest s on s.id = w.id
      left join memberships m on m.contact_id = c.id and m.account_id = s.account_id
            and m.left_at is null
     order by w.id, m.account_id nulls last, c.id),
  found as (
    select w.id, s.account_id, s.matched_by, p.contact_id
      from asking w left join surest s on s.id = w.id left join people p on p.id = w.id)
"""
"""SQL of CTEs: from `wanted` (what the columns of a ticket say about its account) to `found`, with
an account or null for each. The lowest `place` is the surest ground and wins. Addresses of tickets
are kept in small letters.
"""

_WAITING = f"""
with wanted as materialized (
    select id, source, account_given, organization, organization_account, organization_domains,
           requester_email
      from tickets
     where account_id is null and status <> 'deleted'
       for update skip locked),
{FOUND}
update tickets t
   set account_id = f.account_id, matched_by = f.matched_by, contact_id = f.contact_id
  from found f where f.id = t.id and f.account_id is not null
returning t.account_id
"""


async def match_waiting(connection: Connection) -> dict[str, int]:
    """Give tickets without an account to the one that is known by now; how many, by account.

    Costs about ten microseconds for each ticket that waits.
    """
    cursor = await connection.execute(_WAITING, FREE)
    matched: dict[str, int] = {}
    for (account_id,) in await cursor.fetchall():
        matched[account_id] = matched.get(account_id, 0) + 1
    await changes.tell_all(connection, sorted(matched), [TICKETS])
    return matched


async def link(
    connection: Connection, source: str, organization: str, account_id: str
) -> tuple[bool, dict[str, int]]:
    """Say which account an organization of a help desk is; its tickets follow, older ones too.

    Returns whether that is new, and how many tickets went to (or from) which account. Those that
    name their account themselves stay. The account must exist.
    """
    cursor = await connection.execute(
        "insert into account_links as l (source, external_id, account_id) values (%s, %s, %s)"
        " on conflict (source, external_id) do update set account_id = excluded.account_id"
        " where l.account_id <> excluded.account_id",
        (source, organization, account_id),
    )
    new = cursor.rowcount == 1
    cursor = await connection.execute(
        "with old as (select id, account_id from tickets where source = %(source)s"
        " and organization = %(organization)s and matched_by is distinct from 'given'"
        " and status <> 'deleted' and (account_id, matched_by) is distinct from"
        " (%(account)s, 'organization') order by id for update),"
        " moved as (update tickets t set account_id = %(account)s, matched_by = 'organization'"
        " from old where old.id = t.id returning t.id, t.account_id)"
        " select account_id from moved union all select old.account_id from old"
        " where old.account_id <> %(account)s",
        {"source": source, "organization": organization, "account": account_id},
    )
    moved: dict[str, int] = {}
    for (id,) in await cursor.fetchall():
        moved[id] = moved.get(id, 0) + 1
    await changes.tell_all(connection, sorted(moved), [TICKETS])
    return new, moved


async def waiting_organizations(connection: Connection, source: str) -> set[str]:
    """The organizations of a help desk that nobody knows the account of, and that have tickets."""
    cursor = await connection.execute(
        "select distinct organization from tickets where account_id is null and source = %s"
        " and organization is not null",
        (source,),
    )
    return {row[0] for row in await cursor.fetchall()}


async def describe_organizations(
    connection: Connection, source: str,
    described: Mapping[str, tuple[str | None, Sequence[str]]],
) -> None:  # fmt: skip
    """Keep what a help desk says of organizations by now, with their waiting tickets.

    `described`: by its id there, the account's id that it names, and its domains.
    """
    rows = [
        {"id": id, "account": account, "domains": own_domains(domains)}
        for id, (account, domains) in described.items()
    ]
    await connection.execute(
        "update tickets t set organization_account = g.account, organization_domains = g.domains"
        " from jsonb_to_recordset(%s) as g(id text, account text, domains text[])"
        " where t.source = %s and t.organization = g.id and t.account_id is null"
        " and (t.organization_account, t.organization_domains)"
        " is distinct from (g.account, g.domains)",
        (Jsonb(rows), source),
    )


def own_domains(domains: Iterable[str]) -> list[str]:
    """The domains that say whose an address is: tidy, and without those of free mail."""
    return sorted({domain.strip().lstrip("@").casefold() for domain in domains} - FREE_MAIL - {""})
