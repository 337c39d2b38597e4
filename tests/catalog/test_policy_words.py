"""The policy in words: what it says, and what changed; nothing is left out."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from digital_cs.catalog.policy import check_policy_text, load_policy
from digital_cs.catalog.policy_words import WIDTH, diff, outline
from digital_cs.domain.sending.policy import OPEN, Policy
from digital_cs.store.sending.policies import policy_hash

CONTENT = Path(__file__).resolve().parents[2] / "content"

SHIPPED = """\
A person               low 1, normal 2, high 3 in 7 days
An account             low 3, normal 4, high 6 in 7 days
Window of the budget   7 days
Who asked for fewer    1 in 30 days
A place is kept        for what is more important and due within 24 hours
Topics                 newsletter “Newsletter”: What is new and worth reading, once a month.
                       events “Events”: Invitations to sessions where you can ask us anything.
                       tips “Tips”: Getting more out of what you have, when it fits.
                       product “Product notices”: Changes of features that you use.
What names no topic    goes under tips
Marketing waits for    an open ticket of high or urgent severity, and for an open incident
Holdout                5% of accounts, where a program says nothing
The same message       to the same person once in 30 days
Service notices        renewal-7
A program a day        messages for 25% of all accounts, or 100 if that is more
Messages a minute      no limit
Soft bounces           5 within 30 days quiet an address for 180 days
Evidence weighs        page changed 0.6, page gone 1, link broken 0.5, link moved 0.1, release
                       0.5, tickets rising 0.5, not helpful 0.7, click then ticket 0.2, owner
                       gone 0.4, backup gone 0.1
