"""Holdouts in the store: SQL draws as Python does, once for ever, by all ways of entry (P27)."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from psycopg import AsyncConnection
from psycopg import Connection as Blocking

from digital_cs.domain.programs.holdout import SALT, is_held, point
from digital_cs.domain.programs.program import Program
from digital_cs.domain.sending.policy import OPEN, Policy
from digital_cs.store.programs import holdouts
from digital_cs.store.programs.enrollments import enroll
from digital_cs.store.sending import policies
from tests import rig

Connection = AsyncConnection[Any]
Row = tuple[str, bool, float, float]


def one_send(id: str = "tour", **parts: Any) -> Program:
    return rig.program(id, [{"send": "welcome-trial-1"}], **parts)


async def put_in(
    connection: Connection, program: Program, accounts: list[str], days: float = 0
) -> None:
    await rig.publish(connection, program, rig.MONDAY)
    await enroll(
        connection, program.program, accounts, source="test", again="always",
        now=rig.MONDAY + timedelta(days=days),
    )  # fmt: skip


async def drawn(connection: Connection, program: str = "tour") -> list[Row]:
    cursor = await connection.execute(
        "select account_id, held, point, share from holdouts where program_id = %s order by 1",
        (program,),
    )
    return await cursor.fetchall()


async def end_all(connection: Connection) -> None:
    await connection.execute(
        "update enrollments set ended_at = %s, ending = 'completed' where ended_at is null",
        (rig.MONDAY,),
    )


async def test_p27_sql_and_python_draw_the_same_bit_for_bit(connection: Connection) -> None:
    ids = [f"account-{number}" for number in range(20_000)] + ["Zoë & Söhne", "\x1f", "💡", " a "]
    found = await holdouts.points(connection, "renewal", ids)
    assert found == {id: point(SALT, "renewal", id) for id in ids}


@settings(max_examples=50, deadline=None)
@given(ids=st.lists(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"),
                            min_size=1), min_size=1, unique=True))  # fmt: skip
def test_p27_sql_and_python_draw_the_same_for_any_id(
    template_database: str, postgres: Any, ids: list[str]
) -> None:
    with Blocking.connect(postgres.url, autocommit=True) as blocking:
        sql = holdouts.POINT.format(program="'tour'", account="id")
        asked = f"select id, {sql} from unnest(%(ids)s::text[]) as id"
        rows = blocking.execute(asked.encode(), {"holdout_salt": SALT, "ids": ids}).fetchall()
    assert dict(rows) == {id: point(SALT, "tour", id) for id in ids}


async def test_p27_who_enters_is_drawn_with_the_share_of_the_program(
    connection: Connection,
) -> None:
    accounts = await rig.people(connection, 300, rig.MONDAY)
    await put_in(connection, one_send(holdout=20), accounts)

    rows = await drawn(connection)
    assert [row[0] for row in rows] == accounts
    assert {row[3] for row in rows} == {20}
    assert all(held == is_held(at, 20) for _, held, at, _ in rows)
    assert all(at == point(SALT, "tour", id) for id, _, at, _ in rows)
    assert 30 < sum(row[1] for row in rows) < 90


async def test_p27_a_held_account_travels_like_the_others(connection: Connection) -> None:
    accounts = await rig.people(connection, 40, rig.MONDAY)
    await put_in(connection, one_send(holdout=50), accounts)

    reached, left_out = await holdouts.arms(connection, "tour")
    assert left_out.accounts == left_out.inside > 0
    assert reached.accounts + left_out.accounts == 40
    cursor = await connection.execute("select count(*) from outbox where kind = 'start'")
    assert await cursor.fetchone() == (40,)


async def test_p27_who_was_drawn_stays_so_after_re_entry_and_a_changed_share(
    connection: Connection,
) -> None:
    accounts = await rig.people(connection, 60, rig.MONDAY)
    await put_in(connection, one_send(holdout=10), accounts[:30])
    before = await drawn(connection)
    await end_all(connection)

    await put_in(connection, one_send(holdout=50), accounts, days=9)

    after = await drawn(connection)
    assert after[:30] == before
    assert {row[3] for row in after[30:]} == {50}
    cursor = await connection.execute("select max(nth) from enrollments")
    assert await cursor.fetchone() == (2,)


@pytest.mark.parametrize(
    ("said", "policy", "share"),
    [(None, Policy(holdout=12), 12), (0, Policy(holdout=12), 0), (3, OPEN, 3),
     (None, OPEN, 0)],
)  # fmt: skip
async def test_p27_a_program_that_says_nothing_has_the_share_of_the_policy_in_force(
    connection: Connection, said: float | None, policy: Policy, share: float
) -> None:
    await policies.publish(connection, Policy(holdout=30), rig.MONDAY)
    await policies.publish(connection, policy, rig.MONDAY)
    accounts = await rig.people(connection, 3, rig.MONDAY)
    await put_in(connection, one_send(holdout=said), accounts)
    assert {row[3] for row in await drawn(connection)} == {share}


async def test_p27_without_any_policy_the_default_share_holds(connection: Connection) -> None:
    await connection.execute("delete from policies")
    await put_in(connection, one_send(), await rig.people(connection, 3, rig.MONDAY))
    assert {row[3] for row in await drawn(connection)} == {5}


async def test_a_program_of_service_notices_alone_leaves_nobody_out(
    connection: Connection,
) -> None:
    notice = {"send": "renewal-7", "kind": "service"}
    accounts = await rig.people(connection, 3, rig.MONDAY)
    for program in (
        rig.program("notices", [{"wait": "1 day"}, notice], holdout=50),
        rig.program("tasks", [{"task": "Call", "assign_to": "csm"}], holdout=50),
    ):
        await put_in(connection, program, accounts)
        assert await drawn(connection, program.program) == []


async def test_marketing_deep_inside_a_program_counts(connection: Connection) -> None:
    inner = [{"name": "a", "share": 1}, {"name": "b", "share": 1, "do": [{"send": "win-back-1"}]}]
    steps: list[dict[str, Any]] = [{"send": "renewal-7", "kind": "service"},
             {"branch": [{"when": {"stage": "trial"}, "do": [{"split": inner}]}]}]  # fmt: skip
    await put_in(
        connection, rig.program("deep", steps), await rig.people(connection, 3, rig.MONDAY)
    )
    assert len(await drawn(connection, "deep")) == 3


def test_p27_all_ways_of_entry_draw_for_one_statement_alone_enrolls() -> None:
    source = sorted([*(rig.ROOT / "src").rglob("*.py"), *(rig.ROOT / "activities").rglob("*.py")])
    assert [path.name for path in source if "insert into enrollments" in path.read_text()] == [
        "enrollments.py"
    ]  # fmt: skip


async def test_who_may_not_enter_is_not_drawn(connection: Connection) -> None:
    accounts = await rig.people(connection, 4, rig.MONDAY)
    await put_in(connection, one_send(), accounts[:2])
    await put_in(connection, one_send(), [*accounts[:2], "nobody"])
    assert len(await drawn(connection)) == 2
    async with connection.transaction(force_rollback=True):
        await put_in(connection, one_send(), accounts)
    assert len(await drawn(connection)) == 2


async def test_many_who_enroll_the_same_accounts_at_once_draw_each_once(
    connection: Connection, other: Connection
) -> None:
    await rig.publish(connection, one_send(), rig.MONDAY)
    accounts = await rig.people(connection, 300, rig.MONDAY)

    async def into(somebody: Connection, ids: list[str]) -> None:
        await enroll(somebody, "tour", ids, source="t", again="always", now=rig.MONDAY)

    await asyncio.gather(into(connection, accounts), into(other, accounts[::-1]))
    assert len(await drawn(connection)) == 300


async def test_the_arms_count_goals_and_the_held_are_listed(connection: Connection) -> None:
    accounts = await rig.people(connection, 40, rig.MONDAY)
    assert [arm.accounts for arm in await holdouts.arms(connection, "tour")] == [0, 0]
    await put_in(connection, one_send(holdout=50), accounts)
    await connection.execute(
        "update enrollments set ended_at = %s, ending = 'goal' where account_id = any(%s)",
        (rig.MONDAY, accounts[:20]),
    )

    listed = await holdouts.held(connection, "tour", 100)
    assert await holdouts.held(connection, "tour", 1) == listed[:1]
    reached, left_out = await holdouts.arms(connection, "tour")
    assert (reached.held, left_out.held) == (False, True)
    assert len(listed) == left_out.accounts
    assert all(each.held and each.name == f"Company {each.account_id}" for each in listed)
    assert reached.reached_goal + left_out.reached_goal == 20
    assert reached.inside + left_out.inside == 20
