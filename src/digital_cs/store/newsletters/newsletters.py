"""Newsletters that were published, and which of them are still coming out."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from psycopg import AsyncConnection
from psycopg.types.json import Jsonb

from digital_cs.domain.newsletters.newsletter import Newsletter

Connection = AsyncConnection[Any]


@dataclass(frozen=True, slots=True)
class Published:
    """A newsletter as it is published; `retired_at` is set when it comes out no more."""

    newsletter: Newsletter
    version: int
    published_at: datetime
    retired_at: datetime | None = None


def spec_of(newsletter: Newsletter) -> dict[str, Any]:
    """The newsletter as it is kept."""
    return newsletter.model_dump(mode="json", exclude_defaults=True)


def spec_hash(newsletter: Newsletter) -> str:
    """The same for newsletters that say the same."""
    return hashlib.sha256(json.dumps(spec_of(newsletter), sort_keys=True).encode()).hexdigest()


_PUBLISH = """
insert into newsletters as n (id, version, content_hash, spec, published_at)
values (%(id)s, 1, %(hash)s, %(spec)s, %(now)s)
on conflict (id) do update
   set version = n.version + (n.content_hash <> excluded.content_hash)::int,
       published_at = case when n.content_hash <> excluded.content_hash
                           then excluded.published_at else n.published_at end,
       content_hash = excluded.content_hash, spec = excluded.spec, retired_at = null
 where n.content_hash <> excluded.content_hash or n.retired_at is not null
returning version
"""


async def publish(connection: Connection, newsletter: Newsletter, now: datetime) -> bool:
    """Have a newsletter come out as it says from its next issue on; False if it does already."""
    cursor = await connection.execute(
        _PUBLISH,
        {"id": newsletter.newsletter, "hash": spec_hash(newsletter),
         "spec": Jsonb(spec_of(newsletter)), "now": now},
    )  # fmt: skip
    return cursor.rowcount == 1


async def retire(connection: Connection, id: str, now: datetime) -> bool:
    """Let no further issue be planned; those that are open go on. False if it was so before."""
    cursor = await connection.execute(
        "update newsletters set retired_at = %s where id = %s and retired_at is null", (now, id)
    )
    return cursor.rowcount == 1


async def published(connection: Connection, *, retired: bool = False) -> list[Published]:
    """Every newsletter in order of its id, those that come out no more only where asked for."""
    cursor = await connection.execute(
        "select spec, version, published_at, retired_at from newsletters"
        " where %s or retired_at is null order by id",
        (retired,),
    )
    rows = await cursor.fetchall()
    return [Published(Newsletter.model_validate(row[0]), *row[1:]) for row in rows]


async def get(connection: Connection, id: str) -> Published | None:
    """The newsletter of an id."""
    cursor = await connection.execute(
        "select spec, version, published_at, retired_at from newsletters where id = %s", (id,)
    )
    row = await cursor.fetchone()
    return Published(Newsletter.model_validate(row[0]), *row[1:]) if row else None
