"""What is put together by hand in the binary form of Postgres, as Postgres reads it."""

from __future__ import annotations

import math
from datetime import UTC, date, datetime, timedelta, timezone
from typing import Any

import pytest
from psycopg import AsyncConnection

from digital_cs.store.database import packing
from digital_cs.store.database.packing import Packed
from digital_cs.store.product import events, partitions

Connection = AsyncConnection[Any]

TEXTS = ["", "plain", "ż\u2028", "né", "\x7f\t\n\\", "a" * 600, "日本" * 300, '{"a",NULL}', " "]
NUMBERS = [0, 1, -1, 255, 256, -(2**63), 2**63 - 1]
MOMENTS = [
    datetime(2000, 1, 1, tzinfo=UTC), datetime(1999, 12, 31, 23, 59, 59, 999999, tzinfo=UTC),
    datetime(2026, 3, 4, 9, 30, 0, 123456, tzinfo=UTC), datetime(2199, 1, 1, tzinfo=UTC),
    datetime(1970, 1, 1, 0, 0, 0, 1, tzinfo=UTC),
]  # fmt: skip


@pytest.mark.parametrize(
    ("packed", "type_", "items"),
    [
        (packing.texts(TEXTS), "text", TEXTS),
        (packing.texts([]), "text", []),
        (packing.bigints(NUMBERS), "bigint", NUMBERS),
        (packing.bigints([]), "bigint", []),
        (packing.ints([0, -1, 2**31 - 1, -(2**31)]), "int", [0, -1, 2**31 - 1, -(2**31)]),
        (packing.floats([0.0, -1.5, 1e300, math.inf]), "float8", [0.0, -1.5, 1e300, math.inf]),
        (packing.moments(packing.moments_of(MOMENTS)), "timestamptz", MOMENTS),
        (packing.isodays(["1999-12-31", "2026-03-04"]), "date",
         [date(1999, 12, 31), date(2026, 3, 4)]),
    ],
)  # fmt: skip
async def test_an_array_holds_what_was_put_into_it(
    connection: Connection, packed: Packed, type_: str, items: list[Any]
) -> None:
    cursor = await connection.execute(f"select %s::{type_}[]", (packed,))
    assert await cursor.fetchone() == (items,)


def test_a_moment_of_any_offset_is_the_number_of_its_instant() -> None:
    there = datetime(2026, 3, 4, 0, 30, tzinfo=timezone(timedelta(hours=5, minutes=30)))
    assert packing.moment_of(there) == packing.moment_of(datetime(2026, 3, 3, 19, tzinfo=UTC))
    for moment in MOMENTS:
        assert packing.datetime_of(packing.moment_of(moment)) == moment
    assert packing.moments_of(MOMENTS) == [packing.moment_of(moment) for moment in MOMENTS]


async def test_rows_of_events_hold_what_was_put_into_them(connection: Connection) -> None:
    at = datetime(2026, 3, 4, 23, 59, 59, 999999, tzinfo=UTC)
    json = ('{"é": "' + "ż" * 400 + '", "n": [1, null]}').encode()
    async with connection.transaction():
        await partitions.ensure(connection, [at.date()], at)
        await events.copy(connection, [
            events.row(
                id=id, at=packing.moment_of(at), received_at=packing.moment_of(at),
                account_id=None, user_id=text, anonymous_id=None, kind="track", name=text,
                value=value, properties=json, source=text,
            )
            for id, text, value in zip(map(str, range(len(TEXTS))), TEXTS, [None, *range(8)],
                                       strict=True)
        ])  # fmt: skip
    cursor = await connection.execute(
        "select day, at, received_at, account_id, user_id, name, value, source,"
        " properties ->> 'é', properties -> 'n' from product_events order by id"
    )
    assert await cursor.fetchall() == [
        (at.date(), at, at, None, text, text, value, text, "ż" * 400, [1, None])
        for text, value in zip(TEXTS, [None, *map(float, range(8))], strict=True)
    ]


async def test_a_row_that_cannot_be_read_is_found_by_its_id(connection: Connection) -> None:
    def row(id: str, properties: bytes) -> str:
        return events.row(
            id=id, at=0, received_at=0, account_id=None, user_id="ann", anonymous_id=None,
            kind="track", name="seen", value=None, properties=properties, source="api",
        )  # fmt: skip

    rows = [row("fine", b"{}"), row("né", b'{"a": "\\u0000"}'), row("too", b"{"), row("ok", b"{}")]
    assert await events.unreadable(connection, rows) == {"né", "too"}
