"""Nothing that a person writes into a condition is ever read as SQL."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, date, datetime
from typing import Any

import pytest
from psycopg import AsyncConnection
from pydantic import ValidationError

from digital_cs.domain.rules.condition import KINDS, Verdict
from digital_cs.domain.rules.reads import reads
from digital_cs.domain.timing.business_calendar import BusinessCalendar
from digital_cs.store.programs.facts import facts_page
from digital_cs.store.rules.condition_sql import compile_condition, evaluate
from tests.store.rule_strategies import READ
from tests.store.rule_worlds import NOW, World, make_world, write

Connection = AsyncConnection[Any]
EVER = datetime(1970, 1, 1, tzinfo=UTC)

HOSTILE = (
    "'; drop table accounts; --", "') or true; --", '"; drop table accounts; --', "%(x)s", "%s",
    "%", "%%", "{}", "{0}", "\\", "\\'", "$1", "$$; select 1; $$", ":name", "?", "*?*", "\u2019",
    "\uff07; drop table accounts", "/* ", "--", "a\nb", "'" * 99, "x" * 100_000, "null", "''", ",",
)  # fmt: skip
DAY = "2026-02-25"

Place = Callable[[str], dict[str, Any]]
PLACES: dict[str, Place] = {
    "a stage": lambda x: {"stage": x},
    "one of some stages": lambda x: {"stage": ["trial", x]},
    "the name of a trait": lambda x: {"trait": x, "exists": True},
    "the value of a trait": lambda x: {"trait": "plan", "is": x},
    "what a trait is not": lambda x: {"trait": "plan", "is_not": x},
    "one value of some": lambda x: {"trait": "plan", "one_of": [x, 3]},
    "one value of none": lambda x: {"trait": "plan", "none_of": [x, True]},
    "what a text contains": lambda x: {"trait": "plan", "contains": x},
    "what a text starts with": lambda x: {"trait": "plan", "starts_with": x},
    "a pattern": lambda x: {"trait": "plan", "matches": x},
    "a date": lambda x: {"date": x, "past": "9 days"},
    "a limit": lambda x: {"limit": x, "of": "seats"},
    "the whole of a limit": lambda x: {"limit": "seats", "of": x},
    "a milestone": lambda x: {"milestone": x},
    "a missed milestone": lambda x: {"missed": x, "within": "3 days", "of": "renewal"},
    "the date of a missed one": lambda x: {"missed": "it's", "within": "3 days", "of": x},
    "an event": lambda x: {"event": x},
    "usage of an event": lambda x: {"usage": x, "within": "7 days", "at_most": 3},
    "users of events": lambda x: {
        "usage": ["login", x], "measure": "users", "within": "7 days", "at_least": 1,
    },
    "days of events": lambda x: {
        "usage": ["login", x], "measure": "days", "within": "70 days", "at_least": 1,
    },
    "a change": lambda x: {"change": x, "falls_by": "50%"},
    "a change of several": lambda x: {"change": ["export", x], "falls_by": "50%"},
    "a role": lambda x: {"contact": x},
    "a trait of a contact": lambda x: {"contact": "any", "trait": x, "exists": True},
    "its value": lambda x: {"contact": "any", "trait": "plan", "is": x},
    "a role that is gone": lambda x: {"gone": x},
    "a product": lambda x: {"subscription": "any", "product": x},
    "one of some products": lambda x: {"subscription": "any", "product": ["suite", x]},
    "a plan": lambda x: {"subscription": "any", "plan": x},
    "a topic": lambda x: {"tickets": "open", "topic": x},
    "a severity": lambda x: {"tickets": "opened", "within": "30 days", "severity": ["low", x]},
    "a tag": lambda x: {"tickets": "solved", "within": "30 days", "tag": x},
    "a topic of a spike": lambda x: {"spike": "7 days", "topic": x, "at_least": 1},
}  # fmt: skip


def _infected(text: str) -> tuple[World, BusinessCalendar]:
    """A world that has this text wherever a text may be; also a country is called so."""
    world = make_world(26, size=4)
    world.suppressions = []  # so that a rule about people finds some
    quoted = json.dumps(text)
    for row, value in zip(world.accounts, (f'"{DAY}"', "10", "11"), strict=False):
        row |= {"stage": text, "country": text}
        row["traits"] = f'{{"plan": {quoted}, {quoted}: {value}, "seats": 10, "renewal": "{DAY}"}}'
    for row in world.contacts:
        row["traits"] = f'{{"plan": {quoted}, {quoted}: {quoted}}}'
    world.usage_days = [row for row in world.usage_days if row["event"] != text]
    for row in world.usage_days:
        row["event"] = text if row["event"] == "it's" else row["event"]
    world.usage_days.append(
        {"account_id": "a1", "event": text, "day": date(2026, 2, 1), "n": 500, "users": 1,
         "value": 0.0, "first_at": None, "user_keys": None}
    )  # fmt: skip
    world.milestones = [
        {"account_id": "a0", "name": text, "reached_at": NOW},
        {"account_id": "a1", "name": "it's", "reached_at": NOW},
    ]
    for row in world.tickets[::2]:
        row |= {"topic": text, "severity": text, "tags": [text, "tag"]}
    for row in world.subscriptions[::2]:
        row |= {"product": text, "plan": text}
    for row in world.memberships:
        row["roles"] = [text]
        row["left_at"] = NOW if row["account_id"] == "a1" else row["left_at"]
    world.sources = [{"name": "all", "feeds": ["usage", "tickets"], "complete_through": NOW}]
    return world, BusinessCalendar(holidays={text: frozenset({date(2026, 3, 3)})})


def _needs_a_rule_for(kind: str) -> bool:
    return kind not in {"all", "any", "not", "quiet_for", "segment", "program", "trigger"}


def test_there_is_a_place_of_every_kind_that_holds_a_text() -> None:
    tried = {next(key for key in KINDS if key in place("x")) for place in PLACES.values()}
    assert tried == {kind for kind in KINDS if _needs_a_rule_for(kind)}


@pytest.mark.parametrize("place", PLACES)
async def test_a_hostile_text_is_a_text_like_any_other(connection: Connection, place: str) -> None:
    found, statements = set(), set()
    for text in HOSTILE:
        rule = READ.validate_python(PLACES[place](text))
        world, calendar = _infected(text)
        async with connection.transaction(force_rollback=True):
            await write(connection, world)
            judged = await evaluate(connection, compile_condition(rule), NOW, calendar)
            loaded = await facts_page(connection, NOW, calendar, reads=reads([rule]))
        statements.add(compile_condition(rule).query)
        verdicts = {account.id: rule.verdict(account, EVER, NOW) for account in loaded}
        assert {each.account_id: each.verdict for each in judged} == verdicts
        assert len(verdicts) == 4
        found |= set(verdicts.values())
    assert len(statements) == 1  # whatever is written, the SQL is the same
    cursor = await connection.execute("select count(*) from accounts")
    assert await cursor.fetchone() == (0,)
    assert Verdict.YES in found


@pytest.mark.parametrize("text", [text for text in HOSTILE if text != "null"])
@pytest.mark.parametrize("kind", ["segment", "program", "trigger"])
def test_a_name_takes_no_hostile_text_at_all(kind: str, text: str) -> None:
    with pytest.raises(ValidationError):
        READ.validate_python({kind: text})


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("text", ["a\0b", "\ud800"])
def test_what_no_database_can_hold_is_refused_before(place: str, text: str) -> None:
    with pytest.raises(ValidationError, match=r"NUL|unicode"):
        READ.validate_python(PLACES[place](text))


@pytest.mark.parametrize("prefix", ["c", "d"])
async def test_two_conditions_stand_in_one_statement(connection: Connection, prefix: str) -> None:
    """With prefixes of their own, so that neither takes the other's values."""
    await write(connection, make_world(3))
    one, two = (
        compile_condition(READ.validate_python({"trait": "plan", "is": text}), prefix=name)
        for text, name in (("pro", prefix), ("Pro", f"{prefix}2"))
    )
    calendar = BusinessCalendar()
    cursor = await connection.execute(
        f"select one.account_id, one.verdict, two.verdict from ({one.query}) one"
        f" join ({two.query}) two using (account_id)",
        one.values(NOW, calendar) | two.values(NOW, calendar),
    )
    alone = {each.account_id: each for each in await evaluate(connection, two, NOW, calendar)}
    verdicts = {True: Verdict.YES, False: Verdict.NO, None: Verdict.UNKNOWN}
    async for id, _, verdict in cursor:
        assert verdicts[verdict] is alone[id].verdict
