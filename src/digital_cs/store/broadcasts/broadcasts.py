"""Broadcasts as rows: planned, approved, started, paused, cancelled, at their end."""

# ruff: noqa: S608  the statements are put together from constants, never from values
from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from psycopg import AsyncConnection
from psycopg.rows import kwargs_row
from psycopg.types.json import Jsonb

from digital_cs.domain.sending.broadcast import Broadcast, BroadcastPlan, BroadcastState
from digital_cs.domain.sending.reason import Reason

Connection = AsyncConnection[Any]

_COLUMNS = (
    "id, name, owner, spec, state, paused, per_minute, approved_hash, approved_by, approved_at,"
    " frozen_at, recipients, held_because, held_since, ended_at"
)


def _broadcast(*, spec: Any, state: str, **row: Any) -> Broadcast:
    return Broadcast(plan=BroadcastPlan.model_validate(spec), state=BroadcastState(state), **row)


async def _one(connection: Connection, statement: str, values: Mapping[str, Any]) -> Any:
    async with connection.cursor(row_factory=kwargs_row(_broadcast)) as cursor:
        await cursor.execute(statement, values)
        return await cursor.fetchone()


async def get(connection: Connection, id: str) -> Broadcast | None:
    """The broadcast of this id."""
    found: Broadcast | None = await _one(
        connection, f"select {_COLUMNS} from broadcasts where id = %(id)s", {"id": id}
    )
    return found


async def list_broadcasts(
    connection: Connection, states: Sequence[BroadcastState] | None = None, most: int = 100
) -> list[Broadcast]:
    """Broadcasts in these states, or all; what was changed last first."""
    async with connection.cursor(row_factory=kwargs_row(_broadcast)) as cursor:
        await cursor.execute(
            f"select {_COLUMNS} from broadcasts where %(states)s::text[] is null"
            " or state = any(%(states)s) order by changed_at desc, id limit %(most)s",
            {"states": [each.value for each in states] if states else None, "most": most},
        )
        return await cursor.fetchall()


async def save_draft(
    connection: Connection, id: str, name: str, owner: str, plan: BroadcastPlan,
    per_minute: float | None, by: str, now: datetime,
) -> Broadcast | None:  # fmt: skip
    """Write a draft down, or anew; None: one of this id was started already."""
    found: Broadcast | None = await _one(
        connection,
        "insert into broadcasts as b (id, name, owner, spec, state, per_minute, created_at,"
        " changed_at, changed_by) values (%(id)s, %(name)s, %(owner)s, %(spec)s, 'draft',"
        " %(rate)s, %(now)s, %(now)s, %(by)s)"
        " on conflict (id) do update set name = excluded.name, owner = excluded.owner,"
        " spec = excluded.spec, per_minute = excluded.per_minute, changed_at = excluded.changed_at,"
        f" changed_by = excluded.changed_by where b.state = 'draft' returning {_COLUMNS}",
        {
            "id": id, "name": name, "owner": owner, "spec": Jsonb(plan.to_json()),
            "rate": per_minute, "now": now, "by": by,
        },
    )  # fmt: skip
    return found


# A change says what it expects to find; None: it was not so. Whoever sends is told by its wish.
_CHANGE = f"""
update broadcasts set {{set}}, changed_at = %(now)s, changed_by = %(by)s,
       wished_at = case when state = 'draft' then wished_at else clock_timestamp() end
 where id = %(id)s and {{where}} returning {_COLUMNS}
"""


async def _change(
    connection: Connection, id: str, set_: str, where: str, by: str, now: datetime, **values: Any
) -> Broadcast | None:
    statement = _CHANGE.format(set=set_, where=where)
    found: Broadcast | None = await _one(
        connection, statement, {"id": id, "by": by, "now": now, **values}
    )
    return found


async def approve(
    connection: Connection, id: str, hash: str, by: str, now: datetime
) -> Broadcast | None:
    """Bind an approval to what it is now (P21); None: it is at its end. In a transaction.

    Whose message could not be made before is tried at once.
    """
    await connection.execute(
        "update messages set retry_at = null where broadcast_id = %s and state = 'planned'"
        " and reason = %s and attempts = 0",
        (id, Reason.FAULT),
    )
    return await _change(
        connection, id, "approved_hash = %(hash)s, approved_by = %(by)s, approved_at = %(now)s",
        "state in ('draft', 'running')", by, now, hash=hash,
    )  # fmt: skip


async def start(
    connection: Connection, id: str, plan: BroadcastPlan, by: str, now: datetime
) -> Broadcast | None:
    """Let it go at the moment of its plan; None: it is no draft any more."""
    found: Broadcast | None = await _one(
        connection,
        "update broadcasts set state = 'running', spec = %(spec)s, changed_at = %(now)s,"
        " changed_by = %(by)s, wished_at = clock_timestamp()"
        f" where id = %(id)s and state = 'draft' returning {_COLUMNS}",
        {"id": id, "spec": Jsonb(plan.to_json()), "by": by, "now": now},
    )
    return found


async def pause(connection: Connection, id: str, by: str, now: datetime) -> Broadcast | None:
    """Hand nothing over any more, after what is in hand; None: it does not run, or is paused."""
    running = "state = 'running' and not paused"
    return await _change(connection, id, "paused = true", running, by, now)


async def resume(connection: Connection, id: str, by: str, now: datetime) -> Broadcast | None:
    """Go on; what is no longer useful is skipped (P8). None: it is not paused."""
    return await _change(connection, id, "paused = false", "state = 'running' and paused", by, now)


