"""Rates of broadcasts: which of a set there is room for at this moment, counted at once."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

from activities.broadcast_deciding import Decided
from digital_cs.domain.sending.broadcast import Broadcast, scopes
from digital_cs.domain.sending.policy import Policy
from digital_cs.store.broadcasts.broadcast_claims import Connection
from digital_cs.store.sending import rates


@dataclass(frozen=True, slots=True)
class Kept:
    """`unmet` are scopes that nobody has counted in so far: meet them and ask again. `over` are the
    keys of those there is no room for, before `wait` real seconds are over."""

    unmet: Mapping[str, float] = field(default_factory=dict)
    over: frozenset[str] = frozenset()
    wait: float = 0.0


async def make_room(
    connection: Connection, broadcast: Broadcast, policy: Policy, decided: Decided
) -> Kept:
    """Keep those among the sendable for whom every rate has room, and count them.

    Call it in the transaction of the claim, after all other locks.
    """
    of = {
        domain: scopes(policy.damage.a_minute, broadcast.id, domain, broadcast.per_minute)
        for domain in {each.domain for each in decided.sendable}
    }
    every = {scope: rate for found in of.values() for scope, rate in found.items()}
    if not every:
        return Kept()
    room = await rates.room(connection, every)
    if unmet := {scope: rate for scope, rate in every.items() if scope not in room}:
        return Kept(unmet)
    sent: Counter[str] = Counter()
    kept, over, wait = [], set(), 0.0
    for each in decided.sendable:
        own = of[each.domain]
        full = [scope for scope in own if sent[scope] >= room[scope].messages]
        if full:
            over.add(each.key)
            wait = max(wait, *(room[scope].wait for scope in full))
        else:
            sent.update(own.keys())
            kept.append(each)
    decided.sendable = kept
    if sent:
        await rates.spend(connection, every, sent)
    return Kept(over=frozenset(over), wait=wait)
