"""Of whom a segment knows nothing is neither in it nor outside, for whoever asks for it (P9)."""

from __future__ import annotations

from digital_cs.store.rules import segments
from tests.ingest.door import Door
from tests.ingest.test_membership import keep, members, moves, settled

PRO = {"trait": "plan", "is": "pro"}
OUTSIDE = {"not": {"segment": "pros"}}


async def plan(door: Door, account: str, value: str | None) -> None:
    await door.account(account, traits={} if value is None else {"plan": value})


async def unknown(door: Door, id: str) -> list[str]:
    return [row[0] for row in await door.ask(
        "select account_id from segment_unknown where segment_id = %s order by 1", id
    )]  # fmt: skip


async def test_who_is_not_known_to_a_segment_is_not_known_to_be_outside(door: Door) -> None:
    for account, value in (("pro", "pro"), ("free", "free"), ("nobody-knows", None)):
        await plan(door, account, value)

    await keep(door, "pros", PRO)
    await keep(door, "others", OUTSIDE)

    assert await members(door, "pros") == ["pro"]
    assert await unknown(door, "pros") == ["nobody-knows"]
    assert await members(door, "others") == ["free"]
    assert await unknown(door, "others") == ["nobody-knows"]


async def test_as_soon_as_it_is_known_those_who_ask_are_told_and_nothing_else_happens(
    door: Door,
) -> None:
    await plan(door, "a", None)
    await keep(door, "pros", PRO)
    await keep(door, "others", OUTSIDE)
    await settled(door)

    await plan(door, "a", "free")
    await settled(door)

    assert await unknown(door, "pros") == []
    assert await members(door, "others") == ["a"]
    assert await moves(door, "pros") == []  # it neither entered nor left
    assert [kind for _, kind, _ in await moves(door, "others")] == ["entered"]


async def test_who_enters_from_not_known_enters_once(door: Door) -> None:
    await plan(door, "a", None)
    await keep(door, "pros", PRO)
    await settled(door)

    await plan(door, "a", "pro")
    looked = await door.look()

    assert looked.entered == 1
    assert await members(door, "pros") == ["a"]
    assert await unknown(door, "pros") == []
    assert [kind for _, kind, _ in await moves(door, "pros")] == ["entered"]


async def test_a_member_of_whom_nothing_is_known_any_more_stays_a_member(door: Door) -> None:
    await plan(door, "a", "pro")
    await keep(door, "pros", PRO)
    await keep(door, "others", OUTSIDE)
    await settled(door)

    await door.account("a", traits={"plan": None})
    await settled(door)

    assert await members(door, "pros") == ["a"]
    assert await unknown(door, "pros") == []
    assert await members(door, "others") == []


async def test_by_another_rule_a_member_who_is_not_known_leaves_and_is_not_known(
    door: Door,
) -> None:
    await plan(door, "a", "pro")
    await keep(door, "pros", PRO)
    await settled(door)

    await keep(door, "pros", {"trait": "edition", "is": "pro"})

    assert await members(door, "pros") == []
    assert [kind for _, kind, _ in await moves(door, "pros")] == ["left"]
    await settled(door)
    assert await unknown(door, "pros") == ["a"]


async def test_a_segment_that_is_deleted_leaves_nothing_behind(door: Door) -> None:
    await plan(door, "a", None)
    await keep(door, "pros", PRO)

    async with door.pool.connection() as connection:
        await segments.retire(connection, ["pros"], door.clock.now())

    assert await unknown(door, "pros") == []


async def test_rules_of_triggers_and_entries_keep_no_such_list(door: Door) -> None:
    await plan(door, "a", None)

    await keep(door, "trigger:quiet", PRO)
    await plan(door, "b", None)
    await settled(door)

    assert await door.ask("select 1 from segment_unknown") == []
