"""Made-up accounts have everything that programs look at, and meet the rule by which they enter."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import pytest

from digital_cs.domain.programs.program import Entry
from digital_cs.domain.simulation.played import Played
from digital_cs.domain.simulation.population import Population
from digital_cs.domain.simulation.sim_account import SimAccount, used
from tests.domain.rehearsal import DAY, HELLO, program
from tests.domain.test_simulation import JANUARY, WELCOME


def people(size: int = 400, entry: Entry = Entry(), **rest: Any) -> Population:  # noqa: B008
    return Population([Played(WELCOME, entry)], size, JANUARY, 180, **rest)


def entering(sim: SimAccount, number: int = 0) -> datetime:
    moment = sim.enters[number]
    assert moment is not None
    return moment


def test_an_account_is_the_same_whichever_way_it_is_asked_for() -> None:
    population = people(40)
    assert [*population] == [population.account(number) for number in range(40)]
    assert len({sim.account.id for sim in population}) == len(population)


def test_it_enters_all_over_the_period_and_the_world_and_misses_a_little() -> None:
    sims = [*people(500)]
    assert len({entering(sim).date() for sim in sims}) > 150
    assert len({sim.account.country for sim in sims}) > 10
    for missing in (
        [sim for sim in sims if not sim.account.contacts],
        [sim for sim in sims if "seats" not in sim.account.traits],
        [sim for sim in sims if sim.account.zone is None],
    ):
        assert 1 <= len(missing) < 100


def test_changes_are_in_order_and_not_before_entering() -> None:
    for sim in people(200):
        moments = [change.at for change in sim.changes]
        assert moments == sorted(moments)
        assert all(moment >= entering(sim) for moment in moments)


def test_a_chance_can_be_set() -> None:
    for chance in (0.0, 1.0):
        sims = people(50, chances={"milestone:shop_connected": chance})
        reached = [any(c.key == "milestone:shop_connected" for c in s.changes) for s in sims]
        assert set(reached) == {bool(chance)}


@pytest.mark.parametrize(
    "entry",
    [
        {"when": [{"segment": {"quiet_for": "14 days"}}]},
        {"when": [{"segment": {"date": "renewal_on", "within": "30 days"}}]},
        {"only_if": {"all": [{"milestone": "sso-on"}, {"trait": "seats", "at_least": 50}]}},
        {"when": [{"segment": {"not": {"stage": "trial"}}}]},
    ],
)
def test_who_enters_meets_the_rule_of_entry(entry: dict[str, Any]) -> None:
    rules = Entry.model_validate(entry)
    rule = rules.only_if or rules.when[0].segment  # type: ignore[union-attr]
    met = 0
    for sim in people(100, entry=rules):
        account = used(sim.account, sim.active, entering(sim))
        met += rule.verdict(account, entering(sim), entering(sim)) == "yes"
    assert met >= 97


def test_who_enters_by_a_date_has_that_date() -> None:
    entry = Entry.model_validate({"when": [{"date": "renewal_on", "shift": "90 days before"}]})
    for sim in people(30, entry=entry):
        if "renewal_on" in sim.account.traits:
            assert sim.account.traits["renewal_on"] == (entering(sim) + 90 * DAY).date()


def beside(*entries: dict[str, Any], size: int = 40) -> Population:
    """Programs of these entries, for the same accounts."""
    programs = [
        Played(program(HELLO, program=f"program-{n}"), Entry.model_validate(entry))
        for n, entry in enumerate(entries)
    ]
    return Population(programs, size, JANUARY, 90)


def test_each_account_is_made_for_one_of_several_programs_in_turn() -> None:
    stages = [{"when": [{"segment": {"stage": name}}]} for name in ("trial", "paying")]
    sims = [*beside(*stages)]
    assert [sim.made_for for sim in sims[:4]] == [0, 1, 0, 1]
    assert {(sim.made_for, sim.account.stage) for sim in sims} == {(0, "trial"), (1, "paying")}
    assert all(None not in sim.enters and len(set(sim.enters)) == 2 for sim in sims)


def test_a_date_that_two_programs_go_by_brings_an_account_to_both() -> None:
    shifts = ("60 days before", "10 days before")
    population = beside(*({"when": [{"date": "renewal_on", "shift": shift}]} for shift in shifts))
    apart, too_early = 0, 0
    for sim in population:
        if sim.enters[0] is None:
            too_early += 1
        else:
            assert entering(sim, 1) - entering(sim, 0) == 50 * DAY
            apart += 1
    assert apart > 20
    assert too_early  # it would have come before the beginning
