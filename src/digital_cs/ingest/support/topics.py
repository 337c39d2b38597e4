"""Gives tickets their topics: the new ones soon, and all of them after topics were published."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from psycopg import AsyncConnection
from psycopg_pool import AsyncConnectionPool

from digital_cs import logs
from digital_cs.clock import Clock
from digital_cs.domain.support.topic import SURE_ENOUGH, Assigned, By, Caught, Sorter
from digital_cs.errors import NotFoundError, UsageError
from digital_cs.store.database.deadlock import again_after_deadlock
from digital_cs.store.support import ticket_topics, topics
from digital_cs.store.support.ticket_topics import Held, Looked
from digital_cs.store.support.topics import TopicVersion

if TYPE_CHECKING:
    from digital_cs.topics.model import TopicModel

log = logs.get(__name__)

Connection = AsyncConnection[Any]
OnBatch = Callable[[int, int], None]
"""Told after each batch: tickets looked at in it, and how many of them changed their topic."""

BATCH = 500
"""Tickets a transaction."""


def _nobody(looked: int, changed: int) -> None:
    """Tell nobody."""


@dataclass(frozen=True, slots=True)
class Sorted:
    """How many tickets were looked at, and how many have another topic than before."""

    looked: int = 0
    changed: int = 0

    def plus(self, looked: int, changed: int) -> Sorted:
        """With another batch."""
        return Sorted(self.looked + looked, self.changed + changed)


@dataclass(frozen=True, slots=True)
class Explained:
    """Why a ticket is of its topic, or of none.

    `rules` are all that hold, the one that counts first. `nearest` is what was learned to be
    nearest, with how sure that is, where nothing else said anything.
    """

    ticket: str
    topic: str | None
    held: Held | None
    rules: tuple[Caught, ...]
    nearest: str | None
    sure: float | None
    text_kept: bool
    waiting: bool


class TicketSorter:
    """Sorts tickets by the topics in force. Keeps rules and what was learned between batches."""

    def __init__(self, pool: AsyncConnectionPool[Any], clock: Clock) -> None:
        self._pool = pool
        self._clock = clock
        self._stamp: object = None
        self._version = 0
        self._sorter = Sorter(())
        self._model: TopicModel | None = None
        self._model_id: int | None = None

    async def soon(self, *, most_batches: int | None = None, tell: OnBatch = _nobody) -> Sorted:
        """Look at the tickets whose words are new or changed. Without topics there is nothing to
        do; they wait for the first ones."""
        done, after, batches = Sorted(), "", 0
        while most_batches is None or batches < most_batches:
            async with self._pool.connection() as connection:
                if not await self._refresh(connection):
                    return done
                looked = await ticket_topics.look_at_due(connection, after, BATCH)
            if not looked:
                return done
            found = await self._keep(looked, await asyncio.to_thread(self._decide, looked))
            tell(*found)
            done, after, batches = done.plus(*found), looked[-1].id, batches + 1
        return done

    async def all_again(
        self, *, most_batches: int | None = None, tell: OnBatch = _nobody
    ) -> Sorted:
        """Look at every ticket by the version in force, from where the last one stopped.

        Whoever is interrupted goes on from there. Of two at once, one does each batch.
        """
        done, batches = Sorted(), 0
        while most_batches is None or batches < most_batches:
            async with self._pool.connection() as connection:
                version = await topics.current(connection)
                if not version.version or version.assigned_at is not None:
                    return done
                await self._refresh(connection)
                looked = await ticket_topics.look_after(connection, version.assigned_through, BATCH)
            given = await asyncio.to_thread(self._decide, looked)
            found = await self._keep_of(version, looked, given)
            if found is not None and looked:
                tell(*found)
                done, batches = done.plus(*found), batches + 1
        return done

    # Deciding takes milliseconds a ticket where something was learned, for which whoever saves one
    # of them would wait: so it is done before, and thrown away where the ticket changed meanwhile.
    @again_after_deadlock
    async def _keep(
        self, looked: Sequence[Looked], given: Mapping[str, Assigned | None]
    ) -> tuple[int, int]:
        async with self._pool.connection() as connection, connection.transaction():
            return await self._write_unchanged(connection, looked, given, wait=False)

    @again_after_deadlock
    async def _keep_of(
        self, version: TopicVersion, looked: Sequence[Looked],
        given: Mapping[str, Assigned | None],
    ) -> tuple[int, int] | None:  # fmt: skip
        """The same, as a part of looking at all; None if somebody else was quicker."""
        async with self._pool.connection() as connection, connection.transaction():
            if await topics.current(connection, lock=True) != version:
                return None
            through = looked[-1].id if looked else version.assigned_through
            over = None if looked else self._clock.now()
            await topics.note_assigned(connection, version.version, through, over)
            return await self._write_unchanged(connection, looked, given, wait=True)

    async def _write_unchanged(
        self, connection: Connection, looked: Sequence[Looked],
        given: Mapping[str, Assigned | None], *, wait: bool,
    ) -> tuple[int, int]:  # fmt: skip
        same = await ticket_topics.take_unchanged(connection, looked, wait=wait)
        return len(same), await self._write(connection, {id: given[id] for id in same})

    async def _refresh(self, connection: Connection) -> bool:
        """Know the topics in force and what was learned; whether there are any topics."""
        stamp = await topics.stamp(connection)
        if stamp != self._stamp:
            in_force = await topics.in_force(connection)
            kept = await topics.newest_model(connection)
            if kept is None:
                self._model = None
            elif kept.id != self._model_id:
                self._model = await _read_model(kept.content)
            self._model_id = kept.id if kept else None
            self._version, self._sorter = in_force.version, Sorter(in_force.topics)
            self._stamp = stamp
        return bool(self._sorter.topics)

    async def _write(self, connection: Connection, given: Mapping[str, Assigned | None]) -> int:
        now = self._clock.now()
        return await ticket_topics.write(
            connection, given, now, version=self._version, model=self._model_id
        )

    def _decide(self, looked: Sequence[Looked]) -> dict[str, Assigned | None]:
        given = {
            each.id: None if each.gone else self._sorter.assign(each.words, each.kept)
            for each in looked
        }
        left = [each for each in looked if given[each.id] is None and not each.gone]
        for each, found in zip(left, self._alike(left), strict=True):
            given[each.id] = found
        return given

    def _alike(self, looked: Sequence[Looked]) -> list[Assigned | None]:
        """What likeness says of tickets; where it cannot be asked, what it said before."""
        ours = self._sorter.topics
        before = [
            each.kept if each.kept and each.kept.by is By.LEARNED and each.kept.topic in ours
            else None
            for each in looked
        ]  # fmt: skip
        if self._model is None or not looked:
            return before
        try:
            said = self._model.assign_all([each.words.text or "" for each in looked])
        except Exception as error:  # whatever it is, rules are to be heard, and the keeper to live
            log.error("topics.model_failed", error=type(error).__name__)
            self._model = None  # until something is learned anew
            return before
        return [
            Assigned(each.topic, By.LEARNED, words=each.words, sure=each.sure)
            if each.topic in ours and each.sure >= SURE_ENOUGH
            else None
            for each in said
        ]

    async def give(self, id: str, topic: str | None, by: str) -> str | None:
        """Say for a person of which topic a ticket is, None for none; what it was before.

        That stands whatever rules say. Raises NotFoundError, and UsageError for another topic than
        those in force.
        """
        async with self._pool.connection() as connection, connection.transaction():
            await self._refresh(connection)
            if topic is not None and topic not in self._sorter.topics:
                raise UsageError(
                    f"There is no topic '{topic}'. `digital-cs topics list` shows those there are."
                )
            looked = await _taken(connection, id)
            await self._write(connection, {id: Assigned(topic, By.PERSON, person=by)})
        return looked.kept.topic if looked.kept else None

    async def release(self, id: str) -> Assigned | None:
        """Take back what a person said of a ticket; what it is of by the rules. NotFoundError."""
        async with self._pool.connection() as connection, connection.transaction():
            await self._refresh(connection)
            looked = await _taken(connection, id)
            bare = Looked(looked.id, looked.words, None, looked.gone)
            found = await asyncio.to_thread(self._decide, [bare])
            await self._write(connection, found)
        return found[id]

    async def explain(self, id: str) -> Explained:
        """Why a ticket is of its topic, or of none. Raises NotFoundError."""
        async with self._pool.connection() as connection:
            await self._refresh(connection)
            looked = await ticket_topics.look_at(connection, id)
            if looked is None:
                raise NotFoundError(f"There is no ticket '{id}'. `digital-cs tickets list`.")
            held = await ticket_topics.held(connection, id)
            now = await ticket_topics.topic_now(connection, id)
        said = None
        if self._model is not None and looked.words.text is not None:
            said = await asyncio.to_thread(self._model.assign, looked.words.text)
        return Explained(
            id, now.topic, held, tuple(self._sorter.caught(looked.words)),
            said.nearest if said else None, said.sure if said else None,
            looked.words.text is not None, now.due,
        )  # fmt: skip

    async def settle(self, connection: Connection, ids: Sequence[str], kept: Assigned) -> int:
        """Give tickets a topic as members of a group, where no rule and nobody says another.

        Call it in a transaction. How many changed.
        """
        await self._refresh(connection)
        looked = await ticket_topics.take(connection, ids)
        bound = [
            each if each.kept and each.kept.by is By.PERSON
            else Looked(each.id, each.words, kept, each.gone)
            for each in looked
        ]  # fmt: skip
        given = await asyncio.to_thread(self._decide, bound)
        return await self._write(connection, given)


async def _taken(connection: Connection, id: str) -> Looked:
    found = await ticket_topics.take(connection, [id])
    if not found:
        raise NotFoundError(f"There is no ticket '{id}'. `digital-cs tickets list` shows them.")
    return found[0]


async def _read_model(content: bytes) -> TopicModel | None:
    """What was learned; None if another release wrote it: the next `topics propose` learns anew."""
    from digital_cs.topics.errors import UnreadableModelError
    from digital_cs.topics.model import TopicModel  # brings numpy along: only where one is in use

    try:
        return await asyncio.to_thread(TopicModel.from_bytes, content)
    except UnreadableModelError:
        log.warning("topics.model_not_readable")
        return None
