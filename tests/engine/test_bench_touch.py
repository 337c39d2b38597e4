"""What a touch costs, counted by the bench's own functions on a run too small to be timed."""

from __future__ import annotations

import pytest

from digital_cs.messages.enrollment import workflow_id
from digital_cs.temporal.client import connect
from tests.bench import touch
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
