"""Nothing is claimed for anybody after they left, whatever runs at that moment (P16).

Proof: at the very end of each claim's transaction, a trigger looks with a new snapshot whether it
has been committed in the meantime that its reader left. If so, the claim comes after it, and that
is noted. Claims are held up there, so that who left without waiting for them would be found out.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import pytest
from psycopg import AsyncConnection
from psycopg_pool import AsyncConnectionPool

from activities.claiming import Claimed, Refused
from digital_cs.domain.sending.reason import Reason
from digital_cs.domain.sending.suppression import Kind, subject_of
from digital_cs.store.database.pool import opened
from digital_cs.store.people import suppressions
from digital_cs.store.sending import locks
from tests.activities import crowd
from tests.activities.crowd import NOW, PROGRAMS, Crowd
from tests.console.client import SIGNER, Face, face

Connection = AsyncConnection[Any]
Way = Callable[[Face, str, str], Awaitable[object]]

TURNSTILE = 4711
"""A claim waits at its end for as long as somebody else holds this lock."""

PROOF = f"""
create table late_claims (key text);
create function look_again() returns trigger language plpgsql as $$
begin
  perform pg_advisory_xact_lock_shared({TURNSTILE});
  perform pg_sleep(0.002);
  if exists (select from contacts c where c.id = new.contact_id and (c.quiet_until is not null
      or exists (select from preferences p where p.contact_id = c.id and not p.wanted)
      or exists (select from suppressions s where s.subject in ('address:' || lower(c.email),
           'domain:' || split_part(lower(c.email), '@', -1), 'account:' || new.account_id))))
  then insert into late_claims values (new.key);
  end if;
  return null;
end $$;
create constraint trigger look_again after insert on messages deferrable initially deferred
  for each row execute function look_again();
"""


def one_click(api: Face, account: str, contact: str) -> Awaitable[object]:
    return api.stranger.post(f"/u/{SIGNER.sign_contact(contact)}")


def _pressed(**form: str) -> Way:
    def way(api: Face, account: str, contact: str) -> Awaitable[object]:
        return api.stranger.post(f"/p/{SIGNER.sign_contact(contact)}", data=form)

    return way


def _by_hand(kind: Kind) -> Way:
    def way(api: Face, account: str, contact: str) -> Awaitable[object]:
        name = {Kind.ACCOUNT: account, Kind.DOMAIN: f"{contact}.test"}[kind]
        return api.gateway.suppressions.add(subject_of(kind, name))

    return way


WAYS: dict[str, Way] = {
    "one-click": one_click,
    "all-off": _pressed(do="off"),
    "topic-off": _pressed(**{"do": "save", "of-topic": "tips"}),
    "pause": _pressed(do="pause"),
    "account": _by_hand(Kind.ACCOUNT),
    "domain": _by_hand(Kind.DOMAIN),
}
LEFT = {Reason.SUPPRESSED, Reason.TOPIC_OFF, Reason.PAUSE_ASKED}


@pytest.fixture
async def pool(database: str, connection: Connection) -> AsyncIterator[AsyncConnectionPool[Any]]:
    """Connections to a house with the proof in it, where every reader has a domain of their own."""
    await crowd.settle_in(connection, 12, person=None, account=None)
    await connection.execute("update contacts set email = id || '@' || id || '.test'")
    await connection.execute(PROOF.encode())
    async with opened(database, 10) as pool:
        yield pool


async def late(connection: Connection) -> list[Any]:
    return await (await connection.execute("select key from late_claims")).fetchall()


async def until_waiting(connection: Connection, count: int) -> None:
    """Until so many wait for a lock that others hold."""
    waiting = "select count(*) from pg_locks where locktype = 'advisory' and not granted"
    async with asyncio.timeout(20):
        while await (await connection.execute(waiting)).fetchone() != (count,):
            await asyncio.sleep(0.01)


@pytest.mark.parametrize("way", sorted(WAYS))
async def test_who_leaves_while_a_claim_is_made_waits_for_it_and_is_left_in_peace_then(
    connection: Connection, pool: AsyncConnectionPool[Any], way: str
) -> None:
    account, contact = "acct-00003", "acct-00003-c1"
    claimer = Crowd(pool, "1")
    async with face(pool) as api:
        async with pool.connection() as gate_keeper, gate_keeper.transaction():
            await gate_keeper.execute("select pg_advisory_xact_lock(%s)", (TURNSTILE,))
            claim = asyncio.create_task(claimer.claim(PROGRAMS[0], account, contact, 1))
            await until_waiting(connection, 1)
            leaving = asyncio.ensure_future(WAYS[way](api, account, contact))
            await until_waiting(connection, 2)
        assert isinstance(await claim, Claimed)
        await leaving

        after = await claimer.claim(PROGRAMS[1], account, contact, 1)

    assert await late(connection) == []
    assert isinstance(after, Refused)
    assert after.ruling.reason in LEFT


async def test_a_claim_that_begins_while_somebody_is_leaving_waits_and_is_refused(
    connection: Connection, pool: AsyncConnectionPool[Any]
) -> None:
    account, contact = "acct-00003", "acct-00003-c1"
    async with pool.connection() as own, own.transaction():
        await suppressions.unsubscribe(own, contact, "link", NOW)
        claim = asyncio.create_task(Crowd(pool, "1").claim(PROGRAMS[0], account, contact, 1))
        await until_waiting(connection, 1)

    refused = await claim
    assert isinstance(refused, Refused)
    assert refused.ruling.reason is Reason.SUPPRESSED
    assert await late(connection) == []


async def test_the_proof_would_find_a_claim_that_comes_after_somebody_left(
    connection: Connection, pool: AsyncConnectionPool[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The same as above, by somebody who does not wait: what this file relies on does notice."""

    async def without_waiting(connection: Connection, **names: Any) -> None: ...

    monkeypatch.setattr(locks, "stop_claims_for", without_waiting)
    account, contact = "acct-00003", "acct-00003-c1"
    async with face(pool) as api:
        async with pool.connection() as gate_keeper, gate_keeper.transaction():
            await gate_keeper.execute("select pg_advisory_xact_lock(%s)", (TURNSTILE,))
            claim = asyncio.create_task(Crowd(pool, "1").claim(PROGRAMS[0], account, contact, 1))
            await until_waiting(connection, 1)
            await one_click(api, account, contact)
        await claim

    assert len(await late(connection)) == 1


