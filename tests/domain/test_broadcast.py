"""What a broadcast needs next, when each zone's hour is, and what an approval is bound to."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from pydantic import ValidationError

from digital_cs.domain.sending.broadcast import (
    Around,
    Broadcast,
    BroadcastPlan,
    BroadcastState,
    Do,
    Hold,
    Next,
    approval_hash,
    due_by_zone,
    freeze_at,
    scopes,
    useful_until,
    what_next,
)
from digital_cs.domain.sending.policy import Rates

NOW = datetime(2026, 3, 2, 9, tzinfo=UTC)
NINE = datetime(2026, 3, 10, 9)
SOUND = Around(current_hash="ok", open=10, next_due=NOW)


def a_plan(**parts: Any) -> BroadcastPlan:
    return BroadcastPlan.model_validate({"email": "spring", **parts})


def a_broadcast(**parts: Any) -> Broadcast:
    """One that is approved, started and frozen."""
    given = {
        "plan": a_plan(), "state": BroadcastState.RUNNING, "approved_hash": "ok",
        "frozen_at": NOW, **parts,
    }  # fmt: skip
    return Broadcast(id="spring", name="Spring", owner="maya", **given)


def following(broadcast: Broadcast, around: Around = SOUND) -> Next:
    return what_next(broadcast, around, NOW, "UTC")


def test_it_sends_while_somebody_is_due_and_rests_until_the_next_one_is() -> None:
    assert following(a_broadcast()) == Next(Do.SEND)
    later = NOW + timedelta(hours=1)
    assert following(a_broadcast(), replace(SOUND, next_due=later)) == Next(Do.REST, later)
    in_hand = replace(SOUND, next_due=None)
    assert following(a_broadcast(), in_hand) == Next(Do.REST, NOW)


def test_it_is_finished_only_when_nobody_is_open() -> None:
    done = replace(SOUND, open=0, next_due=None)
    assert following(a_broadcast(), done).do is Do.FINISH
    assert following(a_broadcast(ended_at=NOW), done).do is Do.END
    assert following(a_broadcast(state=BroadcastState.DRAFT), done).do is Do.END
    assert following(a_broadcast(frozen_at=None), done).do is Do.FREEZE


def test_a_cancelled_one_is_swept_whatever_holds_it() -> None:
    cancelled = a_broadcast(state=BroadcastState.CANCELLED, paused=True)
    assert following(cancelled, replace(SOUND, stopped="wrong prices")).do is Do.SWEEP
    assert following(cancelled, replace(SOUND, open=0)).do is Do.FINISH


def test_a_paused_one_rests_until_somebody_speaks() -> None:
    assert following(a_broadcast(paused=True)) == Next(Do.REST)


@pytest.mark.parametrize(
    ("around", "changes", "hold", "words"),
    [
        ({"stopped": "wrong prices"}, {"approved_hash": None}, Hold.STOPPED, "wrong prices"),
        ({}, {"approved_hash": None}, Hold.UNAPPROVED, "Nobody has approved it"),
        ({"current_hash": None, "fault": "no subject."}, {}, Hold.BROKEN, "no subject."),
        ({"current_hash": "other"}, {}, Hold.CHANGED, "changed since it was approved"),
        ({"content": "It is stale."}, {}, Hold.CONTENT, "It is stale."),
        ({"incident": "Exports fail"}, {}, Hold.INCIDENT, "Exports fail."),
    ],
)
@pytest.mark.parametrize("frozen", [True, False])
def test_what_holds_all_of_it_is_said_before_anybody_is_decided_about(
    around: dict[str, Any], changes: dict[str, Any], hold: Hold, words: str, frozen: bool
) -> None:
    broadcast = a_broadcast(frozen_at=NOW if frozen else None, **changes)
    found = following(broadcast, replace(SOUND, **around))
    assert (found.do, found.hold) == (Do.REST, hold)
    assert words in found.words


def test_an_incident_does_not_hold_a_service_notice() -> None:
    service = a_broadcast(plan=a_plan(kind="service"))
    assert following(service, replace(SOUND, incident="Exports fail")).do is Do.SEND


def test_it_is_frozen_before_the_first_reader_s_hour_has_come() -> None:
    """Readers in the far east are fourteen hours ahead of Greenwich."""
    assert freeze_at(a_plan(), "UTC") is None
    assert freeze_at(a_plan(at=NINE), "UTC") == datetime(2026, 3, 9, 18, 50, tzinfo=UTC)
    berlin = a_plan(at=NINE, send_window={"zone": "Europe/Berlin"})
    assert freeze_at(berlin, "UTC") == datetime(2026, 3, 10, 7, 50, tzinfo=UTC)
    ours = a_plan(at=NINE, send_window={"zone": "workspace"})
    assert freeze_at(ours, "America/New_York") == datetime(2026, 3, 10, 12, 50, tzinfo=UTC)

    waiting = a_broadcast(plan=a_plan(at=NINE), frozen_at=None)
    found = following(waiting, replace(SOUND, open=0, next_due=None))
    assert found == Next(Do.REST, datetime(2026, 3, 9, 18, 50, tzinfo=UTC))


def test_nobody_is_due_before_now_and_each_zone_has_its_hour() -> None:
    """P4: a gap in the night moves forward."""
    dues = due_by_zone(a_plan(at=NINE), NOW)
    assert dues["Europe/Berlin"] == datetime(2026, 3, 10, 8, tzinfo=UTC)
    assert dues["America/New_York"] == datetime(2026, 3, 10, 13, tzinfo=UTC)
    late = datetime(2026, 3, 10, 10, tzinfo=UTC)
    dues = due_by_zone(a_plan(at=NINE), late)
    assert (dues["Europe/Berlin"], dues["America/New_York"]) == (
        late, datetime(2026, 3, 10, 13, tzinfo=UTC),
    )  # fmt: skip
    assert set(due_by_zone(a_plan(), NOW).values()) == {NOW}
    assert useful_until(a_plan(), NOW) == NOW + timedelta(days=3)


def test_an_approval_is_bound_to_all_but_the_moment() -> None:
    plan = a_plan(audience={"not": {"segment": "churning"}}, at=NINE)
    bound = approval_hash(plan, {"": "abc"})
    assert approval_hash(plan.model_copy(update={"at": None}), {"": "abc"}) == bound
    assert approval_hash(plan, {"": "abd"}) != bound
    assert approval_hash(plan, {"": "abc", "b": "x"}) != bound
    assert approval_hash(a_plan(priority="high"), {"": "abc"}) != bound
    assert BroadcastPlan.model_validate(plan.to_json()) == plan


@pytest.mark.parametrize(
    ("parts", "words"),
    [
        ({"at": datetime(2026, 3, 10, 9, tzinfo=UTC)}, "without an offset"),
        ({"to": ["everybody", "admin"]}, "stands alone"),
        ({"send_window": {"zone": "Berlin"}}, "Berlin"),
        ({"useful_for": "3 business days"}, "differs from case to case"),
        ({"over_budget": "merge"}, "'defer' or 'drop'"),
    ],
)
def test_what_makes_no_sense_is_refused(parts: dict[str, Any], words: str) -> None:
    with pytest.raises(ValidationError, match=words):
        a_plan(**parts)


def test_its_own_rate_is_of_its_own_scope_and_that_of_programs_is_none_of_its() -> None:
    rates = Rates(fleet=900, program=10, domains={"gmail.com": 60})
    assert scopes(rates, "spring", "gmail.com", None) == {"fleet": 900, "domain:gmail.com": 60}
    assert scopes(rates, "spring", "x.test", 30) == {"fleet": 900, "broadcast:spring": 30}
