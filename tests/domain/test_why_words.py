"""Every story of a message is one readable sentence, whatever was decided about it (P19)."""

from __future__ import annotations

import itertools
import re
import string
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from digital_cs.domain.programs.enrollment import MessageState, Verdict
from digital_cs.domain.sending.eligibility import Request, Standing, decide
from digital_cs.domain.sending.policy import Budget, Limits, Policy
from digital_cs.domain.sending.reason import SENTENCES, Reason
from digital_cs.domain.sending.why import Fate, Ledger, Told, Wish
from digital_cs.domain.sending.why_words import _PAST, MOST_REASONS, Teller, clause, sentence
from digital_cs.domain.timing.business_calendar import BusinessCalendar
from digital_cs.domain.timing.send_window import SendWindow

MONDAY = datetime(2026, 3, 2, 9, tzinfo=UTC)
DAY = timedelta(days=1)
BERLIN = Teller("Acme", ZoneInfo("Europe/Berlin"), MONDAY + 60 * DAY)
OVER = (
    "The account already had 4 messages in a week, and 4 is the most for a message of normal"
    " priority."
)


def told(
    verdict: Verdict, reason: Reason, words: str = "", day: int = 1, until: int | None = None
) -> Told:
    """A decision so many days after that Monday."""
    ends = MONDAY + until * DAY if until is not None else None
    return Told(MONDAY + day * DAY, verdict, reason, words, 1, until=ends, contact="ada",
                contact_name="Ada")  # fmt: skip


def wish(*decisions: Told, state: MessageState | None = None, **more: object) -> Wish:
    ledger = None
    if state is not None:
        ledger = Ledger("key", state, decisions[-1].at if decisions else MONDAY, "ada", "Ada")
    made = Wish("welcome", "Welcome", "e", 1, "send", 1, "tip", told=decisions, ledger=ledger)
    return replace(made, **more)  # type: ignore[arg-type]


DEFERRED = told(Verdict.DEFERRED, Reason.BUDGET_ACCOUNT,
                f"{OVER} Deferred until Mon 9 Mar 2026 09:00.", until=7)  # fmt: skip


@pytest.mark.parametrize(
    ("story", "expected"),
    [
        (
            wish(told(Verdict.SENT, Reason.ACCEPTED), state=MessageState.ACCEPTED),
            "Sent on Tue 3 Mar to Ada.",
        ),
        (
            wish(DEFERRED, told(Verdict.SKIPPED, Reason.NO_LONGER_USEFUL,
                 f"{DEFERRED.words} It was only useful until 10 March 2026 09:00 UTC.", 8),
                 state=MessageState.SKIPPED),
            "Not sent on Tue 3 Mar: Acme already had 4 messages in a week, and 4 is the most for a"
            " message of normal priority; deferred until Mon 9 Mar, then no longer useful.",
        ),
        (
            wish(DEFERRED, told(Verdict.SENT, Reason.ACCEPTED, day=7), state=MessageState.ACCEPTED),
            "Sent on Mon 9 Mar to Ada, after it had waited since Tue 3 Mar: Acme already had 4"
            " messages in a week, and 4 is the most for a message of normal priority.",
        ),
        (
            wish(DEFERRED, present=True),
            "Not sent so far, waiting since Tue 3 Mar: Acme already had 4 messages in a week, and 4"
            " is the most for a message of normal priority; deferred until Mon 9 Mar.",
        ),
        (
            wish(DEFERRED, told(Verdict.HELD, Reason.TICKET, "A ticket of urgent severity is open"
                 " since Sun 8 Mar 2026.", 7), present=True),
            "Not sent so far, waiting since Tue 3 Mar: Acme already had 4 messages in a week, and 4"
            " is the most for a message of normal priority; deferred until Mon 9 Mar; then a ticket"
            " of urgent severity is open since Sun 8 Mar 2026.",
        ),
        (
            wish(told(Verdict.HELD, Reason.REPLIED, "Somebody wrote back."),
                 told(Verdict.HELD, Reason.INCIDENT, "An incident is open: Down.", 2),
                 told(Verdict.HELD, Reason.REPLIED, "Somebody wrote back again.", 4),
                 told(Verdict.HELD, Reason.REPLIED, "Somebody wrote back thrice.", 5),
                 present=True),
            "Not sent so far, waiting since Tue 3 Mar: on Wed 4 Mar an incident was open: Down; on"
            " Fri 6 Mar somebody wrote back again.",
        ),
        (
            wish(told(Verdict.HELD, Reason.TICKET, "A ticket of urgent severity is open since Sun"
                 " 8 Mar 2026.", 7), told(Verdict.SENT, Reason.ACCEPTED, day=9),
                 state=MessageState.ACCEPTED),
            "Sent on Wed 11 Mar to Ada, after it had waited since Mon 9 Mar: a ticket of urgent"
            " severity was open since Sun 8 Mar 2026.",
        ),
        (
            wish(told(Verdict.DEFERRED, Reason.RATE, "More is to go out."),
                 told(Verdict.SENT, Reason.ACCEPTED), state=MessageState.ACCEPTED),
            "Sent on Tue 3 Mar to Ada.",
        ),
        (
            wish(told(Verdict.SENT, Reason.ACCEPTED),
                 told(Verdict.RETURNED, Reason.BOUNCED, "It came back, for good: no such user", 2),
                 state=MessageState.BOUNCED),
            "Sent on Tue 3 Mar to Ada; on Wed 4 Mar it came back, for good: no such user.",
        ),
        (
            wish(told(Verdict.UNKNOWN, Reason.CRASH, Reason.CRASH.sentence()),
                 state=MessageState.UNKNOWN),
            "Not known whether it was sent on Tue 3 Mar to Ada: a worker stopped while handing it"
            " over; it may or may not have arrived.",
        ),
        (
            wish(DEFERRED, ended_at=MONDAY + 3 * DAY, ended_because="Paid"),
            "Not sent on Tue 3 Mar: Acme already had 4 messages in a week, and 4 is the most for a"
            " message of normal priority; deferred until Mon 9 Mar; on Thu 5 Mar Acme left the"
            " program: Paid.",
        ),
        (wish(state=MessageState.CLAIMED), "Being handed over to Ada since Mon 2 Mar."),
        (
            wish(told(Verdict.TOOK, Reason.SPLIT, "Drawn into short."), is_message=False),
            "No message on Tue 3 Mar: drawn into short.",
        ),
    ],
)  # fmt: skip
def test_a_story_is_folded_into_one_sentence(story: Wish, expected: str) -> None:
    assert sentence(story, BERLIN) == expected


