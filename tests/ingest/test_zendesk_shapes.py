"""Whatever comes instead of a ticket is refused in words, and what is taken can be kept."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from psycopg import AsyncConnection

from digital_cs.ingest.support.zendesk_shapes import (
    Directory,
    Organization,
    ShapeError,
    read_ticket,
)
from digital_cs.ingest.support.zendesk_webhook import read_push
from digital_cs.store.support.tickets import TicketRecord, save_tickets
from tests.ingest.zendesk_desk import ticket

NOW = datetime(2026, 3, 2, 9, tzinfo=UTC)
ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text()
    | st.sampled_from(["open", "2026-03-01T09:00:00Z", "\x00", "\ud800", "9999-12-31T23:59:59Z"]),
    lambda inside: st.lists(inside, max_size=3) | st.dictionaries(st.text(), inside, max_size=3),
    max_leaves=8,
)  # fmt: skip


def attempt(read: Callable[[], Any]) -> Any:
    """What is read; the sentence, where it is refused."""
    try:
        return read()
    except ShapeError as error:
        return str(error)


FIELDS = [*ticket(1), "metric_set", "requester_email", "organization_external_id"]


@settings(max_examples=150, deadline=None,
          suppress_health_check=[HealthCheck.function_scoped_fixture])  # fmt: skip
@given(changes=st.dictionaries(st.sampled_from(FIELDS), ANYTHING, max_size=4))
async def test_a_ticket_with_anything_in_it_is_kept_or_refused_in_words(
    connection: AsyncConnection[Any], changes: dict[str, Any]
) -> None:
    record = attempt(lambda: read_ticket({**ticket(1), **changes}, Directory()))
    if isinstance(record, str):
        assert record.startswith(("Ticket ", "A ticket "))
        return
    saved = await save_tickets(connection, [record], NOW, text_days=36_500)
    assert saved.new + saved.updated + saved.stale + saved.same == 1


@given(ANYTHING)
def test_a_push_of_anything_is_read_or_refused_in_words(anything: Any) -> None:
    for sent in (anything, {"ticket": anything}, {"type": anything, "detail": anything},
                 {"type": "zen:event-type:ticket.created", "detail": anything}):  # fmt: skip
        found = attempt(lambda sent=sent: read_push(json.dumps(sent).encode()))
        assert found is None or isinstance(found, TicketRecord) or found.endswith(".")


def test_what_stands_beside_tickets_is_taken_in_and_what_is_odd_passed_over() -> None:
    beside = Directory()
    odd: list[Any] = [None, 7, "x", {}, {"id": None}, {"id": True, "email": "a@b"}]
    beside.add_users([*odd, {"id": 5, "email": None}, {"id": "6", "email": "ada@acme.test "}])
    beside.add_organizations([*odd, {"id": 7, "external_id": "", "domain_names": "a.test b.test"},
                              {"id": 8, "external_id": "acme", "domain_names": None}])  # fmt: skip
    beside.add_metrics([*odd, {"ticket_id": 1, "solved_at": "soon"},
                        {"ticket_id": 2, "solved_at": "2026-03-01T10:00:00+01:00"}])  # fmt: skip
    assert beside.addresses == {"6": "ada@acme.test"}
    assert beside.organizations == {
        "7": Organization(None, ("a.test", "b.test")), "8": Organization("acme", ()),
    }  # fmt: skip
    assert beside.solved == {"2": datetime(2026, 3, 1, 9, tzinfo=UTC)}


@pytest.mark.parametrize("none", [None, "", 0, "0"])
def test_an_id_of_none_is_none(none: object) -> None:
    record = read_ticket({**ticket(1), "organization_id": none}, Directory())
    assert record.organization is None
