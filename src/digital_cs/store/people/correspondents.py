"""Who an e-mail is written to, as far as its words go: an account and one of its contacts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from psycopg import AsyncConnection
from psycopg.rows import class_row

from digital_cs.errors import NotFoundError, UsageError
from digital_cs.store.programs import timeline
from digital_cs.store.sending import why

Connection = AsyncConnection[Any]

_FIND = """
select a.id as account, a.name as account_name, a.stage, a.traits, c.id as contact,
       coalesce(c.first_name, '') as first_name, coalesce(c.full_name, '') as full_name,
       coalesce(c.language, '') as language, coalesce(m.roles[1], '') as role
  from accounts a
  join memberships m on m.account_id = a.id and m.left_at is null
  join contacts c on c.id = m.contact_id
 where a.id = %(account)s
   and (%(contact)s::text is null or c.id = %(contact)s or lower(c.email) = lower(%(contact)s))
 order by c.active desc, c.created_at, c.id limit 1
"""


@dataclass(frozen=True, slots=True)
class Correspondent:
    """A contact of an account. What is not known is empty."""

    account: str
    account_name: str
    stage: str | None
    traits: dict[str, Any]
    contact: str
    first_name: str
    full_name: str
    language: str
    role: str


async def find(connection: Connection, named: str, contact: str | None = None) -> Correspondent:
    """A contact of the account that is `named` by its id, its name or a part of it.

    `contact` is an id or an e-mail address; None takes the first who is active. Raises
    NotFoundError, or UsageError where several accounts may be meant.
    """
    found = (await why.find(connection, named, by_name=True)).found
    whole = [each for each in found if each.whole]
    if len(whole) != 1 and len(found) > 1:
        names = ", ".join(f"{each.id} ({each.name})" for each in found[:5])
        raise UsageError(f"Several accounts may be meant by '{named}': {names}. Name its id.")
    if not found:
        raise NotFoundError(f"There is no account '{named}'. `digital-cs account list` finds them.")
    account = (whole or found)[0]
    async with connection.cursor(row_factory=class_row(Correspondent)) as cursor:
        await cursor.execute(_FIND, {"account": account.id, "contact": contact})
        row = await cursor.fetchone()
    if row is not None:
        return row
    people = await timeline.people(connection, account.id)
    names = ", ".join(f"{each.id} ({each.name})" for each in people[:5])
    hint = f"There are: {names}." if people else "It has no contacts."
    whom = f"'{contact}'" if contact else "there"
    raise NotFoundError(f"Nobody of {account.name} is {whom}. {hint}")
