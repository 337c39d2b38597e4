"""Whose turn it is to review, what they are told next, and when: nobody too early, none lost."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from digital_cs.domain.content.content_item import ContentItem, Mark
from digital_cs.domain.content.content_policy import Reviews
from digital_cs.domain.content.review_acts import (
    CaseRefusedError,
    reassigned,
    refused_for_good,
    snoozed,
    told,
)
from digital_cs.domain.content.review_case import (
    Because,
    CaseStep,
    Did,
    Ending,
    InLine,
    Next,
    ReviewCase,
    Rules,
    Rung,
    ended,
    need_of,
    opened,
    what_next,
)
from digital_cs.domain.content.review_policy import Kind
from digital_cs.domain.content.team import Person, Team
from digital_cs.domain.timing.business_calendar import EVERYWHERE, BusinessCalendar

MONDAY = datetime(2026, 3, 2, 9, tzinfo=UTC)
DAY = timedelta(days=1)
TEAM = Team(
    manager="maya",
    people={
        "ann": Person(name="Ann Ray", address="ann@lantern.example"),
        "ben": Person(name="Ben Oduya", address="Ben@lantern.example"),
        "maya": Person(name="Maya Okafor", address="maya@lantern.example"),
        "dana": Person(name="Dana Whitfield", address="dana@x.example", gone=date(2026, 2, 1)),
        "mute": Person(name="Mute"),
    },
)
RULES = Rules(TEAM, BusinessCalendar(), Reviews())
ITEM = ContentItem(
    "c-1", "docs", "a.md", Kind.ARTICLE, "Connect your shop", date(2025, 1, 1), MONDAY,
    owner="ann", backup="ben", reviewed_on=date(2025, 8, 1),
)  # fmt: skip


def begun(item: ContentItem = ITEM, rules: Rules = RULES, now: datetime = MONDAY) -> Next:
    return opened("r-1", item, Because.STALE, rules, now)


def words(found: Next) -> list[str]:
    return [f"{each.did} {each.who or '-'}: {each.words}" for each in found.steps]


def test_a_new_case_is_in_line_for_its_owner() -> None:
    found = begun()
    assert words(found) == ["opened -: It is stale since 1 Feb 2026."]
    assert (found.case.holder, found.case.reviewer) == ("ann", "ann@lantern.example")
    assert found.case.in_line is InLine.TELL
    assert found.case.next_at is None


def test_told_reminded_the_backup_the_manager_each_after_its_span_in_working_days_P26() -> None:
    holidays = {EVERYWHERE: frozenset({date(2026, 3, 4)})}
    rules = replace(RULES, calendar=BusinessCalendar(holidays=holidays))
    case, story = begun(rules=rules).case, []
    now = MONDAY
    while now < MONDAY + 90 * DAY:
        found = what_next(case, ITEM, rules, now)
        case, steps = found.case, list(found.steps)
        if case.in_line is not None:
            found = told(case, ITEM, rules, now)
            case, steps = found.case, [*steps, *found.steps]
        story += [f"{each.at:%a %d %b} {each.words}" for each in steps]
        now += timedelta(hours=1)
    assert story == [
        "Mon 02 Mar Ann Ray was told.",
        "Tue 10 Mar Ann Ray was reminded.",
        "Tue 17 Mar Ann Ray was asked and did not answer, so the backup is asked.",
        "Tue 17 Mar Ben Oduya was told.",
        "Tue 31 Mar Ben Oduya was asked and did not answer, so the program manager is asked.",
        "Tue 31 Mar Maya Okafor was told.",
        "Tue 07 Apr Maya Okafor was reminded.",
        "Tue 14 Apr Maya Okafor was reminded.",
        "Tue 21 Apr Maya Okafor was reminded.",
        "Tue 28 Apr Maya Okafor was reminded.",
        "Tue 05 May Maya Okafor was reminded.",
        "Tue 12 May Maya Okafor was reminded.",
        "Tue 19 May Maya Okafor was reminded.",
        "Tue 26 May Maya Okafor was reminded.",
    ]


@pytest.mark.parametrize(
    ("owner", "why"),
    [
        ("dana", "Dana Whitfield is gone since 1 Feb 2026"),
        ("#docs", "nobody in the team is called '#docs'"),
        ("mute", "Mute has no address"),
        (None, "there is none"),
    ],
)
def test_an_owner_who_cannot_be_asked_is_passed_over_at_once_and_it_is_said_why_P23(
    owner: str | None, why: str
) -> None:
    found = begun(replace(ITEM, owner=owner))
    assert found.case.holder == "ben"
    assert words(found)[1:] == [
        f"passed -: The owner cannot be asked ({why}), so the backup is asked."
    ]


def test_somebody_who_leaves_in_the_middle_of_their_span_is_passed_over() -> None:
    case = told(begun().case, ITEM, RULES, MONDAY).case
    left = Person(name="Ann Ray", address="ann@lantern.example", gone=date(2026, 3, 4))
    rules = replace(RULES, team=Team(manager="maya", people={**TEAM.people, "ann": left}))
    assert what_next(case, ITEM, rules, MONDAY + DAY).case.holder == "ann"
    assert what_next(case, ITEM, rules, MONDAY + 2 * DAY).case.holder == "ben"


def test_an_owner_who_is_an_address_needs_no_entry() -> None:
    assert begun(replace(ITEM, owner="Eve@lantern.example")).case.reviewer == "eve@lantern.example"


def test_a_backup_who_is_the_owner_is_not_asked_twice() -> None:
    case = told(begun(replace(ITEM, owner="ben")).case, ITEM, RULES, MONDAY).case
    item = replace(ITEM, owner="ben", backup="BEN@lantern.example")
    case = replace(case, owner="ben", holder="ben", told_at=MONDAY, reminded_at=MONDAY)
    found = what_next(case, item, RULES, MONDAY + 30 * DAY)
    assert found.case.rung is Rung.MANAGER
    assert "it is the same person" in found.steps[-1].words


def test_when_nobody_can_be_asked_it_is_said_once_and_looked_at_again() -> None:
    rules = replace(RULES, team=Team())
    found = begun(replace(ITEM, backup=None), rules)
    assert found.case.holder is None
    assert found.case.in_line is None
    assert found.steps[-1].words == (
        "Nobody can be asked, not even the program manager: there is none."
    )
    again = what_next(found.case, replace(ITEM, backup=None), rules, MONDAY + 10 * DAY)
    assert again.steps == ()
    assert again.case.next_at is not None
    assert what_next(again.case, ITEM, RULES, MONDAY + 20 * DAY).case.holder == "ann"


def test_a_change_of_owner_moves_the_case_to_the_new_one() -> None:
    case = told(begun().case, ITEM, RULES, MONDAY).case
    found = what_next(case, replace(ITEM, owner="ben", backup=None), RULES, MONDAY + DAY)
    assert words(found) == ["moved ben: Its owner is ben now, and was ann."]
    assert (found.case.holder, found.case.in_line, found.case.told_at) == ("ben", "tell", None)


def test_it_can_be_put_off_once_with_a_reason_and_comes_back_to_the_same_person() -> None:
    case = told(begun().case, ITEM, RULES, MONDAY).case
    found = snoozed(case, ITEM, date(2026, 3, 16), "The release is late.", "Ann", RULES, MONDAY)
    assert words(found) == ["snoozed Ann: Ann put it off until 16 Mar 2026: The release is late."]
    case = found.case
    assert what_next(case, ITEM, RULES, MONDAY + 13 * DAY).case == case
    back = what_next(case, ITEM, RULES, MONDAY + 14 * DAY).case
    assert (back.holder, back.in_line) == ("ann", InLine.TELL)
    with pytest.raises(CaseRefusedError, match="put off once already, on 2 Mar 2026"):
        snoozed(back, ITEM, date(2026, 3, 20), "Again.", "Ann", RULES, MONDAY + 14 * DAY)


@pytest.mark.parametrize(
    ("until", "because", "complaint"),
    [
        (date(2026, 3, 2), "x", "from tomorrow to 30 Mar 2026"),
        (date(2026, 3, 31), "x", "and not to 31 Mar 2026"),
        (date(2026, 3, 10), "  ", "Say why it is put off"),
    ],
)
def test_a_snooze_that_cannot_be_is_refused_with_a_sentence(
    until: date, because: str, complaint: str
) -> None:
    with pytest.raises(CaseRefusedError, match=complaint):
        snoozed(begun().case, ITEM, until, because, "Ann", RULES, MONDAY)


def test_it_begins_anew_with_whom_it_is_given_to() -> None:
    case = told(begun().case, ITEM, RULES, MONDAY).case
    found = reassigned(case, ITEM, "zoe@lantern.example", "Ann", RULES, MONDAY + DAY)
    assert words(found) == ["reassigned Ann: Ann gave it to zoe@lantern.example."]
    assert (found.case.reviewer, found.case.in_line) == ("zoe@lantern.example", InLine.TELL)
    for nobody, why in [("zed", "nobody in the team is called 'zed'"), ("dana", "is gone since")]:
        with pytest.raises(CaseRefusedError, match=why):
            reassigned(case, ITEM, nobody, "Ann", RULES, MONDAY)


def test_mail_that_is_refused_for_good_asks_the_next_one() -> None:
    found = refused_for_good(begun().case, ITEM, RULES, MONDAY)
    assert words(found) == [
        "unreachable ann: The mail was refused for good.",
        "passed ann: The owner cannot be asked (mail to Ann Ray was refused for good), so the"
        " backup is asked.",
    ]
    assert found.case.holder == "ben"


ENDINGS = [
    (replace(ITEM, reviewed_on=date(2026, 3, 4)), Ending.REVIEWED),
    (replace(ITEM, renewed_on=date(2026, 3, 4)), Ending.FRESH),
    (replace(ITEM, retired=Mark("The feature is gone.", "ann", MONDAY)), Ending.RETIRED),
]


@pytest.mark.parametrize(("item", "how"), ENDINGS)
def test_it_ends_by_itself_when_the_item_needs_it_no_more(item: ContentItem, how: Ending) -> None:
    found = what_next(begun().case, item, RULES, MONDAY + 3 * DAY)
    assert found.case.ended_as is how
    assert found.case.in_line is None


def test_an_edit_alone_does_not_end_it_P23() -> None:
    edited = replace(ITEM, version=2, content_hash="new", edited_at=MONDAY + DAY)
    assert what_next(begun().case, edited, RULES, MONDAY + 2 * DAY).case.ended_at is None


def test_who_needs_a_look_is_who_is_blocked_stale_or_due_soon() -> None:
    day = MONDAY.date()
    fresh = replace(ITEM, reviewed_on=date(2026, 2, 1))
    assert need_of(ITEM, day, day) is Because.STALE
    assert need_of(replace(fresh, blocked=Mark("Wrong.", "x", MONDAY)), day, day) is (
        Because.BLOCKED
    )
    assert need_of(fresh, day, date(2026, 7, 31)) is None
    assert need_of(fresh, day, date(2026, 8, 1)) is Because.DUE
    assert need_of(replace(fresh, stale_on=day), day, day) is Because.STALE


OWNERS = st.sampled_from(["ann", "ben", "dana", "#docs", None, "eve@lantern.example"])
ACTS = st.one_of(
    st.just(("wait",)), st.just(("wait",)), st.just(("wait",)), st.just(("digest",)),
    st.just(("digest",)), st.just(("at once",)), st.just(("bounce",)),
    st.tuples(st.just("snooze"), st.integers(1, 25)), st.tuples(st.just("owner"), OWNERS),
    st.tuples(st.just("give"), OWNERS), st.just(("review",)),
)  # fmt: skip


@settings(max_examples=300)
@given(st.lists(st.tuples(ACTS, st.integers(0, 200)), max_size=60))
def test_whatever_happens_one_is_asked_nobody_too_early_and_what_ended_stays_ended_P26(
    acts: list[tuple[tuple[object, ...], int]],
) -> None:
    item, now = ITEM, MONDAY
    case, story = begun().case, [*begun().steps]
    for (act, *more), hours in acts:
        now += timedelta(hours=hours)
        before = case
        found = what_next(case, item, RULES, now)
        if act == "digest" and found.case.in_line:
            found = _and(found, told(found.case, item, RULES, now))
        elif act == "at once" and found.case.snoozed_until is None:
            found = _and(found, told(found.case, item, RULES, now, at_once=True))
        elif act == "bounce":
            found = _and(found, refused_for_good(found.case, item, RULES, now))
        elif act == "snooze":
            until = now.date() + more[0] * DAY  # type: ignore[operator]
            found = _and(found, _tried(snoozed, found.case, item, until, "x", "Ann", now))
        elif act == "give":
            found = _and(found, _tried(reassigned, found.case, item, more[0] or "", "Ann", now))
        elif act == "owner":
            item = replace(item, owner=more[0])  # type: ignore[arg-type]
            found = _and(found, what_next(found.case, item, RULES, now))
        elif act == "review":
            found = _and(found, ended(found.case, Ending.EDITED, "Ann", "x", now))
        case = found.case
        story += found.steps
        assert what_next(case, item, RULES, now) == Next(case)  # asking again changes nothing
        if before.ended_at is not None:
            assert case == before
        if case.ended_at is not None:
            assert (case.in_line, case.next_at) == (None, None)
        else:
            assert bool(case.holder) == bool(case.reviewer)
            assert sum((case.in_line is not None, case.next_at is not None)) == 1
            if case.in_line is None:
                assert case.next_at > now  # type: ignore[operator]
    assert sum(each.did is Did.SNOOZED for each in story) <= 1
    assert sum(each.did is Did.ENDED for each in story) <= 1
    _nobody_too_early(story)


def _and(first: Next, second: Next) -> Next:
    return Next(second.case, (*first.steps, *second.steps))


def _tried(act: Callable[..., Next], case: ReviewCase, *rest: object) -> Next:
    *values, now = rest
    try:
        return act(case, *values, RULES, now)
    except CaseRefusedError:
        return Next(case)


def _nobody_too_early(story: list[CaseStep]) -> None:
    """Who is passed over for not answering was told or reminded a span before; and is reminded
    no sooner than a span after that."""
    span = {"remind": 5, "pass": 5}
    last: datetime | None = None
    for step in story:
        if step.did is Did.REMINDED:
            assert last is not None
            assert _working_days(last, step.at) >= span["remind"]
        if step.did is Did.PASSED and "did not answer" in step.words:
            assert last is not None
            assert _working_days(last, step.at) >= span["pass"]
        if step.did in (Did.TOLD, Did.REMINDED, Did.TOLD_AT_ONCE):
            last = step.at if step.did is not Did.TOLD_AT_ONCE or last is None else last


def _working_days(first: datetime, last: datetime) -> int:
    days = (last.date() - first.date()).days
    return sum((first.date() + n * DAY).weekday() < 5 for n in range(1, days + 1))
