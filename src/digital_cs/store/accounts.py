"""Accounts with their people, product events, milestones and usage."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

from psycopg import AsyncConnection
from psycopg.types.json import Jsonb

from digital_cs.domain.account import Account, Event

Connection = AsyncConnection[Any]


@dataclass(frozen=True, slots=True)
class AccountRecord:
    """An account as a source gives it. None leaves what is known already as it is."""

    id: str
    name: str
    stage: str | None = None
    managed: bool | None = None
    zone: str | None = None
    country: str | None = None
    traits: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ContactRecord:
    """A contact as a source gives it."""

    id: str
    account_id: str
    email: str
    first_name: str = ""
    full_name: str = ""
    roles: tuple[str, ...] = ()
    zone: str | None = None
    language: str | None = None
    active: bool = True


@dataclass(frozen=True, slots=True)
class EventRecord:
    """A product event. A `milestone` event also reaches the milestone of that name."""

    id: str
    account_id: str
    name: str
    at: datetime
    contact_id: str | None = None
    properties: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class UsageRecord:
    """How often an event happened on a day."""

    account_id: str
    day: date
    event: str
    n: int
    users: int = 0


async def save_accounts(
    connection: Connection, records: Sequence[AccountRecord], now: datetime
) -> dict[str, list[str]]:
    """Insert or update accounts; returns the changed keys by account, for waking."""
    rows = [
        {
            "id": r.id, "name": r.name, "stage": r.stage, "managed": r.managed, "zone": r.zone,
            "country": r.country, "traits": r.traits,
        }
        for r in records
    ]  # fmt: skip
    cursor = await connection.execute(
        "with given as (select * from jsonb_to_recordset(%(rows)s) as g(id text, name text,"
        " stage text, managed bool, zone text, country text, traits jsonb)),"
        " old as (select a.* from accounts a join given g on g.id = a.id"
        " for no key update of a),"
        # Joined to `old`, so that each row is read before it is changed: a row that the same
        # statement has changed already cannot be locked any more, and would look new.
        " saved as (insert into accounts as a (id, name, stage, managed, zone, country, traits,"
        " created_at, updated_at) select g.id, g.name, g.stage, coalesce(g.managed, false),"
        " g.zone, g.country, coalesce(g.traits, '{}'), %(now)s, %(now)s"
        " from given g left join old o on o.id = g.id"
        " on conflict (id) do update set name = excluded.name,"
        " stage = coalesce(excluded.stage, a.stage),"
        " managed = coalesce((select g.managed from given g where g.id = a.id), a.managed),"
        " zone = coalesce(excluded.zone, a.zone),"
        " country = coalesce(excluded.country, a.country), traits = a.traits || excluded.traits,"
        " updated_at = excluded.updated_at returning a.*)"
        " select s.id, o.id is null, s.stage is distinct from o.stage,"
        " s.managed is distinct from o.managed,"
        " array(select t.key from jsonb_each(s.traits) t where o.traits is null"
        "       or o.traits->t.key is distinct from t.value)"
        " from saved s left join old o on o.id = s.id",
        {"rows": Jsonb(rows), "now": now},
    )
    changed: dict[str, list[str]] = {}
    for id, _new, stage, managed, traits in await cursor.fetchall():
        keys = [f"trait:{name}" for name in traits]
        keys += ["stage"] * bool(stage) + ["managed"] * bool(managed)
        changed[id] = keys
    return changed


@dataclass(frozen=True, slots=True)
class SavedContacts:
    """Contacts left out because nobody knows their account, and accounts with a changed contact."""

    unknown: tuple[str, ...] = ()
    changed: tuple[str, ...] = ()


async def save_contacts(
    connection: Connection, records: Sequence[ContactRecord], now: datetime
) -> SavedContacts:
    """Insert or update contacts of known accounts."""
    rows = [
        {
            "id": r.id, "account_id": r.account_id, "email": r.email, "first_name": r.first_name,
            "full_name": r.full_name, "roles": list(r.roles), "zone": r.zone,
            "language": r.language, "active": r.active,
        }
        for r in records
    ]  # fmt: skip
    cursor = await connection.execute(
        "with given as (select * from jsonb_to_recordset(%(rows)s) as g(id text, account_id text,"
        " email text, first_name text, full_name text, roles text[], zone text, language text,"
        " active bool)),"
        " saved as (insert into contacts as c (id, account_id, email, first_name, full_name, roles,"
        " zone, language, active, created_at) select g.id, g.account_id, g.email, g.first_name,"
        " g.full_name, g.roles, g.zone, g.language, g.active, %(now)s from given g"
        " join accounts a on a.id = g.account_id"
        " on conflict (id) do update set account_id = excluded.account_id, email = excluded.email,"
        " first_name = excluded.first_name, full_name = excluded.full_name, roles = excluded.roles,"
        " zone = excluded.zone, language = excluded.language, active = excluded.active"
        " where (c.account_id, c.email, c.first_name, c.full_name, c.roles, c.zone, c.language,"
        " c.active) is distinct from (excluded.account_id, excluded.email, excluded.first_name,"
        " excluded.full_name, excluded.roles, excluded.zone, excluded.language, excluded.active)"
        " returning account_id)"
        " select array(select g.id from given g where not exists"
        "              (select 1 from accounts a where a.id = g.account_id)),"
        "        array(select distinct account_id from saved)",
        {"rows": Jsonb(rows), "now": now},
    )
    row = await cursor.fetchone()
    assert row is not None
    return SavedContacts(tuple(row[0]), tuple(row[1]))


async def record_events(
    connection: Connection, records: Sequence[EventRecord], now: datetime,
    milestones: Iterable[str] = (),
) -> list[EventRecord]:  # fmt: skip
    """Keep events, each once; returns those that are new. Unknown accounts are left out."""
    rows = [
        {
            "id": r.id, "account_id": r.account_id, "contact_id": r.contact_id, "name": r.name,
            "at": r.at.isoformat(), "properties": r.properties,
        }
        for r in records
    ]  # fmt: skip
    cursor = await connection.execute(
        "with given as (select * from jsonb_to_recordset(%(rows)s) as g(id text, account_id text,"
        " contact_id text, name text, at timestamptz, properties jsonb)),"
        " fresh as (insert into product_events (id, account_id, contact_id, name, at, received_at,"
        " properties) select g.id, g.account_id, g.contact_id, g.name, g.at, %(now)s,"
        " coalesce(g.properties, '{}') from given g join accounts a on a.id = g.account_id"
        " on conflict (id) do nothing returning id, account_id, name, at),"
        " reached as (insert into milestones as m (account_id, name, reached_at)"
        " select account_id, name, min(at) from fresh where name = any(%(milestones)s)"
        " group by 1, 2 on conflict (account_id, name) do update"
        " set reached_at = least(m.reached_at, excluded.reached_at))"
        " select id from fresh",
        {"rows": Jsonb(rows), "now": now, "milestones": sorted(milestones)},
    )
    fresh = {row[0] for row in await cursor.fetchall()}
    return [record for record in records if record.id in fresh]


async def save_usage(
    connection: Connection, records: Sequence[UsageRecord], through: date | None, now: datetime
) -> list[str]:
    """Keep usage by day (a repeat replaces), and that the feed is complete up to `through`.

    None: more of it is to come. Returns the ids of accounts whose last active day moved.
    """
    rows = [
        {"account_id": r.account_id, "day": r.day.isoformat(), "event": r.event, "n": r.n,
         "users": r.users}
        for r in records
    ]  # fmt: skip
    await connection.execute(
        "insert into usage_days (account_id, day, event, n, users)"
        " select g.account_id, g.day, g.event, g.n, g.users from jsonb_to_recordset(%s) as"
        " g(account_id text, day date, event text, n int, users int)"
        " join accounts a on a.id = g.account_id"
        " on conflict (account_id, day, event)"
        " do update set n = excluded.n, users = excluded.users",
        (Jsonb(rows),),
    )
    last: dict[str, date] = {}
    for record in records:
        if record.n > 0:
            last[record.account_id] = max(record.day, last.get(record.account_id, record.day))
    cursor = await connection.execute(
        "update accounts a set last_active_on = g.day, updated_at = %s"
        " from unnest(%s::text[], %s::date[]) as g(id, day)"
        " where a.id = g.id and (a.last_active_on is null or a.last_active_on < g.day)"
        " returning a.id",
        (now, list(last), list(last.values())),
    )
    moved = [row[0] for row in await cursor.fetchall()]
    if through is not None:
        await connection.execute(
            "update accounts set usage_through = %(day)s, updated_at = %(now)s"
            " where usage_through is null or usage_through < %(day)s",
            {"day": through, "now": now},
        )
    return moved


async def suppress(
    connection: Connection, contact_id: str, reason: str, source: str, now: datetime
) -> None:
    """Never write to this contact's address again; the first reason stays."""
    await connection.execute(
        "insert into suppressions (address, reason, source, created_at)"
        " select lower(email), %s, %s, %s from contacts where id = %s on conflict do nothing",
        (reason, source, now, contact_id),
    )


