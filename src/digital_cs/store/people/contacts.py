"""Contacts as their sources give them, and the accounts that they belong to."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from psycopg import AsyncConnection
from psycopg.types.json import Jsonb

Connection = AsyncConnection[Any]


@dataclass(frozen=True, slots=True)
class ContactRecord:
    """A contact in one account, as a source gives it. In several accounts: one record for each."""

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
class SavedContacts:
    """Contacts left out because nobody knows their account, and accounts with a changed contact."""

    unknown: tuple[str, ...] = ()
    changed: tuple[str, ...] = ()


# A change of the person changes every account that they are in.
_SAVE = """
with given as (
       select g.*, exists (select 1 from accounts a where a.id = g.account_id) as known
         from jsonb_to_recordset(%(rows)s) as g(id text, account_id text, email text,
              first_name text, full_name text, roles text[], zone text, language text,
              active bool)),
     person as (select distinct on (id) * from given where known order by id),
     saved as (
       insert into contacts as c (id, email, first_name, full_name, zone, language, active,
              created_at, updated_at)
       select id, email, first_name, full_name, zone, language, active, %(now)s, %(now)s
         from person
       on conflict (id) do update
          set email = excluded.email, first_name = excluded.first_name,
              full_name = excluded.full_name, zone = excluded.zone,
              language = excluded.language, active = excluded.active,
              updated_at = excluded.updated_at
        where (c.email, c.first_name, c.full_name, c.zone, c.language, c.active)
              is distinct from (excluded.email, excluded.first_name, excluded.full_name,
                                excluded.zone, excluded.language, excluded.active)
       returning id)
select array(select id from given where not known), array(select id from saved)
"""

_JOIN = """
with joined as (
       insert into memberships as m (contact_id, account_id, joined_at, roles, source)
       select g.id, g.account_id, %(now)s, g.roles, %(source)s
         from jsonb_to_recordset(%(rows)s) as g(id text, account_id text, roles text[])
         join accounts a on a.id = g.account_id
       on conflict (contact_id, account_id) where left_at is null do update
          set roles = excluded.roles where m.roles is distinct from excluded.roles
       returning account_id)
select account_id from joined
union
select account_id from memberships where contact_id = any(%(changed)s) and left_at is null
"""


async def save_contacts(
    connection: Connection, records: Sequence[ContactRecord], now: datetime, source: str = ""
) -> SavedContacts:
    """Insert or update contacts of known accounts, each as a member of theirs."""
    rows = [
        {
            "id": r.id, "account_id": r.account_id, "email": r.email, "first_name": r.first_name,
            "full_name": r.full_name, "roles": list(r.roles), "zone": r.zone,
            "language": r.language, "active": r.active,
        }
        for r in records
    ]  # fmt: skip
    values = {"rows": Jsonb(rows), "now": now, "source": source}
    cursor = await connection.execute(_SAVE, values)
    row = await cursor.fetchone()
    assert row is not None
    unknown, changed = row
    cursor = await connection.execute(_JOIN, {**values, "changed": changed})
    return SavedContacts(tuple(unknown), tuple(sorted(r[0] for r in await cursor.fetchall())))
