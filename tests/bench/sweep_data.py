"""A company with very many accounts and ninety days of usage, made by SQL inside the database."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

from psycopg import AsyncConnection

from digital_cs.store.product.usage_settling import OPEN_DAYS

DAYS = 90
LAST_DAY = date(2026, 3, 1)
SETTLED_KEY = "pk_usage_days_settled"

# An account uses one or two of eight events on every second, third or fourth day, and hardly on
# weekends; one in fifty stops near the end, as real ones do.
_ROWS = """
insert into {table} (account_id, event, day, n, users, value)
select a.id, 'event_' || 1 + (a.h + e.k) %% 8, %(day)s::date, 3 + (a.h >> 8) %% 5 + a.roll %% 3,
       1 + (a.h >> 4) %% 3, 0
  from (select id, hashtextextended(id, 7) & 2147483647 as h,
               hashtextextended(id, %(nth)s) & 2147483647 as roll
          from accounts) a
 cross join lateral generate_series(1, (1 + (a.h >> 5) %% 2)::int) as e(k)
 where case when a.h %% 50 = 0 and %(nth)s > %(days)s - 14 then false
            when extract(isodow from %(day)s::date) > 5 then a.roll %% 100 < 3
            else (%(nth)s + a.h) %% (2 + (a.h >> 6) %% 3) = 0 end
"""


async def make_accounts(connection: AsyncConnection[Any], count: int) -> None:
    """So many active accounts, `acct-0000001` and on, without any usage."""
    await connection.execute(
        "insert into accounts (id, name, stage, country, created_at, updated_at)"
        " select 'acct-' || lpad(n::text, 7, '0'), 'Company ' || n, 'active',"
        " (array['DE', 'US', 'GB', 'PL'])[1 + n %% 4], now(), now()"
        " from generate_series(1, %s) n",
        (count,),
    )


async def make_usage(connection: AsyncConnection[Any], count: int) -> int:
    """Ninety days up to LAST_DAY, day by day as they would have come in; returns the rows.

    Settled, as a keeper would have done by now, but for the last two. Without the primary key while
    it is filled: what is measured is reading, not loading.
    """
    cursor = await connection.execute(
        "select pg_get_constraintdef(oid) from pg_constraint where conname = %s", (SETTLED_KEY,)
    )
    row = await cursor.fetchone()
    assert row is not None
    await connection.execute(f"alter table usage_days_settled drop constraint {SETTLED_KEY}")
    rows, settled = 0, LAST_DAY - OPEN_DAYS
    for nth in range(1, DAYS + 1):
        day = LAST_DAY - timedelta(days=DAYS - nth)
        into = _ROWS.format(table="usage_days_open" if day > settled else "usage_days_settled")
        cursor = await connection.execute(into, {"day": day, "nth": nth, "days": DAYS})
        rows += cursor.rowcount
    await connection.execute("set maintenance_work_mem = '1GB'")
    await connection.execute(
        f"alter table usage_days_settled add constraint {SETTLED_KEY} {row[0]}"
    )
    await connection.execute(
        "update accounts a set last_active_on = u.day from"
        " (select account_id, max(day) as day from usage_days group by 1) u"
        " where u.account_id = a.id"
    )
    await connection.execute(
        "insert into sources (name, kind, feeds, complete_through)"
        " values ('bench', 'csv', '{usage}', %s)",
        (LAST_DAY + timedelta(days=1),),
    )
    for table in ("accounts", "usage_days_open", "usage_days_settled", "usage_days"):
        await connection.execute(f"vacuum (analyze) {table}")
    # An index that was just made is on the disk. The intake finds every row that it adds to by this
    # one, all day long, so that in a running system it is in memory.
    async with connection.transaction():
        await connection.execute("set local enable_seqscan = off")
        await connection.execute("set local enable_bitmapscan = off")
        await connection.execute("select count(*) from usage_days where account_id >= ''")
    return rows
