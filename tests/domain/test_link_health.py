"""P24: a link is broken after failures on three days, not before; and what redirects mean."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from digital_cs.domain.links.link_health import (
    Finding,
    Health,
    Look,
    State,
    after,
    health_of,
    health_words,
)
from digital_cs.domain.links.link_url import LinkSchemeError, LinkUrlError, normal_url, site_of
from digital_cs.domain.links.redirect import Redirect, redirect_of

MONDAY = datetime(2026, 3, 2, 9, tzinfo=UTC)
URL = "https://docs.test/a"


def looks(*findings: Finding, every: timedelta = timedelta(days=1)) -> list[Look]:
    return [Look(MONDAY + n * every, finding) for n, finding in enumerate(findings)]


def test_a_link_nobody_looked_at_is_unknown() -> None:
    assert health_of(URL, []) == Health()
    assert health_words(Health()) == "Not looked at yet."


def test_a_link_is_broken_after_failures_on_three_days_and_not_before() -> None:
    found = looks(Finding.OK, Finding.NOT_FOUND, Finding.SERVER_ERROR, Finding.NOT_FOUND)
    states = [health_of(URL, found[:n]).state for n in range(1, 5)]
    assert states == [State.OK, State.FAILING, State.FAILING, State.BROKEN]
    broken = health_of(URL, found)
    assert (broken.since, broken.tries, broken.days) == (found[1].at, 3, 3)
    assert health_words(broken) == "Broken since 3 March 2026: not found, 3 times on 3 days."


def test_many_failures_on_one_day_are_one_day() -> None:
    health = health_of(URL, looks(*[Finding.NO_ANSWER] * 20, every=timedelta(minutes=30)))
    assert (health.state, health.tries, health.days) == (State.FAILING, 20, 1)
    assert "once it has failed on 2 more days" in health_words(health)


def test_one_good_look_forgives_all() -> None:
    health = health_of(URL, looks(Finding.GONE, Finding.GONE, Finding.OK, Finding.GONE))
    assert (health.state, health.tries, health.days) == (State.FAILING, 1, 1)
    assert health.since == MONDAY + timedelta(days=3)


def test_a_server_that_asks_us_to_come_later_says_nothing_of_the_link() -> None:
    failing = health_of(URL, looks(Finding.NOT_FOUND, Finding.NOT_FOUND))
    busy = Look(MONDAY + timedelta(days=2), Finding.BUSY, 429, wait=timedelta(hours=6))
    later = after(failing, busy, URL)
    assert (later.state, later.tries, later.days) == (State.FAILING, 2, 2)
    assert later.next_check_at is not None
    assert timedelta(hours=6) <= later.next_check_at - busy.at <= timedelta(hours=6.6)
    long = after(failing, Look(MONDAY, Finding.BUSY, wait=timedelta(days=400)), URL)
    assert long.next_check_at is not None
    assert long.next_check_at - MONDAY < timedelta(days=8)


def test_what_may_not_be_looked_at_is_refused_and_not_broken() -> None:
    for finding in (
        Finding.PRIVATE, Finding.RESERVED, Finding.ROBOTS, Finding.SCHEME, Finding.DENIED,
    ):  # fmt: skip
        health = health_of(URL, looks(*[finding] * 5))
        assert (health.state, health.since) == (State.REFUSED, MONDAY)
        assert not health.worth_telling


@given(st.lists(st.tuples(st.sampled_from(Finding), st.integers(0, 200)), max_size=40))
def test_no_history_makes_a_link_broken_without_three_failing_days_in_a_row(
    history: list[tuple[Finding, int]],
) -> None:
    at, found = MONDAY, []
    for finding, hours in history:
        at += timedelta(hours=hours)
        found.append(Look(at, finding))
    health = health_of(URL, found)
    days: set[object] = set()
    for look in found:
        if look.finding.failed:
            days.add(look.at.date())
        elif look.finding is not Finding.BUSY:
            days.clear()
    assert (health.state is State.BROKEN) == (len(days) >= 3)
    assert health.days == len(days)
    if found:
        assert health.next_check_at is not None
        assert timedelta(minutes=30) < health.next_check_at - at <= timedelta(days=15.5)
    assert health_words(health).endswith(".")


def test_retries_fall_on_different_days_so_that_broken_is_known_within_four() -> None:
    health, at = Health(), MONDAY
    while health.state is not State.BROKEN:
        health = after(health, Look(at, Finding.NOT_FOUND), URL)
        assert health.next_check_at is not None
        at = health.next_check_at
    assert health.checked_at is not None
    assert timedelta(days=1) < health.checked_at - MONDAY < timedelta(days=4)


def test_looks_at_many_links_are_spread_though_they_began_together() -> None:
    moments = {
        after(Health(), Look(MONDAY, Finding.OK), f"{URL}{n}").next_check_at for n in range(100)
    }
    assert len(moments) == 100
    spread = max(filter(None, moments)) - min(filter(None, moments))
    assert spread > timedelta(days=1)


@pytest.mark.parametrize(
    ("asked", "reached", "permanent", "redirect"),
    [
        ("http://a.test/x", "https://www.a.test/x/", True, Redirect.SAME),
        ("https://a.test/", "https://a.test/en/", False, Redirect.SAME),
        ("https://a.test/x", "https://a.test/y", True, Redirect.MOVED),
        ("https://a.test/x", "https://a.test/y", False, Redirect.TEMPORARY),
        ("https://a.test/x", "https://a.test/", True, Redirect.HOME),
        ("https://a.test/", "https://b.test/", True, Redirect.HOME),
        ("https://a.test/x", "https://b.test/en-us/", False, Redirect.HOME),
        ("https://a.test/x", "https://a.test/users/sign_in?to=x", False, Redirect.LOGIN),
        ("https://a.test/x", "https://login.idp.test/oauth2/authorize", False, Redirect.LOGIN),
        ("https://a.test/login", "https://a.test/sso/login", False, Redirect.TEMPORARY),
        ("https://a.test/x", "https://a.test/blog/assign-in-bulk", True, Redirect.MOVED),
    ],
)
def test_a_redirect_means_what_people_would_say(
    asked: str, reached: str, permanent: bool, redirect: Redirect
) -> None:
    assert redirect_of(asked, reached, permanent=permanent) is redirect


def test_what_a_person_should_change_is_told_and_nothing_else() -> None:
    def led(to: str, permanent: bool = True) -> Health:
        return after(Health(), Look(MONDAY, Finding.OK, 200, "", to, permanent), URL)

    moved, home, now = led("https://docs.test/b"), led("https://docs.test/"), led(
        "https://docs.test/b", permanent=False
    )  # fmt: skip
    assert moved.worth_telling
    assert home.worth_telling
    assert not now.worth_telling
    assert health_words(moved) == "Moved for good to https://docs.test/b: change the link."
    assert led("https://www.docs.test/a/").state is State.OK


@pytest.mark.parametrize(
    ("text", "url"),
    [
        ("HTTP://Docs.Test:80", "http://docs.test/"),
        (" https://a.test/x y?q=ä#part ", "https://a.test/x%20y?q=%C3%A4"),
        ("https://user:pass@a.test/", "https://a.test/"),
        ("https://bücher.test./a", "https://xn--bcher-kva.test/a"),
        ("https://a.test:8443/%7Ex", "https://a.test:8443/%7Ex"),
        ("http://[::1]:8080/", "http://[::1]:8080/"),
    ],
)
def test_addresses_are_brought_to_one_form(text: str, url: str) -> None:
    assert normal_url(text) == url
    assert normal_url(url) == url


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("mailto:a", LinkSchemeError), ("javascript:alert(1)", LinkSchemeError),
        ("/relative", LinkUrlError), ("https://", LinkUrlError), ("http://[::1", LinkUrlError),
        ("http://a.test:99999/", LinkUrlError), ("https://a b.test/", LinkUrlError),
        ("https://" + "a" * 64 + ".test/", LinkUrlError), ("https://a.test/" + "x" * 3000,
        LinkUrlError), ("https://a.test\r\nhost: b/", LinkUrlError),
    ],
)  # fmt: skip
def test_what_is_no_address_of_a_page_is_refused(text: str, error: type[Exception]) -> None:
    with pytest.raises(error):
        normal_url(text)


def test_relative_addresses_stand_on_their_page() -> None:
    assert normal_url("../b?c", "https://a.test/x/y") == "https://a.test/b?c"
    assert site_of("https://docs.a.co.uk/") == "a.co.uk"
    assert site_of("http://10.0.0.1/") == "10.0.0.1"