async def cancel(connection: Connection, id: str, by: str, now: datetime) -> Broadcast | None:
    """Send it to nobody any more, for good; None: it is at its end.

    The recipients who are left become skipped one after the other. A draft is at its end at once.
    """
    return await _change(
        connection, id,
        "state = 'cancelled', ended_at = case when state = 'draft' then %(now)s end",
        "state in ('draft', 'running')", by, now,
    )  # fmt: skip


async def set_rate(
    connection: Connection, id: str, per_minute: float | None, by: str, now: datetime
) -> Broadcast | None:
    """Messages a minute of it alone, from the next turns on; None: no limit of its own."""
    return await _change(
        connection, id, "per_minute = %(rate)s", "state in ('draft', 'running')", by, now,
        rate=per_minute,
    )  # fmt: skip


async def hold(connection: Connection, id: str, because: str | None, now: datetime) -> bool:
    """Say what holds all of it, None: nothing any more; whether that is new."""
    cursor = await connection.execute(
        "update broadcasts set held_because = %(because)s,"
        " held_since = case when %(because)s::text is not null then %(now)s end"
        " where id = %(id)s and held_because is distinct from %(because)s",
        {"id": id, "because": because, "now": now},
    )
    return cursor.rowcount > 0


async def finish(connection: Connection, id: str, now: datetime) -> bool:
    """Write down that it is at its end, if nobody is open; whether it was so."""
    cursor = await connection.execute(
        "update broadcasts b set ended_at = %(now)s, held_because = null, held_since = null,"
        " state = case when state = 'running' then 'done' else state end"
        " where id = %(id)s and ended_at is null and state in ('running', 'cancelled')"
        " and not exists (select from messages m where m.broadcast_id = b.id"
        "   and m.state in ('planned', 'claimed'))",
        {"id": id, "now": now},
    )
    return cursor.rowcount > 0


async def wishes(connection: Connection, *, all_running: bool = False) -> list[tuple[str, Any]]:
    """(id, when) of broadcasts whose workflow is to be started or woken.

    `all_running` gives also those that nobody said anything about: their workflow may be gone.
    """
    cursor = await connection.execute(
        "select id, wished_at from broadcasts where wished_at is not null"
        " or %s and state in ('running', 'cancelled') and ended_at is null order by id",
        (all_running,),
    )
    return [(row[0], row[1]) for row in await cursor.fetchall()]


async def told(connection: Connection, id: str, wished_at: Any) -> None:
    """The workflow knows of a wish; one that came after it stays."""
    await connection.execute(
        "update broadcasts set wished_at = null where id = %s and wished_at = %s", (id, wished_at)
    )


async def wake_running(connection: Connection) -> int:
    """Have every broadcast that runs look at what may hold it; how many. Call it in the transaction
    that places or lifts what holds.

    One that somebody has in hand at this moment is passed over: who fixes an audience, which takes
    a minute, looks again after it, and a stop must not wait for that.
    """
    cursor = await connection.execute(
        "update broadcasts set wished_at = clock_timestamp() where id in (select id from broadcasts"
        " where state = 'running' and not paused and ended_at is null for update skip locked)"
    )
    return cursor.rowcount


async def ask_again(connection: Connection, accounts: Sequence[str], reason: Reason) -> int:
    """Have recipients of these accounts decided anew who were put off for a reason; how many.

    Whoever is being claimed at this moment is passed over: they are decided anew as it is.
    """
    cursor = await connection.execute(
        "update messages set retry_at = null where key in (select key from messages"
        " where account_id = any(%s) and broadcast_id is not null and state = 'planned'"
        " and reason = %s and retry_at is not null for update skip locked)",
        (list(accounts), reason),
    )
    return cursor.rowcount


async def save_texts(connection: Connection, id: str, texts: Mapping[str, str]) -> None:
    """Keep the texts of a broadcast by variant, in the place of all before."""
    await connection.execute("delete from broadcast_texts where broadcast_id = %s", (id,))
    await connection.execute(
        "insert into broadcast_texts (broadcast_id, variant, source)"
        " select %s, * from unnest(%s::text[], %s::text[])",
        (id, list(texts), list(texts.values())),
    )


async def texts(connection: Connection, id: str) -> dict[str, str]:
    """The texts that are kept with a broadcast, by variant."""
    cursor = await connection.execute(
        "select variant, source from broadcast_texts where broadcast_id = %s order by variant",
        (id,),
    )
    return dict(await cursor.fetchall())


@dataclass(frozen=True, slots=True)
class Choice:
    """The variant of an account, or of one person of it, with values that its text prints as
    traits of the account."""

    account_id: str
    variant: str
    contact_id: str = ""
    traits: Mapping[str, Any] = field(default_factory=dict)


async def save_choices(connection: Connection, id: str, choices: Iterable[Choice]) -> None:
    """Keep who gets which variant, in the place of all before; whoever is not in it gets ''.

    Read one by one and copied, so that it may be as long as one likes. In a transaction.
    """
    await connection.execute("delete from broadcast_choices where broadcast_id = %s", (id,))
    async with (
        connection.cursor() as cursor,
        cursor.copy(
            "copy broadcast_choices (broadcast_id, account_id, contact_id, variant, traits)"
            " from stdin"
        ) as copy,
    ):
        for each in choices:
            await copy.write_row(
                (id, each.account_id, each.contact_id, each.variant, Jsonb(dict(each.traits)))
            )
