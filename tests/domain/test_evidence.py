"""P24: evidence is weighed alike in any order, and more of it never makes content less stale."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from digital_cs.domain.content.content_item import ContentItem, Mark
from digital_cs.domain.content.content_policy import Signals
from digital_cs.domain.content.evidence import Evidence, Signal, by_date, staleness, weigh
from digital_cs.domain.content.freshness import Interval, State
from digital_cs.domain.content.review_policy import Kind

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
DAYS = st.integers(-400, 400)
PIECES = st.builds(
    Evidence,
    signal=st.sampled_from(Signal),
    since=st.integers(0, 90).map(lambda days: NOON + timedelta(days=days)),
    words=st.sampled_from(["It is so.", "It is not so."]),
    weight=st.sampled_from([0.0, 0.1, 0.2, 0.4, 0.5, 0.7, 1.0]),
    about=st.sampled_from("abcdef"),
)
ALL = st.lists(PIECES, max_size=12)


def item(**fields: object) -> ContentItem:
    plain = ContentItem(
        "c-1", "kb", "guide.md", Kind.ARTICLE, "Guide", date(2025, 9, 1), NOON,
        review_every=Interval.parse("6 months"), reviewed_on=date(2026, 1, 15),
    )  # fmt: skip
    return replace(plain, **fields)  # type: ignore[arg-type]


def piece(weight: float, day: int, words: str = "It is so.") -> Evidence:
    return Evidence(Signal.RELEASE, NOON + timedelta(days=day), words, weight, words)


@given(ALL, st.randoms())
def test_p24_the_order_does_not_matter(evidence: list[Evidence], random: object) -> None:
    shuffled = list(evidence)
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    one, other = weigh(evidence), weigh(shuffled)
    assert one.stale_on == other.stale_on
    assert one.weight == pytest.approx(other.weight)


@given(ALL, PIECES)
def test_p24_one_piece_more_never_makes_it_less_stale_nor_later(
    evidence: list[Evidence], more: Evidence
) -> None:
    before, after = weigh(evidence), weigh([*evidence, more])
    assert after.weight >= before.weight
    if before.stale_on is not None:
        assert after.stale_on is not None
        assert after.stale_on <= before.stale_on


@given(ALL)
def test_p24_it_is_stale_from_the_day_on_which_the_sum_reached_one(
    evidence: list[Evidence],
) -> None:
    weighed = weigh(evidence)
    days = sorted({each.since.date() for each in evidence})
    reached = [
        day for day in days
        if sum(each.weight for each in evidence if each.since.date() <= day) > 1 - 1e-6
    ]  # fmt: skip
    assert weighed.stale_on == (reached[0] if reached else None)
    assert (weighed.because is None) == (weighed.stale_on is None)


def test_p24_ten_tenths_are_enough_and_the_heaviest_is_said_first() -> None:
    tenths = [piece(0.1, day, f"Small {day}.") for day in range(10)]
    assert weigh(tenths).stale_on == date(2026, 3, 11)
    weighed = weigh([piece(0.2, 0, "A little."), piece(0.9, 3, "A lot."), piece(1.0, 9, "Later.")])
    assert (weighed.stale_on, weighed.because) == (date(2026, 3, 5), "A lot. A little.")
    many = weigh([piece(0.1, 0, f"Small {n}.") for n in range(12)])
    assert many.because is not None
    assert many.because.endswith(". And 5 more.")


def test_p24_what_weighs_nothing_is_no_reason() -> None:
    assert weigh([piece(0.0, 0), piece(0.5, 1)]).stale_on is None
    assert weigh([]) == weigh([piece(0.0, 0)])


@given(DAYS, st.floats(0, 50), st.integers(0, 200), st.floats(0, 50))
def test_p24_staleness_is_bounded_and_grows_with_time_and_with_evidence(
    day: int, weight: float, later: int, more: float
) -> None:
    on = date(2026, 3, 2) + timedelta(days=day)
    now = staleness(item(evidence_weight=weight), on)
    assert 0 <= now < 1
    after = staleness(item(evidence_weight=weight + more), on + timedelta(days=later))
    assert now <= after < 1


def test_p24_staleness_is_a_half_when_one_thing_alone_makes_it_stale() -> None:
    due = item().due_on
    assert staleness(item(evidence_weight=1.0), date(2026, 1, 1)) == 0.5
    assert staleness(item(), due) == 0.5
    assert staleness(item(evidence_weight=2.0), due) == 0.75
    assert staleness(item(), date(2024, 1, 1)) == 0
    mark = Mark("Wrong.", "ada", NOON)
    assert staleness(item(blocked=mark), date(2026, 1, 15)) == 1
    assert staleness(item(retired=mark, blocked=mark), due) == 0


@given(DAYS, st.one_of(st.none(), DAYS), st.one_of(st.none(), DAYS))
def test_p24_an_item_is_stale_by_its_age_or_by_evidence_whichever_is_first(
    as_of: int, stale: int | None, renewed: int | None
) -> None:
    def on(days: int | None) -> date | None:
        return None if days is None else date(2026, 3, 2) + timedelta(days=days)

    each = item(stale_on=on(stale), renewed_on=on(renewed))
    day = date(2026, 3, 2) + timedelta(days=as_of)
    late = day >= each.due_on or (each.stale_on is not None and day >= each.stale_on)
    assert (each.state(day) is State.STALE) == late == (day >= each.stale_from)
    assert each.due_on >= item().due_on, "use on a ticket never brings a review nearer"
    mark = Mark("Wrong.", "ada", NOON)
    assert replace(each, blocked=mark).state(day) is State.BLOCKED
    assert replace(each, blocked=mark, retired=mark).state(day) is State.RETIRED


def test_p24_use_on_a_solved_ticket_counts_like_a_review_and_never_backwards() -> None:
    assert item(renewed_on=date(2026, 2, 28)).due_on == date(2026, 8, 28)
    assert item(renewed_on=date(2025, 12, 1)).due_on == item().due_on
    never = item(reviewed_on=None, first_due_on=date(2026, 12, 1))
    assert replace(never, renewed_on=date(2026, 2, 28)).due_on == date(2026, 12, 1)
    assert replace(never, first_due_on=None, renewed_on=date(2026, 2, 28)).due_on == date(
        2026, 8, 28
    )


def test_p24_a_review_date_that_passed_is_evidence_from_that_day() -> None:
    due = date(2026, 7, 15)
    assert by_date(item(), due - timedelta(days=1)) is None
    found = by_date(item(), due)
    assert found is not None
    assert (found.since.date(), found.weight) == (due, 1.0)
    assert found.words == (
        "Its review was due on 15 July 2026: 6 months after the last one, on 15 January 2026."
    )
    renewed = by_date(item(renewed_on=date(2026, 2, 1)), date(2026, 9, 1))
    assert renewed is not None
    assert "6 months after it last helped to solve a ticket, on 1 February" in renewed.words
    never = by_date(item(reviewed_on=None, first_due_on=due), due)
    assert never is not None
    assert never.words == "Its first review was due on 15 July 2026: none is known."
    assert by_date(item(retired=Mark("Gone.", "ada", NOON)), due) is None


def test_p24_every_signal_but_the_review_date_has_a_weight_in_the_policy() -> None:
    assert set(Signals.model_fields) == {*Signal} - {Signal.REVIEW_DATE}
