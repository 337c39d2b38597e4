"""What no topic catches: found in groups, learned from, and decided on by people."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from typing import Any

from psycopg import AsyncConnection
from psycopg_pool import AsyncConnectionPool

from digital_cs.clock import Clock
from digital_cs.domain.support.topic import Assigned, By, Topic
from digital_cs.domain.support.topic_proposal import ProposalState, recognize
from digital_cs.domain.support.topic_suggestion import PRECISE, Suggestion
from digital_cs.errors import NotFoundError, UsageError
from digital_cs.ingest.support.ticket_samples import Sample, samples_of, words_to_keep
from digital_cs.ingest.support.topic_texts import (
    Tell,
    groups,
    in_thread,
    learned,
    suggested,
    unheard,
)
from digital_cs.ingest.support.topics import TicketSorter
from digital_cs.store.support import ticket_texts, ticket_topics, topic_proposals, topics
from digital_cs.store.support.topic_proposals import ProposalView

Connection = AsyncConnection[Any]

SINCE = timedelta(days=90)
"""Groups are looked for among the tickets of so long: a month and what it is compared with."""
MOST = 20_000
"""And among so many of the newest: more make no other groups, only the search longer."""
MOST_OF_EACH = 300
"""Tickets of a topic that are learned from: more of the same teach nothing."""
FEWEST_TOPICS = 8
"""With fewer nothing shows how a ticket of yet another topic looks: all would go into these."""
FEWEST_OF_EACH = 5
"""Tickets of a topic, at least, to learn it."""


@dataclass(frozen=True, slots=True)
class Learned:
    """From how many tickets of which topics something was learned; they are looked at again."""

    tickets: int
    topics: tuple[str, ...]
    look_again: int


@dataclass(frozen=True, slots=True)
class Proposed:
    """What a search for groups found. `read`: tickets without a topic whose text is kept.

    `new` and `again` are open proposals, `refused` came again and stay refused, `joined` are
    tickets that belong to a group which was named or merged before.
    """

    read: int
    new: int
    again: int
    refused: int
    joined: int
    gone: int
    alone: int


class TopicProposals:
    """Finds groups, and does what people decide of them."""

    def __init__(self, pool: AsyncConnectionPool[Any], clock: Clock) -> None:
        self._pool = pool
        self._clock = clock
        self._sorter = TicketSorter(pool, clock)

    async def learn(self, tell: Tell = unheard) -> Learned | None:
        """Learn from the tickets whose topic a rule, a help desk or a person gave.

        What only learning can say something of is looked at again soon. None, and nothing is
        learned, as long as there are fewer than eight topics of five tickets each.
        """
        async with self._pool.connection() as connection:
            in_force = await topics.in_force(connection)
            found = await ticket_texts.taught(connection, MOST_OF_EACH)
            keep = await words_to_keep(connection)
        sizes = Counter(each.topic for each in found)
        names = tuple(
            sorted(each.topic for each in in_force.topics if sizes[each.topic] >= FEWEST_OF_EACH)
        )
        if len(names) < FEWEST_TOPICS:
            return None
        taught = [each for each in found if each.topic in names]
        content = await in_thread(partial(learned, taught, keep), tell)
        if content is None:
            return None
        now = self._clock.now()
        async with self._pool.connection() as connection, connection.transaction():
            await topics.save_model(connection, content, len(taught), names, in_force.version, now)
            again = await ticket_topics.look_again_at_learned(connection, now - SINCE)
        return Learned(len(taught), names, again)

    async def propose(self, tell: Tell = unheard) -> Proposed:
        """Look for groups among the tickets that have no topic, and keep them as proposals.

        20,000 tickets of 2,000 characters take about two minutes. Nothing is kept before the end.
        """
        now = self._clock.now()
        async with self._pool.connection() as connection:
            found = await ticket_texts.without_topic(connection, now - SINCE, MOST)
            keep = await words_to_keep(connection)
        seen_now, alone = await in_thread(partial(groups, found, keep), tell)
        counts = Counter[str]()
        async with self._pool.connection() as connection, connection.transaction():
            await topic_proposals.lock(connection)
            known = await topic_proposals.known(connection)
            states = {each.id: each.state for each in known}
            same = recognize(seen_now, known)
            seen = []
            for place, group in enumerate(seen_now):
                id = same.get(place)
                if id is None:
                    seen.append(await topic_proposals.add(connection, group, now))
                    counts["new"] += 1
                    continue
                seen.append(id)
                state = states[id]
                if state is ProposalState.GONE:
                    state = ProposalState.OPEN
                await topic_proposals.see_again(connection, id, group, state, now)
                if state in (ProposalState.NAMED, ProposalState.MERGED):
                    counts["joined"] += await self._join(connection, id, group.tickets)
                else:
                    counts["again" if state is ProposalState.OPEN else "refused"] += 1
            gone = await topic_proposals.end_unseen(connection, seen)
        return Proposed(
            len(found), counts["new"], counts["again"], counts["refused"], counts["joined"], gone,
            alone,
        )  # fmt: skip

    async def samples(self, id: int) -> list[Sample]:
        """The tickets that show best what a proposal is about, as long as their texts are kept."""
        async with self._pool.connection() as connection:
            proposal = await _get(connection, id)
            return await samples_of(connection, proposal.typical)

    async def name(self, id: int, topic: Topic, by: str) -> int:
        """Make a topic of a proposal; its tickets are of it, and more like them will be learned.

        Returns how many tickets changed. Raises NotFoundError, and UsageError for a topic that
        there is already, or a proposal that was decided on.
        """
        async with self._pool.connection() as connection, connection.transaction():
            proposal = await _undecided(connection, id)
            if any(
                each.topic == topic.topic for each in (await topics.in_force(connection)).topics
            ):
                raise UsageError(
                    f"There is a topic '{topic.topic}' already:"
                    f" `digital-cs topics merge {id} {topic.topic}` puts the tickets there."
                )
            now = self._clock.now()
            await topics.save_named(connection, topic, id, by, now)
            return await self._become(connection, proposal, topic.topic, ProposalState.NAMED, by)

    async def merge(self, id: int, into: str, by: str) -> int:
        """Make a proposal part of a topic, or of another proposal ("#7"); tickets that changed.

        Raises NotFoundError and UsageError.
        """
        async with self._pool.connection() as connection, connection.transaction():
            proposal = await _undecided(connection, id)
            if not into.startswith("#"):
                ours = {each.topic for each in (await topics.in_force(connection)).topics}
                if into not in ours:
                    raise NotFoundError(f"There is no topic '{into}'. A proposal is written '#7'.")
                return await self._become(connection, proposal, into, ProposalState.MERGED, by)
            other = await _get(connection, _number(into))
            if other.id == id:
                raise UsageError("A proposal cannot be merged into itself.")
            await topic_proposals.move_members(connection, id, other.id)
            await topic_proposals.decide(
                connection, id, ProposalState.MERGED, part_of=f"#{other.id}", by=by,
                now=self._clock.now(),
            )  # fmt: skip
            members = await topic_proposals.members(connection, other.id)
            return await self._join(connection, other.id, members)

    async def refuse(self, id: int, by: str) -> None:
        """Say that a proposal is no topic; the same group is not proposed again.

        Raises NotFoundError and UsageError.
        """
        async with self._pool.connection() as connection, connection.transaction():
            await _undecided(connection, id)
            await topic_proposals.decide(
                connection, id, ProposalState.REFUSED, part_of=None, by=by, now=self._clock.now()
            )

    async def suggest(self, id: int, precision: float = PRECISE) -> Suggestion | None:
        """A rule that catches most of a group while few others are caught by it; None if none does.

        precision: the share of what it catches that must be of the group, from 0 to 1. The others
        are the newest 20,000 tickets of 90 days, whatever they are of. NotFoundError.
        """
        async with self._pool.connection() as connection:
            await _get(connection, id)
            members = await topic_proposals.members(connection, id)
            inside = await ticket_texts.texts_of(connection, members)
            outside = await ticket_texts.apart_from(connection, id, self._clock.now() - SINCE, MOST)
            keep = await words_to_keep(connection)
        return await asyncio.to_thread(suggested, inside, outside, keep, precision)

    async def _become(
        self, connection: Connection, proposal: ProposalView, topic: str, state: ProposalState,
        by: str,
    ) -> int:  # fmt: skip
        await topic_proposals.decide(
            connection, proposal.id, state, part_of=topic, by=by, now=self._clock.now()
        )
        members = await topic_proposals.members(connection, proposal.id)
        return await self._join(connection, proposal.id, members)

    async def _join(self, connection: Connection, id: int, tickets: Sequence[str]) -> int:
        """Give tickets the topic that a group became, by way of others it was merged into."""
        proposal = await _get(connection, id)
        for _ in range(20):  # a way that goes round in a circle ends too
            if proposal.part_of is None or not proposal.part_of.startswith("#"):
                break
            proposal = await _get(connection, _number(proposal.part_of))
        if proposal.part_of is None or proposal.part_of.startswith("#"):
            return 0
        kept = Assigned(
            proposal.part_of, By.PROPOSAL, words=tuple(proposal.words[:6]), proposal=proposal.id
        )
        return await self._sorter.settle(connection, tickets, kept)


def _number(written: str) -> int:
    number = written.removeprefix("#")
    if not number.isdecimal():
        raise UsageError(f"'{written}' is no proposal: write its number, as '#7'.")
    return int(number)


async def _get(connection: Connection, id: int) -> ProposalView:
    found = await topic_proposals.get(connection, id)
    if found is None:
        raise NotFoundError(
            f"There is no proposal {id}. `digital-cs topics proposals` shows those there are."
        )
    return found


async def _undecided(connection: Connection, id: int) -> ProposalView:
    """A proposal that nobody made a topic of, locked until the transaction ends."""
    await topic_proposals.lock(connection)
    found = await _get(connection, id)
    if found.state in (ProposalState.NAMED, ProposalState.MERGED):
        raise UsageError(f"Proposal {id} was {found.state} already: it is part of {found.part_of}.")
    return found