@pytest.mark.parametrize("seed", range(3))
async def test_many_leave_in_every_way_while_workers_claim_and_nothing_comes_after(
    connection: Connection, pool: AsyncConnectionPool[Any], seed: int
) -> None:
    chance = random.Random(seed)
    people = [(f"acct-{n:05d}", f"acct-{n:05d}-c{c}") for n in range(12) for c in (1, 2)]
    gone: set[str] = set()
    claimed: dict[str, int] = dict.fromkeys((contact for _, contact in people), 0)
    refused: set[str] = set()
    visits = iter(range(1, 1_000_000))

    async def work(name: str) -> None:
        worker = Crowd(pool, name)
        for _ in range(200):
            account, contact = chance.choice(people)
            had_left = contact in gone
            passed = await worker.claim(chance.choice(PROGRAMS), account, contact, next(visits))
            if isinstance(passed, Refused):
                assert passed.ruling.reason in LEFT
                refused.add(contact)
            else:
                assert isinstance(passed, Claimed)
                assert not had_left, "somebody was told that they left before this claim began"
                claimed[contact] += 1

    async def leave(account: str, contact: str) -> None:
        enough = chance.choice((1, 2, 5, 10))
        while claimed[contact] < enough and contact not in refused:  # by all of their account
            await asyncio.sleep(0.005)
        way = chance.choice(sorted(WAYS))
        await WAYS[way](api, account, contact)
        gone.add(contact)

    async with face(pool) as api, asyncio.TaskGroup() as group:
        for name in "123456":
            group.create_task(work(name))
        for account, contact in people:
            group.create_task(leave(account, contact))

    assert await late(connection) == []
    assert len(gone) == len(people)
    assert len(refused) > len(people) // 2
    assert sum(claimed.values()) > len(people)
