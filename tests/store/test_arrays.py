"""Arrays that are written down at once are those that Postgres reads."""

from __future__ import annotations

from typing import Any

import pytest
from psycopg import AsyncConnection, DataError

from digital_cs.store.database.arrays import text_array

LISTS: list[list[str | None]] = [
    [], [""], ["", ""], ["a"], ["a", "b"], ["NULL", "null"], [None], ["a", None, "b"],
    ["{", "}", ",", " ", "a,b"], ['"', "\\", '\\"', "a\\"], ["é", "日", "\n", "\t"],
]  # fmt: skip


@pytest.mark.parametrize("items", LISTS)
async def test_an_array_comes_back_as_the_list(
    connection: AsyncConnection[Any], items: list[str | None]
) -> None:
    cursor = await connection.execute("select %s::text[]", (text_array(items),))
    assert await cursor.fetchone() == (items,)


async def test_one_text_is_never_read_as_two(connection: AsyncConnection[Any]) -> None:
    with pytest.raises(DataError):
        await connection.execute("select %s::text[]", (text_array(["a\0b"]),))
