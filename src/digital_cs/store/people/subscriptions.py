"""Subscriptions: what accounts bought or try, as their sources give it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from typing import Any, NamedTuple

from psycopg import AsyncConnection
from psycopg.types.json import Jsonb

Connection = AsyncConnection[Any]


@dataclass(frozen=True, slots=True)
class SubscriptionRecord:
    """A subscription, whole: what is None here is not known any more. Only traits are added to.

    `ends_on` is the first day without it, None while it runs; `mrr` is in the company's currency.
    """

    id: str
    account_id: str
    starts_on: date
    ends_on: date | None = None
    product: str = ""
    plan: str | None = None
    mrr: Decimal | None = None
    seats: int | None = None
    trial: bool = False
    traits: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class SavedSubscriptions:
    """What became of subscriptions. `changed_accounts`: whose subscriptions are others now."""

    changed_accounts: tuple[str, ...] = ()
    new: int = 0
    updated: int = 0
    same: int = 0


_SAVE = """
with given as (
  select g.* from jsonb_to_recordset(%(rows)s) as g(id text, account_id text, product text,
         plan text, starts_on date, ends_on date, mrr numeric, seats int, trial bool, traits jsonb)
    join accounts a on a.id = g.account_id),
old as (select s.* from subscriptions s join given g on g.id = s.id order by s.id for update of s),
saved as (
  insert into subscriptions as s (id, account_id, product, plan, starts_on, ends_on, mrr, seats,
         trial, traits, source, updated_at)
  select g.id, g.account_id, g.product, g.plan, g.starts_on, g.ends_on, g.mrr, g.seats, g.trial,
         coalesce(o.traits, '{}') || g.traits, %(source)s, %(now)s
    from given g left join old o on o.id = g.id
   order by g.id
  on conflict (id) do update set account_id = excluded.account_id, product = excluded.product,
         plan = excluded.plan, starts_on = excluded.starts_on, ends_on = excluded.ends_on,
         mrr = excluded.mrr, seats = excluded.seats, trial = excluded.trial,
         traits = excluded.traits, source = excluded.source, updated_at = excluded.updated_at
   where (s.account_id, s.product, s.plan, s.starts_on, s.ends_on, s.mrr, s.seats, s.trial,
          s.traits)
         is distinct from (excluded.account_id, excluded.product, excluded.plan,
          excluded.starts_on, excluded.ends_on, excluded.mrr, excluded.seats, excluded.trial,
          excluded.traits)
  returning s.id, s.account_id)
select array(select distinct account from saved s left join old o on o.id = s.id,
               unnest(array[s.account_id, o.account_id]) account
              where account is not null order by 1),
       (select count(*) from saved s where not exists (select from old o where o.id = s.id)),
       (select count(*) from saved s where exists (select from old o where o.id = s.id)),
       (select count(*) from given) - (select count(*) from saved)
"""


async def save_subscriptions(
    connection: Connection, records: Sequence[SubscriptionRecord], now: datetime, source: str = ""
) -> SavedSubscriptions:
    """Insert or replace subscriptions of known accounts; of two with one id, the last counts."""
    rows = [
        {
            "id": r.id, "account_id": r.account_id, "product": r.product, "plan": r.plan,
            "starts_on": r.starts_on.isoformat(),
            "ends_on": r.ends_on.isoformat() if r.ends_on else None,
            "mrr": None if r.mrr is None else str(r.mrr), "seats": r.seats, "trial": r.trial,
            "traits": r.traits,
        }
        for r in {record.id: record for record in records}.values()
    ]  # fmt: skip
    cursor = await connection.execute(_SAVE, {"rows": Jsonb(rows), "now": now, "source": source})
    row = await cursor.fetchone()
    assert row is not None
    changed, new, updated, same = row
    return SavedSubscriptions(tuple(changed), new, updated, same)


class Held(NamedTuple):
    """Whose a subscription is, and since when."""

    account_id: str
    starts_on: date


async def find(connection: Connection, ids: Iterable[str]) -> dict[str, Held]:
    """Those of these subscriptions that are known, by their ids."""
    cursor = await connection.execute(
        "select id, account_id, starts_on from subscriptions where id = any(%s)",
        (sorted(set(ids)),),
    )
    return {id: Held(account, day) for id, account, day in await cursor.fetchall()}


async def first_days(connection: Connection, account_ids: Iterable[str]) -> dict[str, date]:
    """The day on which the first subscription of each of these accounts began, where one did."""
    cursor = await connection.execute(
        "select account_id, min(starts_on) from subscriptions where account_id = any(%s)"
        " group by 1",
        (sorted(set(account_ids)),),
    )
    return dict(await cursor.fetchall())
