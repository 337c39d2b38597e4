"""P25: what becomes of a message by the state of what it shows."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from digital_cs.domain.content.content_policy import WhenStale
from digital_cs.domain.content.stale_rule import (
    Content,
    Do,
    Doubt,
    Part,
    Resolved,
    StaleRule,
    Way,
    resolve,
)
from digital_cs.domain.sending.reason import Reason
from digital_cs.domain.timing.span import Span
from tests import rig

DUE = rig.MONDAY
USEFUL = DUE + timedelta(days=10)
SINCE = date(2026, 11, 3)
POLICY = WhenStale()
STALE = Doubt("c-1", "Office hours", SINCE)
WRONG = replace(STALE, wrong="The price is wrong.")
HOLD = StaleRule(Way(Do.HOLD))
PAGE = "https://x.example/page"


def content(rule: StaleRule | None = None, *, email: StaleRule | None = None) -> Content:
    """An e-mail that shows x.md and its footer; help.md may stand in for x.md."""
    return Content(
        Part("emails/note.md", email, ("x.md", "footer.md")),
        {
            "x.md": Part("blocks/x.md", rule, ("inner.md",), (PAGE,)),
            "inner.md": Part("blocks/inner.md"),
            "help.md": Part("blocks/help.md"),
            "footer.md": Part("blocks/footer.md", kept=True),
        },
    )


def at(
    what: Content, doubts: dict[str, Doubt], default: WhenStale = POLICY, **later: float
) -> Resolved:
    return resolve(
        what, doubts, default, due_at=DUE, useful_until=USEFUL, now=DUE + timedelta(**later)
    )


def test_what_is_fresh_goes_as_it_is_written() -> None:
    assert at(content(HOLD), {}) == Resolved()
    assert at(content(HOLD), {"blocks/other.md": WRONG}) == Resolved()


@pytest.mark.parametrize(
    ("rule", "swaps", "words"),
    [
        (None, (), "It went with “Office hours”, stale since 3 Nov 2026."),
        (
            StaleRule(Way(Do.DROP)), (("x.md", None),),
            "It went without “Office hours”, stale since 3 Nov 2026.",
        ),
        (
            StaleRule(Way(Do.USE, "help.md")), (("x.md", "help.md"),),
            "It went with help.md in place of “Office hours”, stale since 3 Nov 2026.",
        ),
    ],
)  # fmt: skip
def test_a_stale_block_is_dealt_with_as_its_author_says(
    rule: StaleRule | None, swaps: object, words: str
) -> None:
    found = at(content(rule), {"blocks/x.md": STALE})
    assert (found.swaps, found.wait, found.words().strip()) == (swaps, None, words)


def test_a_hold_lasts_to_its_limit_and_then_comes_what_is_stated() -> None:
    rule = StaleRule(Way(Do.HOLD), Span.parse("2 days"), Way(Do.DROP))
    held = at(content(rule), {"blocks/x.md": STALE}, days=1)
    assert held.wait is not None
    assert (held.wait.reason, held.wait.until) == (Reason.CONTENT_STALE, DUE + timedelta(days=2))
    assert held.wait.words(lambda moment: f"{moment:%-d %b}") == (
        "What it shows is stale (Office hours, since 3 Nov 2026)."
        f" It waits for a review until {DUE + timedelta(days=2):%-d %b}."
    )
    after = at(content(rule), {"blocks/x.md": STALE}, days=2)
    assert (after.wait, after.swaps) == (None, (("x.md", None),))
    assert after.notes[0].endswith("not reviewed within 2 days")


def test_after_the_limit_a_message_may_be_left_out() -> None:
    found = at(content(StaleRule(Way(Do.HOLD), then=Way(Do.SKIP))), {"blocks/x.md": STALE}, days=3)
    assert found.wait is not None
    assert found.wait.skip
    assert found.wait.words(str).endswith("Nobody reviewed it in time.")


def test_a_stale_email_is_told_or_held_by_its_own_rule() -> None:
    told = at(content(), {"emails/note.md": STALE})
    assert (told.wait, told.notes) == (None, ("though “Office hours” is stale since 3 Nov 2026",))
    held = at(content(email=HOLD), {"emails/note.md": STALE})
    assert held.wait is not None
    assert at(content(), {"emails/note.md": STALE}, WhenStale(email="hold")).wait == held.wait


@pytest.mark.parametrize("late", [0, 9])
@pytest.mark.parametrize("rule", [None, HOLD, StaleRule(Way(Do.HOLD), then=Way(Do.WARN))])
def test_what_is_wrong_is_held_until_it_is_useful_no_more_and_never_shown(
    rule: StaleRule | None, late: int
) -> None:
    found = at(content(rule), {"blocks/x.md": WRONG}, days=late)
    assert found.wait is not None
    assert (found.wait.reason, found.wait.until) == (Reason.CONTENT_BLOCKED, USEFUL)
    assert found.wait.words(str).endswith("(Office hours): The price is wrong.")


def test_what_is_wrong_is_left_out_where_the_author_says_so() -> None:
    found = at(content(StaleRule(Way(Do.DROP))), {"blocks/x.md": WRONG})
    assert (found.wait, found.swaps) == (None, (("x.md", None),))
    assert found.notes == ("without “Office hours”, known to be wrong",)


def test_a_replacement_that_is_stale_itself_does_not_help() -> None:
    rule = StaleRule(Way(Do.USE, "help.md"))
    for other in (STALE, WRONG):
        found = at(content(rule), {"blocks/x.md": STALE, "blocks/help.md": other})
        assert found.wait is not None
        assert found.wait.until == DUE + timedelta(days=3)


def test_a_link_to_what_is_wrong_is_wrong_and_one_to_what_is_stale_is_told() -> None:
    assert at(content(), {PAGE: WRONG}).wait is not None
    assert at(content(StaleRule(Way(Do.DROP))), {PAGE: WRONG}).swaps == (("x.md", None),)
    told = at(content(StaleRule(Way(Do.DROP))), {PAGE: STALE})
    assert told == Resolved(notes=("with a link to “Office hours”, stale since 3 Nov 2026",))


def test_a_block_inside_one_that_is_left_out_matters_no_more() -> None:
    doubts = {"blocks/x.md": STALE, "blocks/inner.md": WRONG}
    assert at(content(StaleRule(Way(Do.DROP))), doubts).wait is None
    assert at(content(), doubts).wait is not None


def test_the_policy_cannot_drop_the_footer() -> None:
    drop = WhenStale(block="drop")
    assert at(content(), {"blocks/footer.md": STALE}, drop).swaps == ()
    wrong = at(content(), {"blocks/footer.md": WRONG}, drop)
    assert wrong.wait is not None
    assert at(content(), {"blocks/x.md": STALE}, drop).swaps == (("x.md", None),)


NAMES = ("a.md", "b.md", "c.md", "d.md", "footer.md")
ways = st.builds(
    Way, st.sampled_from((Do.WARN, Do.DROP, Do.HOLD)), st.none()
) | st.builds(Way, st.just(Do.USE), st.sampled_from(NAMES))  # fmt: skip
afterwards = st.builds(
    Way, st.sampled_from((Do.WARN, Do.DROP, Do.SKIP)), st.none()
) | st.builds(Way, st.just(Do.USE), st.sampled_from(NAMES))  # fmt: skip
spans = st.sampled_from([Span.parse(text) for text in ("1 hour", "2 days", "4 weeks")])
rules = st.none() | st.builds(StaleRule, ways, st.none() | spans, st.none() | afterwards)
doubts = st.builds(Doubt, st.just("c"), st.just("It"), st.just(SINCE), st.sampled_from([None, "x"]))
policies = st.builds(
    WhenStale, block=st.sampled_from(["warn", "drop", "hold"]), hold_for=spans,
    email=st.sampled_from(["warn", "hold"]), then=st.sampled_from(["warn", "skip"]),
)  # fmt: skip


@st.composite
def contents(draw: st.DrawFn) -> Content:
    """Any e-mail; blocks include only those after them, as the check of cycles sees to."""
    parts = {}
    for number, name in enumerate(NAMES):
        later = [each for each in NAMES[number + 1 :] if each != "footer.md"]
        inside = draw(st.lists(st.sampled_from(later), unique=True, max_size=2)) if later else []
        links = draw(st.sampled_from([(), (PAGE,)]))
        kept = name == "footer.md"
        parts[name] = Part(f"blocks/{name}", draw(rules), tuple(inside), links, kept)
    top = draw(st.lists(st.sampled_from(NAMES[:-1]), unique=True, max_size=3))
    email = draw(st.none() | st.builds(StaleRule, st.sampled_from([Way(Do.WARN), Way(Do.HOLD)])))
    return Content(Part("emails/e.md", email, (*top, "footer.md")), parts)


PLACES = (*(f"blocks/{name}" for name in NAMES), "emails/e.md", PAGE)
moments = st.integers(0, 12 * 24).map(lambda hours: DUE + timedelta(hours=hours))
states = st.dictionaries(st.sampled_from(PLACES), doubts)


def the_same(what: Content, known: dict[str, Doubt], policy: WhenStale, now: datetime) -> Resolved:
    return resolve(what, known, policy, due_at=DUE, useful_until=USEFUL, now=now)


@given(contents(), states, policies, moments)
def test_what_is_wrong_is_never_shown(
    what: Content, known: dict[str, Doubt], policy: WhenStale, now: datetime
) -> None:
    found = the_same(what, known, policy, now)
    if found.wait is None:
        for part in what.shown(found.swaps):
            for place in (part.place, *part.links):
                assert place not in known or known[place].wrong is None


@given(contents(), states, policies, moments)
def test_the_footer_is_never_left_out(
    what: Content, known: dict[str, Doubt], policy: WhenStale, now: datetime
) -> None:
    found = the_same(what, known, policy, now)
    assert dict(found.swaps).get("footer.md", "kept") is not None
    assert "blocks/footer.md" in [part.place for part in what.shown(())]


@given(contents(), states, policies, moments)
def test_a_hold_ends_at_its_limit_or_when_the_message_is_useless(
    what: Content, known: dict[str, Doubt], policy: WhenStale, now: datetime
) -> None:
    wait = the_same(what, known, policy, now).wait
    if wait is not None and not wait.skip and now < USEFUL:
        assert now < wait.until <= USEFUL


@given(contents(), states, policies)
def test_going_from_limit_to_limit_comes_to_an_end(
    what: Content, known: dict[str, Doubt], policy: WhenStale
) -> None:
    now, asked = DUE, 0
    while (wait := the_same(what, known, policy, now).wait) and not wait.skip and now < USEFUL:
        now, asked = wait.until, asked + 1
    assert asked <= len(NAMES) + 2


@given(contents(), states, policies, moments)
def test_every_outcome_that_is_not_as_written_has_its_reason(
    what: Content, known: dict[str, Doubt], policy: WhenStale, now: datetime
) -> None:
    found = the_same(what, known, policy, now)
    assert len(found.notes) >= 1 or not found.swaps
    if found.wait is not None:
        assert found.wait.words(str)
        assert found.wait.doubt in known.values()
    shown = {place for part in what.shown(found.swaps) for place in (part.place, *part.links)}
    if found.wait is None and shown & known.keys():
        assert found.notes
