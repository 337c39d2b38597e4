"""The simulator plays programs for made-up accounts on the very function that the engine calls."""

from __future__ import annotations

import json
import tracemalloc
from collections.abc import Iterator
from datetime import UTC, date, datetime
from itertools import count
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from digital_cs.domain.programs.enrollment import MessageState, OpenTask, Outcome, SendMessage
from digital_cs.domain.programs.program_graph import Graph, SendNode
from digital_cs.domain.sending.policy import OPEN
from digital_cs.domain.simulation.played import Played
from digital_cs.domain.simulation.population import Population
from digital_cs.domain.simulation.sim_account import Change, SimAccount, used
from digital_cs.domain.simulation.sim_gate import Gate
from digital_cs.domain.simulation.sim_world import World
from digital_cs.domain.simulation.simulation import PROGRESS_EVERY, SimulationResult, simulate
from digital_cs.domain.simulation.simulation_counts import ProgramCounts
from digital_cs.domain.simulation.traveller import Moment, travel
from digital_cs.domain.timing.business_calendar import BusinessCalendar
from tests.domain.program_strategies import Change as Known
from tests.domain.program_strategies import programs
from tests.domain.rehearsal import (
    AT_WORK,
    DAY,
    HELLO,
    HOUR,
    MONDAY,
    Play,
    acme,
    program,
    some_facts,
)

JANUARY = datetime(2027, 1, 1, tzinfo=UTC)
CALENDAR = BusinessCalendar(holidays={"DE": frozenset({date(2027, 5, 1)})})

WELCOME = program(
    {"send": "hello"},
    {
        "wait_for": {"milestone": "shop_connected"}, "for_up_to": "2 days",
        "if_not": [
            {
                "branch": [
                    {
                        "when": {"trait": "seats", "at_least": 10},
                        "do": [
                            {
                                "task": "Call them", "assign_to": "csm",
                                "when_done": [{"send": "after-call"}],
                                "when_expired": [{"send": "no-call"}],
                            }
                        ],
                    }
                ],
                "otherwise": [{"send": "connect"}],
            }
        ],
    },
    {"split": [{"name": "a", "share": 1, "do": [{"wait": "3 days"}]}, {"name": "b", "share": 1}]},
    {
        "wait_for": {"quiet_for": "5 days"}, "for_up_to": "2 weeks",
        "if_it_happens": [{"send": "where-are-you"}], "if_not": [{"send": "well-done"}],
    },
    {"wait_until": {"date": "trial_ends_on", "shift": "3 days before"}, "if_no_date": "exit"},
    {"send": "ending"},
    goal={"name": "Bought", "when": {"event": "subscribed"}},
    exits=[{"when": {"stage": "closed"}, "because": "Closed."}],
    send_window=AT_WORK,
)  # fmt: skip


def people(size: int = 400, **rest: Any) -> Population:
    return Population([Played(WELCOME)], size, JANUARY, 180, **rest)


def simulation(population: Any = None, **rest: Any) -> SimulationResult:
    return simulate(
        [Played(WELCOME)], population or people(), start=JANUARY, days=180, calendar=CALENDAR,
        **rest,
    )  # fmt: skip


def simulated(population: Any = None, **rest: Any) -> ProgramCounts:
    return simulation(population, **rest).programs[0]


def way_of(graph: Graph, sim: SimAccount, until: datetime, world: World) -> list[Moment]:
    return [*travel([Played(graph)], sim, until, CALENDAR, world, Gate(OPEN, CALENDAR))]


@pytest.fixture(scope="module")
def result() -> ProgramCounts:
    return simulated()


def test_every_account_ends_or_is_still_inside(result: ProgramCounts) -> None:
    ended = sum(reasons.total() for reasons in result.endings.values())
    assert result.accounts == 400
    assert ended + result.inside.total() == 400
    assert set(result.endings) == {"completed", "goal", "exited"}


def test_every_path_gets_some_travellers(result: ProgramCounts) -> None:
    sends = {id for id, node in WELCOME.nodes.items() if isinstance(node, SendNode)}
    assert set(result.touches_by_step) == sends
    assert result.tasks_by_step.total() > result.tasks_expired > 0
    assert set(result.endings["exited"]) >= {"Closed."}
    assert "nobody" in result.skips
    assert "window" in result.deferrals
    assert result.holds


