"""Tickets as an operator brings them in, looks at them and says whose they are."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.cli.conftest import Cli
from tests.ingest.zendesk_desk import EMAIL, TOKEN, Desk, ticket

Rows = Callable[..., list[Any]]


@pytest.fixture
def desk(monkeypatch: pytest.MonkeyPatch) -> Iterator[Desk]:
    """A Zendesk on a loop of its own, and the settings that name it."""
    loop, found = asyncio.new_event_loop(), Desk()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    asyncio.run_coroutine_threadsafe(found.__aenter__(), loop).result(10)
    monkeypatch.setenv("ZENDESK_URL", found.url)
    monkeypatch.setenv("ZENDESK_EMAIL", EMAIL)
    monkeypatch.setenv("ZENDESK_TOKEN", TOKEN)
    try:
        yield found
    finally:
        asyncio.run_coroutine_threadsafe(found.__aexit__(), loop).result(10)
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


def test_tickets_are_pulled_listed_shown_and_linked(company: Cli, desk: Desk, rows: Rows) -> None:
    desk.faults = [(503, {}, b"")]
    desk.users = [{"id": 1, "email": "ada@acme.test"}, {"id": 2, "email": "joe@nowhere.test"}]
    desk.tickets = [
        ticket(7, subject="Late invoice", tags=["billing"], priority="urgent"),
        ticket(8, requester_id=2, organization_id=77, status="closed"),
    ]
    pulled = company("tickets", "pull")
    assert pulled.code == 0, pulled.err
    assert "2 tickets pulled: 2 new, 0 changed." in pulled.out
    assert "1 ticket waits for an account" in pulled.out
    assert "HTTP 503. It is asked again in 1 s." in pulled.err
    again = company("tickets", "pull", "--since", "2026-01-01", "--json")
    assert (again.json["tickets"], again.json["new"], again.json["updated"]) == (2, 0, 0)

    listed = company("tickets", "list", "acme", "--open")
    assert "zendesk:7" in listed.out
    assert "zendesk:8" not in listed.out
    waiting = company("tickets", "list", "--unmatched")
    assert "zendesk:8" in waiting.out
    assert "77" in waiting.out
    assert "tickets link" in waiting.out

    shown = company("tickets", "show", "7")
    assert "zendesk:7  (open, urgent, billing)" in shown.out
    assert "Account acme, by the address of who asked." in shown.out
    assert "From ada@acme.test, contact ada." in shown.out
    assert "Late invoice\n\nIt does not work." in shown.out
    unknown = company("tickets", "show", "zendesk:8").out
    assert "No account is known for it (77)" in unknown
    assert "`digital-cs tickets link 77 ACCOUNT --source zendesk` says whose it is." in unknown

    assert "1 ticket went to globex." in company("tickets", "link", "77", "globex").out
    assert "That was known already." in company("tickets", "link", "77", "globex").out
    assert company("tickets", "list", "globex", "--json").json[0]["matched_by"] == "organization"
    assert company("tickets", "list", "--unmatched").out == "No such ticket.\n"


def test_a_text_is_not_kept_longer_than_the_setting(
    company: Cli, desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TICKET_TEXT_DAYS", "0")
    desk.tickets = [ticket(7, subject="Late invoice")]
    assert company("tickets", "pull").code == 0
    shown = company("tickets", "show", "zendesk:7")
    assert "Late invoice" not in shown.out
    assert "Its text is not kept" in shown.out


def test_what_cannot_be_asked_is_said_in_a_sentence(
    company: Cli, desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert company("tickets", "show", "zendesk:1").code == 4
    assert company("tickets", "list", "nobody").code == 4
    assert company("tickets", "link", "77", "nobody").code == 4
    monkeypatch.setenv("ZENDESK_TOKEN", "another")
    refused = company("tickets", "pull")
    assert refused.code == 1
    assert "ZENDESK_TOKEN" in refused.err
    assert "ZENDESK_TOKEN" in company("sources", "show", "zendesk").out
    monkeypatch.delenv("ZENDESK_URL")
    nowhere = company("tickets", "pull")
    assert nowhere.code == 2
    assert "set ZENDESK_URL" in nowhere.err


def test_a_ticket_of_no_organization_is_not_said_to_be_found_by_a_link(
    company: Cli, desk: Desk
) -> None:
    desk.tickets = [ticket(8, requester_id=2)]
    company("tickets", "pull")

    shown = company("tickets", "show", "8").out

    assert "No account is known for it: it names no organization. It finds its account" in shown
    assert "tickets link" not in shown


def test_bad_tickets_are_told_and_the_others_kept(company: Cli, desk: Desk) -> None:
    desk.tickets = [ticket(7), ticket(8, status="simmering")]
    pulled = company("tickets", "pull")
    assert pulled.code == 1
    assert "1 ticket pulled: 1 new" in pulled.out
    assert "Ticket 8 has no status that is known." in pulled.err


def test_a_warehouse_is_imported_and_imported_again(company: Cli, tmp_path: Path) -> None:
    (tmp_path / "ticket_data.csv").write_text(
        "id,status,created_at,updated_at,requester_id\n"
        "1,solved,2026-02-01 09:00:00,2026-02-02 09:00:00,5\n2,open,,2026-02-02 09:00:00,6\n"
    )
    (tmp_path / "user_data.csv").write_text("id,email,time_zone\n5,ADA@acme.test,Berlin\n")
    done = company("tickets", "import-warehouse", tmp_path, "--zones")
    assert done.code == 1
    assert "1 ticket read: 1 new, 0 changed, 0 known already." in done.out
    assert "Complete up to Mon 2 Feb 2026 09:00 UTC." in done.out
    assert "ticket_data.csv, line 3: Ticket 2 has no created_at" in done.err
    assert "done without: ticket_tag, ticket_field_history, organization, domain_name" in done.out
    again = company("tickets", "import-warehouse", tmp_path, "--through", "2026-03-01", "--json")
    assert (again.json["same"], again.json["complete_through"]) == (
        1, "2026-03-01T00:00:00+00:00",
    )  # fmt: skip
    assert company("tickets", "list", "acme", "--json").json[0]["id"] == "zendesk:1"
    empty = company("tickets", "import-warehouse", tmp_path.parent / "content")
    assert empty.code == 2
