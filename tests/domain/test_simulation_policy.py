"""Several programs on one account at the same time: budgets, caps, holdouts, each other's wakes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from digital_cs.domain.business_calendar import BusinessCalendar
from digital_cs.domain.eligibility import Answer
from digital_cs.domain.enrollment import Ending, MessageState, SendMessage, SkipMessage
from digital_cs.domain.played import Played
from digital_cs.domain.policy import OPEN, Budget, Damage, DayShare, Limits, Policy, length
from digital_cs.domain.population import Population
from digital_cs.domain.program import Entry
from digital_cs.domain.program_graph import SendNode
from digital_cs.domain.reason import Reason
from digital_cs.domain.sim_account import Change, SimAccount
from digital_cs.domain.sim_gate import Gate
from digital_cs.domain.sim_world import World
from digital_cs.domain.simulation import SimulationResult, simulate
from digital_cs.domain.span import Span
from digital_cs.domain.traveller import Moment, travel
from tests.domain.program_strategies import programs
from tests.domain.rehearsal import DAY, HOUR, MONDAY, acme, program

CALENDAR = BusinessCalendar()
UNTIL = MONDAY + 200 * DAY


def played(
    id: str, *steps: dict[str, Any], entry: dict[str, Any] | None = None, **rest: Any
) -> Played:
    return Played(program(*steps, program=id, **rest), Entry.model_validate(entry or {}))


def way_of(
    programs: Sequence[Played], policy: Policy = OPEN, sim: SimAccount | None = None,
    until: datetime = UNTIL,
) -> list[Moment]:  # fmt: skip
    sim = sim or SimAccount(acme(), (MONDAY,) * len(programs))
    return [*travel(programs, sim, until, CALENDAR, World(), Gate(policy, CALENDAR))]


def sent(way: list[Moment]) -> list[tuple[int, str]]:
    """(Program, e-mail) of what went out, in order."""
    return [
        (each.program, each.outcome.act.email)
        for each in way
        if isinstance(each.outcome.act, SendMessage) and each.state is MessageState.ACCEPTED
    ]


def play(
    programs: Sequence[Played], policy: Policy, size: int = 20, **rest: Any
) -> SimulationResult:
    people = Population(programs, size, MONDAY, 20)
    return simulate(
        programs, people, start=MONDAY, days=90, calendar=CALENDAR, policy=policy, **rest
    )


def drip(id: str, *emails: str, every: str = "1 day", **how: Any) -> Played:
    """Sends these with the same wait between them."""
    steps: list[dict[str, Any]] = []
    for email in emails:
        steps += [{"wait": every}] if steps else []
        steps.append({"send": email, "useful_for": "30 days", **how})
    return played(id, *steps)


_limits = st.lists(st.integers(0, 4), min_size=3, max_size=3).map(
    lambda found: dict(zip(("low", "normal", "high"), sorted(found), strict=True))
)
_policies = st.builds(
    lambda per, person, account, ahead, share: Policy(
        budget=Budget(
            per=Span.parse(per), person=person and Limits(**person),
            account=account and Limits(**account), look_ahead=Span.parse(ahead),
        ),
        holdout=0,
        damage=Damage(program_a_day=share and DayShare(share=share, at_least=0)),
    ),
    st.sampled_from(["1 day", "7 days", "30 days"]), st.none() | _limits, st.none() | _limits,
    st.sampled_from(["1 hour", "24 hours", "5 days"]), st.sampled_from([None, 10, 30]),
)  # fmt: skip

_priorities = st.sampled_from(["low", "normal", "high"])
_when_over = st.sampled_from(["defer", "merge", "drop"])


@st.composite
def several(draw: st.DrawFn) -> list[Played]:
    """Two or three programs whose messages are of any priority, and do anything when over."""
    found = []
    for number in range(draw(st.integers(2, 3))):
        graph = draw(programs())
        nodes = {
            id: replace(node, priority=draw(_priorities), over_budget=draw(_when_over))
            if isinstance(node, SendNode)
            else node
            for id, node in graph.nodes.items()
        }
        own = draw(st.sampled_from([None, None, 1, 2]))
        found.append(Played(replace(graph, id=f"program-{number}", nodes=nodes, at_most_a_day=own)))
    return found


class TestAnyPrograms:
    @settings(max_examples=40, deadline=None)
    @given(several(), _policies, st.integers(0, 10_000))
    def test_a_budget_is_never_exceeded_in_any_window(
        self, programs: list[Played], policy: Policy, number: int
    ) -> None:
        """P17: looking back from each message, over all programs of the account."""
        sim = Population(programs, 1, MONDAY, 20).account(number)
        account: list[datetime] = []
        person: dict[str, list[datetime]] = {}
        for each in way_of(programs, policy, sim):
            act = each.outcome.act
            if each.state is not MessageState.ACCEPTED or not isinstance(act, SendMessage):
                continue
            if act.kind == "service":
                continue
            budget, since = policy.budget, each.at - length(policy.budget.per)
            for limits, had in (
                (budget.person, person.setdefault(act.contact_id, [])), (budget.account, account),
            ):  # fmt: skip
                had.append(each.at)
                within = sum(moment > since for moment in had)
                assert limits is None or within <= limits.of(act.priority)

    @settings(max_examples=20, deadline=None)
    @given(several(), st.integers(0, 10_000))
    def test_without_limits_whatever_is_due_goes(self, programs: list[Played], number: int) -> None:
        free = [Played(replace(each.graph, at_most_a_day=None)) for each in programs]
        way = way_of(free, OPEN, Population(free, 1, MONDAY, 20).account(number))
        answers = {each.ruling.answer for each in way if each.ruling is not None}
        assert answers <= {Answer.SEND}

    @settings(max_examples=20, deadline=None)
    @given(several(), _policies)
    def test_every_message_that_was_wished_came_to_one_end(
        self, programs: list[Played], policy: Policy
    ) -> None:
        world = World(refused_for_now=0.1, refused_for_good=0.1)
        result = play(programs, policy, size=6, world=world)
        for each in result.programs:
            ends = each.touches + each.failures_by_step.total() + each.skips.total()
            assert each.wished == ends + each.left + each.waiting
            assert each.accounts == sum(
                found.total() for found in (*each.endings.values(), each.inside)
            )
        assert result.budget.messages == result.budget.became.total()
        assert play(programs, policy, size=6, world=world).as_dict() == result.as_dict()

    @settings(max_examples=20, deadline=None)
    @given(several(), _policies)
    def test_no_program_sends_more_on_a_day_than_its_cap(
        self, programs: list[Played], policy: Policy
    ) -> None:
        result = play(programs, policy, size=10)
        for each, cap in zip(result.programs, result.caps, strict=True):
            assert cap is None or max(each.touches_by_day.values(), default=0) <= cap

    @settings(max_examples=20, deadline=None)
    @given(several(), _policies, st.integers(0, 10_000))
    def test_what_was_wished_is_every_visit_of_a_step_that_sends(
        self, programs: list[Played], policy: Policy, number: int
    ) -> None:
        sim = Population(programs, 1, MONDAY, 20).account(number)
        seen = set()
        for each in way_of(programs, policy, sim):
            position, node = each.outcome.position, each.outcome.position.step
            seen |= {
                (each.program, effect.visit)
                for effect in each.outcome.effects
                if isinstance(effect, SkipMessage)
            }
            nodes = programs[each.program].graph.nodes
            if each.outcome.ending is None and isinstance(nodes.get(node), SendNode):
                seen.add((each.program, position.visit))
        result = simulate(programs, [sim], start=MONDAY, days=200, calendar=CALENDAR, policy=policy)
        assert result.wished == len(seen)


class TestTheBudget:
    def test_two_programs_share_it_and_what_does_not_fit_comes_later(self) -> None:
        """P17."""
        both = [drip("one", "a", "b"), drip("two", "c", "d")]
        way = way_of(both, Policy(holdout=0))
        assert sorted(sent(way)) == [(0, "a"), (0, "b"), (1, "c"), (1, "d")]
        moments = [each.at for each in way if each.state is MessageState.ACCEPTED]
        assert [moment - MONDAY for moment in moments] == [0 * DAY, 0 * DAY, 7 * DAY, 7 * DAY]

    def test_the_more_important_one_that_comes_soon_keeps_its_place(self) -> None:
        """P17: the plan of another program is known."""
        low = drip("low", "later", priority="low")
        high = played("high", {"wait": "6 hours"}, {"send": "first", "priority": "high"})
        sim = SimAccount(acme(), (MONDAY + HOUR, MONDAY))
        assert sent(way_of([low, high], Policy(holdout=0), sim)) == [(1, "first"), (0, "later")]

    def test_it_is_told_who_met_which_limit_and_what_became_of_it(self) -> None:
        both = [drip("one", "a", "b"), drip("two", "c", over_budget="drop")]
        sims = [SimAccount(acme(id=f"acme-{n}"), (MONDAY, MONDAY + 2 * DAY)) for n in range(3)]
        result = simulate(
            both, sims, start=MONDAY, days=30, calendar=CALENDAR, policy=Policy(holdout=0)
        )
        budget = result.budget
        assert (budget.persons, budget.accounts, budget.messages) == (3, 3, 3)
        assert budget.rules == Counter({"budget.person": 3})
        assert budget.became == Counter({"left out": 3})
        assert [(each.account_id, each.contact_id, each.count) for each in budget.worst] == [
            (f"acme-{n}", "anna", 3) for n in range(3)
        ]
        assert budget.wishes_by_person == Counter({3: 3})
        assert result.programs[1].skips == Counter({Reason.BUDGET_PERSON: 3})
        assert result.peak_day == (MONDAY.date(), 3)

    def test_wishes_count_as_one_crowd_only_within_the_window(self) -> None:
        apart = [drip("one", "a", "b", "c", every="8 days")]
        assert play(apart, Policy(holdout=0)).budget.wishes_by_person.keys() == {1}


class TestCapsAndHoldouts:
    def test_a_days_share_of_all_accounts_is_kept_to_the_last_message(self) -> None:
        sims = [SimAccount(acme(id=f"acme-{n}"), (MONDAY,)) for n in range(10)]
        policy = Policy(holdout=0, damage=Damage(program_a_day=DayShare(share=30, at_least=1)))
        result = simulate(
            [drip("one", "a")], sims, start=MONDAY, days=30, calendar=CALENDAR, policy=policy
        )
        assert [n for _, n in sorted(result.programs[0].touches_by_day.items())] == [3, 3, 3, 1]
        assert result.caps == [3]

    @pytest.mark.parametrize(("own", "held"), [(None, True), (50.0, True), (0.0, False)])
    def test_who_is_held_out_gets_no_marketing_but_travels(
        self, own: float | None, held: bool
    ) -> None:
        """P27: by the percentage of the program, else by that of the policy."""
        one = replace(drip("one", "a"), holdout=own)
        counts = play([one], Policy(holdout=20), size=200).programs[0]
        assert bool(counts.held_out) is held
        assert 0 <= counts.skips[Reason.HELD_OUT] <= counts.held_out
        assert counts.accounts == 200
        if own is None:
            assert counts.held_out == pytest.approx(40, abs=15)

    def test_a_program_of_service_notices_holds_nobody_out(self) -> None:
        notices = drip("one", "a", kind="service")
        assert play([notices], Policy(holdout=50), size=50).programs[0].held_out == 0


class TestProgramsMeet:
    def test_what_one_sets_wakes_the_other(self) -> None:
        sets = played("sets", {"wait": "2 days"}, {"set": {"traits": {"plan": "pro"}}})
        waits = played(
            "waits", {"wait_for": {"trait": "plan", "is": "pro"}, "for_up_to": "9 days"},
        )  # fmt: skip
        way = way_of([sets, waits], sim=SimAccount(acme(traits={"plan": "free"}), (MONDAY,) * 2))
        assert (way[-1].program, way[-1].at) == (1, MONDAY + 2 * DAY)
        assert way[-1].outcome.ending is Ending.COMPLETED

    def test_one_enrolls_into_the_other_and_takes_out_of_it(self) -> None:
        first = played("first", {"enroll": "other"}, {"wait": "2 days"}, {"leave": "other"})
        other = played("other", {"wait": "5 days"}, {"send": "late"})
        way = way_of([first, other], sim=SimAccount(acme(), (MONDAY, None)))
        assert [each.at for each in way if each.program == 1] == [MONDAY, MONDAY + 2 * DAY]
        assert way[-1].outcome.ending is Ending.EXITED
        assert way[-1].outcome.because == "The program first took the account out."

    def test_an_account_enters_only_what_it_fits_and_each_at_most_once(self) -> None:
        entry = {"when": [{"segment": {"trait": "plan", "is": "pro"}}]}
        other = played("other", {"send": "hello"}, entry=entry)
        home = played("home", {"wait": "1 day"}, {"enroll": "other"}, {"enroll": "other"})

        def entered(*changes: Change, comes: datetime | None) -> list[datetime]:
            sim = SimAccount(acme(traits={"plan": "free"}), (MONDAY, comes), changes)
            return [each.at for each in way_of([home, other], sim=sim) if each.program == 1]

        assert set(entered(comes=MONDAY + HOUR)) == {MONDAY + DAY}  # enrolled, not by its rule
        upgraded = Change(MONDAY + HOUR, "trait:plan", "pro")
        assert set(entered(upgraded, comes=MONDAY + 2 * HOUR)) == {MONDAY + 2 * HOUR}
        assert set(entered(comes=MONDAY + 2 * DAY)) == {MONDAY + DAY}

    def test_who_left_enters_no_program_but_the_one_it_was_made_for(self) -> None:
        """P3."""
        stays = played("stays", {"wait": "1 day"}, stay_when=["churned"])
        sim = SimAccount(acme(stage="churned"), (MONDAY, MONDAY))
        assert {each.program for each in way_of([stays, drip("one", "a")], sim=sim)} == {0}
