"""The tables: what is true, in one place. Only this room imports them."""

from sqlalchemy import Text
from sqlmodel import AutoString

from digital_cs.store.tables import (
    broadcasts,
    customers,
    engine,
    evidence,
    intake,
    library,
    links,
    newsletters,
    policy,
    reviewing,
    rules,
    topics,
)
from digital_cs.store.tables.base import Table

__all__ = [
    "Table", "broadcasts", "customers", "engine", "evidence", "intake", "library", "links",
    "newsletters", "policy", "reviewing", "rules", "topics",
]  # fmt: skip

for _table in Table.metadata.tables.values():
    for _column in _table.columns:
        if isinstance(_column.type, AutoString):  # of no length: in Postgres that is text
            _column.type = Text()
