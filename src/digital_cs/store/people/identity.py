"""Who a contact is: the accounts they belong to now and did before, and the ids they go by."""

# ruff: noqa: S608  statements are put together from constants, never from values
from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from psycopg import AsyncConnection
from psycopg.rows import class_row

from digital_cs.store.people.suppressions import REASON, SUPPRESSED

Connection = AsyncConnection[Any]


@dataclass(frozen=True, slots=True)
class MembershipView:
    """A time that a contact spent in an account; `left_at` is None while it lasts."""

    account: str
    account_name: str
    roles: list[str]
    joined_at: datetime
    left_at: datetime | None
    source: str


@dataclass(frozen=True, slots=True)
class AliasView:
    """Another id of a contact. `kind`: anonymous, or merged (a contact of its own before)."""

    alias: str
    kind: str
    at: datetime
    source: str


@dataclass(frozen=True, slots=True)
class ContactView:
    """A contact with all that is known of where they belong; memberships from the first on.

    `suppressed` is the reason, where the address is not written to.
    """

    id: str
    name: str
    email: str | None
    zone: str | None
    language: str | None
    active: bool
    suppressed: str | None
    traits: dict[str, Any]
    memberships: list[MembershipView]
    aliases: list[AliasView]


@dataclass(frozen=True, slots=True)
class Moved:
    """What a move changed. `left` is False for who was not in the account, `joined` for who was
    in the other one already."""

    left: bool
    joined: bool


async def contact(connection: Connection, id: str) -> ContactView | None:
    """A contact by an id of theirs, also a former one."""
    found = await connection.execute(
        "select c.id, coalesce(nullif(c.full_name, ''), c.first_name), c.email, c.zone, c.language,"
        f" c.active, {REASON}, c.traits from contacts c {SUPPRESSED}"
        " where c.id = coalesce((select contact_id from identities where alias = %(id)s), %(id)s)",
        {"id": id},
    )
    row = await found.fetchone()
    if row is None:
        return None
    async with connection.cursor(row_factory=class_row(MembershipView)) as cursor:
        await cursor.execute(
            "select m.account_id as account, a.name as account_name, m.roles, m.joined_at,"
            " m.left_at, m.source from memberships m join accounts a on a.id = m.account_id"
            " where m.contact_id = %s order by m.joined_at, m.account_id",
            (row[0],),
        )
        memberships = await cursor.fetchall()
    async with connection.cursor(row_factory=class_row(AliasView)) as other:
        await other.execute(
            "select alias, kind, at, source from identities where contact_id = %s"
            " order by at, alias",
            (row[0],),
        )
        aliases = await other.fetchall()
    id, name, email, zone, language, active, suppressed, traits = row
    return ContactView(
        id, name, email, zone, language, active, suppressed, traits, memberships, aliases
    )


async def with_address(connection: Connection, address: str) -> list[str]:
    """The ids of the contacts with this address, in order."""
    cursor = await connection.execute(
        "select id from contacts where lower(email) = lower(%s) order by id", (address,)
    )
    return [row[0] for row in await cursor.fetchall()]


async def seen(connection: Connection, id: str) -> bool:
    """Whether somebody did something under an id that is no contact."""
    cursor = await connection.execute(
        "select exists (select from product_events where anonymous_id = %(id)s)"
        " or exists (select from product_events where user_id = %(id)s and account_id is null)",
        {"id": id},
    )
    return await cursor.fetchone() == (True,)


async def move(
    connection: Connection, contact_id: str, from_: str, to: str, now: datetime
) -> Moved:
    """End a membership and begin one in another account, with the same roles.

    What they did in the first account stays there. Needs `people.change`.
    """
    cursor = await connection.execute(
        "with gone as (update memberships set left_at = greatest(joined_at, %(now)s)"
        " where contact_id = %(contact)s and account_id = %(from)s and left_at is null"
        " returning roles),"
        " begun as (insert into memberships (contact_id, account_id, joined_at, roles, source)"
        " select %(contact)s, %(to)s, %(now)s, roles, 'operator' from gone"
        " on conflict do nothing returning 1)"
        " select exists (select from gone), exists (select from begun)",
        {"contact": contact_id, "from": from_, "to": to, "now": now},
    )
    row = await cursor.fetchone()
    assert row is not None
    return Moved(*row)
