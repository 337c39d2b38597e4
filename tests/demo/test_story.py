"""The facts of the sample company: in order, and never before there is an account."""

from __future__ import annotations

import json
from collections import Counter
from datetime import UTC, datetime, timedelta

import pytest

from digital_cs.demo.company import Company, generate
from digital_cs.demo.driver import in_batches
from digital_cs.demo.product import track
from digital_cs.demo.story import HISTORY, USAGE_EVENT, Fact, UsageDay, story_of
from digital_cs.demo.support import IN_TROUBLE, TicketExport, exports
from digital_cs.ingest.events.incoming import Track
from digital_cs.ingest.events.segment_messages import read_message
from digital_cs.store.people.accounts import AccountRecord
from digital_cs.store.people.contacts import ContactRecord
from digital_cs.store.product.events import EventRecord
from digital_cs.store.product.usage import UsageRecord

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
            case UsageDay():
                assert {record.account_id for record in fact.what.records} <= known
            case TicketExport():
                pass
    assert len(known) == 240


def test_an_event_is_told_when_it_happens_and_once(story: list[Fact]) -> None:
    events = [(fact.at, fact.what) for fact in story if isinstance(fact.what, EventRecord)]
    assert all(at == event.at for at, event in events)
    assert len({event.id for _, event in events}) == len(events)
    assert {event.name for _, event in events} >= {
        "trial_started", "subscribed", "renewed", "logged_in", "first_campaign_sent",
    }  # fmt: skip


def test_usage_before_the_first_day_is_counts_by_day_without_a_gap(story: list[Fact]) -> None:
    counted = [(fact.at, fact.what) for fact in story if isinstance(fact.what, UsageDay)]
    first = (ORIGIN - HISTORY).date()
    assert [usage.day for _, usage in counted] == [
        first + timedelta(days=number) for number in range(HISTORY.days)
    ]
    assert all(usage.day < at.date() and at <= ORIGIN for at, usage in counted)
    assert all(usage.records for _, usage in counted)


def test_usage_from_the_first_day_on_is_events_of_people_on_every_day(
    company: Company, story: list[Fact]
) -> None:
    used = [e for fact in story if isinstance(e := fact.what, EventRecord) and is_usage(e)]
    assert {event.day for event in used} == {
        (ORIGIN + timedelta(days=number)).date() for number in range(90)
    }
    people = {person.id: person for customer in company.customers for person in customer.contacts}
    by = [people[event.contact_id] for event in used if event.contact_id is not None]
    assert all(person.active for person in by)
    assert len({person.id for person in by}) > 300


def test_a_quiet_account_and_one_that_left_have_no_usage(
    company: Company, story: list[Fact]
) -> None:
    used = {
        (record.account_id, record.day)
        for fact in story
        for record in (fact.what.records if isinstance(fact.what, UsageDay) else [fact.what])
        if isinstance(record, UsageRecord) or (isinstance(record, EventRecord) and is_usage(record))
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


def is_usage(event: EventRecord) -> bool:
    return event.name == USAGE_EVENT


def test_an_event_is_sent_as_an_sdk_would(story: list[Fact]) -> None:
    now = ORIGIN + timedelta(days=90)
    sent = [fact.what for fact in story if isinstance(fact.what, EventRecord)][-500:]
    for event in sent:
        read = read_message(json.dumps(track(event)).encode(), now, None, 0)
        assert isinstance(read, Track)
        assert (read.id, read.name, read.at) == (event.id, event.name, event.at)
        assert (read.account_id, read.user_id) == (event.account_id, event.contact_id)


def test_support_exports_every_day_and_a_few_customers_ask_far_too_often(company: Company) -> None:
    exported = exports(company)
    assert [export.day for export in exported] == [
        (ORIGIN + timedelta(days=number)).date() for number in range(89)
    ]
    assert all(export.at.date() == export.day + timedelta(days=1) for export in exported)
    opened = {t.id: t for export in reversed(exported) for t in export.records}
    asked = Counter(str(t.requester_email).rpartition("@")[2] for t in opened.values())
    assert len([shop for shop, count in asked.items() if count >= 6]) == IN_TROUBLE
    assert sum(count == 1 for count in asked.values()) > 10
    for export in exported:
        ids = [ticket.id for ticket in export.records]
        assert len(ids) == len(set(ids)), "a ticket is in an export once, as it was that evening"
        assert all(t.updated_at.date() == export.day for t in export.records)


def test_batches_name_an_account_once_and_keep_its_order() -> None:
    first, second, other = (
        AccountRecord("a", "A", stage="trial"), AccountRecord("a", "A", stage="active"),
        AccountRecord("b", "B"),
    )  # fmt: skip
    assert list(in_batches([first, other, second])) == [[first, other], [second]]
    assert list(in_batches([])) == []
