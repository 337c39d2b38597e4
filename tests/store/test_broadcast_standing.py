"""A set is read as each of its recipients would be read alone, under the same locks."""

from __future__ import annotations

import asyncio
import random
from dataclasses import replace
from typing import Any

import pytest
from psycopg import AsyncConnection

from digital_cs.domain.sending.eligibility import Standing
from digital_cs.domain.sending.policy import Policy
from digital_cs.store.broadcasts import broadcast_audience, broadcast_claims, broadcast_standing
from digital_cs.store.sending import locks
from digital_cs.store.sending import standing as standings
from digital_cs.store.sending.standing import Asked
from tests.store.broadcast_worlds import NOW, a_plan, disturb, populate, start

Connection = AsyncConnection[Any]


def _sorted(standing: Standing) -> Standing:
    """Without what has no meaning: the order of moments."""
    return replace(
        standing, person=sorted(standing.person), account=sorted(standing.account),
        coming_person=sorted(standing.coming_person, key=str),
        coming_account=sorted(standing.coming_account, key=str),
        sent_today=0, cap=None,
    )  # fmt: skip


@pytest.mark.parametrize("seed", range(10))
async def test_what_is_known_of_each_is_what_a_single_reading_knows(
    connection: Connection, seed: int
) -> None:
    accounts = await populate(connection, seed)
    await disturb(connection, seed, accounts)
    other = await start(connection, a_plan(priority="high", spread="40 hours"), "other")
    await broadcast_audience.freeze(connection, other, "tips", NOW, "UTC")
    broadcast = await start(connection, a_plan(to=("everybody",)))
    await broadcast_audience.freeze(connection, broadcast, "newsletter", NOW, "UTC")
    due = await broadcast_claims.due(connection, "spring", 0, NOW)
    policy = Policy()

    async with connection.transaction():
        found = await broadcast_standing.read(connection, "spring", due, policy, NOW)
    assert {each.key for each in found.recipients} == {each.key for each in due}
    plain = 0
    for each in found.recipients:
        asked = Asked(each.key, None, "spring", each.account_id, each.contact_id, "x")
        async with connection.transaction():
            single = await standings.read(connection, asked, policy, NOW, NOW.date())
        assert single is not None
        assert single.domain == each.domain
        # A broadcast is known by itself, not by a program that stands in the ledger.
        got_it = found.standings[each.key].got_it_for
        plain += found.standings[each.key] is broadcast_standing.PLAIN
        assert _sorted(replace(found.standings[each.key], got_it_for=None)) == _sorted(
            single.standing
        )
        cursor = await connection.execute(
            "select a.name, m.claimed_at from messages m join accounts a on a.id = m.account_id"
            " join contacts c on c.id = m.contact_id where m.broadcast_id = 'spring'"
            f" and m.state in {standings.COUNTED} and lower(c.email) = lower(%s)"
            " and m.account_id <> %s and m.claimed_at > %s - interval '30 days'"
            " order by m.claimed_at desc limit 1",
            (each.address, each.account_id, NOW),
        )
        assert (await cursor.fetchone() or (None, None))[1] == (got_it or (None, None))[1]
    assert plain < len(found.recipients)


async def test_who_changed_the_address_or_was_settled_meanwhile_is_left_out(
    connection: Connection,
) -> None:
    await populate(connection, 4)
    broadcast = await start(connection, a_plan(to=("everybody",)))
    await broadcast_audience.freeze(connection, broadcast, "newsletter", NOW, "UTC")
    due = await broadcast_claims.due(connection, "spring", 0, NOW)
    moved, settled, gone = (each.contact_id for each in due[:3])
    await connection.execute("update contacts set email = 'new@x.test' where id = %s", (moved,))
    await connection.execute(
        "update messages set state = 'skipped' where contact_id = %s", (settled,)
    )
    await connection.execute("update contacts set email = null where id = %s", (gone,))

    async with connection.transaction():
        found = await broadcast_standing.read(connection, "spring", due, Policy(), NOW)
    assert {e.contact_id for e in found.recipients} == {
        e.contact_id for e in due if e.contact_id not in (moved, settled, gone)
    }
    assert found.gone == [due[2].key]


async def test_sets_single_touches_and_those_who_stop_them_never_wait_in_a_circle(
    database: str, connection: Connection
) -> None:
    """All in one order: sending, accounts by name, persons by name."""
    accounts = await populate(connection, 8, accounts=40)
    cursor = await connection.execute(
        "select b.account_id, c.id, lower(c.email) from contacts c"
        " join memberships b on b.contact_id = c.id where c.email is not null"
    )
    people = await cursor.fetchall()

    async def worker(number: int) -> None:
        chance = random.Random(number)
        async with await AsyncConnection.connect(database, autocommit=True) as own:
            for _ in range(60):
                some = chance.sample(people, 12)
                async with own.transaction():
                    match number % 3:
                        case 0:
                            await locks.claim_many(own, (s[0] for s in some), (s[2] for s in some))
                        case 1:
                            for account, contact, _ in some[:1]:
                                await own.execute(
                                    locks.TO_CLAIM, {"account": account, "contact": contact}
                                )
                        case _:
                            await locks.stop_claims_for(
                                own, accounts=chance.sample(accounts, 5),
                                addresses=[s[2] for s in some],
                            )  # fmt: skip
                    await own.execute("select pg_sleep(0.0005)")

    await asyncio.gather(*(worker(number) for number in range(9)))