def figures_of(reason: Reason) -> dict[str, str]:
    names = {name for _, name, _, _ in string.Formatter().parse(SENTENCES[reason]) if name}
    return dict.fromkeys(names, "Something")


STATES: dict[Verdict, MessageState | None] = {
    Verdict.SENT: MessageState.ACCEPTED, Verdict.SKIPPED: MessageState.SKIPPED,
    Verdict.FAILED: MessageState.FAILED, Verdict.UNKNOWN: MessageState.UNKNOWN,
    Verdict.RETURNED: MessageState.ACCEPTED,
}  # fmt: skip


@pytest.mark.parametrize("verdict", Verdict)
@pytest.mark.parametrize("reason", Reason)
def test_every_reason_is_said_in_full_in_the_sentence_of_a_message(
    reason: Reason, verdict: Verdict
) -> None:
    """P19: whatever is decided has its words, and no part of them is a gap."""
    decision = told(verdict, reason, reason.sentence(**figures_of(reason)))
    waits = verdict in (Verdict.HELD, Verdict.DEFERRED)
    took = verdict in (Verdict.TOOK, Verdict.PASSED)

    said = sentence(
        wish(decision, state=STATES.get(verdict), present=waits, is_message=not took), BERLIN
    )

    well_formed(said)
    assert "3 Mar" in said
    if verdict is not Verdict.SENT:  # where it was sent, that is all there is to say
        assert clause(decision, BERLIN, over=not waits) in said


def well_formed(said: str) -> None:
    """One line, begun with a capital, ended with one full stop, nothing doubled or left open."""
    assert said[0].isupper()
    assert said.endswith(".")
    assert not said.endswith("..")
    assert "  " not in said
    assert "\n" not in said
    assert not re.search(r"[{}]|: *[.;]|; *[.;]|None", said), said


@pytest.mark.parametrize("reason", _PAST)
def test_what_is_put_into_the_past_is_a_part_of_the_reasons_sentence(reason: Reason) -> None:
    assert _PAST[reason][0] in SENTENCES[reason]


WORDS = st.sampled_from(
    [*(reason.sentence(**figures_of(reason)) for reason in Reason), "", " . ", "a\n\nb", "Ends…",
     f"{OVER} Deferred until Mon 9 Mar 2026 09:00.", "{not} a figure".replace("{not}", "no"),
     f"{OVER} Later than that it is no longer useful (Tue 3 Mar 2026 09:00)."]
)  # fmt: skip


