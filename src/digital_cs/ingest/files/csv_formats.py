"""The CSV files that can be loaded: their fields, and what a row of each becomes."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime

from digital_cs.domain.support.ticket import Status, read_severity, read_status
from digital_cs.ingest.files.csv_cells import CellError, Cells
from digital_cs.ingest.files.csv_columns import Fields
from digital_cs.ingest.files.csv_files import Format
from digital_cs.store.people.accounts import AccountRecord
from digital_cs.store.people.contacts import ContactRecord
from digital_cs.store.people.subscriptions import SubscriptionRecord
from digital_cs.store.product.events import EventRecord
from digital_cs.store.support.ticket_matches import own_domains
from digital_cs.store.support.tickets import TicketRecord

BETWEEN = "\x1f"  # no cell has one in it


@dataclass(frozen=True, slots=True)
class UsageRow:
    """One row of usage. With an `id` it is a part of its day, else the whole of it.

    It names its account, or the subscription that it belongs to.
    """

    day: date
    event: str
    n: int
    users: int = 0
    value: float = 0.0
    account_id: str | None = None
    subscription_id: str | None = None
    id: str | None = None


@dataclass(frozen=True, slots=True)
class MilestoneRow:
    """A milestone that an account reached, as somebody states it."""

    account_id: str
    name: str
    reached_at: datetime


def _account(cells: Cells) -> AccountRecord:
    return AccountRecord(
        id=cells.id("id"),
        name=cells.maybe("name"),
        stage=cells.maybe("stage"),
        managed=cells.flag("managed"),
        zone=cells.zone("zone"),
        country=cells.country("country"),
        domains=tuple(own_domains(cells.words("domains"))) or None,
        traits=cells.traits(),
    )


def _contact(cells: Cells) -> ContactRecord:
    active = cells.flag("active")
    return ContactRecord(
        id=cells.id("id"),
        account_id=cells.id("account_id"),
        email=cells.address("email"),
        first_name=cells.text("first_name"),
        full_name=cells.text("full_name"),
        roles=cells.words("roles"),
        zone=cells.zone("zone"),
        language=cells.maybe("language"),
        active=active is not False,
    )


def _subscription(cells: Cells) -> SubscriptionRecord:
    starts_on, ends_on = cells.day("starts_on"), cells.maybe_day("ends_on")
    if ends_on is not None and ends_on < starts_on:
        raise CellError("ends_on", f"It ends on {ends_on}, before it starts on {starts_on}.")
    return SubscriptionRecord(
        id=cells.id("id"),
        account_id=cells.id("account_id"),
        starts_on=starts_on,
        ends_on=ends_on,
        product=cells.text("product"),
        plan=cells.maybe("plan"),
        mrr=cells.amount("mrr"),
        seats=cells.maybe_count("seats"),
        trial=cells.flag("trial") is True,
        traits=cells.traits(),
    )


def _event(cells: Cells) -> EventRecord:
    value = cells.amount("value")
    return EventRecord(
        id=cells.id("id"),
        account_id=cells.id("account_id"),
        name=cells.id("name"),
        at=cells.past_moment("at"),
        contact_id=cells.maybe_id("contact_id"),
        value=None if value is None else float(value),
    )


def _usage(cells: Cells) -> UsageRow:
    account, subscription = cells.maybe_id("account_id"), cells.maybe_id("subscription_id")
    if account is None and subscription is None:
        raise CellError("account_id", "It is empty.")
    return UsageRow(
        day=cells.past_day("day"),
        event=cells.id("event"),
        n=cells.count("n"),
        users=cells.maybe_count("users") or 0,
        value=float(cells.amount("value") or 0),
        account_id=account,
        subscription_id=subscription,
        id=cells.maybe_id("id"),
    )


def _usage_key(row: UsageRow) -> str:
    if row.id is not None:
        return BETWEEN + row.id
    whose = row.account_id or BETWEEN + (row.subscription_id or "")
    return BETWEEN.join((whose, row.event, str(row.day)))


def _milestone(cells: Cells) -> MilestoneRow:
    return MilestoneRow(
        account_id=cells.id("account_id"),
        name=cells.id("name"),
        reached_at=cells.past_moment("reached_at"),
    )


def _ticket(source: str, cells: Cells) -> TicketRecord:
    opened, solved = cells.past_moment("opened_at"), cells.maybe_moment("solved_at")
    if solved is not None and solved < opened:
        raise CellError("solved_at", "It was solved before it was opened.")
    updated = cells.maybe_moment("updated_at")
    by_dates: Status = "solved" if solved else "open"
    status: Status | None = cells.word_of(
        "status", read_status, "new, open, pending, hold, solved or closed"
    )
    tags = cells.words("tags")
    domains = cells.words("organization_domains")
    return TicketRecord(
        source=source,
        number=cells.id("id"),
        status=status or by_dates,
        opened_at=opened,
        updated_at=updated or solved or opened,
        severity=cells.word_of("severity", read_severity, "low, normal, high or urgent"),
        account_given=cells.maybe_id("account_id"),
        requester_email=cells.maybe_address("requester_email"),
        organization=cells.maybe_id("organization"),
        organization_domains=domains or None,
        subject=cells.long_text("subject"),
        body=cells.long_text("body"),
        tags=tags or None,
        topic=cells.maybe("topic"),
        solved_at=solved,
    )


ACCOUNTS = Format(
    Fields(
        "accounts", required=("id",),
        optional=("name", "stage", "managed", "zone", "country", "domains"), traits="any",
    ),
    parse=_account,
    key=lambda record: record.id,
)  # fmt: skip
CONTACTS = Format(
    Fields(
        "contacts", required=("id", "account_id", "email"),
        optional=("first_name", "full_name", "roles", "zone", "language", "active"),
    ),
    parse=_contact,
    key=lambda record: BETWEEN.join((record.id, record.account_id)),
)  # fmt: skip
SUBSCRIPTIONS = Format(
    Fields(
        "subscriptions", required=("id", "account_id", "starts_on"),
        optional=("ends_on", "product", "plan", "mrr", "seats", "trial"), traits="named",
    ),
    parse=_subscription,
    key=lambda record: record.id,
    dates=("starts_on", "ends_on"),
)  # fmt: skip
USAGE = Format(
    Fields(
        "usage", required=("day", "event", "n"), one_of=(("account_id", "subscription_id"),),
        optional=("id", "users", "value"),
    ),
    parse=_usage,
    key=_usage_key,
    dates=("day",),
    first_counts=lambda row: row.id is not None,
)  # fmt: skip
MILESTONES = Format(
    Fields("milestones", required=("account_id", "name", "reached_at")),
    parse=_milestone,
    key=lambda row: BETWEEN.join((row.account_id, row.name)),
    dates=("reached_at",),
    all_count=True,
)
EVENTS = Format(
    Fields("events", required=("id", "account_id", "name", "at"), optional=("contact_id", "value")),
    parse=_event,
    key=lambda record: record.id,
    dates=("at",),
    first_counts=lambda _: True,
)
ENROLLING = Format(
    Fields("accounts to enroll", required=("account_id",), traits="any"),
    parse=lambda cells: cells.id("account_id"),
    key=lambda id: id,
)


def tickets(source: str) -> Format[TicketRecord]:
    """The tickets of one help desk, by the name under which it is known here."""
    return Format(
        Fields(
            "tickets", required=("id", "opened_at"),
            one_of=(("account_id", "requester_email", "organization"),),
            optional=("updated_at", "solved_at", "status", "severity", "tags", "topic",
                      "organization_domains", "subject", "body"),
        ),
        parse=lambda cells: _ticket(source, cells),
        key=lambda record: record.number,
        dates=("opened_at", "updated_at", "solved_at"),
    )  # fmt: skip
