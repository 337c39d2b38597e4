"""The published versions of the policy; the highest number is in force."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from psycopg import AsyncConnection
from psycopg.types.json import Jsonb

from digital_cs.domain.sending.policy import Policy

Connection = AsyncConnection[Any]

LOCK = 0x64637370
"""Two who publish at once take turns, so that the second sees the first one's number."""


@dataclass(frozen=True, slots=True)
class Published:
    """A policy with its number; 0 are the defaults, where none was ever published."""

    version: int
    policy: Policy
    published_at: datetime | None = None


def policy_hash(policy: Policy) -> str:
    """The same for policies that say the same."""
    return hashlib.sha256(json.dumps(policy_to_json(policy), sort_keys=True).encode()).hexdigest()[
        :16
    ]


def policy_to_json(policy: Policy) -> dict[str, Any]:
    """The policy as JSON; the topics as pairs, for objects in Postgres forget their order."""
    spec = policy.model_dump(mode="json")
    return {**spec, "topics": [[name, topic] for name, topic in spec["topics"].items()]}


def policy_from_json(spec: dict[str, Any]) -> Policy:
    """The policy of a row's spec."""
    return Policy.model_validate({**spec, "topics": dict(spec["topics"])})


async def current(connection: Connection) -> Published:
    """The policy in force."""
    return await of_version(connection, None)


async def of_version(connection: Connection, version: int | None) -> Published:
    """The policy with this number, None: the one in force; the defaults where there is none."""
    cursor = await connection.execute(
        "select version, spec, published_at from policies"
        " where %(version)s::int is null or version = %(version)s order by version desc limit 1",
        {"version": version},
    )
    row = await cursor.fetchone()
    if row is None:
        return Published(0, Policy())
    return Published(row[0], policy_from_json(row[1]), row[2])


async def history(connection: Connection) -> list[Published]:
    """Every published policy, the newest first."""
    cursor = await connection.execute(
        "select version, spec, published_at from policies order by version desc"
    )
    return [Published(row[0], policy_from_json(row[1]), row[2]) for row in await cursor.fetchall()]


async def publish(connection: Connection, policy: Policy, now: datetime) -> tuple[Published, bool]:
    """Put a policy in force; (it with its number, whether it is new). Call it in a transaction."""
    await connection.execute("select pg_advisory_xact_lock(%s)", (LOCK,))
    found = await current(connection)
    if found.version and policy_hash(found.policy) == policy_hash(policy):
        return found, False
    version = found.version + 1
    await connection.execute(
        "insert into policies (version, content_hash, spec, published_at) values (%s, %s, %s, %s)",
        (version, policy_hash(policy), Jsonb(policy_to_json(policy)), now),
    )
    return Published(version, policy, now), True
