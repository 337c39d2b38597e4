"""P24, P25: evidence alone holds a message, and lets it go once it is gone, or use renews."""

from __future__ import annotations

from datetime import timedelta

from digital_cs.domain.content.content_policy import ContentPolicy
from digital_cs.domain.content.freshness import State
from digital_cs.domain.content.team import Team
from digital_cs.ingest.content.evidence import Refreshed, refresh
from digital_cs.store.content import feedback
from digital_cs.store.content.feedback import UseOnTicket
from tests.activities.house import House
from tests.activities.offering import item, offer

SEND = {"send": "welcome-trial-1", "useful_for": "10 days"}
WAIT = {"wait": "3 days"}


async def look(house: House) -> Refreshed:
    async with house.pool.connection() as connection:
        return await refresh(connection, ContentPolicy(), Team(), house.clock.now())


async def tell(house: House, statement: str, *values: object) -> None:
    async with house.pool.connection() as connection:
        await connection.execute(statement, values)


async def test_p24_evidence_holds_a_message_until_it_is_gone(house: House) -> None:
    id = await house.start(SEND, WAIT)
    await offer(house, reviewed=str(house.clock.now().date()), when_stale="hold")
    offered = await item(house)
    house.later(days=1)
    for line in (1, 2):
        url = f"https://elsewhere.test/{line}"
        await tell(house, "insert into links (item_id, url, line, kind) values (%s, %s, %s,"
                   " 'link')", offered.id, url, line)  # fmt: skip
        await tell(
            house, "insert into link_states (url, host, state, since, tries, days) values"
            " (%s, 'x', 'broken', %s, 3, 3)", url, house.clock.now() - timedelta(days=2),
        )  # fmt: skip
    assert (await look(house)).settled.stale == 1
    assert (await item(house)).state(house.clock.now().date()) is State.STALE

    held = await house.advance(id)
    assert (held.label, house.letters()) == ("hold: content_stale", [])
    assert (await look(house)).woken == 0, "nothing got better"

    await tell(house, "update link_states set state = 'ok'")
    done = await look(house)

    assert (done.settled.recovered, done.woken) == (1, 1)
    assert await house.woken() == {id}
    await house.advance(id)
    assert len(house.letters()) == 1


async def test_p24_use_on_a_solved_ticket_lets_go_what_waited(house: House) -> None:
    id = await house.start(SEND, WAIT)
    await offer(house, when_stale="hold")
    await house.advance(id)
    assert house.letters() == []
    now = house.clock.now()
    await tell(house, "insert into tickets (id, source, status, opened_at, updated_at, solved_at)"
               " values ('desk:1', 'desk', 'solved', %s, %s, %s)", now, now, now)  # fmt: skip
    async with house.pool.connection() as connection:
        used = UseOnTicket((await item(house)).id, "desk:1", now, "person")
        await feedback.keep_uses(connection, [used])
    done = await look(house)

    assert (done.renewed, done.woken) == (1, 1)
    await house.advance(id)
    assert len(house.letters()) == 1
