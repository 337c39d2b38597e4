"""Topics in force: the published versions, those that people named, and what was learned."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, LiteralString

from psycopg import AsyncConnection
from psycopg.types.json import Jsonb

from digital_cs.domain.support.topic import Topic, Topics

Connection = AsyncConnection[Any]

LOCK = 0x6463746F
"""Two who publish at once take turns, so that the second sees the first one's number."""


NO_TOPICS = Topics(topics=())


@dataclass(frozen=True, slots=True)
class TopicVersion:
    """Topics with their number; 0 where none were ever published.

    `assigned_at`: when all tickets were looked at by them; None as long as some are left, which
    come after `assigned_through`.
    """

    version: int = 0
    topics: Topics = NO_TOPICS
    published_at: datetime | None = None
    assigned_through: str = ""
    assigned_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class NamedTopic:
    """A topic that a person made of a proposal, and of which one."""

    topic: Topic
    proposal: int
    named_by: str
    named_at: datetime


@dataclass(frozen=True, slots=True)
class InForce:
    """What tickets are assigned by: the published topics, and those named since."""

    version: int
    topics: tuple[Topic, ...]

    def __bool__(self) -> bool:
        return bool(self.topics)


@dataclass(frozen=True, slots=True)
class KeptModel:
    """What was learned last: from so many tickets, for which topics."""

    id: int
    content: bytes
    tickets: int
    topics: list[str]
    version: int
    learned_at: datetime


_NEWEST: LiteralString = (
    "select version, spec, published_at, assigned_through, assigned_at from topic_versions"
    " order by version desc limit 1"
)
_NEWEST_LOCKED: LiteralString = _NEWEST + " for update"


def topics_hash(topics: Topics) -> str:
    """The same for topics that say the same."""
    told = json.dumps(topics.model_dump(mode="json"), sort_keys=True, ensure_ascii=False)
    return hashlib.sha256(told.encode("utf-8", "surrogatepass")).hexdigest()[:16]


async def current(connection: Connection, *, lock: bool = False) -> TopicVersion:
    """The version in force. `lock` keeps others from walking through the tickets meanwhile."""
    cursor = await connection.execute(_NEWEST_LOCKED if lock else _NEWEST)
    row = await cursor.fetchone()
    if row is None:
        return TopicVersion()
    return TopicVersion(row[0], Topics.model_validate(row[1]), *row[2:])


async def publish(
    connection: Connection, topics: Topics, now: datetime
) -> tuple[TopicVersion, bool]:
    """Put topics in force; (them with their number, whether they are new). In a transaction.

    Tickets are looked at again after that, in batches.
    """
    await connection.execute("select pg_advisory_xact_lock(%s)", (LOCK,))
    found = await current(connection)
    if found.version and topics_hash(found.topics) == topics_hash(topics):
        return found, False
    version = found.version + 1
    await connection.execute(
        "insert into topic_versions (version, content_hash, spec, published_at)"
        " values (%s, %s, %s, %s)",
        (version, topics_hash(topics), Jsonb(topics.model_dump(mode="json")), now),
    )
    return TopicVersion(version, topics, now), True


async def note_assigned(
    connection: Connection, version: int, through: str, done_at: datetime | None
) -> None:
    """Note how far the tickets were looked at by a version."""
    await connection.execute(
        "update topic_versions set assigned_through = %s, assigned_at = %s where version = %s",
        (through, done_at, version),
    )


async def in_force(connection: Connection) -> InForce:
    """What tickets are assigned by now: of two topics with one id, the published one."""
    published = await current(connection)
    ids = {each.topic for each in published.topics.topics}
    others = (each.topic for each in await named(connection) if each.topic.topic not in ids)
    return InForce(published.version, (*published.topics.topics, *others))


async def named(connection: Connection) -> list[NamedTopic]:
    """The topics that people made of proposals, the oldest first."""
    cursor = await connection.execute(
        "select spec, proposal, named_by, named_at from named_topics order by named_at, topic"
    )
    return [NamedTopic(Topic.model_validate(row[0]), *row[1:]) for row in await cursor.fetchall()]


async def save_named(
    connection: Connection, topic: Topic, proposal: int, by: str, now: datetime
) -> None:
    """Keep a topic that a person made of a proposal."""
    await connection.execute(
        "insert into named_topics (topic, spec, proposal, named_by, named_at)"
        " values (%s, %s, %s, %s, %s) on conflict (topic) do update set spec = excluded.spec,"
        " proposal = excluded.proposal, named_by = excluded.named_by, named_at = excluded.named_at",
        (topic.topic, Jsonb(topic.model_dump(mode="json")), proposal, by, now),
    )


async def newest_model(connection: Connection) -> KeptModel | None:
    """What was learned last; None if nothing was."""
    cursor = await connection.execute(
        "select id, content, tickets, topics, version, learned_at from topic_models"
        " order by id desc limit 1"
    )
    row = await cursor.fetchone()
    return KeptModel(row[0], bytes(row[1]), *row[2:]) if row else None


async def stamp(connection: Connection) -> object:
    """Something that is another as soon as other topics are in force, or something was learned."""
    cursor = await connection.execute(
        "select (select max(version) from topic_versions), (select max(id) from topic_models),"
        " (select count(*) from named_topics), (select max(named_at) from named_topics)"
    )
    return await cursor.fetchone()


async def save_model(
    connection: Connection, content: bytes, tickets: int, topics: Sequence[str], version: int,
    now: datetime,
) -> int:  # fmt: skip
    """Keep what was learned, instead of what was before; its number."""
    cursor = await connection.execute(
        "insert into topic_models (content, tickets, topics, version, learned_at)"
        " values (%s, %s, %s, %s, %s) returning id",
        (content, tickets, list(topics), version, now),
    )
    row = await cursor.fetchone()
    assert row is not None
    await connection.execute("delete from topic_models where id < %s", (row[0],))
    return int(row[0])
