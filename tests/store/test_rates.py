"""Rates: no more goes in any span than the rate and a burst, in order, and nobody asks in vain."""

from __future__ import annotations

import asyncio
import random
import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from itertools import pairwise
from typing import Any

import pytest
from psycopg import AsyncConnection

from digital_cs.domain.sending.policy import Rates
from digital_cs.store.database.pool import opened
from digital_cs.store.sending import rates
from digital_cs.store.sending.rates import BURST, TURN, meet, turn_values

Connection = AsyncConnection[Any]

SLOW = {"fleet": 6.0}
"""One message every ten seconds: no test waits for the next."""


@dataclass(frozen=True, slots=True)
class Turn:
    """Whether a message may go: at once, or in so many seconds, and which scope is full."""

    wait: float = 0.0
    scope: str | None = None


NOW = Turn()
TAKE = f"with {TURN.format(first=True)} select complete, scope, wait from turn"


async def turn(connection: Connection, scopes: Mapping[str, float], waited: bool = False) -> Turn:
    """A turn in a transaction of its own, as a claim takes it."""
    while True:
        async with connection.transaction():
            cursor = await connection.execute(TAKE, turn_values(scopes, waited=waited))
            row = await cursor.fetchone()
        assert row is not None
        complete, scope, wait = row
        if complete:
            return NOW if scope is None else Turn(wait, scope)
        await meet(connection, scopes)


async def lull(connection: Connection, seconds: float = 3600) -> None:
    """As if so much time had passed since the last turn."""
    await connection.execute(
        "update rates set free_at = free_at - make_interval(secs => %(s)s),"
        " last_slot = last_slot - make_interval(secs => %(s)s)",
        {"s": seconds},
    )


async def test_who_is_too_early_gets_a_slot_of_its_own_at_exactly_the_rate(
    connection: Connection,
) -> None:
    assert await turn(connection, SLOW) == NOW

    slots = []
    for _ in range(500):
        last = await turn(connection, SLOW)
        cursor = await connection.execute("select last_slot from rates")
        slots += [row[0] for row in await cursor.fetchall()]

    assert {after - before for before, after in pairwise(slots)} == {timedelta(seconds=10)}
    assert 5000 - 60 < last.wait <= 5000, "the last of 500 comes back in 500 times ten seconds"
    [queue] = await rates.queues(connection)
    assert queue.scope == "fleet"
    assert 5000 - 60 < queue.seconds <= 5000


async def test_who_comes_back_for_its_slot_goes(connection: Connection) -> None:
    await turn(connection, SLOW)
    first, second = [await turn(connection, SLOW) for _ in range(2)]
    await lull(connection, first.wait)

    assert await turn(connection, SLOW, waited=True) == NOW
    assert (await turn(connection, SLOW, waited=True)).scope == "fleet", "that was one slot only"
    await lull(connection, second.wait - first.wait)
    assert await turn(connection, SLOW, waited=True) == NOW


async def test_nobody_new_goes_before_those_who_wait(connection: Connection) -> None:
    await turn(connection, SLOW)
    waiting = [await turn(connection, SLOW) for _ in range(3)]
    await lull(connection, waiting[0].wait)

    new = await turn(connection, SLOW)

    assert new.wait > waiting[2].wait - waiting[0].wait, "behind the last of the queue"
    assert await turn(connection, SLOW, waited=True) == NOW


async def test_a_lull_saves_up_one_burst_and_no_more(connection: Connection) -> None:
    await turn(connection, {"fleet": 600})
    await lull(connection)

    began = time.monotonic()
    went = [await turn(connection, {"fleet": 600}) for _ in range(40)].count(NOW)
    took = time.monotonic() - began

    # What the clock goes on by while the forty ask is free for some of them, too.
    assert 10 * BURST <= went <= 10 * (BURST + took) + 1


async def test_a_crowd_that_comes_back_late_all_at_once_is_spread_again(
    connection: Connection,
) -> None:
    """A fleet that was away for an hour: its slots are long over, and still the rate holds."""
    await turn(connection, SLOW)
    for _ in range(20):
        await turn(connection, SLOW)
    await lull(connection)

    turns = [await turn(connection, SLOW, waited=True) for _ in range(20)]

    assert turns[0] == NOW
    waits = [each.wait for each in turns if each != NOW]
    assert len(waits) == 19
    assert all(later > sooner for sooner, later in pairwise(waits))
    assert waits[-1] > 180


