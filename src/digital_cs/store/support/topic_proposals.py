"""Proposals: groups of tickets that no topic catches, and what people decided of them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from psycopg import AsyncConnection
from psycopg.rows import class_row

from digital_cs.domain.support.topic_proposal import Group, KnownGroup, ProposalState

Connection = AsyncConnection[Any]

LOCK = 0x64637470
"""One finds groups at a time: two would give the same group two numbers."""


@dataclass(frozen=True, slots=True)
class ProposalView:
    """A proposal as people see it. `part_of` is a topic, or another proposal as "#7"."""

    id: int
    state: str
    words: list[str]
    typical: list[str]
    cohesion: float
    part_of: str | None
    decided_by: str | None
    decided_at: datetime | None
    first_seen_at: datetime
    last_seen_at: datetime
    tickets: int
    accounts: int


_VIEW = """
select p.id, p.state, p.words, p.typical, p.cohesion, p.part_of, p.decided_by, p.decided_at,
       p.first_seen_at, p.last_seen_at, count(t.id) as tickets,
       count(distinct t.account_id) as accounts
  from topic_proposals p left join topic_proposal_members m on m.proposal = p.id
  left join tickets t on t.id = m.ticket and t.status <> 'deleted'
"""


async def lock(connection: Connection) -> None:
    """Keep others from finding groups until the transaction ends."""
    await connection.execute("select pg_advisory_xact_lock(%s)", (LOCK,))


async def known(connection: Connection) -> list[KnownGroup]:
    """Every proposal that there ever was, with its tickets."""
    cursor = await connection.execute(
        "select p.id, p.state, p.words, array(select m.ticket from topic_proposal_members m"
        " where m.proposal = p.id) from topic_proposals p order by p.id"
    )
    return [
        KnownGroup(id, ProposalState(state), frozenset(tickets), frozenset(words))
        for id, state, words, tickets in await cursor.fetchall()
    ]


async def add(connection: Connection, group: Group, now: datetime) -> int:
    """Keep a group that was never seen; its number."""
    cursor = await connection.execute(
        "insert into topic_proposals (state, words, typical, cohesion, first_seen_at, last_seen_at)"
        " values ('open', %s, %s, %s, %s, %s) returning id",
        (list(group.words), list(group.typical), group.cohesion, now, now),
    )
    row = await cursor.fetchone()
    assert row is not None
    await _members(connection, row[0], group.tickets)
    return int(row[0])


async def see_again(
    connection: Connection, id: int, group: Group, state: ProposalState, now: datetime
) -> None:
    """Note that a group came again, as it is now; it is in this state from now on."""
    await connection.execute(
        "update topic_proposals set state = %s, words = %s, typical = %s, cohesion = %s,"
        " last_seen_at = %s where id = %s",
        (state.value, list(group.words), list(group.typical), group.cohesion, now, id),
    )
    if state is ProposalState.OPEN:
        await connection.execute("delete from topic_proposal_members where proposal = %s", (id,))
    await _members(connection, id, group.tickets)


async def _members(connection: Connection, id: int, tickets: Sequence[str]) -> None:
    await connection.execute(
        "insert into topic_proposal_members (proposal, ticket) select %s, unnest(%s::text[])"
        " on conflict do nothing",
        (id, list(tickets)),
    )


async def end_unseen(connection: Connection, seen: Iterable[int]) -> int:
    """Say of the open ones that did not come again that they are gone; how many."""
    cursor = await connection.execute(
        "update topic_proposals set state = 'gone' where state = 'open' and id <> all(%s)",
        (list(seen),),
    )
    return cursor.rowcount


async def decide(
    connection: Connection, id: int, state: ProposalState, *, part_of: str | None, by: str,
    now: datetime,
) -> None:  # fmt: skip
    """Note what a person decided of a proposal."""
    await connection.execute(
        "update topic_proposals set state = %s, part_of = %s, decided_by = %s, decided_at = %s"
        " where id = %s",
        (state.value, part_of, by, now, id),
    )


async def move_members(connection: Connection, id: int, to: int) -> None:
    """Make the tickets of one proposal those of another too."""
    await connection.execute(
        "insert into topic_proposal_members (proposal, ticket)"
        " select %s, ticket from topic_proposal_members where proposal = %s on conflict do nothing",
        (to, id),
    )


async def members(connection: Connection, id: int) -> list[str]:
    """The tickets of a proposal."""
    cursor = await connection.execute(
        "select ticket from topic_proposal_members where proposal = %s order by 1", (id,)
    )
    return [row[0] for row in await cursor.fetchall()]


async def list_proposals(
    connection: Connection, states: Sequence[ProposalState]
) -> list[ProposalView]:
    """Proposals in these states, those that most accounts asked about first."""
    async with connection.cursor(row_factory=class_row(ProposalView)) as cursor:
        await cursor.execute(
            f"{_VIEW} where p.state = any(%s) group by p.id order by accounts desc, tickets desc,"
            " p.id",
            ([state.value for state in states],),
        )
        return await cursor.fetchall()


async def get(connection: Connection, id: int) -> ProposalView | None:
    """One proposal."""
    async with connection.cursor(row_factory=class_row(ProposalView)) as cursor:
        await cursor.execute(f"{_VIEW} where p.id = %s group by p.id", (id,))
        return await cursor.fetchone()