def test_touches_are_counted_by_day_and_step_and_the_peak_is_found(
    result: ProgramCounts,
) -> None:
    assert result.touches_by_day.total() == result.touches_by_step.total() == result.touches
    assert result.peak_day is not None
    assert result.peak_day[1] == max(result.touches_by_day.values())
    assert min(result.touches_by_day) >= JANUARY.date()
    assert max(result.touches_by_day) <= (JANUARY + 180 * DAY).date()


def test_a_wait_for_a_trigger_is_played_both_ways() -> None:
    waits = {"wait_for": {"trigger": "gone-quiet"}, "for_up_to": "2 weeks",
             "if_it_happens": [{"send": "where-are-you"}], "if_not": [HELLO]}  # fmt: skip
    played = Played(program(waits))
    for given_chances, emails in (({}, {"where-are-you", "hello"}),
                                  ({"trigger:gone-quiet": 0.0}, {"hello"})):  # fmt: skip
        population = Population([played], 100, JANUARY, 30, chances=given_chances)
        way = [m for sim in population for m in travel(
            [played], sim, JANUARY + 90 * DAY, CALENDAR, World(), Gate(OPEN, CALENDAR)
        )]  # fmt: skip
        acts = [each.outcome.act for each in way]
        assert {act.email for act in acts if isinstance(act, SendMessage)} == emails


def test_the_same_seed_gives_the_same_result_and_another_seed_another(
    result: ProgramCounts,
) -> None:
    assert simulated().as_dict() == result.as_dict()
    assert simulated(people(seed=2)).as_dict() != result.as_dict()


def test_the_result_is_plain_data(result: ProgramCounts) -> None:
    told = json.loads(json.dumps(result.as_dict()))
    assert told == result.as_dict()
    assert told["peak_day"]["touches"] == max(told["touches_by_day"].values())
    in_all = simulation().as_dict()
    assert json.loads(json.dumps(in_all)) == in_all
    assert in_all["touches"] == told["touches"]


def test_a_simulation_of_nobody_is_empty_and_has_no_peak() -> None:
    empty = simulated(iter(()))
    assert (empty.accounts, empty.touches, empty.as_dict()["peak_day"]) == (0, 0, None)


def test_whoever_enters_after_the_period_is_not_counted() -> None:
    late = [SimAccount(acme(), (JANUARY + days * DAY,)) for days in (1, 181)]
    assert simulation(late).accounts == simulated(late).accounts == 1


class TestBounded:
    def test_accounts_are_taken_one_by_one_and_progress_is_told(self) -> None:
        """An endless population is no trouble: nothing runs ahead of what is being played."""
        made = 0

        def endless() -> Iterator[SimAccount]:
            nonlocal made
            for made in count(1):
                yield SimAccount(acme(id=f"a-{made}"), (JANUARY,))

        def progress(done: int, total: int | None) -> None:
            assert (done, total, made) == (PROGRESS_EVERY, None, PROGRESS_EVERY)
            raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            simulated(endless(), on_progress=progress)

    def test_progress_ends_at_the_size_of_the_population(self) -> None:
        told: list[tuple[int, int | None]] = []
        simulated(people(20), on_progress=lambda done, total: told.append((done, total)))
        assert told == [(20, 20)]

    def test_memory_does_not_grow_with_the_number_of_accounts(self) -> None:
        def peak(size: int) -> int:
            tracemalloc.start()
            simulated(people(size))
            peak = tracemalloc.get_traced_memory()[1]
            tracemalloc.stop()
            return peak

        simulated(people(300))  # fills the caches of zones and days
        assert peak(300) < 1.5 * peak(30) + 100_000