async def test_a_queue_to_one_domain_keeps_nobody_else_up(connection: Connection) -> None:
    policy = Rates(fleet=60_000, domains={"slow.test": 1.0})
    slow, other = policy.of("welcome", "slow.test"), policy.of("welcome", "acme.test")
    assert [await turn(connection, slow) for _ in range(1)] == [NOW]

    turns = [await turn(connection, slow) for _ in range(30)]

    assert {each.scope for each in turns} == {"domain:slow.test"}
    assert turns[-1].wait > 1700
    assert await turn(connection, other) == NOW, "the fleet has given nothing away for them"


async def test_of_several_full_scopes_the_slot_is_in_the_one_that_is_full_the_longest(
    connection: Connection,
) -> None:
    both = {"fleet": 6.0, "program:welcome": 1.0}
    await turn(connection, both)

    assert [(await turn(connection, both)).scope for _ in range(3)] == ["program:welcome"] * 3
    fleet = await turn(connection, SLOW)
    assert fleet.scope == "fleet"
    assert fleet.wait <= 10


async def test_what_is_rolled_back_was_never_taken(connection: Connection) -> None:
    await turn(connection, SLOW)
    await lull(connection)
    for _ in range(2):
        async with connection.transaction(force_rollback=True):
            assert await turn(connection, SLOW) == NOW


AUDIT = """
create table went (nth bigint generated always as identity, at timestamptz, place timestamptz);
create function note() returns trigger language plpgsql as $$ begin
  insert into went (at, place) values (clock_timestamp(), new.free_at); return new; end $$;
create trigger went after update on rates for each row
  when (new.free_at <> old.free_at and new.scope = 'fleet') execute function note();
"""


@pytest.mark.timeout(120)
async def test_workers_together_stay_within_the_rate_in_every_span(
    database: str, connection: Connection
) -> None:
    """Eight workers, each a server process of its own, with 400 messages that are due at once.

    What holds of spans of a second at 6,000 a minute holds of minutes at a rate that people set:
    it is the same arithmetic. The place of a message is the clock's, or that of the one before
    and the time of one message; nobody goes a burst before its place.
    """
    rate, messages = 6000.0, 400
    every = 60 / rate
    await turn(connection, {"fleet": rate})
    await connection.execute(AUDIT)
    asked: Counter[int] = Counter()
    turns: list[int] = []
    async with opened(database, 8) as pool:

        async def message(number: int) -> None:
            waited = False
            while True:
                asked[number] += 1
                async with pool.connection() as own:
                    found = await turn(own, {"fleet": rate, "domain:a": 1e9}, waited)
                    if found == NOW:
                        turns.append(number)
                        return
                waited = True
                await asyncio.sleep(found.wait)

        await asyncio.gather(*(message(number) for number in range(messages)))

    assert sorted(turns) == list(range(messages)), "each goes, and once"
    cursor = await connection.execute(
        "select extract(epoch from at)::float8, extract(epoch from place)::float8 from went"
        " order by nth"
    )
    went = await cursor.fetchall()
    assert len(went) == messages
    places = [place - every for _, place in went]
    a_tick = 1e-4
    assert all(b - a >= every - a_tick for a, b in pairwise(places))
    assert all(at >= place - BURST - a_tick for (at, _), place in zip(went, places, strict=True))
    for span in (0.1, 0.5, 1.0):
        most = max(sum(start <= place < start + span for place in places) for start in places)
        assert most <= span / every + 1
    assert sum(asked.values()) / messages < 3, "they come back once, not again and again"


@pytest.mark.timeout(120)
async def test_turns_in_any_mix_of_scopes_never_wait_for_each_other(database: str) -> None:
    """New scopes and known ones, from eight workers."""
    chance = random.Random(4)
    policy = Rates(fleet=1e7, program=1e7, domains={"*": 1e7})
    mixes = [
        policy.of(f"p{chance.randrange(4)}", f"d{chance.randrange(6)}.test") for _ in range(400)
    ]
    async with opened(database, 8) as pool:

        async def worker(mine: list[dict[str, float]]) -> int:
            done = 0
            async with pool.connection() as own:
                for scopes in mine:
                    shuffled = dict(sorted(scopes.items(), key=lambda _: chance.random()))
                    done += (await turn(own, shuffled)) == NOW
            return done

        done = await asyncio.gather(*(worker(mixes[n::8]) for n in range(8)))

    assert sum(done) == len(mixes)
