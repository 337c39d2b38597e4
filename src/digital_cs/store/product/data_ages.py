"""How old the data is on which an answer about an account rests."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from psycopg import AsyncConnection

from digital_cs.domain.rules import condition as ast

Connection = AsyncConnection[Any]

_AGES = """
select a.updated_at,
       (select max(greatest(c.updated_at, m.joined_at, m.left_at))
          from memberships m join contacts c on c.id = m.contact_id where m.account_id = a.id),
       (select max(s.updated_at) from subscriptions s where s.account_id = a.id),
       (select complete_through from feeds where feed = 'usage'),
       (select complete_through from feeds where feed = 'tickets')
  from accounts a where a.id = %s
"""

_BEHIND: dict[type[Any], str] = {
    ast.StageIs: "account", ast.TraitIs: "account", ast.DateWithin: "account",
    ast.LimitNear: "account", ast.ContactIs: "contacts", ast.ContactGone: "contacts",
    ast.SubscriptionIs: "subscriptions", ast.MilestoneReached: "usage",
    ast.MilestoneMissed: "usage", ast.EventHappened: "usage", ast.QuietFor: "usage",
    ast.UsageIs: "usage", ast.UsageChange: "usage", ast.TicketsAre: "tickets",
    ast.TicketSpike: "tickets",
}  # fmt: skip


_NEVER = datetime.min.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Ages:
    """When something was last heard of an account, and how far the feeds are complete."""

    account: datetime | None = None
    contacts: datetime | None = None
    subscriptions: datetime | None = None
    usage: datetime | None = None
    tickets: datetime | None = None

    def behind(self, leaf: Any) -> tuple[str, datetime | None]:
        """Which data a condition rests on, and how far that is known; of what we keep ourselves,
        like enrollments, there is nothing that could be late."""
        data = _BEHIND.get(type(leaf), "ours")
        return data, getattr(self, data, None)

    def oldest(self, leaves: Iterable[Any]) -> tuple[str, datetime | None]:
        """The same of the condition among these whose data is the oldest."""
        ages = [self.behind(leaf) for leaf in leaves]
        heard = [each for each in ages if each[0] != "ours"]
        return min(heard, key=lambda age: age[1] or _NEVER, default=("ours", None))


async def of(connection: Connection, account_id: str) -> Ages:
    """The ages of what is known of an account."""
    row = await (await connection.execute(_AGES, (account_id,))).fetchone()
    return Ages(*row) if row is not None else Ages()