async def suppress_address(
    connection: Connection, address: str, reason: str, source: str, now: datetime
) -> tuple[bool, list[str]]:
    """Never write to this address again; returns (whether that is new, the contacts it is of)."""
    cursor = await connection.execute(
        "insert into suppressions (address, reason, source, created_at)"
        " values (lower(%s), %s, %s, %s) on conflict do nothing",
        (address, reason, source, now),
    )
    new = cursor.rowcount == 1
    cursor = await connection.execute(
        "select id from contacts where lower(email) = lower(%s) order by id", (address,)
    )
    return new, [row[0] for row in await cursor.fetchall()]


async def lock(connection: Connection, ids: Iterable[str]) -> set[str]:
    """Lock these accounts until the transaction ends; returns those that exist.

    Whoever changes several accounts and what hangs on them begins with this, always in order
    of id, so that two of them wait for each other instead of standing in each other's way.
    """
    cursor = await connection.execute(
        "select id from accounts where id = any(%s) order by id for no key update",
        (sorted(set(ids)),),
    )
    return {row[0] for row in await cursor.fetchall()}


async def mark_changed(connection: Connection, ids: Iterable[str], now: datetime) -> None:
    """Say that something changed which the rules of entry may look at."""
    await connection.execute(
        "update accounts set updated_at = %s where id = any(%s)", (now, sorted(set(ids)))
    )


