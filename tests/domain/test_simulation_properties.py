"""Whatever programs and policy: no budget and no cap is exceeded, and no message is lost."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from hypothesis import given, settings
from hypothesis import strategies as st

from digital_cs.domain.programs.enrollment import MessageState, SendMessage, SkipMessage
from digital_cs.domain.programs.program_graph import SendNode
from digital_cs.domain.sending.eligibility import Answer
from digital_cs.domain.sending.policy import OPEN, Budget, Damage, DayShare, Limits, Policy, length
from digital_cs.domain.simulation.played import Played
from digital_cs.domain.simulation.population import Population
from digital_cs.domain.simulation.sim_world import World
from digital_cs.domain.simulation.simulation import simulate
from digital_cs.domain.timing.span import Span
from tests.domain.program_strategies import programs
from tests.domain.rehearsal import MONDAY, program
from tests.domain.simulations import CALENDAR, play, way_of

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
_dense = st.lists(
    st.tuples(
        st.sampled_from(["1 hour", "1 day", "3 days"]), st.sampled_from(["champion", "admin"])
    ),
    min_size=2, max_size=6,
).map(
    lambda steps: program(
        *(
            step
            for n, (wait, role) in enumerate(steps)
            for step in ({"wait": wait}, {"send": f"mail-{n}", "to": [role, "any"]})
        )
    )
)  # fmt: skip


@st.composite
def several(draw: st.DrawFn) -> list[Played]:
    """Two or three programs whose messages are of any priority, and do anything when over."""
    found = []
    for number in range(draw(st.integers(2, 3))):
        graph = draw(programs() | _dense)
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
        # With a cap others of its program would decide about the way of an account.
        programs = [Played(replace(each.graph, at_most_a_day=None)) for each in programs]
        policy = policy.model_copy(update={"damage": OPEN.damage})
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
