"""Consistency: where two things that accounts are known by contradict each other."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

from psycopg import AsyncConnection

Connection = AsyncConnection[Any]

SHOWN = 3


@dataclass(frozen=True, slots=True)
class Contradiction:
    """Accounts that are one thing but not the other, and the other way round; a few of each."""

    only_first: int = 0
    only_second: int = 0
    first_ids: tuple[str, ...] = ()
    second_ids: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.only_first or self.only_second)


_COUNT = """
with looked as (select a.id, coalesce({first}, false) as one, coalesce({second}, false) as other
                  from accounts a)
select count(*) filter (where one and not other), count(*) filter (where other and not one),
       coalesce((array_agg(id order by id) filter (where one and not other))[1:{shown}], '{{}}'),
       coalesce((array_agg(id order by id) filter (where other and not one))[1:{shown}], '{{}}')
  from looked
"""

_FLAGGED = """
(case when %(field)s = 'stage' then lower(a.stage) else lower(a.traits->>%(field)s) end
 = lower(%(value)s))"""

_HAPPENED = {
    "events": "exists (select from usage_days u where u.account_id = a.id"
    " and u.event = any(%(names)s) and u.n > 0)",
    "milestones": "exists (select from milestones m where m.account_id = a.id"
    " and m.name = any(%(names)s))",
}

_RUNS = "(s.ends_on is null or s.ends_on > %(today)s)"
_BOUGHT = "exists (select from subscriptions s where s.account_id = a.id)"
_RUNNING = f"exists (select from subscriptions s where s.account_id = a.id and {_RUNS})"


async def flag_and_happening(
    connection: Connection, noun: str, names: Collection[str], field: str, value: str
) -> Contradiction:
    """Accounts of which a field has a value, against those where one of these happened.

    `noun` is events or milestones; `field` is stage, or a trait.
    """
    return await _contradiction(
        connection, _FLAGGED, _HAPPENED[noun],
        {"field": field, "value": value, "names": sorted(names)},
    )  # fmt: skip


async def stage_and_subscriptions(
    connection: Connection, stages: Sequence[str], today: object
) -> Contradiction:
    """Accounts at a stage of leaving where a subscription runs, against those that have another
    stage and no subscription that runs any more. Accounts without a stage are not counted."""
    return await _contradiction(
        connection, f"(a.stage = any(%(stages)s) and {_RUNNING})",
        f"(a.stage <> all(%(stages)s) and {_BOUGHT} and not {_RUNNING})",
        {"stages": list(stages), "today": today},
    )  # fmt: skip


async def _contradiction(
    connection: Connection, first: str, second: str, values: dict[str, Any]
) -> Contradiction:
    query = _COUNT.format(first=first, second=second, shown=SHOWN)
    cursor = await connection.execute(query, values)
    row = await cursor.fetchone()
    assert row is not None
    return Contradiction(row[0], row[1], tuple(row[2]), tuple(row[3]))
