"""A small library with all that speaks for and against it, set down row by row."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any

from psycopg import AsyncConnection
from psycopg.types.json import Jsonb

from digital_cs.domain.content.content_item import Checked, ContentItem, Review
from digital_cs.domain.content.content_policy import ContentPolicy
from digital_cs.domain.content.evidence import Evidence, Signal
from digital_cs.domain.content.team import Team
from digital_cs.ingest.content.evidence import Refreshed, refresh
from digital_cs.store.content import evidence, library, live_pages, reviews
from digital_cs.store.people.accounts import AccountRecord, save_accounts
from digital_cs.store.product import partitions
from digital_cs.store.support.tickets import TicketRecord, save_tickets
from tests.rig import MONDAY

Connection = AsyncConnection[Any]
TODAY = MONDAY.date()
DAY = timedelta(days=1)


class Knowledge:
    """Items, and what happens around them; `now` is turned by hand."""

    def __init__(self, connection: Connection) -> None:
        self.connection = connection
        self.now = MONDAY
        self.policy = ContentPolicy()
        self.team = Team()
        self._rows = 0

    async def item(self, id: str, **columns: Any) -> str:
        """An article about exports, reviewed two months ago, unless said otherwise."""
        await self.connection.execute(
            "insert into content_sources (name, kind, location, options, created_at)"
            " values ('kb', 'folder', 'kb', '{}', %s) on conflict do nothing",
            (self.now,),
        )
        row = {
            "id": id, "source": "kb", "locator": f"{id}.md", "kind": "article", "title": id,
            "added_on": TODAY - 200 * DAY, "edited_at": MONDAY - 200 * DAY, "version": 1,
            "content_hash": "", "volatility": "normal", "topic": "exports", "area": "reports",
            "url": f"https://help.company.test/{id}", "owner": "maya",
            "reviewed_on": TODAY - 60 * DAY, **columns,
        }  # fmt: skip
        names = ", ".join(row)
        places = ", ".join(["%s"] * len(row))
        await self.connection.execute(
            f"insert into content_items ({names}) values ({places})",
            list(row.values()),
        )
        return id

    async def link(self, item: str, url: str, line: int, **state: Any) -> None:
        """A link in an item (line 0: its own page), and what is known of it."""
        await self.connection.execute(
            "insert into links (item_id, url, line, kind) values (%s, %s, %s, %s)",
            (item, url, line, "link" if line else "page"),
        )
        row = {"url": url, "host": "somewhere.test", "checked_at": self.now, **state}
        names = ", ".join(row)
        places = ", ".join(["%s"] * len(row))
        await self.connection.execute(
            f"insert into link_states ({names}) values ({places}) on conflict do nothing",
            list(row.values()),
        )

    async def broken(self, item: str, url: str, line: int, since: datetime) -> None:
        """A link that failed on three days from then on."""
        await self.link(
            item, url, line, state="broken", finding="not found", since=since, tries=3, days=3,
            detail="the server says 404", status=404,
        )  # fmt: skip

    async def ticket(
        self, account: str, topic: str | None, at: datetime, *, solved: datetime | None = None,
        body: str | None = None, tags: Sequence[str] = (),
    ) -> str:  # fmt: skip
        """A ticket of an account; returns its id."""
        await save_accounts(self.connection, [AccountRecord(account, account)], self.now)
        self._rows += 1
        record = TicketRecord(
            "desk", str(self._rows), "solved" if solved else "open", at, solved or at,
            account_given=account, topic=topic, body=body, tags=tuple(sorted(tags)),
            solved_at=solved,
        )  # fmt: skip
        await save_tickets(self.connection, [record], self.now, text_days=30)
        return record.id

    async def source_of_tickets(self) -> None:
        await self.connection.execute(
            "insert into sources (name, kind, feeds) values ('desk', 'zendesk', '{tickets}')"
        )

    async def click(self, account: str, url: str, at: datetime, *, human: bool = True) -> None:
        """Somebody of an account follows a link of a message."""
        self._rows += 1
        key = f"message-{self._rows}"
        async with self.connection.transaction():
            # Of no interest here is which program sent it to whom.
            await self.connection.execute("set local session_replication_role = replica")
            await self.connection.execute(
                "insert into messages (key, enrollment_id, program_id, version, step, visit,"
                " account_id, email, kind, priority, state, due_at, attempts) values (%s, 'e', 'p',"
                " 1, 's', 1, %s, 'ada@company.test', 'marketing', 'normal', 'accepted', %s, 1)",
                (key, account, at),
            )
        await self.connection.execute(
            "insert into clicks (message_key, nth, url, at, human, why) values (%s, 1, %s, %s, %s,"
            " %s)",
            (key, url, at, human, "person" if human else "hidden_link"),
        )

    async def event(self, name: str, who: str | None, **properties: Any) -> None:
        """An event that the help center sends now."""
        self._rows += 1
        async with self.connection.transaction():
            await partitions.ensure(self.connection, [self.now.date()], self.now)
            await partitions.received(self.connection, [self.now.date()], self.now)
        await self.connection.execute(
            "insert into product_events (id, day, at, received_at, user_id, kind, name, properties,"
            " source) values (%s, %s, %s, %s, %s, 'track', %s, %s, 'help')",
            (f"event-{self._rows}", self.now.date(), self.now, self.now, who, name,
             Jsonb(properties)),
        )  # fmt: skip

    async def page_says(self, url: str, text: str) -> None:
        """What the link checker reads on a page now."""
        await live_pages.keep(self.connection, url, text, self.now)

    async def review(self, item: str, on: date | None = None) -> None:
        """A person says that it is still right."""
        review = Review(item, on or self.now.date(), "maya", False, (Checked.STEPS,))
        async with self.connection.transaction():
            await reviews.record(self.connection, review, self.now)

    async def look(self, items: Sequence[str] | None = None) -> Refreshed:
        """Look at all evidence."""
        return await refresh(self.connection, self.policy, self.team, self.now, items)

    async def against(self, item: str) -> dict[Signal, Evidence]:
        """What counts against an item, by signal: one of each."""
        found = await evidence.of_items(self.connection, [item])
        return {each.signal: each for each in found.get(item, [])}

    async def found(self, item: str) -> ContentItem:
        """The item as it is now."""
        got = await library.get(self.connection, item)
        assert got is not None
        return got


def at(day: int, hour: int = 9) -> datetime:
    """So many days from Monday, 2 March 2026."""
    return datetime(2026, 3, 2, hour, tzinfo=UTC) + day * DAY
