"""Accounts as their sources give them: saved, found and locked."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from psycopg import AsyncConnection
from psycopg.types.json import Jsonb

from digital_cs.domain.rules.segment import NEW_ACCOUNT
from digital_cs.store.support.ticket_matches import own_domains

Connection = AsyncConnection[Any]


@dataclass(frozen=True, slots=True)
class AccountRecord:
    """An account as a source gives it. None leaves what is known already as it is.

    `domains` are its own e-mail domains, by which people and tickets are known to be its.
    """

    id: str
    name: str | None = None
    stage: str | None = None
    managed: bool | None = None
    zone: str | None = None
    country: str | None = None
    traits: dict[str, Any] = field(default_factory=dict)
    domains: tuple[str, ...] | None = None


async def save_accounts(
    connection: Connection, records: Sequence[AccountRecord], now: datetime
) -> dict[str, list[str]]:
    """Insert or update accounts; returns the changed keys by account, for waking."""
    rows = [
        {
            "id": r.id, "name": r.name, "stage": r.stage, "managed": r.managed, "zone": r.zone,
            "country": r.country, "traits": r.traits,
            "domains": None if r.domains is None else own_domains(r.domains),
        }
        for r in records
    ]  # fmt: skip
    cursor = await connection.execute(
        "with given as (select * from jsonb_to_recordset(%(rows)s) as g(id text, name text,"
        " stage text, managed bool, zone text, country text, traits jsonb, domains text[])),"
        " old as (select a.* from accounts a join given g on g.id = a.id"
        " for no key update of a),"
        # Joined to `old`, so that each row is read before it is changed: a row that the same
        # statement has changed already cannot be locked any more, and would look new.
        " saved as (insert into accounts as a (id, name, stage, managed, zone, country, traits,"
        " domains, created_at, updated_at) select g.id, coalesce(g.name, o.name, g.id), g.stage,"
        " coalesce(g.managed, false), g.zone, g.country, coalesce(g.traits, '{}'),"
        " coalesce(g.domains, '{}'), %(now)s, %(now)s"
        " from given g left join old o on o.id = g.id"
        " on conflict (id) do update set name = excluded.name,"
        " stage = coalesce(excluded.stage, a.stage),"
        " managed = coalesce((select g.managed from given g where g.id = a.id), a.managed),"
        " zone = coalesce(excluded.zone, a.zone),"
        " country = coalesce(excluded.country, a.country), traits = a.traits || excluded.traits,"
        " domains = coalesce((select g.domains from given g where g.id = a.id), a.domains),"
        " updated_at = excluded.updated_at returning a.*)"
        " select s.id, o.id is null, s.stage is distinct from o.stage,"
        " s.managed is distinct from o.managed, s.zone is distinct from o.zone,"
        " s.country is distinct from o.country,"
        " array(select t.key from jsonb_each(s.traits) t where o.traits is null"
        "       or o.traits->t.key is distinct from t.value)"
        " from saved s left join old o on o.id = s.id",
        {"rows": Jsonb(rows), "now": now},
    )
    changed: dict[str, list[str]] = {}
    for id, new, *differ, traits in await cursor.fetchall():
        keys = [f"trait:{name}" for name in traits]
        columns = ("stage", "managed", "zone", "country")
        keys += [name for name, differs in zip(columns, differ, strict=True) if differs]
        changed[id] = [*keys, NEW_ACCOUNT] if new else keys
    return changed


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
    """Note when something was last heard of accounts: decisions say how old their data was."""
    await connection.execute(
        "update accounts set updated_at = %s where id = any(%s)", (now, sorted(set(ids)))
    )


async def known(connection: Connection, ids: Iterable[str]) -> set[str]:
    """Those of these ids that are accounts."""
    cursor = await connection.execute(
        "select id from accounts where id = any(%s)", (sorted(set(ids)),)
    )
    return {row[0] for row in await cursor.fetchall()}


async def countries(connection: Connection) -> list[str]:
    """The countries that accounts are in."""
    cursor = await connection.execute(
        "select distinct country from accounts where country is not null order by 1"
    )
    return [row[0] for row in await cursor.fetchall()]


async def different(
    connection: Connection, records: Sequence[AccountRecord]
) -> list[AccountRecord]:
    """Those of these records that say something new: SDKs repeat an account at every login."""
    rows = [
        {
            "id": r.id, "name": r.name, "stage": r.stage, "managed": r.managed, "zone": r.zone,
            "country": r.country, "traits": r.traits,
            "domains": list(r.domains) if r.domains is not None else None,
        }
        for r in records
    ]  # fmt: skip
    cursor = await connection.execute(
        "select g.id from jsonb_to_recordset(%s) as g(id text, name text, stage text,"
        " managed bool, zone text, country text, traits jsonb, domains text[])"
        " left join accounts a on a.id = g.id where a.id is null or"
        " (a.name, a.stage, a.managed, a.zone, a.country, a.traits, a.domains) is distinct from"
        " (coalesce(g.name, a.name), coalesce(g.stage, a.stage), coalesce(g.managed, a.managed),"
        " coalesce(g.zone, a.zone), coalesce(g.country, a.country), a.traits || g.traits,"
        " coalesce(g.domains, a.domains))",
        (Jsonb(rows),),
    )
    new = {row[0] for row in await cursor.fetchall()}
    return [record for record in records if record.id in new]


async def meet(connection: Connection, ids: Iterable[str], now: datetime) -> list[str]:
    """Make accounts of which nothing is known but their id, where missing; returns the new ones."""
    wanted = sorted(set(ids))
    if not wanted:
        return []
    cursor = await connection.execute(
        "insert into accounts (id, name, created_at, updated_at)"
        " select g.id, g.id, %(now)s, %(now)s from unnest(%(ids)s::text[]) as g(id)"
        " where not exists (select from accounts a where a.id = g.id) order by 1"
        " on conflict do nothing returning id",
        {"ids": wanted, "now": now},
    )
    return [row[0] for row in await cursor.fetchall()]
