"""The facts of the sample company: in order, and never before there is an account."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from digital_cs.demo.company import Company, generate
from digital_cs.demo.driver import in_batches
from digital_cs.demo.story import Fact, UsageFeed, story_of
from digital_cs.store.accounts import AccountRecord
from digital_cs.store.contacts import ContactRecord
from digital_cs.store.events import EventRecord

ORIGIN = datetime(2026, 3, 2, tzinfo=UTC)


@pytest.fixture(scope="module")
def company() -> Company:
    return generate(240, 1, ORIGIN)


@pytest.fixture(scope="module")
def story(company: Company) -> list[Fact]:
    return story_of(company)


def test_the_story_of_a_company_is_always_the_same(company: Company, story: list[Fact]) -> None:
    assert story_of(company) == story


def test_facts_come_in_order_and_end_with_the_days(story: list[Fact]) -> None:
    moments = [fact.at for fact in story]
    assert moments == sorted(moments)
    assert moments[-1] < ORIGIN + timedelta(days=90)


def test_nothing_is_told_of_an_account_before_the_account_itself(story: list[Fact]) -> None:
    known: set[str] = set()
    for fact in story:
        match fact.what:
            case AccountRecord():
                known.add(fact.what.id)
            case ContactRecord() | EventRecord():
                assert fact.what.account_id in known
            case UsageFeed():
                assert {record.account_id for record in fact.what.records} <= known
    assert len(known) == 240


def test_an_event_is_told_when_it_happens_and_once(story: list[Fact]) -> None:
    events = [(fact.at, fact.what) for fact in story if isinstance(fact.what, EventRecord)]
    assert all(at == event.at for at, event in events)
    assert len({event.id for _, event in events}) == len(events)
    assert {event.name for _, event in events} >= {
        "trial_started", "subscribed", "renewed", "logged_in", "first_campaign_sent",
    }  # fmt: skip


def test_usage_is_told_for_every_day_without_a_gap(story: list[Fact]) -> None:
    feeds = [(fact.at, fact.what) for fact in story if isinstance(fact.what, UsageFeed)]
    days = [feed.day for _, feed in feeds]
    assert days == [days[0] + timedelta(days=number) for number in range(len(days))]
    assert all(at.date() == feed.day + timedelta(days=1) for at, feed in feeds)
    assert all(feed.records for _, feed in feeds)


def test_a_quiet_account_and_one_that_left_have_no_usage(
    company: Company, story: list[Fact]
) -> None:
    used = {
        (record.account_id, feed.what.day)
        for feed in story
        if isinstance(feed.what, UsageFeed)
        for record in feed.what.records
    }
    quiet = [customer for customer in company.customers if customer.quiet]
    assert quiet
    for customer in quiet:
        assert customer.quiet is not None
        length = (customer.quiet.last - customer.quiet.first).days
        assert length > 14, "long enough for the program to see it"
        days = {customer.quiet.first + timedelta(days=number) for number in range(length + 1)}
        assert not {(customer.id, day) for day in days} & used
    for customer in company.customers:
        if customer.churns is not None and customer.returns is None:
            assert not any(
                id == customer.id and day >= customer.churns.date() for id, day in used
            )  # fmt: skip


def test_batches_name_an_account_once_and_keep_its_order() -> None:
    first, second, other = (
        AccountRecord("a", "A", stage="trial"), AccountRecord("a", "A", stage="active"),
        AccountRecord("b", "B"),
    )  # fmt: skip
    assert list(in_batches([first, other, second])) == [[first, other], [second]]
    assert list(in_batches([])) == []
