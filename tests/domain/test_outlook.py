"""What may go out is foreseen: by hand, in the shipped programs, and in programs of any shape."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from digital_cs.catalog.programs import load_programs
from digital_cs.domain.account import Account, day_of
from digital_cs.domain.content.outlook import Outlook, Standpoint
from digital_cs.domain.programs.enrollment import MessageState, Verdict, share_of
from digital_cs.domain.programs.program_graph import (
    Graph,
    SendNode,
    SplitNode,
    WaitDateNode,
    compile_program,
)
from digital_cs.domain.programs.program_ways import Known, leads_to_a_message
from digital_cs.domain.sending.policy import OPEN
from digital_cs.domain.simulation.played import Played
from digital_cs.domain.simulation.population import Population
from digital_cs.domain.simulation.sim_account import SimAccount, changed
from digital_cs.domain.simulation.sim_gate import Gate
from digital_cs.domain.simulation.sim_world import World
from digital_cs.domain.simulation.traveller import Moment, travel
from digital_cs.domain.timing.business_calendar import BusinessCalendar, Freeze
from digital_cs.domain.timing.send_window import resolve_zone
from tests import rig
from tests.domain.program_strategies import programs
from tests.domain.rehearsal import AT_WORK, DAY, HELLO, HOUR, MONDAY, PRO, TASK, program, wait_for

CALENDAR = BusinessCalendar()
FORTNIGHT = 14 * DAY
STARTERS = [
    Played(compile_program(each)[0])
    for each in load_programs(rig.ROOT / "content").programs.values()
]


def coming(
    graph: Graph, step: str, due: datetime | None = None, calendar: BusinessCalendar = CALENDAR,
    **rest: Any,
) -> list[tuple[str, datetime, bool]]:  # fmt: skip
    """(E-mail, at the earliest, whether it is sure) within a fortnight from Monday at 10:00."""
    found = Outlook(graph, MONDAY, MONDAY + FORTNIGHT, calendar).of(Standpoint(step, due, **rest))
    return [(each.email, each.at, each.sure) for each in found]


class TestByHand:
    def test_what_follows_a_wait_is_due_when_it_is_over(self) -> None:
        graph = program({"id": "a", "wait": "3 days"}, HELLO, {"wait": "1 week"}, {"send": "bye"})
        due = MONDAY + 2 * DAY
        assert coming(graph, "a", due) == [("hello", due, True), ("bye", due + 7 * DAY, True)]
        assert coming(graph, "a", MONDAY + 10 * DAY) == [("hello", MONDAY + 10 * DAY, True)]
        assert coming(graph, "a", MONDAY + 15 * DAY) == []

    def test_who_has_just_come_begins_to_wait_now(self) -> None:
        graph = program({"id": "a", "wait": "3 days"}, HELLO)
        assert coming(graph, "a") == [("hello", MONDAY + 3 * DAY, True)]

    def test_a_window_and_a_freeze_move_it(self) -> None:
        graph = program({"id": "a", "wait": "3 days"}, HELLO, send_window=AT_WORK)
        saturday = MONDAY + 5 * DAY
        assert coming(graph, "a", saturday) == [("hello", MONDAY + 7 * DAY - HOUR, True)]
        freeze = Freeze("Move", date(2027, 3, 8), date(2027, 3, 9))
        calendar = BusinessCalendar(freezes=(freeze,))
        assert coming(graph, "a", saturday, calendar) == [
            ("hello", MONDAY + 9 * DAY - HOUR, True)
        ]  # fmt: skip

    def test_a_branch_is_followed_both_ways_and_only_what_both_lead_to_is_sure(self) -> None:
        graph = program(
            {"branch": [{"when": PRO, "do": [{"send": "pro"}]}], "otherwise": [{"send": "free"}]},
            {"wait": "1 day"}, HELLO,
        )  # fmt: skip
        assert coming(graph, graph.first) == [
            ("pro", MONDAY, False), ("free", MONDAY, False), ("hello", MONDAY + DAY, True),
        ]  # fmt: skip

    def test_the_arm_that_an_account_is_drawn_into_is_followed_alone(self) -> None:
        arms = [{"name": name, "share": 1, "do": [{"send": name}]} for name in ("a", "b")]
        graph = program({"id": "draw", "split": arms}, HELLO)
        both = [("a", MONDAY, False), ("b", MONDAY, False), ("hello", MONDAY, True)]
        assert coming(graph, "draw") == both
        known = Known(arms=(("draw", "b"),))
        assert coming(graph, "draw", known=known) == [("b", MONDAY, True), both[2]]

    def test_who_goes_round_for_ever_may_never_come_to_a_way_out(self) -> None:
        arms = [{"name": "on", "share": 1, "do": [{"go_to": "again"}]}, {"name": "out", "share": 1}]
        graph = program(
            {"id": "again", "wait": "1 week"},
            {"branch": [{"when": PRO, "do": [{"send": "pro"}]}], "otherwise": [{"send": "free"}]},
            {"id": "draw", "split": arms},
        )  # fmt: skip
        found = coming(graph, "draw", known=Known(arms=(("draw", "on"),)))
        assert [(email, sure) for email, _, sure in found] == [("pro", False), ("free", False)]

    def test_what_may_happen_any_moment_is_possible_from_now_on(self) -> None:
        graph = program(wait_for(PRO, "3 days"), {"wait": "1 day"}, {"send": "after"})
        assert coming(graph, "look", MONDAY + 2 * DAY) == [
            ("happened", MONDAY, False), ("after", MONDAY + DAY, True),
            ("not", MONDAY + 2 * DAY, False),
        ]  # fmt: skip

    def test_what_may_come_too_late_is_not_sure(self) -> None:
        graph = program(wait_for(PRO, "1 month"), {"send": "after"})
        assert coming(graph, "look", MONDAY + 20 * DAY) == [
            ("happened", MONDAY, False), ("after", MONDAY, False),
        ]  # fmt: skip

    def test_a_task_is_done_or_expires(self) -> None:
        graph = program(TASK)
        assert coming(graph, "call", MONDAY + DAY) == [
            ("done", MONDAY, False), ("late", MONDAY + DAY, False),
        ]  # fmt: skip

    def test_a_message_that_is_kept_back_may_go_any_moment_and_nothing_after_it_is_sure(
        self,
    ) -> None:
        graph = program(HELLO, {"wait": "1 day"}, {"send": "bye"})
        assert coming(graph, "hello", held=True) == [
            ("hello", MONDAY, False), ("bye", MONDAY + DAY, False),
        ]  # fmt: skip
        assert coming(graph, "hello", MONDAY + 2 * DAY)[0] == ("hello", MONDAY + 2 * DAY, True)

    def test_dates_of_the_account_are_followed_where_they_are_known(self) -> None:
        day = MONDAY.date() + 20 * DAY
        graph = program(
            {"id": "a", "wait_until": {"date": "renewal_on", "shift": "10 days before"}}, HELLO,
            {"wait_until": {"date": "renewal_on", "shift": "7 days before", "at": "11:00"}},
            {"send": "soon"},
        )  # fmt: skip
        due = MONDAY + 10 * DAY
        assert coming(graph, "a", due, known=Known((("renewal_on", day),))) == [
            ("hello", due, True), ("soon", due + 3 * DAY + HOUR, True),
        ]  # fmt: skip
        assert coming(graph, "a", due) == [("hello", due, True), ("soon", due, False)]

    def test_a_loop_is_looked_at_once_and_ends(self) -> None:
        graph = program(
            {"id": "again", "wait": "5 minutes"},
            {"branch": [{"when": PRO, "do": [HELLO, {"go_to": "again"}]}]},
            {"send": "bye"},
        )  # fmt: skip
        at = MONDAY + timedelta(minutes=5)
        assert coming(graph, "again", at) == [("hello", at, False), ("bye", at, False)]

    def test_steps_that_lead_to_no_message_are_known(self) -> None:
        graph = program({"id": "a", "wait": "1 day"}, HELLO, {"id": "b", "wait": "1 day"})
        assert leads_to_a_message(graph) == {"a", "hello"}
        assert coming(graph, "b") == coming(graph, "gone") == []


def foreseen(played: Sequence[Played], sim: SimAccount, start: datetime) -> Counter[str]:
    """Check, from every rest of a year, that the coming fortnight was foreseen; counts it."""
    until = start + 200 * DAY
    way = [*travel(played, sim, until, CALENDAR, World(), Gate(OPEN, CALENDAR))]
    found: Counter[str] = Counter()
    for number, one in enumerate(played):
        mine = [moment for moment in way if moment.program == number]
        for place, rest in enumerate(mine):
            if rest.outcome.act is None and rest.outcome.ending is None:
                _check(one.graph, sim, rest, mine[place + 1 :], until, found)
    return found


def _check(
    graph: Graph, sim: SimAccount, rest: Moment, later: Sequence[Moment], until: datetime,
    found: Counter[str],
) -> None:  # fmt: skip
    waits = {f"trait:{n.trait}" for n in graph.nodes.values() if isinstance(n, WaitDateNode)}
    moved = [change.at for change in sim.changes if change.key in waits and change.at > rest.at]
    end = min([rest.at + FORTNIGHT, until, *moved])
    zone = resolve_zone("account", None, sim.account.zone, "UTC").zone
    outlook = Outlook(graph, rest.at, rest.at + FORTNIGHT, CALENDAR, zone)
    ahead = {each.step: each for each in outlook.of(_standpoint(graph, sim, rest))}
    within = [each for each in later if each.at < end]
    for each in within:
        if each.state is MessageState.ACCEPTED:
            step = each.outcome.position.step
            assert step in ahead, (step, rest)
            assert ahead[step].at.date() <= each.at.date() + DAY  # readers in another zone
            found["foreseen"] += 1
    left = any(each.outcome.ending for each in within)
    stopped = any(
        decision.verdict in (Verdict.HELD, Verdict.SKIPPED)
        for each in (rest, *within)
        for decision in each.outcome.decisions
    )
    if end == rest.at + FORTNIGHT and not left and not stopped:
        seen = {each.outcome.position.step for each in within if each.state is not None}
        for message in ahead.values():
            if message.sure and message.at < end - 3 * DAY:
                assert message.step in seen, (message, rest)
                found["sure"] += 1


def _standpoint(graph: Graph, sim: SimAccount, rest: Moment) -> Standpoint:
    """Where an enrollment stands, as the store reads it from its row."""
    position, plan = rest.outcome.position, rest.outcome.plan
    due, held = position.due_at, False
    if isinstance(graph.nodes[position.step], SendNode):
        due = plan.at if plan is not None else position.not_before
        held = plan is None and (
            position.held_since is not None or (position.noted or "").startswith("held:")
        )
    account = _as_known(sim, rest.at)
    arms = tuple(
        (node.id, drawn(graph, node, account))
        for node in graph.nodes.values()
        if isinstance(node, SplitNode)
    )
    return Standpoint(position.step, due, held, Known(_dates(graph, account), arms))


def drawn(graph: Graph, node: SplitNode, account: Account) -> str:
    """The arm of a split, as `what_next` draws it."""
    point = share_of(graph.id, node.id, account.id) * sum(share for _, share, _ in node.arms)
    for name, share, _ in node.arms:
        point -= share
        if point < 0:
            return name
    raise AssertionError


def _dates(graph: Graph, account: Account) -> tuple[tuple[str, date], ...]:
    traits = sorted({n.trait for n in graph.nodes.values() if isinstance(n, WaitDateNode)})
    days = ((name, day_of(account.traits.get(name))) for name in traits)
    return tuple((name, day) for name, day in days if day is not None)


def _as_known(sim: SimAccount, now: datetime) -> Account:
    account = sim.account
    for change in sim.changes:
        if change.at <= now:
            account = changed(account, change)
    return account


@pytest.mark.parametrize("number", range(0, 60, 3))
def test_every_send_of_the_simulator_in_the_shipped_programs_was_foreseen(number: int) -> None:
    start = datetime(2027, 1, 1, tzinfo=UTC)
    sim = Population(STARTERS, 60, start, 60).account(number)
    found = foreseen(STARTERS, sim, start)
    assert number != 0 or (found["foreseen"] > 5 and found["sure"] > 0)


@settings(max_examples=80, deadline=None)
@given(programs(), st.integers(0, 10_000))
def test_every_send_of_the_simulator_was_foreseen_whatever_the_program(
    graph: Graph, number: int
) -> None:
    played = [Played(graph)]
    foreseen(played, Population(played, 1, MONDAY, 30).account(number), MONDAY)