class TestTheWorldOutside:
    def test_a_provider_that_refuses_for_now_gets_everything_in_the_end(
        self, result: ProgramCounts
    ) -> None:
        busy = simulated(world=World(refused_for_now=0.4))
        assert busy.retries > 100
        assert busy.touches > 0.9 * result.touches

    def test_a_provider_that_refuses_for_good_gets_nothing_but_nobody_is_stuck(
        self, result: ProgramCounts
    ) -> None:
        shut = simulated(world=World(refused_for_good=1.0))
        assert shut.touches == 0
        assert shut.failures_by_step.total() == pytest.approx(result.touches, rel=0.05)
        assert shut.inside.total() == result.inside.total()

    @pytest.mark.parametrize("share", [0.0, 1.0])
    def test_colleagues_do_their_tasks_always_or_never(self, share: float) -> None:
        done = simulated(world=World(tasks_done=share))
        assert (done.touches_by_step["no-call"] == 0) is bool(share)
        assert (done.touches_by_step["after-call"] == 0) is not bool(share)

    def test_a_lost_webhook_goes_on_as_a_dead_letter(self) -> None:
        graph = program({"webhook": "https://x.test/in"}, HELLO)
        sim = SimAccount(acme(), (MONDAY,))
        way = way_of(graph, sim, MONDAY + DAY, World(webhooks_lost=1.0))
        reasons = [decision.reason for each in way for decision in each.outcome.decisions]
        assert reasons == ["dead_letter"]
        assert [each.state for each in way] == [None, MessageState.ACCEPTED, None]


class ByHand(Play):
    """The same way walked by calling `advance` oneself, with a colleague who does each task."""

    def __init__(self, graph: Graph, sim: SimAccount) -> None:
        self.sim = sim
        self.ends: list[tuple[datetime, Outcome]] = []
        facts = some_facts(
            sim.account, enrollment_id=sim.account.id, started_at=sim.enters[0], calendar=CALENDAR
        )
        super().__init__(graph, facts, now=facts.started_at)

    def look(self) -> Outcome:
        self.know(account=used(self.facts.account, self.sim.active, self.now))
        outcome = super().look()
        self.ends.append((self.now, outcome))
        return outcome

    def walk(self, until: datetime, world: World) -> None:
        for change in self.sim.changes:
            if change.at <= until:
                self.keep_busy(change.at, world)
                if self.outcome.ending is None:
                    value = Known(change.at - MONDAY, change.key, change.value)
                    if change.key != "usage":
                        self.change(**value.apply(self.facts.account, change.at))
                    if change.key in self.outcome.listens:
                        self.now = change.at
                        self.look()
        self.keep_busy(until, world)

    def keep_busy(self, moment: datetime, world: World) -> None:
        """Let time pass up to a moment; tasks that come up are done when the world says so."""
        while self.outcome.ending is None:
            opened = [e for e in self.effects if isinstance(e, OpenTask)]
            task = opened[-1] if opened and opened[-1].visit == self.position.visit else None
            since = next(
                (at for at, o in self.ends if task is not None and task in o.effects), None
            )
            done = world.done_at(self.sim.account.id, task, since) if task and since else None
            wake = self.outcome.wake_at
            assert wake is not None
            if min(wake, done or wake) > moment:
                return
            self.now = min(wake, done or wake)
            if done is not None and done <= wake:
                self.task_done()
            else:
                self.look()


@settings(max_examples=80, deadline=None)
@given(programs(), st.integers(0, 10_000), st.sampled_from([0.0, 1.0]))
def test_the_simulators_path_is_the_path_of_calling_advance_by_hand(
    graph: Graph, number: int, tasks_done: float
) -> None:
    world, until = World(tasks_done=tasks_done), JANUARY + 200 * DAY
    sim = Population([Played(graph)], 1, JANUARY, 90).account(number)
    by_hand = ByHand(graph, sim)
    by_hand.walk(until, world)
    way = way_of(graph, sim, until, world)
    assert [(each.at, each.outcome.act) for each in way if each.state is not None] == by_hand.sent
    rests = [(each.at, each.outcome) for each in way if each.outcome.act is None]
    assert rests == by_hand.ends
    assert sum((each.outcome.effects for each in way), ()) == tuple(by_hand.effects)


def test_it_is_woken_only_by_what_it_listens_to_and_knows_the_rest_when_it_looks() -> None:
    graph = program(
        {"wait": "2 days"},
        {"branch": [{"when": {"trait": "plan", "is": "pro"}, "do": [{"send": "pro"}]}]},
    )
    changes = (
        Change(MONDAY + HOUR, "trait:plan", "pro"), Change(MONDAY + 2 * HOUR, "event:other"),
        Change(MONDAY + 3 * DAY, "stage", "churned"),
    )  # fmt: skip
    way = way_of(graph, SimAccount(acme(), (MONDAY,), changes), MONDAY + 9 * DAY, World())
    assert [each.at for each in way] == [MONDAY, MONDAY + 2 * DAY, MONDAY + 2 * DAY]
    assert isinstance(way[1].outcome.act, SendMessage)
