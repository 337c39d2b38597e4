"""What stands against a message now: the weightiest first, and only what the policy heeds."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from digital_cs.domain.sending.policy import OPEN, Policy
from digital_cs.domain.sending.why_now import (
    Against,
    InForce,
    Inside,
    Person,
    Situation,
    coming,
    headline,
    in_force,
)
from digital_cs.domain.sending.why_words import Teller

NOW = datetime(2026, 3, 3, 9, tzinfo=UTC)
EARLIER, LATER = NOW - timedelta(days=1), NOW + timedelta(days=30)
BERLIN = Teller("Acme", ZoneInfo("Europe/Berlin"), NOW)


def inside(**parts: Any) -> Inside:
    known: dict[str, Any] = {
        "enrollment": "e", "program": "welcome", "name": "Welcome", "version": 1,
        "program_paused": False, "paused": False, "step": "tip", "label": "wait 3 days",
        "next_label": "send tip", "wake_at": LATER, "email": None, "contact": None,
    }  # fmt: skip
    return Inside(**{**known, **parts})


ONE_OF_EACH = [
    (Situation(stopped=("Wrong price.", EARLIER)), Against.STOPPED,
     "All sending is stopped since Mon 2 Mar: Wrong price."),
    (Situation(members=0, reachable=0), Against.NOBODY, "Acme has no contacts."),
    (Situation(members=3, reachable=0), Against.NOBODY,
     "There is nobody to write to: none of its 3 contacts may be written to."),
    (Situation(people=[Person("ada", "Ada", active=False)]), Against.NOT_ACTIVE,
     "Ada is not active in this account."),
    (Situation(people=[Person("ada", "Ada", suppressed="soft bounces", suppressed_since=EARLIER,
                              suppressed_until=LATER)]), Against.SUPPRESSED,
     "Ada is not written to: soft bounces, since Mon 2 Mar, until Thu 2 Apr."),
    (Situation(held_out={"welcome": (5.0, EARLIER)}), Against.HELD_OUT,
     "Acme is held out of welcome since Mon 2 Mar, so that its effect can be known: 5% of all"
     " accounts are."),
    (Situation(people=[Person("ada", "Ada", unwanted=("gone",))]), Against.TOPIC_OFF,
     "Ada has switched off the topic gone."),
    (Situation(replies=[EARLIER, NOW]), Against.REPLIED,
     "Somebody wrote back on Mon 2 Mar, and nobody has looked yet."),
    (Situation(tickets=[("high", EARLIER), ("urgent", NOW), ("low", EARLIER)]), Against.TICKET,
     "A ticket of urgent severity is open since Tue 3 Mar."),
    (Situation(incidents=[("Login is down!", EARLIER)]), Against.INCIDENT,
     "An incident is open since Mon 2 Mar: Login is down."),
    (Situation(inside=[inside(program_paused=True)]), Against.PROGRAM_PAUSED,
     "The program Welcome is paused."),
    (Situation(inside=[inside(paused=True)]), Against.PAUSED,
     "Its enrollment in Welcome is paused."),
    (Situation(people=[Person("ada", "Ada", quiet_until=LATER)]), Against.PAUSE_ASKED,
     "Ada asked for a pause until Thu 2 Apr."),
    (Situation(people=[Person("ada", "Ada", fewer=True)]), Against.FEWER,
     "Ada asked for fewer e-mails: 1 within 30 days."),
    (Situation(had=6), Against.BUDGET, "Acme had 6 messages within 7 days, so that all marketing"
     " waits."),
    (Situation(inside=[inside(waits_because="What it shows is stale (Offer).")]), Against.CONTENT,
     "The next message of Welcome is held: what it shows is stale (Offer)."),
    (Situation(inside=[inside(sent_today=9, cap=9)]), Against.CAP,
     "The program Welcome has sent 9 today (UTC), which is all that it may."),
]  # fmt: skip


@pytest.mark.parametrize(("now", "what", "words"), ONE_OF_EACH)
def test_each_is_said_in_a_sentence(now: Situation, what: Against, words: str) -> None:
    (found,) = in_force(now, Policy(), BERLIN)
    assert (found.what, found.words) == (what, words)


def test_there_is_a_sentence_for_all_that_may_stand_against_a_message() -> None:
    assert {what for _, what, _ in ONE_OF_EACH} == set(Against)


def test_what_the_policy_does_not_heed_stands_against_nothing() -> None:
    now = Situation(tickets=[("urgent", EARLIER)], incidents=[("Down", EARLIER)], had=99)
    assert in_force(now, OPEN, BERLIN) == []
    over = Situation(people=[Person("ada", "Ada", quiet_until=EARLIER)])
    assert in_force(over, Policy(), BERLIN) == []


@pytest.mark.parametrize(
    ("had", "words"),
    [
        (2, None),
        (3, "so that messages of low priority wait."),
        (4, "so that only messages of high priority have room."),
        (6, "so that all marketing waits."),
    ],
)
def test_the_budget_says_for_which_priorities_there_is_room(had: int, words: str | None) -> None:
    found = in_force(Situation(had=had), Policy(), BERLIN)
    assert [each.words.partition(", ")[2] for each in found] == ([words] if words else [])
    assert [each.all for each in found] == ([had == 6] if words else [])


def said(now: Situation, **about: bool) -> str:
    found = in_force(now, Policy(), BERLIN, **about)
    return headline(found, BERLIN, "Acme", "welcome" if about.get("program") else None)


def test_what_keeps_everything_back_is_in_the_headline_and_notices_are_told_apart() -> None:
    ticket = Situation(tickets=[("urgent", EARLIER)])
    assert said(ticket) == (
        "Nothing but service notices is sent to Acme now: a ticket of urgent severity is open since"
        " Mon 2 Mar."
    )
    stopped = Situation(stopped=("Wrong price", EARLIER), tickets=[("urgent", EARLIER)])
    assert said(stopped) == (
        "Nothing is sent to Acme now: all sending is stopped since Mon 2 Mar: Wrong price; a ticket"
        " of urgent severity is open since Mon 2 Mar."
    )
    assert said(Situation()) == "Nothing stands against messages to Acme now."


def test_what_is_true_of_one_contact_or_program_is_all_where_it_was_asked_about_that_one() -> None:
    unsubscribed = Situation(people=[Person("ada", "Ada", suppressed="unsubscribed")])
    assert said(unsubscribed) == "Messages may be sent to Acme now, but not all of them."
    assert said(unsubscribed, contact=True) == (
        "Nothing but service notices is sent to Acme now: Ada is not written to: unsubscribed."
    )
    paused = Situation(inside=[inside(paused=True)])
    assert said(paused) == "Messages may be sent to Acme now, but not all of them."
    assert said(paused, program=True) == (
        "Nothing of welcome is sent to Acme now: its enrollment in Welcome is paused."
    )


def test_what_keeps_everything_back_comes_first() -> None:
    now = Situation(
        people=[Person("ada", "Ada", suppressed="complaint")], replies=[EARLIER],
        incidents=[("Down", EARLIER)],
    )  # fmt: skip
    found: list[InForce] = in_force(now, Policy(), BERLIN)
    assert [each.what for each in found] == [
        Against.REPLIED, Against.INCIDENT, Against.SUPPRESSED
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("each", "words"),
    [
        (inside(), "In Welcome: wait 3 days; next send tip, Thu 2 Apr."),
        (inside(wake_at=EARLIER), "In Welcome: wait 3 days; next send tip, due since Mon 2 Mar."),
        (inside(wake_at=None), "In Welcome: wait 3 days."),
        (inside(label="", next_label=""), "In Welcome: about to begin."),
        (inside(paused=True), "In Welcome: paused at tip."),
        (
            inside(label="hold: content_stale"),
            "In Welcome: held, as what it shows is stale; next send tip, Thu 2 Apr.",
        ),
    ],
)
def test_what_comes_next_is_a_sentence(each: Inside, words: str) -> None:
    assert coming(each, BERLIN) == words
