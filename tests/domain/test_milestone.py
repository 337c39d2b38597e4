"""The product path: what is reached, missed, still open, and what nobody can say yet (P9)."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from pydantic import ValidationError

from digital_cs.domain.milestone import EventReach, Milestone, Standing, product_path, spoken_of

NOW = datetime(2026, 3, 20, 9, tzinfo=UTC)
EARLY = datetime(2026, 3, 2, 9, tzinfo=UTC)


def milestone(name: str = "sent", **rest: Any) -> Milestone:
    return Milestone.model_validate(
        {"milestone": name, "title": name, "reached_by": {"event": name}, **rest}
    )


def standing(
    wanted: Milestone, reached: dict[str, datetime] | None = None,
    traits: dict[str, object] | None = None, through: datetime | None = NOW,
) -> tuple[Standing, datetime | None]:  # fmt: skip
    (found,) = product_path([wanted], reached or {}, traits or {}, through, NOW)
    return found.standing, found.due_at


WITHIN = milestone(expected_within="14 days", of="trial_started_on")


def test_what_is_reached_is_reached_however_late() -> None:
    late = {"sent": NOW}
    assert standing(WITHIN, late, {"trial_started_on": "2026-01-01"})[0] is Standing.REACHED
    assert standing(milestone(), late, through=None) == (Standing.REACHED, None)


def test_a_deadline_counts_from_the_end_of_the_day_that_a_trait_holds() -> None:
    due = datetime(2026, 3, 16, tzinfo=UTC)
    assert standing(WITHIN, traits={"trial_started_on": "2026-03-01"}) == (Standing.MISSED, due)
    due = datetime(2026, 3, 25, tzinfo=UTC)
    assert standing(WITHIN, traits={"trial_started_on": "2026-03-10"}) == (Standing.OPEN, due)


def test_without_a_beginning_nothing_can_be_missed() -> None:
    for traits in ({}, {"trial_started_on": None}, {"trial_started_on": "soon"}):
        assert standing(WITHIN, traits=dict(traits)) == (Standing.OPEN, None)


def test_a_deadline_may_count_from_a_milestone_or_from_the_first_that_is_there() -> None:
    wanted = milestone(expected_within="3 days", of=["trial_started", "subscribed_on"])
    (found,) = product_path([wanted], {}, {"subscribed_on": "2026-03-01"}, NOW, NOW)
    assert found.due_at == datetime(2026, 3, 5, tzinfo=UTC)
    first = product_path(
        [wanted], {"trial_started": EARLY}, {"subscribed_on": "2026-03-01"}, NOW, NOW
    )
    assert first[0].due_at == EARLY + timedelta(days=3)


@pytest.mark.parametrize("through", [None, datetime(2026, 3, 15, tzinfo=UTC)])
def test_p9_a_late_feed_never_reads_as_a_milestone_missed(through: datetime | None) -> None:
    traits: dict[str, object] = {"trial_started_on": "2026-03-01"}
    assert standing(WITHIN, traits=traits, through=through)[0] is Standing.UNKNOWN
    given = milestone(reached_by="given", expected_within="14 days", of="trial_started_on")
    assert standing(given, traits=traits, through=through)[0] is Standing.MISSED


def test_the_path_keeps_its_order_and_ends_with_what_nobody_declares() -> None:
    reached = {"old_thing": EARLY, "b": NOW, "other-thing": EARLY - timedelta(days=1)}
    path = product_path([milestone("a"), milestone("b")], reached, {}, NOW, NOW)
    assert [(each.milestone, each.standing) for each in path] == [
        ("a", Standing.OPEN), ("b", Standing.REACHED), ("other-thing", Standing.REACHED),
        ("old_thing", Standing.REACHED),
    ]  # fmt: skip
    assert path[-1].title == "Old thing"


def test_half_a_deadline_is_refused() -> None:
    with pytest.raises(ValidationError, match="needs 'of'"):
        milestone(expected_within="3 days")
    with pytest.raises(ValidationError, match="add 'expected_within"):
        milestone(of="trial_started_on")


def test_a_name_that_nobody_declared_is_the_event_of_that_name() -> None:
    assert spoken_of("shop_connected").reached_by == EventReach(event="shop_connected")
    assert spoken_of("shop_connected").title == "Shop connected"
