"""The shapes of Zendesk: a ticket as its API, its events and a warehouse's copy of it write one."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from digital_cs.domain.account import REAL_YEARS
from digital_cs.domain.support.ticket import read_severity, read_status
from digital_cs.errors import DigitalCsError
from digital_cs.store.support.tickets import TicketRecord

SOURCE = "zendesk"
"""The source of all its tickets, whichever way they come: so that they are known again."""

MOST_ID = 100
MOST_TEXT = 65_536
_UNFIT = re.compile(r"[\x00\ud800-\udfff]")
_UNFIT_IN_A_WORD = re.compile(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff]")


class ShapeError(DigitalCsError, ValueError):
    """What came is not a ticket of Zendesk. Compare it with docs/connecting-support.md."""


@dataclass(frozen=True, slots=True)
class Organization:
    """What Zendesk knows of a customer. `account` is its external id: ours, where it is kept."""

    account: str | None = None
    domains: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Directory:
    """What stands beside tickets, by Zendesk's ids: addresses, organizations, times of solving."""

    addresses: dict[str, str] = field(default_factory=dict)
    organizations: dict[str, Organization] = field(default_factory=dict)
    solved: dict[str, datetime] = field(default_factory=dict)

    def add_users(self, users: Iterable[Any]) -> None:
        """Take in the addresses of users; what is none of them is passed over."""
        for user in users:
            if isinstance(user, Mapping):
                id, address = read_id(user.get("id")), read_word(user.get("email"))
                if id and address:
                    self.addresses[id] = address

    def add_organizations(self, organizations: Iterable[Any]) -> None:
        """Take in organizations; what is none of them is passed over."""
        for each in organizations:
            id = read_id(each.get("id")) if isinstance(each, Mapping) else None
            if id:
                self.organizations[id] = Organization(
                    read_id(each.get("external_id")), _words(each.get("domain_names"))
                )

    def add_metrics(self, metrics: Iterable[Any]) -> None:
        """Take in when tickets were solved; one that is not says nothing."""
        for each in metrics:
            if isinstance(each, Mapping):
                id, solved_at = read_id(each.get("ticket_id")), _moment(each.get("solved_at"))
                if id and solved_at:
                    self.solved[id] = solved_at


def read_ticket(raw: Any, beside: Directory) -> TicketRecord:
    """A ticket, as an object or a row with Zendesk's names. Raises ShapeError, in words.

    What it does not say is left as it is known: events, for one, name no address.
    """
    if not isinstance(raw, Mapping):
        raise ShapeError("A ticket must be an object.")
    number = read_id(raw.get("id"))
    if number is None:
        raise ShapeError("A ticket has no id.")
    status = read_status(str(raw.get("status") or ""))
    if status is None:
        raise ShapeError(f"Ticket {number} has no status that is known.")
    organization = read_id(raw.get("organization_id"))
    known = beside.organizations.get(organization) if organization else None
    metrics = raw.get("metric_set")
    solved_at = _moment(metrics.get("solved_at")) if isinstance(metrics, Mapping) else None
    return TicketRecord(
        source=SOURCE, number=number, status=status,
        severity=read_severity(str(raw.get("priority") or "")),
        opened_at=read_moment(raw, "created_at"), updated_at=read_moment(raw, "updated_at"),
        solved_at=solved_at or beside.solved.get(number),
        requester_email=(
            read_word(raw.get("requester_email"))
            or beside.addresses.get(read_id(raw.get("requester_id")) or "")
        ),
        organization=organization,
        organization_account=(
            known.account if known else read_id(raw.get("organization_external_id"))
        ),
        organization_domains=known.domains if known else None,
        subject=_text(raw.get("subject")), body=_text(raw.get("description")),
        tags=_words(raw["tags"]) if raw.get("tags") is not None else None,
    )  # fmt: skip


def read_id(value: Any) -> str | None:
    """An id, which Zendesk writes as a number here and as a text there; it writes 0 for none."""
    if isinstance(value, bool) or not isinstance(value, (int, str)):
        return None
    text = str(value).strip()
    if not text or text == "0" or len(text) > MOST_ID or _UNFIT_IN_A_WORD.search(text):
        return None
    return text


def read_moment(raw: Mapping[str, Any], name: str) -> datetime:
    """A moment, in UTC where it names no zone, as warehouses write it. Raises ShapeError."""
    found = _moment(raw.get(name))
    if found is None:
        raise ShapeError(
            f"Ticket {read_id(raw.get('id'))} has no {name} that can be read:"
            " write it like 2026-03-02T09:00:00Z."
        )
    return found


def _moment(value: Any) -> datetime | None:
    text = str(value or "").strip().removesuffix(" UTC")
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        return None
    if found.year not in REAL_YEARS or ":" not in text:
        return None
    return found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)


def read_word(value: Any) -> str | None:
    """One line of text, None where there is none or it is not fit to be kept."""
    if not isinstance(value, str) or _UNFIT_IN_A_WORD.search(value):
        return None
    return value.strip() or None


def _words(value: Any) -> tuple[str, ...]:
    """A list of words, or a text with blanks or commas between them."""
    if isinstance(value, str):
        value = re.split(r"[\s,]+", value)
    if not isinstance(value, list):
        return ()
    words = (read_word(each) for each in value)
    return tuple(dict.fromkeys(word for word in words if word))


def _text(value: Any) -> str | None:
    """A text of any length; what Postgres cannot hold is left out of it."""
    return _UNFIT.sub("", value)[:MOST_TEXT].strip() or None if isinstance(value, str) else None
