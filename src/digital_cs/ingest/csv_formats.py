"""The CSV files that can be loaded: their columns, and what a row of each becomes."""

from __future__ import annotations

from digital_cs.ingest.csv_cells import Cells
from digital_cs.ingest.csv_files import Format
from digital_cs.store.accounts import AccountRecord, ContactRecord, EventRecord, UsageRecord


def _account(cells: Cells) -> AccountRecord:
    id = cells.id("id")
    return AccountRecord(
        id=id,
        name=cells.text("name") or id,
        stage=cells.maybe("stage"),
        managed=cells.flag("managed"),
        zone=cells.zone("zone"),
        country=cells.country("country"),
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


def _event(cells: Cells) -> EventRecord:
    return EventRecord(
        id=cells.id("id"),
        account_id=cells.id("account_id"),
        name=cells.id("name"),
        at=cells.moment("at"),
        contact_id=cells.maybe("contact_id"),
    )


def _usage(cells: Cells) -> UsageRecord:
    return UsageRecord(
        account_id=cells.id("account_id"),
        day=cells.past_day("day"),
        event=cells.id("event"),
        n=cells.count("n"),
        users=cells.count("users"),
    )


ACCOUNTS = Format(
    "accounts",
    required=("id", "name"),
    optional=("stage", "managed", "zone", "country"),
    parse=_account,
    key=lambda record: record.id,
    traits=True,
)
CONTACTS = Format(
    "contacts",
    required=("id", "account_id", "email"),
    optional=("first_name", "full_name", "roles", "zone", "language", "active"),
    parse=_contact,
    key=lambda record: record.id,
)
EVENTS = Format(
    "events",
    required=("id", "account_id", "name", "at"),
    optional=("contact_id",),
    parse=_event,
    key=lambda record: record.id,
    first_counts=True,
)
USAGE = Format(
    "usage",
    required=("account_id", "day", "event", "n"),
    optional=("users",),
    parse=_usage,
    key=lambda record: (record.account_id, record.day, record.event),
)
ENROLLING = Format(
    "accounts to enroll",
    required=("account_id",),
    optional=(),
    parse=lambda cells: cells.id("account_id"),
    key=lambda id: id,
    traits=True,
)
