"""Whose click it was: what speaks for a scanner of mail, and that nothing else does (P28)."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from digital_cs.domain.sending.click import (
    AT_ONCE,
    BURST_GAP,
    HIDDEN,
    MANY_REQUESTS,
    SAME_AGENT,
    SENTENCES,
    Click,
    Why,
    judge,
)

SENT = datetime(2026, 3, 2, 9, tzinfo=UTC)
FIREFOX = "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:144.0) Gecko/20100101 Firefox/144.0"
SAFARI = (
    "Mozilla/5.0 (iPhone; CPU iPhone OS 19_0 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like"
    " Gecko) Version/19.0 Mobile/15E148 Safari/604.1"
)


def click(nth: int, after: float, agent: str = FIREFOX, method: str = "GET") -> Click:
    """A click so many seconds after the message was handed over."""
    return Click(nth, SENT + timedelta(seconds=after), agent, method)


def why(*clicks: Click, links: int = 3) -> list[str]:
    return [str(each) for each in judge(clicks, links, SENT)]


def test_who_reads_and_follows_a_link_is_a_person() -> None:
    assert why(click(1, 120)) == ["person"]
    assert why(click(1, 120), click(2, 150), click(1, 90_000, SAFARI)) == ["person"] * 3


def test_a_double_click_and_what_a_browser_fetches_beforehand_are_a_persons() -> None:
    assert why(click(1, 60), click(1, 60.2), click(1, 60.4)) == ["person"] * 3


def test_whoever_follows_the_only_links_of_a_short_message_may_be_a_person() -> None:
    assert why(click(1, 60), links=1) == ["person"]
    assert why(click(1, 60), click(2, 64), links=2) == ["person"] * 2


@pytest.mark.parametrize("after", [-3.0, 0.0, 2.0, 14.9])
def test_a_click_at_once_is_a_scanners(after: float) -> None:
    assert why(click(1, after)) == ["at_once"]


def test_a_click_after_that_is_not() -> None:
    assert why(click(1, AT_ONCE.total_seconds())) == ["person"]
    assert judge([click(1, 2)], 3, None) == [Why.PERSON]


def test_a_scan_that_goes_on_is_one_scan() -> None:
    scan = (click(1, 13), click(2, 16), click(3, 19))
    assert why(*scan, links=9) == ["at_once", "same_burst", "same_burst"]


@pytest.mark.parametrize(
    "agent",
    [
        "", "  ", "Mozilla/5.0 (compatible; bingbot/2.0)", "BingPreview/1.0b", "curl/8.9.1",
        "Slackbot-LinkExpanding 1.0", "python-requests/2.32", "Go-http-client/2.0",
        "Mozilla/5.0 (X11; Linux x86_64) HeadlessChrome/141.0", "Barracuda Sentinel (EE)",
        "Microsoft Office Existence Discovery",
    ],
)  # fmt: skip
def test_what_calls_itself_a_program_or_nothing_at_all_is_one(agent: str) -> None:
    assert why(click(1, 120, agent)) == ["machine_agent"]
    assert why(click(1, 120, agent), click(1, 130)) == ["machine_agent", "person"]


def test_a_phone_of_the_maker_cubot_is_a_phone() -> None:
    agent = "Mozilla/5.0 (Linux; Android 14; CUBOT KINGKONG 9) Chrome/141.0 Mobile Safari/537.36"
    assert why(click(1, 120, agent)) == ["person"]


def test_who_asks_only_where_a_link_leads_is_a_scanner_and_so_is_its_next_request() -> None:
    assert why(click(1, 120, method="HEAD"), click(1, 121)) == ["head_request", "same_burst"]
    assert why(click(1, 120, method="HEAD"), click(1, 121, SAFARI)) == ["head_request", "person"]


def test_all_links_within_seconds_are_a_scan() -> None:
    assert why(click(1, 60), click(2, 63), click(3, 66)) == ["all_links"] * 3
    assert why(click(1, 60), click(2, 64.5), click(3, 69), click(1, 600)) == [
        "all_links", "all_links", "all_links", "person"
    ]  # fmt: skip


def test_all_links_one_after_the_other_are_a_reader() -> None:
    assert why(click(1, 60), click(2, 75), click(3, 90)) == ["person"] * 3
    assert why(click(1, 60), click(2, 64), click(3, 75)) == ["person"] * 3


def test_two_links_within_a_second_are_a_scan() -> None:
    assert why(click(1, 60), click(2, 60.5), links=9) == ["together"] * 2


def test_many_requests_within_a_second_are_a_scan_also_for_one_link() -> None:
    clicks = [click(1, 60 + n / 10) for n in range(MANY_REQUESTS)]
    assert why(*clicks) == ["together"] * MANY_REQUESTS


def test_the_hidden_link_gives_its_burst_away_whatever_agents_it_used() -> None:
    assert why(click(1, 60, SAFARI), click(HIDDEN, 63), click(2, 67)) == [
        "same_burst", "hidden_link", "same_burst"
    ]  # fmt: skip


def test_the_hidden_link_gives_its_agent_away_for_an_hour() -> None:
    assert why(click(HIDDEN, 60), click(1, 900), click(1, 900, SAFARI), click(1, 4000)) == [
        "hidden_link", "same_agent", "person", "person"
    ]  # fmt: skip


def test_later_evidence_speaks_of_earlier_clicks() -> None:
    """What a lone click looked like is taken back when the burst around it shows."""
    first = click(1, 60)
    assert why(first) == ["person"]
    assert why(first, click(HIDDEN, 62)) == ["same_burst", "hidden_link"]
    assert why(click(1, 60), click(HIDDEN, 1800)) == ["same_agent", "hidden_link"]


clicks = st.lists(
    st.builds(
        click, st.integers(0, 4), st.floats(0, 40) | st.floats(-60, 7200),
        st.sampled_from([FIREFOX, SAFARI, "", "curl/8"]),
        st.sampled_from(["GET", "HEAD"]),
    ),
    max_size=12,
)  # fmt: skip


@given(clicks=clicks, links=st.integers(0, 5), order=st.randoms())
def test_an_answer_for_each_click_whatever_the_order_they_are_given_in(
    clicks: list[Click], links: int, order: Random
) -> None:
    found = judge(clicks, links, SENT)
    assert len(found) == len(clicks)
    for each, label in zip(clicks, found, strict=True):
        alone = judge([each], links, SENT)[0]
        if each.nth == HIDDEN:
            assert label is Why.HIDDEN_LINK
        if not alone.human:
            assert label is alone, "evidence of a click itself is never taken back"
    shuffled = order.sample(range(len(clicks)), len(clicks))
    again = judge([clicks[index] for index in shuffled], links, SENT)
    humans = {index for index, label in enumerate(found) if label.human}
    assert {shuffled[place] for place, label in enumerate(again) if label.human} == humans


@given(clicks=clicks, links=st.integers(0, 5), later=clicks)
def test_a_scanner_never_becomes_a_person_by_what_comes_later(
    clicks: list[Click], links: int, later: list[Click]
) -> None:
    before, after = judge(clicks, links, SENT), judge([*clicks, *later], links, SENT)
    assert not any(now.human and not then.human for then, now in zip(before, after, strict=False))


def test_every_answer_has_its_sentence() -> None:
    assert set(SENTENCES) == set(Why)
    assert all(words.endswith(".") for words in SENTENCES.values())
    assert [each for each in Why if each.human] == [Why.PERSON]
    assert f"{AT_ONCE.seconds} seconds" in SENTENCES[Why.AT_ONCE]
    assert BURST_GAP < SAME_AGENT
