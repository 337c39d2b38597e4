"""Rates: messages a minute of the fleet, of a program and to a domain, and nobody waits in a slot.

Whoever wants to send takes a turn in all its scopes at once, in the transaction of the claim. Each
scope has a gate and a queue, in one row:

- The gate (`free_at`) is a leaky bucket, GCRA: every message moves it on by the time that one takes
  at the rate, and passes while it is at most `BURST` ahead of the clock. So in any span of time no
  more go than the rate allows in it and one burst, whatever workers do and however late they come.
- The queue (`last_slot`) gives everybody who is too early a moment of their own, the time of one
  message after the moment before. Ten thousand that are due at once come back once each, not as a
  herd that asks again and again. Who comes new while somebody waits goes to the end of the queue.

Whoever has to wait gets a slot in the one scope that is full the longest, and in no other: a queue
to one domain must not use up what the fleet may send to all others. It rests until then, outside of
any worker, and comes back with `waited=True`: then only gates count. They nearly always let it
pass; if not (it came late, together with others, or another scope is full by now) it gets a new
slot.

A slot that nobody comes back for (the account left, the message is not useful any more) is lost;
the gate counts what really went, and lets somebody else pass. A turn that is rolled back was never
taken. One that says to wait must be committed, or somebody else gets the same slot.

All moments are the clock of the database: workers may disagree about the time. The rows are locked
in the order of their names until the transaction ends, after every other lock that a claim takes:
whoever has them waits for nobody. Rows are never deleted: there is one for each domain that was
ever written to.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from psycopg import AsyncConnection

Connection = AsyncConnection[Any]

BURST = 1.0
"""Seconds' worth of messages that may go at once after a lull. It also forgives timers that are
late by less than that."""

TURN = """given as (
       select * from unnest(%(scopes)s::text[], %(every)s::float8[]) as g(scope, seconds)),
     -- All or none: who held some while it makes the others would wait for who made them.
     locked as materialized (
       select r.* from rates r
        where r.scope = any(%(scopes)s)
          and (select count(*) from rates k where k.scope = any(%(scopes)s))
              = cardinality(%(scopes)s::text[])
          and {first}
        order by r.scope for update),
     -- Counting waits for all locks: only then is it now.
     present as materialized (
       select clock_timestamp() as at, count(*) = cardinality(%(scopes)s::text[]) as complete
         from locked),
     seen as (
       select l.*, p.at, x.every,
              l.free_at - make_interval(secs => %(burst)s) > p.at
                or not %(waited)s and l.last_slot > p.at as early,
              greatest(l.last_slot + x.every, l.free_at) as slot
         from locked l join given g using (scope)
        cross join lateral (select make_interval(secs => g.seconds) as every) x
         join present p on p.complete),
     -- Of all that are full, the one that stays so the longest.
     queue as (select scope, slot from seen where early order by slot desc, scope limit 1),
     written as (
       update rates r
          set free_at = case when q.scope is null then greatest(s.free_at, s.at) + s.every
                             else s.free_at end,
              last_slot = coalesce(q.slot, s.last_slot)
         from seen s left join queue q on true
        where r.scope = s.scope and coalesce(q.scope, s.scope) = s.scope),
     turn as (
       select p.complete, q.scope, extract(epoch from q.slot - p.at)::float8 as wait
         from present p left join queue q on true)"""
"""A part of the statement that claims, filled with `turn_values`; `first` is a condition, always
true, that makes it wait for the locks that come before. `complete` is whether all scopes are known
(else `meet` them and ask again), `scope` the one that is full, null: the message may go, and `wait`
how many real seconds there are until its slot."""

NO_TURN = "turn as (select true as complete, null::text as scope, null::float8 as wait)"
"""The same where nothing is limited."""


def turn_values(scopes: Mapping[str, float], *, waited: bool) -> dict[str, Any]:
    """What TURN is filled with: messages a minute by scope, as `Rates.of` gives them.

    `waited`: an earlier turn said to wait, and the message comes back for its slot.
    """
    names = sorted(scopes)
    return {
        "scopes": names, "every": [60.0 / scopes[name] for name in names], "waited": waited,
        "burst": BURST,
    }  # fmt: skip


async def meet(connection: Connection, scopes: Iterable[str]) -> None:
    """Begin to count in scopes that nothing was ever sent in."""
    await connection.execute(
        "insert into rates (scope, free_at, last_slot)"
        " select scope, clock_timestamp(), clock_timestamp()"
        " from unnest(%s::text[]) as scope order by 1 on conflict do nothing",
        (sorted(scopes),),
    )


@dataclass(frozen=True, slots=True)
class Queue:
    """For how long, in real seconds, the slots of a scope are given away."""

    scope: str
    seconds: float


async def queues(connection: Connection) -> list[Queue]:
    """The scopes in which somebody waits for a slot, the longest queue first."""
    cursor = await connection.execute(
        "select scope, extract(epoch from last_slot - clock_timestamp())::float8"
        " from rates where last_slot > clock_timestamp() order by 2 desc, 1"
    )
    return [Queue(*row) for row in await cursor.fetchall()]


# For a set the turn is in two: how many may go is known before it is known who else is refused.
_ROOM = """
select scope, extract(epoch from free_at - clock_timestamp())::float8,
       extract(epoch from last_slot - clock_timestamp())::float8
  from rates where scope = any(%s) order by scope for update
"""

_SPEND = """
update rates r
   set free_at = greatest(r.free_at, clock_timestamp()) + make_interval(secs => g.seconds)
  from unnest(%s::text[], %s::float8[]) as g(scope, seconds) where r.scope = g.scope
"""


@dataclass(frozen=True, slots=True)
class Room:
    """How many messages may go in a scope now, and after how many real seconds one more may."""

    messages: int
    wait: float


async def room(connection: Connection, scopes: Mapping[str, float]) -> dict[str, Room]:
    """How much of a set may go at once, in each scope that is known; their rows stay locked.

    Nothing goes while somebody waits for a slot: single messages come before a set. `scopes` are
    messages a minute. Call it in the transaction of the claim, after all other locks.
    """
    cursor = await connection.execute(_ROOM, (sorted(scopes),))
    found: dict[str, Room] = {}
    for scope, ahead, queue in await cursor.fetchall():
        every = 60.0 / scopes[scope]
        spent = max(ahead, 0.0)
        if queue > 0:
            found[scope] = Room(0, queue)
            continue
        messages = math.floor((BURST - spent) / every + 1e-9) + 1 if spent <= BURST else 0
        found[scope] = Room(messages, max(spent + messages * every - BURST, 0.01))
    return found


async def spend(
    connection: Connection, scopes: Mapping[str, float], messages: Mapping[str, int]
) -> None:
    """Count so many messages in each scope. In the same transaction, after `room`."""
    seconds = {scope: count * 60.0 / scopes[scope] for scope, count in messages.items()}
    await connection.execute(_SPEND, (list(seconds), list(seconds.values())))
