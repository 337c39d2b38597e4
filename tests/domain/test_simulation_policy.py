"""Several programs on one account at the same time: budgets, caps, holdouts, each other's wakes."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from datetime import datetime

import pytest

from digital_cs.domain.programs.enrollment import Ending, MessageState
from digital_cs.domain.sending.policy import Budget, Damage, DayShare, Limits, Policy
from digital_cs.domain.sending.reason import Reason
from digital_cs.domain.simulation.sim_account import Change, SimAccount
from digital_cs.domain.simulation.simulation import simulate
from tests.domain.rehearsal import DAY, HOUR, MONDAY, acme
from tests.domain.simulations import CALENDAR, drip, play, played, sent, way_of


class TestTheBudget:
    def test_two_programs_share_it_and_what_does_not_fit_comes_later(self) -> None:
        """P17."""
        both = [drip("one", "a", "b"), drip("two", "c", "d")]
        way = way_of(both, Policy(holdout=0))
        assert sorted(sent(way)) == [(0, "a"), (0, "b"), (1, "c"), (1, "d")]
        moments = [each.at for each in way if each.state is MessageState.ACCEPTED]
        assert [moment - MONDAY for moment in moments] == [0 * DAY, 0 * DAY, 7 * DAY, 7 * DAY]

    def test_an_account_has_one_of_its_own_for_all_its_people(self) -> None:
        """P17."""
        both = [drip("one", "a", to=["champion"]), drip("two", "b", to=["admin"])]
        policy = Policy(holdout=0, budget=Budget(account=Limits(low=1, normal=1, high=1)))
        way = way_of(both, policy)
        assert sent(way) == [(0, "a"), (1, "b")]
        assert [each.ruling.reason for each in way if each.ruling] == [
            Reason.ACCEPTED, Reason.BUDGET_ACCOUNT, Reason.ACCEPTED,
        ]  # fmt: skip

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
