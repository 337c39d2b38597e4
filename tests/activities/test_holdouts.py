"""An account that is held out gets no marketing of the program, but travels like others (P27)."""

from __future__ import annotations

from itertools import count

from digital_cs.domain.programs.holdout import SALT, is_held, point
from tests.activities.house import House

STEPS = (
    {"send": "welcome-trial-1"},
    {"send": "renewal-7", "kind": "service"},
    {"task": "Call", "assign_to": "csm", "due_in": "2 days"},
    {"send": "welcome-trial-2"},
    {"wait": "30 days"},
)
GOAL = {"name": "Paid", "when": {"stage": "active"}}


def account(held: bool) -> str:
    """An account that the draw of `welcome` puts on this side at 50 percent."""
    names = (f"acme-{number}" for number in count())
    return next(name for name in names if is_held(point(SALT, "welcome", name), 50) is held)


async def travel(house: House, held: bool) -> tuple[list[str], list[tuple[str, str]]]:
    """What its champion got, and (verdict, reason) of each decision, up to the goal."""
    id = account(held)
    await house.publish(*STEPS, holdout=50, goal=GOAL)
    await house.account(id, "ada")
    enrollment = await house.enroll(id)
    reply = await house.advance(enrollment)
    (task,) = await house.rows("select account_id, title from tasks")
    assert (task["account_id"], task["title"]) == (id, "Call")
    reply = await house.sleep_and_advance(enrollment, reply)  # nobody calls
    assert reply.label == "wait 30 days"
    house.later(days=1)
    await house.rows("update accounts set stage = 'active' where id = %s", id)
    assert (await house.advance(enrollment)).ended
    assert (await house.enrollment(enrollment))["ending"] == "goal"
    rows = await house.rows("select email from messages where state = 'accepted' order by visit")
    return [row["email"] for row in rows], await house.decisions()


async def test_p27_it_gets_no_marketing_but_notices_tasks_and_its_goal_counts(
    house: House,
) -> None:
    sent, decisions = await travel(house, held=True)
    assert sent == ["renewal-7"]
    assert [each.to for each in house.letters()] == [f"ada@{account(True)}.test"]
    assert decisions.count(("skipped", "held_out")) == 2
    words = await house.rows("select words from decisions where reason = 'held_out' limit 1")
    assert words[0]["words"].endswith("50% of all accounts are.")


async def test_p27_who_is_not_held_out_gets_everything(house: House) -> None:
    sent, decisions = await travel(house, held=False)
    assert sent == ["welcome-trial-1", "renewal-7", "welcome-trial-2"]
    assert "held_out" not in {reason for _, reason in decisions}
