"""What a touch costs, counted by the bench's own functions on a run too small to be timed."""

from __future__ import annotations

import pytest

from digital_cs.domain.sending import eligibility
from digital_cs.domain.sending.eligibility import Answer
from digital_cs.domain.sending.policy import Policy, Rates
from digital_cs.domain.timing.business_calendar import BusinessCalendar
from digital_cs.messages.enrollment import workflow_id
from digital_cs.temporal.client import connect
from tests import rig
from tests.bench import decide, touch
from tests.engine.house import House

SPEED = 3600.0


@pytest.fixture
async def travelled(house: House, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Enrollments that the bench took through a few touches."""
    monkeypatch.setattr(touch, "WORKFLOWS", 3)
    monkeypatch.setattr(touch, "TOUCHES", 4)
    _, ids = await touch.touch_round(house, 0, SPEED)
    return ids


async def test_a_wait_and_its_touch_cost_at_most_11_events_and_2_actions(
    house: House, travelled: list[str]
) -> None:
    client = await connect(house.settings())
    for enrollment in travelled:
        costs = await touch.read_costs(client, workflow_id(house.name, enrollment))
        assert 0 < costs.events <= 11
        assert 0 < costs.actions <= 2
    assert len(house.mails()) == 3 * 4


async def test_a_touch_costs_at_most_4_round_trips(house: House) -> None:
    trips = await touch.count_round_trips(house, SPEED)
    assert 1 < trips <= 4


async def test_a_touch_under_limits_of_all_kinds_costs_no_more(house: House) -> None:
    """Budgets, a cap of the day and rates are looked at on the way, and all of them leave room."""
    generous = decide.shipped(Policy())
    rates = Rates(fleet=1e6, program=1e6, domains={"*": 1e6})
    damage = generous.damage.model_copy(update={"a_minute": rates})
    await decide.put_in_force(house, generous.model_copy(update={"damage": damage}))

    assert 1 < await touch.count_round_trips(house, SPEED, "limited") <= 4


def test_the_bench_asks_the_decision_for_every_kind_of_answer() -> None:
    policy = Policy()
    answers = {
        eligibility.decide(request, standing, policy, BusinessCalendar(), rig.MONDAY).answer
        for request, standing in decide.cases(500)
    }
    assert answers >= {Answer.SEND, Answer.DEFER, Answer.HOLD, Answer.SKIP}