Events about content   “Article Used” and “Article Rated”
Where it is stale      a block: warn, an e-mail: warn; held for 3 days, then: warn
Reviewers are told     on Monday at 09:00 of 7 items at most
They are asked         5 business days before an item is due
Reminded               after 5 business days
The backup             5 business days after that
The program manager    10 business days after that
A review is put off    once, for 20 business days at most
Told at once           what people will read within 2 business days"""


def read(text: str) -> Policy:
    # A file that says nothing is none; one that says a default says the same.
    loaded = check_policy_text(text if "holdout" in text else f"holdout: 5\n{text}")
    assert loaded.policy is not None, loaded.problems
    return loaded.policy


def test_the_policy_that_is_shipped_in_words() -> None:
    found = load_policy(CONTENT).policy
    assert found is not None
    assert outline(found) == SHIPPED


def test_a_policy_that_limits_nothing_says_so() -> None:
    shown = outline(OPEN)
    assert "A person               no limit\n" in shown
    assert "Marketing waits for    nothing\n" in shown
    assert "Service notices        none\n" in shown
    assert max(map(len, shown.splitlines())) <= WIDTH


TOPICS = "topics: {tips: {title: Tips}, news: {title: News}}\n"

CHANGES = [
    ("", "holdout: 5\n", []),
    ("", "budget: {person: {low: 1, normal: 3, high: 4}}\n",
     ["~ a person: normal 2 → 3, high 3 → 4 in 7 days"]),
    ("", "budget: {account: no limit}\n",
     ["~ an account: low 3, normal 4, high 6 in 7 days → no limit"]),
    ("budget: {person: no limit}\n", "budget: {person: 2}\n",
     ["~ a person: no limit → low 2, normal 2, high 2 in 7 days"]),
    ("", "budget: {per: 14 days}\n", ["~ window of the budget: 7 days → 14 days"]),
    (TOPICS, "topics: {news: {title: News}, tips: {title: Tips}}\n",
     ["~ topics: the same ones, in another order"]),
    (TOPICS, "topics: {tips: {title: Hints}, events: {title: Events, about: Join}}\n",
     ["- topics: news “News”", "~ topics: tips “Tips” → “Hints”",
      "+ topics: events “Events”: Join"]),
    ("service: [a, b]\n", "service: [b, c]\n", ["- service notices: a", "+ service notices: c"]),
    ("", "damage: {a_minute: {fleet: 600, domains: {gmail.com: 0.5, '*': 20}}}\n",
     ["+ messages a minute: all together 600", "+ messages a minute: each other domain 20",
      "+ messages a minute: to gmail.com 0.5"]),
    ("", "damage: {program_a_day: no limit}\nquiet: {incidents: false}\n",
     ["~ marketing waits for: an open ticket of high or urgent severity, and for an open incident"
      " → an open ticket of high or urgent severity",
      "~ a program a day: messages for 25% of all accounts, or 100 if that is more → no limit"]),
    ("", "content: {signals: {release: 0}, feedback: {used: kb.used}}\n",
     ["~ evidence weighs: release 0.5 → 0",
      "~ events about content: “Article Used” and “Article Rated” → “kb.used” and"
      " “Article Rated”"]),
    ("", "content: {stale: {block: hold}}\n",
     ["~ where it is stale: a block: warn, an e-mail: warn; held for 3 days, then: warn →"
      " a block: hold, an e-mail: warn; held for 3 days, then: warn"]),
    ("", "holdout: 7.5\n", ["~ holdout: 5% → 7.5% of accounts, where a program says nothing"]),
]  # fmt: skip


@pytest.mark.parametrize(("was", "now", "said"), CHANGES)
def test_a_change_is_said(was: str, now: str, said: list[str]) -> None:
    assert diff(read(was), read(now)) == said


reviewing = st.sampled_from(["5 business days", "2 weeks"])
spans = st.sampled_from(["7 days", "1 week", "36 hours"])
names = st.sampled_from(["tips", "news", "events"])
topics = st.dictionaries(
    names, st.fixed_dictionaries({"title": st.sampled_from(["A", "A”: b"]),
                                  "about": st.sampled_from(["", "b", "c"])}),
    max_size=3,
).map(lambda found: {"tips": {"title": "Tips"}, **found})  # fmt: skip
limits = st.sampled_from(["no limit", 2, {"low": 1, "normal": 2, "high": 2}])
policies = st.fixed_dictionaries(
    {},
    optional={
        "budget": st.fixed_dictionaries(
            {}, optional={"per": spans, "person": limits, "account": limits, "look_ahead": spans,
                          "fewer": st.builds(lambda n: {"at_most": n}, st.integers(0, 2))},
        ),
        "topics": topics,
        "quiet": st.fixed_dictionaries({}, optional={
            "severities": st.lists(st.sampled_from(["low", "urgent"]), unique=True),
            "incidents": st.booleans()}),
        "holdout": st.floats(0, 50),
        "same_person_within": spans,
        "service": st.lists(names, unique=True),
        "damage": st.fixed_dictionaries({}, optional={
            "program_a_day": st.sampled_from(["no limit", {"share": 10}, {"at_least": 5}]),
            "a_minute": st.fixed_dictionaries({}, optional={
                "fleet": st.floats(1, 9), "program": st.floats(1, 9),
                "domains": st.dictionaries(st.sampled_from(["*", "a.test"]), st.floats(1, 9))})}),
        "returned": st.builds(lambda n: {"soft_bounces": n}, st.integers(1, 3)),
        "content": st.fixed_dictionaries({}, optional={
            "signals": st.dictionaries(st.sampled_from(["release", "not_helpful"]),
                                       st.floats(0, 1)),
            "feedback": st.dictionaries(st.sampled_from(["used", "rated"]), names),
            "stale": st.fixed_dictionaries({}, optional={
                "block": st.sampled_from(["drop", "hold"]), "email": st.just("hold"),
                "hold_for": spans, "then": st.just("skip")}),
            "reviews": st.fixed_dictionaries({}, optional={
                "digest": st.builds(lambda n: {"at_most": n}, st.integers(5, 7)),
                "ask_before": reviewing, "remind_after": reviewing, "backup_after": reviewing,
                "manager_after": reviewing, "snooze_at_most": reviewing,
                "at_once_within": reviewing})}),
    },
).map(Policy.model_validate)  # fmt: skip


@given(policies, policies)
def test_there_are_words_for_a_change_if_and_only_if_there_is_one(old: Policy, new: Policy) -> None:
    assert bool(diff(old, new)) == (policy_hash(old) != policy_hash(new))
    assert diff(new, new) == []