@given(
    decisions=st.lists(
        st.builds(
            told, st.sampled_from(Verdict), st.sampled_from(Reason), WORDS,
            st.integers(0, 400), st.none() | st.integers(0, 400),
        ),
        max_size=8,
    ),
    state=st.none() | st.sampled_from(MessageState),
    merge=st.sampled_from([None, "waiting", "taken", "expired"]),
    is_message=st.booleans(), present=st.booleans(),
    because=st.sampled_from([None, "", "Paid.", "two\nlines"]),
    name=st.sampled_from(["Acme", "Acme Inc.", "A  B", "Ünïcode & Söhne"]),
)  # fmt: skip
def test_whatever_was_decided_the_story_is_one_sentence(
    decisions: list[Told], state: MessageState | None, merge: str | None, is_message: bool,
    present: bool, because: str | None, name: str,
) -> None:  # fmt: skip
    decisions = sorted(decisions, key=lambda each: each.at)
    story = wish(*decisions, state=state, is_message=is_message, present=present,
                 ended_at=None if present else MONDAY + 401 * DAY,
                 ended_because=because)  # fmt: skip
    if story.ledger is not None:
        story = replace(story, ledger=replace(story.ledger, merge=merge))

    said = sentence(story, replace(BERLIN, account=name))

    assert said[0].isupper()
    assert said.endswith(".")
    assert "  " not in said
    assert "\n" not in said
    assert len(said) > len("Sent.")


@given(
    st.lists(st.tuples(st.sampled_from([Verdict.HELD, Verdict.DEFERRED]), st.sampled_from(Reason)),
             min_size=1, max_size=12),
    st.booleans(),
)  # fmt: skip
def test_nothing_is_said_twice_and_not_more_than_can_be_read(
    kept_back: list[tuple[Verdict, Reason]], sent: bool
) -> None:
    decisions = [
        told(verdict, reason, f"Because of <{reason}>.", day)
        for day, (verdict, reason) in enumerate(kept_back)
    ]
    end = [told(Verdict.SENT, Reason.ACCEPTED, "Taken.", 20)] if sent else []
    said = sentence(
        wish(*decisions, *end, state=MessageState.ACCEPTED if sent else None, present=not sent),
        BERLIN,
    )

    different = {reason for _, reason in kept_back}
    named = [reason for reason in different if f"<{reason}>" in said]
    assert len(named) == min(len(different), MOST_REASONS)
    assert all(said.count(f"<{reason}>") == 1 for reason in named)
    assert kept_back[-1][1] in named, "what keeps it back now, or did at last"
    assert ("more reason" in said) == (len(different) > MOST_REASONS)


@pytest.mark.parametrize("priority", ["low", "normal", "high"])
def test_what_the_decision_says_of_a_deferral_is_not_said_twice(priority: str) -> None:
    """The words are those of `eligibility.decide`: if it speaks otherwise, this fails."""
    limits = Limits(low=1, normal=1, high=1)
    policy = Policy(budget=Budget(person=None, account=limits))
    ask = Request("welcome", "acme", "ada", "tip", "marketing", priority, MONDAY + 10 * DAY,
                  SendWindow(), ZoneInfo("UTC"))  # fmt: skip
    for useful in (10, 2):
        wanted = replace(ask, useful_until=MONDAY + useful * DAY)
        ruling = decide(wanted, Standing(account=[MONDAY - DAY]), policy, BusinessCalendar(),
                        MONDAY)  # fmt: skip
        deferred = ruling.until is not None
        assert deferred == (useful == 10)
        decision = Told(MONDAY, Verdict.DEFERRED if deferred else Verdict.SKIPPED, ruling.reason,
                        ruling.words, 1, until=ruling.until)  # fmt: skip
        said = sentence(wish(decision, present=deferred), BERLIN)
        assert said.lower().count("deferred until") == (1 if deferred else 0)
        assert said.count("no longer useful") == (0 if deferred else 1)


def test_days_are_those_of_the_account_and_have_their_year_where_it_is_another() -> None:
    late = datetime(2025, 12, 31, 23, 30, tzinfo=UTC)
    assert BERLIN.day(late) == "Thu 1 Jan"
    assert replace(BERLIN, zone=ZoneInfo("America/New_York")).day(late) == "Wed 31 Dec 2025"


def test_the_fate_is_the_ledgers_where_it_has_a_row() -> None:
    held = told(Verdict.HELD, Reason.TICKET, "A ticket.")
    for state, present in itertools.product(MessageState, (True, False)):
        fate = wish(held, state=state, present=present).fate
        if state is MessageState.PLANNED:
            assert fate is (Fate.WAITING if present else Fate.LEFT)
        else:
            assert fate not in (Fate.WAITING, Fate.LEFT, Fate.STEP)
