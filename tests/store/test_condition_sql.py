"""A condition means the same in SQL as in memory, whatever the data is like (P9)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from psycopg import AsyncConnection

from digital_cs.domain.account import Account
from digital_cs.domain.rules.condition import KINDS, Verdict, next_flip, turns_daily
from digital_cs.domain.rules.condition_tickets import FEED_PATIENCE
from digital_cs.domain.rules.reads import reads
from digital_cs.store.programs.facts import facts_page
from digital_cs.store.rules.condition_sql import compile_condition, evaluate
from tests.store.rule_strategies import LEAVES, READ, nested, written
from tests.store.rule_worlds import CALENDAR, DAY, NOW, World, make_world, write

Connection = AsyncConnection[Any]
EVER = datetime(1970, 1, 1, tzinfo=UTC)
LOOSE = settings(
    max_examples=40, deadline=None, derandomize=True,
    suppress_health_check=[
        HealthCheck.function_scoped_fixture, HealthCheck.too_slow, HealthCheck.filter_too_much,
    ],
)  # fmt: skip


ALWAYS_KNOWN = {"milestone", "event", "trigger", "gone", "program"}
MOMENTS = (NOW, NOW, NOW + DAY, NOW - 3 * DAY, datetime(2026, 3, 4, tzinfo=UTC))


@pytest.fixture
def seen(request: pytest.FixtureRequest) -> Iterator[Counter[Verdict]]:
    """Verdicts that came out: a rule of which all say the same has not been tried."""
    counted: Counter[Verdict] = Counter()
    yield counted
    known = request.node.callspec.params.get("kind") if hasattr(request.node, "callspec") else None
    assert counted.keys() == {*Verdict} - ({Verdict.UNKNOWN} if known in ALWAYS_KNOWN else set())


def test_there_is_a_strategy_for_every_kind_of_condition() -> None:
    assert LEAVES.keys() | {"all", "any", "not"} == KINDS.keys()


@LOOSE
@given(seed=st.integers(0, 2**32), data=st.data())
@pytest.mark.parametrize("kind", LEAVES)
async def test_a_leaf_says_the_same_in_sql_and_in_memory(
    connection: Connection, seen: Counter[Verdict], kind: str, seed: int, data: st.DataObject
) -> None:
    rules = data.draw(st.lists(written(kind), min_size=5, max_size=5))
    seen.update(await _same(connection, make_world(seed), rules, Random(seed)))


@LOOSE
@given(seed=st.integers(0, 2**32), rules=st.lists(nested(), min_size=3, max_size=3))
async def test_a_nested_condition_says_the_same_in_sql_and_in_memory(
    connection: Connection, seen: Counter[Verdict], seed: int, rules: list[dict[str, Any]]
) -> None:
    seen.update(await _same(connection, make_world(seed), rules, Random(seed)))


async def _same(
    connection: Connection, world: World, rules: Sequence[dict[str, Any]], random: Random
) -> list[Verdict]:
    """Every verdict on every account; all that is written is taken back."""
    found = []
    async with connection.transaction(force_rollback=True):
        await write(connection, world)
        for rule in rules:
            found += await _judged(connection, world, READ.validate_python(rule), random)
    return found


async def _judged(connection: Connection, world: World, rule: Any, random: Random) -> list[Verdict]:
    compiled, now = compile_condition(rule), random.choice(MOMENTS)
    judged = await evaluate(connection, compiled, now, CALENDAR)
    assert sorted(each.account_id for each in judged) == sorted(world.ids)
    direct = {id: world.account(id) for id in world.ids}
    loaded = {
        account.id: account
        for account in await facts_page(connection, now, CALENDAR, reads=reads([rule]))
    }
    for each in judged:
        account = direct[each.account_id]
        assert each.verdict is rule.verdict(account, EVER, now), (account, "directly")
        assert each.verdict is rule.verdict(loaded[account.id], EVER, now), (account, "as loaded")
        if not turns_daily(rule):
            for flip in (each.flip, next_flip(rule, account, now)):
                _calm_until(now, flip, rule, world, account, each.verdict, random)
    some = random.sample(judged, 3)
    again = await evaluate(connection, compiled, now, CALENDAR, [each.account_id for each in some])
    assert {each.account_id: each for each in again} == {each.account_id: each for each in some}
    wanted = random.choice(list(Verdict))
    only = await evaluate(connection, compiled, now, CALENDAR, only=wanted)
    assert {e.account_id for e in only} == {e.account_id for e in judged if e.verdict is wanted}
    return [each.verdict for each in judged]


def _calm_until(
    now: datetime,
    flip: datetime | None,
    rule: Any,
    world: World,
    account: Account,
    verdict: Verdict,
    random: Random,
) -> None:
    """Until then time alone changes nothing; but a feed that becomes late may make it unknown."""
    through = world.complete("tickets")
    end = flip or now + 400 * DAY
    assert end > now
    last = end - timedelta.resolution
    for moment in (last, min(last, now + (end - now) * random.random())):
        later = rule.verdict(account, EVER, moment)
        late = through is None or through < moment - FEED_PATIENCE
        assert later is verdict or (later is Verdict.UNKNOWN and late), (account, moment)
