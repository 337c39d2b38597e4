"""Differences: what records of a load would change, told without changing anything."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from psycopg import AsyncConnection
from psycopg.types.json import Jsonb

Connection = AsyncConnection[Any]


class Difference(NamedTuple):
    """How many records are of something new, say something else than is kept, or the same."""

    new: int = 0
    changed: int = 0
    same: int = 0


@dataclass(frozen=True, slots=True)
class Kept:
    """Where something is kept. Columns with their types: `keys` find it, `values` are compared.

    What is null in a record changes nothing in the columns of `lasting`; of a jsonb, only what
    the record has is compared, for it is added to what is there.
    """

    table: str
    keys: Mapping[str, str]
    values: Mapping[str, str] = field(default_factory=dict)
    lasting: frozenset[str] = frozenset()
    differs: str = ""

    def query(self) -> str:
        """SQL that counts; its one parameter is the records as JSON."""
        columns = ", ".join(f"{name} {kind}" for name, kind in {**self.keys, **self.values}.items())
        found = " and ".join(f"t.{name} = g.{name}" for name in self.keys)
        tests = [self._test(name, kind) for name, kind in self.values.items()]
        differs = self.differs or " or ".join(tests) or "false"
        there = f"t.{next(iter(self.keys))} is not null"
        return (  # of the names above, and nothing from outside
            f"select count(*) filter (where not {there}),"  # noqa: S608
            f" count(*) filter (where {there} and ({differs})),"
            f" count(*) filter (where {there} and not ({differs}))"
            f" from jsonb_to_recordset(%s) as g({columns}) left join {self.table} t on {found}"
        )

    def _test(self, name: str, kind: str) -> str:
        if kind == "jsonb":
            return f"not t.{name} @> g.{name}"
        test = f"g.{name} is distinct from t.{name}"
        return f"(g.{name} is not null and {test})" if name in self.lasting else test


_ACCOUNT = {
    "name": "text", "stage": "text", "managed": "bool", "zone": "text", "country": "text",
    "traits": "jsonb", "domains": "text[]",
}  # fmt: skip
_TICKET = {
    "status": "text", "severity": "text", "topic": "text", "opened_at": "timestamptz",
    "updated_at": "timestamptz", "solved_at": "timestamptz",
}  # fmt: skip
_MEMBERS = (
    "(select c.id, m.account_id, c.email, c.first_name, c.full_name, m.roles, c.zone, c.language,"
    " c.active from memberships m join contacts c on c.id = m.contact_id where m.left_at is null)"
)

ACCOUNTS = Kept("accounts", {"id": "text"}, _ACCOUNT, frozenset(_ACCOUNT))
CONTACTS = Kept(
    _MEMBERS, {"id": "text", "account_id": "text"},
    {"email": "text", "first_name": "text", "full_name": "text", "roles": "text[]",
     "zone": "text", "language": "text", "active": "bool"},
)  # fmt: skip
SUBSCRIPTIONS = Kept(
    "subscriptions", {"id": "text"},
    {"account_id": "text", "product": "text", "plan": "text", "starts_on": "date",
     "ends_on": "date", "mrr": "numeric", "seats": "int", "trial": "bool", "traits": "jsonb"},
)  # fmt: skip
USAGE_DAYS = Kept(
    "usage_days", {"account_id": "text", "event": "text", "day": "date"},
    {"n": "bigint", "users": "int", "value": "float8"},
)  # fmt: skip
USAGE_ROWS = Kept(
    "usage_rows", {"source": "text", "row_id": "text"},
    {"account_id": "text", "event": "text", "day": "date", "n": "bigint", "users": "int",
     "value": "float8"},
)  # fmt: skip
CONTENT_USES = Kept("content_uses_on_tickets", {"item_id": "text", "ticket_id": "text"})
CONTENT_VOTES = Kept(
    "content_votes", {"item_id": "text", "voter": "text"},
    {"helpful": "bool", "at": "timestamptz"},
    differs="g.at > t.at and g.helpful <> t.helpful",
)  # fmt: skip
MILESTONES = Kept(
    "milestones", {"account_id": "text", "name": "text"}, {"reached_at": "timestamptz"},
    differs="g.reached_at < t.reached_at",
)  # fmt: skip
EVENTS = Kept("product_events", {"id": "text", "day": "date"})
TICKETS = Kept(
    "tickets", {"id": "text"}, _TICKET, frozenset({"severity", "topic", "solved_at"}),
    differs="g.updated_at > t.updated_at or g.updated_at = t.updated_at and ("
    + " or ".join(
        f"g.{name} is not null and g.{name} is distinct from"
        f" t.{'source_topic' if name == 'topic' else name}"
        for name in _TICKET
    ) + ")",
)  # fmt: skip


async def difference(
    connection: Connection, kept: Kept, records: Sequence[Mapping[str, Any]]
) -> Difference:
    """Compare records (of different keys) with what is kept."""
    cursor = await connection.execute(kept.query(), (Jsonb(list(records)),))
    row = await cursor.fetchone()
    assert row is not None
    return Difference(*row)
