"""A help desk for tests of topics: accounts, tickets with texts, and what became of them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from psycopg_pool import AsyncConnectionPool

from digital_cs.domain.support.topic import Topic, Topics
from digital_cs.ingest.support.topic_publishing import publish
from digital_cs.ingest.support.topics import Sorted, TicketSorter
from digital_cs.store.support import tickets
from digital_cs.store.support.tickets import TicketRecord
from tests.activities.house import StoppedClock

THEMES = {
    "slow": [
        "The dashboard pages load very slowly", "Pages load slowly in the dashboard",
        "Every dashboard page loads slowly today", "Dashboard pages load so slowly again",
        "Why do the dashboard pages load slowly", "Slow dashboard, all pages load slowly",
        "Our dashboard pages load slowly here", "The dashboard loads its pages slowly",
    ],
    "coupon": [
        "The coupon code expires too early", "Our coupon codes expire on the same day",
        "Coupon code expired before the sale", "Why does the coupon code expire so early",
        "Can a coupon code expire later", "All coupon codes expired yesterday",
        "The coupon code of the sale expired early", "Please let the coupon codes expire later",
    ],
    "export": [
        "Export all contacts to Excel", "The Excel export misses columns", "Export takes hours",
        "How do we export contacts", "Export of contacts stops half way",
        "Excel file of the export is empty", "Contacts export lacks the phone column",
        "Download contacts as Excel",
    ],
    "font": [
        "Can we upload our own font", "Custom font is not shown", "Font upload fails",
        "The font of the heading is wrong", "Upload a font for headings",
        "Our own fonts are not in the list", "Which fonts can we upload",
        "Heading font cannot be changed",
    ],
    "key": [
        "Rotate the API key", "Our API key stopped working", "API key is refused",
        "Where is the API key", "A new API key for our server", "Revoke an old API key",
        "Two API keys for one server", "API key was leaked",
    ],
    "login": [
        "I forgot my password", "Password reset mail does not come", "Cannot sign in any more",
        "Sign in fails with a wrong password", "Reset the password of a colleague",
        "The password is right and sign in fails", "How do I reset my password",
        "Signing in asks for the password again and again",
    ],
    "invoice": [
        "The invoice has a wrong address", "Send the invoice to our accountant",
        "Invoice of March is missing", "VAT number on the invoice", "Two invoices for one month",
        "Change the address on invoices", "Where do I find old invoices", "The invoice is not paid",
    ],
    "form": [
        "The sign-up form is not shown", "Embed the form on our page", "Form lacks a field",
        "Who filled in the form", "The form on our page is too wide", "Pop-up form comes twice",
        "Hide the form on phones", "Add a field to the form",
    ],
}  # fmt: skip
"""What customers ask, eight tickets of each theme."""


def topic(name: str, *phrases: str, tags: Iterable[str] = (), **rest: Any) -> Topic:
    """A topic that any of these phrases and tags catches."""
    rules = [{"any": {"phrases": phrases, "tags": tuple(tags)}}] if phrases or tags else []
    return Topic.model_validate(
        {"topic": name, "title": name.title(), "owner": "support", "rules": rules, **rest}
    )


@dataclass
class TopicDesk:
    """Tickets on a database of one test; `number` is that of the last ticket."""

    pool: AsyncConnectionPool[Any]
    clock: StoppedClock
    number: int = 0
    sorter: TicketSorter = field(init=False)

    def __post_init__(self) -> None:
        self.sorter = TicketSorter(self.pool, self.clock)

    async def accounts(self, *ids: str, stage: str = "active") -> None:
        """Accounts with a person each, called as it."""
        await self.do(
            "insert into accounts (id, name, stage, created_at, updated_at)"
            " select id, initcap(id) || ' Ltd', %s, %s, %s from unnest(%s::text[]) id"
            " on conflict do nothing",
            stage, self.clock.now(), self.clock.now(), list(ids),
        )  # fmt: skip

    async def asks(self, account: str | None, subject: str | None, **parts: Any) -> str:
        """A ticket, an hour old unless said otherwise; its id."""
        self.number += 1
        at = parts.pop("at", self.clock.now() - timedelta(hours=1))
        record = TicketRecord(
            **{"source": "desk", "number": f"{self.number:05}", "status": "open", "opened_at": at,
               "updated_at": at, "subject": subject, "account_given": account, **parts}
        )  # fmt: skip
        await self.save(record)
        return record.id

    async def save(self, *records: TicketRecord, days: int = 180) -> None:
        """Save tickets as an import does."""
        async with self.pool.connection() as connection, connection.transaction():
            await tickets.save_tickets(connection, records, self.clock.now(), text_days=days)

    async def publish(self, *topics: Topic) -> Sorted:
        """Put topics in force and sort all tickets by them."""
        await publish(self.pool, Topics(topics=topics), self.clock.now())
        return await self.sorter.all_again()

    async def topic_of(self, id: str) -> str | None:
        """The topic that holds."""
        ((found,),) = await self.rows("select topic from tickets where id = %s", id)
        return None if found is None else str(found)

    async def why(self, id: str) -> tuple[Any, ...] | None:
        """By what, which rule, and which words."""
        found = await self.rows("select by, rule, words from ticket_topics where ticket = %s", id)
        return found[0] if found else None

    async def rows(self, query: str, *values: Any) -> list[tuple[Any, ...]]:
        async with self.pool.connection() as connection:
            return await (await connection.execute(query, values)).fetchall()

    async def do(self, query: str, *values: Any) -> None:
        async with self.pool.connection() as connection:
            await connection.execute(query, values)
