"""Time zones of people that another system knows, for those of whom none is known here."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from psycopg import AsyncConnection

from digital_cs.store.rules import changes

Connection = AsyncConnection[Any]

_GIVE = """
with given as (select * from unnest(%(addresses)s::text[], %(zones)s::text[]) g(address, zone)),
     found as (
       update contacts c set zone = g.zone, updated_at = %(now)s from given g
        where lower(c.email) = g.address and c.zone is null returning c.id)
select f.id, m.account_id from found f
  left join memberships m on m.contact_id = f.id and m.left_at is null
"""


async def give_zones(connection: Connection, zones: Mapping[str, str], now: datetime) -> int:
    """Give contacts without a zone the one of their address; how many got one.

    `zones`: names of the tz database by address in small letters. A zone that is known stays.
    """
    cursor = await connection.execute(
        _GIVE, {"addresses": [*zones], "zones": [*zones.values()], "now": now}
    )
    rows = await cursor.fetchall()
    accounts = sorted({account for _, account in rows if account})
    await changes.tell_all(connection, accounts, ["contacts"])
    return len({contact for contact, _ in rows})