async def known(connection: Connection, ids: Iterable[str]) -> set[str]:
    """Those of these ids that are accounts."""
    cursor = await connection.execute(
        "select id from accounts where id = any(%s)", (sorted(set(ids)),)
    )
    return {row[0] for row in await cursor.fetchall()}


_FACTS = """
select a.id, a.stage, a.managed, a.zone, a.country, a.traits, a.last_active_on, a.usage_through,
       (select jsonb_object_agg(m.name, m.reached_at) from milestones m where m.account_id = a.id),
       (select jsonb_object_agg(x.name, x.at) from (select ev.name, min(ev.at) as at
          from product_events ev where ev.account_id = a.id and ev.name = any(%(events)s)
         group by 1) x)
  from accounts a
 where a.id > %(after)s and (%(ids)s::text[] is null or a.id = any(%(ids)s))
   and (%(changed)s::timestamptz is null or a.updated_at > %(changed)s)
 order by a.id limit %(most)s
"""


async def facts_page(
    connection: Connection, *, after: str = "", ids: Sequence[str] | None = None,
    changed_since: datetime | None = None, event_names: Iterable[str] = (), most: int = 1000,
) -> list[Account]:  # fmt: skip
    """One page of accounts as the rules see them (without contacts), in order of id."""
    cursor = await connection.execute(
        _FACTS,
        {
            "after": after, "ids": list(ids) if ids is not None else None,
            "changed": changed_since, "events": sorted(event_names), "most": most,
        },
    )  # fmt: skip
    return [
        Account(
            id=id, stage=stage, managed=managed, zone=zone, country=country, traits=traits,
            last_active_on=last, usage_through=through,
            milestones={n: datetime.fromisoformat(at) for n, at in (milestones or {}).items()},
            events=tuple(Event(n, datetime.fromisoformat(at)) for n, at in (events or {}).items()),
        )
        for id, stage, managed, zone, country, traits, last, through, milestones, events
        in await cursor.fetchall()
    ]  # fmt: skip


async def countries(connection: Connection) -> list[str]:
    """The countries that accounts are in."""
    cursor = await connection.execute(
        "select distinct country from accounts where country is not null order by 1"
    )
    return [row[0] for row in await cursor.fetchall()]
