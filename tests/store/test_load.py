"""Loading: everything that a touch may look at, in one statement."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

from psycopg import AsyncConnection

from digital_cs.domain.account import Event
from digital_cs.domain.programs.enrollment import (
    Controls,
    MessageState,
    Position,
    TaskFact,
    WebhookFact,
)
from digital_cs.domain.timing.business_calendar import BusinessCalendar
from digital_cs.store.people.contacts import ContactRecord, save_contacts
from digital_cs.store.product.events import EventRecord, record_events
from digital_cs.store.product.milestones import give
from digital_cs.store.product.usage import UsageRecord, save_usage
from digital_cs.store.programs import touch_facts
from tests import rig
from tests.store.touching import ACME, ADA, ID, claim, enrolled, load, suppressed

Connection = AsyncConnection[Any]
HOUR = timedelta(hours=1)


async def test_a_fresh_enrollment(connection: Connection, accounts: list[str]) -> None:
    loaded = await enrolled(connection)

    assert (loaded.program_id, loaded.version, loaded.revision) == ("welcome", 1, 0)
    assert loaded.position == Position("touch-1", 1, rig.MONDAY)
    assert loaded.started_at == rig.MONDAY
    assert loaded.controls == Controls()
    assert not loaded.ended
    assert (loaded.account.stage, loaded.account.traits["seats"]) == ("trial", 5)
    assert loaded.account_name == f"Company {ACME}"
    assert loaded.recipients[ADA].address == f"{ACME}@company.test"
    assert (loaded.messages, loaded.claims, loaded.tasks, loaded.calls) == ({}, {}, {}, {})


async def test_there_may_be_none(connection: Connection) -> None:
    nobody = await touch_facts.load(connection, "welcome:nobody:1", rig.MONDAY, BusinessCalendar())
    assert nobody is None


async def test_people_come_in_a_fixed_order_with_why_they_are_not_written_to(
    connection: Connection, accounts: list[str]
) -> None:
    record = ContactRecord
    people = [
        record("c2", ACME, "Bob@Company.test", "Bob", "Bob B", ("admin", "user"), "Asia/Tokyo"),
        record("c3", ACME, "cy@company.test", active=False, language="de"),
        record("c1", ACME, "bob@company.test"),
    ]
    await save_contacts(connection, people, rig.MONDAY + HOUR)
    await suppressed(connection, "BOB@company.TEST", "unsubscribed")

    loaded = await enrolled(connection)

    found = [(c.id, c.roles, c.zone, c.active, c.quiet_because) for c in loaded.account.contacts]
    assert found == [
        (ADA, ("champion",), None, True, None),
        ("c1", (), None, True, "unsubscribed"),
        ("c2", ("admin", "user"), "Asia/Tokyo", True, "unsubscribed"),
        ("c3", (), None, False, None),
    ]
    assert loaded.recipients["c2"].role == "admin"
    assert loaded.recipients["c3"].language == "de"


async def test_facts_of_the_account(connection: Connection, accounts: list[str]) -> None:
    await save_usage(connection, [UsageRecord(ACME, date(2026, 2, 20), "login", 3)], rig.MONDAY)
    await rig.usage_complete(connection, date(2026, 3, 1))
    await give(connection, [(ACME, "first_send", rig.MONDAY - HOUR)])

    account = (await enrolled(connection)).account

    assert (account.last_active_on, account.usage_through) == (date(2026, 2, 20), date(2026, 3, 1))
    assert account.milestones == {"first_send": rig.MONDAY - HOUR}


async def test_events_count_from_the_enrollment_and_again_from_the_step(
    connection: Connection, accounts: list[str]
) -> None:
    """The first and the last of each day: a wait may count from either."""
    await rig.publish(
        connection,
        rig.program(
            "welcome",
            [{"wait_for": {"event": "login"}, "for_up_to": "30 days", "counting_from": "step"}],
        ),
        rig.MONDAY,
    )
    await enrolled(connection)
    step = rig.MONDAY + 10 * HOUR
    await connection.execute("update enrollments set entered_at = %s", (step,))
    moments = [-30, 2, 3, 11, 12, 30]
    await record_events(
        connection,
        [EventRecord(f"e{h}", ACME, "login", rig.MONDAY + h * HOUR) for h in moments]
        + [EventRecord("other", ACME, "nobody-asks", rig.MONDAY + HOUR)],
        rig.MONDAY,
    )

    found = (await load(connection)).account.events

    assert sorted(found, key=lambda event: event.at) == [
        Event("login", rig.MONDAY + h * HOUR) for h in (2, 12, 30)
    ]


async def test_what_people_asked_for(connection: Connection, accounts: list[str]) -> None:
    await enrolled(connection)
    later = rig.MONDAY + HOUR
    await connection.execute(
        "update enrollments set exit_because = 'asked', skip_visit = 1, not_before = %s,"
        " skip_due_before = %s, wake_at = %s, ended_at = %s",
        (later, later, later, later),
    )

    loaded = await load(connection)

    assert loaded.controls == Controls(False, "asked", 1, later, later)
    assert loaded.ended
    assert loaded.wake_at == later


async def test_paused_by_hand_or_by_the_program(
    connection: Connection, accounts: list[str]
) -> None:
    await enrolled(connection)
    for state, by_hand, paused in [
        ("running", False, False), ("running", True, True), ("paused", False, True),
        ("paused-closed", False, True), ("closed", False, False), ("finishing", False, False),
    ]:  # fmt: skip
        await connection.execute("update programs set state = %s", (state,))
        await connection.execute("update enrollments set paused = %s", (by_hand,))
        assert (await load(connection)).controls.paused is paused


async def test_messages_tasks_and_calls_of_this_visit_and_of_later_ones(
    connection: Connection, accounts: list[str]
) -> None:
    """Instant steps are written down together: a touch may have come further than its position."""
    await enrolled(connection)
    for visit in (1, 2, 3):
        await connection.execute(
            "insert into tasks (key, enrollment_id, program_id, account_id, step, visit, title,"
            " note, assign_to, state, opened_at, due_at, closed_at) values (%s, %s, 'welcome', %s,"
            " 's', %s, 't', '', 'csm', %s, now(), %s, %s)",
            (f"t{visit}", ID, ACME, visit, "done" if visit == 2 else "expired", rig.MONDAY,
             rig.MONDAY),
        )  # fmt: skip
        await connection.execute(
            "insert into webhook_calls (key, enrollment_id, program_id, account_id, step, visit,"
            " url, state, attempts, give_up_at, changed_at) values (%s, %s, 'welcome', %s, 's', %s,"
            " 'u', %s, 2, now(), now())",
            (f"w{visit}", ID, ACME, visit, "delivered" if visit == 2 else "dead"),
        )
    await claim(connection, seconds=30)
    await connection.execute("update enrollments set visit = 2")
    later = await load(connection)
    assert later.messages == {}
    assert later.tasks == {2: TaskFact(rig.MONDAY, rig.MONDAY), 3: TaskFact(None, rig.MONDAY)}
    assert later.calls == {2: WebhookFact(True, True, 2), 3: WebhookFact(True, False, 2)}

    await connection.execute("update enrollments set visit = 1")
    loaded = await load(connection)
    assert loaded.messages[1].state is MessageState.CLAIMED
    assert (loaded.messages[1].contact_id, loaded.messages[1].attempts) == (ADA, 1)
    assert 0 < loaded.claims[1].seconds_left <= 30


ALIKE = (
    "enrollment_id, program_id, version, step, visit, account_id, email, kind, priority, due_at,"
    " attempts"
)


async def test_of_several_contacts_tried_at_a_visit_the_one_that_got_it_counts(
    connection: Connection, accounts: list[str]
) -> None:
    await enrolled(connection)
    await claim(connection)
    for state, other in [("skipped", "planned"), ("planned", "accepted"), ("unknown", "accepted")]:
        await connection.execute("delete from messages where key = 'other'")
        await connection.execute("update messages set state = %s", (state,))
        await connection.execute(
            f"insert into messages (key, contact_id, state, {ALIKE})"
            f" select 'other', 'other', %s, {ALIKE} from messages",
            (other,),
        )
        assert (await load(connection)).messages[1].contact_id == "other"
