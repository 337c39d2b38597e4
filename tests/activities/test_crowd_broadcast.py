"""Budgets are exact where broadcasts and single touches want the same people at once, too (P17)."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from pathlib import Path

import pytest

from activities.claiming import Claimed
from digital_cs.messages.broadcast import ChunkRequest
from tests.activities.broadcast_house import build, opened
from tests.activities.crowd import PROGRAMS, Crowd, settle_in

OF_A_PERSON, OF_AN_ACCOUNT = 2, 3
COUNTED = "('claimed', 'accepted')"


@pytest.mark.parametrize("seed", range(3))
async def test_no_budget_is_exceeded_and_no_room_is_left_by_drips_and_broadcasts_together(
    database: str, tmp_path: Path, seed: int
) -> None:
    chance = random.Random(seed)
    async with opened(database, tmp_path, set_size=15) as house:
        async with house.pool.connection() as connection:
            accounts = await settle_in(connection, 40, person=OF_A_PERSON, account=OF_AN_ACCOUNT)
        other, _, lines = build(house.pool, house.clock, house.library, house.sink.port)
        crowd = Crowd(house.pool, "drips")
        for id in ("one", "two"):
            await house.start(id, to=("everybody",))
        chunks = {id: (await house.look(id)).chunks for id in ("one", "two")}
        touches = [
            (program, account, f"{account}-{person}", visit)
            for visit, program in enumerate(PROGRAMS[:3], 1)
            for account in accounts for person in ("c1", "c2")
        ]  # fmt: skip
        chance.shuffle(touches)

        async def drip(mine: list[tuple[str, str, str, int]]) -> int:
            return sum([isinstance(await crowd.claim(*touch), Claimed) for touch in mine])

        done = await asyncio.gather(
            *(drip(touches[nth::3]) for nth in range(3)),
            *(house.chunk(chunk, "one") for chunk in chunks["one"]),
            *(house.environment.run(other.send_chunk, ChunkRequest("two", chunk))
              for chunk in chunks["two"]),
        )  # fmt: skip
        for line in lines:
            await line.close()
        rows = await house.rows(
            f"select account_id, contact_id, broadcast_id from messages where state in {COUNTED}"
        )
    by_person = Counter(row["contact_id"] for row in rows)
    by_account = Counter(row["account_id"] for row in rows)
    by_sender = Counter(row["broadcast_id"] for row in rows)
    assert max(by_person.values()) <= OF_A_PERSON
    assert set(by_account.values()) == {OF_AN_ACCOUNT}, "no more, and no room left unused"
    assert len(by_account) == len(accounts)
    assert by_sender[None] == sum(each for each in done if isinstance(each, int))
    assert len(by_sender) > 1, "both were there"
