"""Workers sort tickets into topics by themselves, also what a publishing left to do."""

from __future__ import annotations

from digital_cs.domain.support.topic import Topics
from digital_cs.ingest.support.topic_publishing import publish
from digital_cs.store.database import pool
from tests.engine.house import House
from tests.ingest.topic_desk import topic

TICKET = (
    "insert into tickets (id, source, status, subject, opened_at, updated_at)"
    " values (%s, 'desk', 'open', 'All in the spam folder', now(), now())"
)
SORTED = "select count(*) from tickets where topic = 'spam' having count(*) = %s"
DONE = "select 1 from topic_versions where assigned_at is not null"


async def test_workers_sort_old_tickets_after_a_publishing_and_new_ones_soon(house: House) -> None:
    async with house.at_work() as visit:
        await visit.tell(TICKET, "desk:1")
        async with pool.opened(house.database_url, 1) as opened:
            await publish(opened, Topics(topics=(topic("spam", "spam folder"),)), visit.now)
        await visit.sees(DONE)
        await visit.sees(SORTED, 1)
        await visit.tell(TICKET, "desk:2")
        await visit.sees(SORTED, 2)
