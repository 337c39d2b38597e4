"""What people may ask about the policy: to put another one in force."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from digital_cs.catalog.policy_words import diff
from digital_cs.domain.sending.policy import Policy
from digital_cs.store.sending import holds, policies

if TYPE_CHECKING:
    from digital_cs.temporal.gateway import Gateway


@dataclass(frozen=True, slots=True)
class PublishedPolicy:
    """What publishing a policy did: the changes in words, and how many are decided anew.

    The first one is compared with the defaults, which held before it.
    """

    version: int
    new: bool
    first: bool
    changes: tuple[str, ...]
    woken: int = 0


async def publish_policy(
    gateway: Gateway, policy: Policy, *, dry_run: bool = False
) -> PublishedPolicy:
    """Put a policy in force for all messages from now on; the same one again changes nothing.

    Whoever rests before a message is decided anew, for it may be released. `dry_run` only says
    what would change.
    """
    now = gateway.clock.now()
    async with (
        gateway.pool.connection() as connection,
        connection.transaction(force_rollback=dry_run),
    ):
        before = await policies.current(connection)
        found, new = await policies.publish(connection, policy, now)
        changes = diff(before.policy, policy)
        woken = await holds.wake_held(connection, now) if new and changes else 0
    return PublishedPolicy(found.version, new, new and not before.version, tuple(changes), woken)
