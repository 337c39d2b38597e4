"""Why somebody did, or did not, get a broadcast; and what comes back to one (P19)."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from digital_cs.domain.programs.enrollment import MessageState
from digital_cs.domain.sending.click import Click
from digital_cs.domain.sending.policy import Budget, Damage, Limits, Policy
from digital_cs.domain.sending.why import Fate
from digital_cs.ingest.rules.entries import Entries
from digital_cs.store.broadcasts import broadcasts
from digital_cs.store.programs import timeline, worklists
from digital_cs.store.sending import claims, clicks, policies, returned
from digital_cs.temporal.account_why import AccountWhy, account_why
from digital_cs.temporal.gateway import Gateway
from tests.activities.broadcast_house import BroadcastHouse, opened


@pytest.fixture
async def house(database: str, tmp_path: Path) -> AsyncIterator[BroadcastHouse]:
    async with opened(database, tmp_path) as ready:
        yield ready


async def _why(house: BroadcastHouse, account: str, **about: Any) -> AccountWhy:
    entries = Entries(house.pool, house.clock, "UTC")
    return await account_why(Gateway(house.pool, house.clock, entries), account, "UTC", **about)


async def test_an_account_is_told_why_it_did_not_get_a_broadcast(house: BroadcastHouse) -> None:
    sent, refused, quiet, alone = await house.people(4)
    await house.rows(
        "insert into suppressions values ('address:' || lower((select email from contacts"
        " where id = %s)), 'unsubscribed')", f"{refused}-c1",
    )  # fmt: skip
    await house.rows(
        "insert into tasks (key, kind, account_id, title, note, assign_to, state, opened_at,"
        " due_at) values ('reply:1', 'reply', %s, 'x', '', 'maya', 'open', %s, %s)",
        quiet, house.clock.now(), house.clock.now(),
    )  # fmt: skip
    await house.rows("update memberships set left_at = %s where account_id = %s",
                     house.clock.now(), alone)  # fmt: skip
    await house.start()
    await house.until_rest()

    (entry,) = (await _why(house, sent)).entries
    assert (entry.fate, entry.broadcast, entry.program_name) == (
        Fate.SENT, "spring", "Spring release",
    )  # fmt: skip
    assert entry.sentence == "Sent on Mon 2 Mar to Ada of acct-00000."
    (entry,) = (await _why(house, refused, program="spring")).entries
    assert entry.fate is Fate.SKIPPED
    assert "nobody who fits may be written to: 1 unsubscribed" in entry.sentence
    (entry,) = (await _why(house, quiet)).entries
    assert entry.fate is Fate.WAITING
    assert "somebody of the account wrote back" in entry.sentence.lower()
    (entry,) = (await _why(house, alone)).entries
    assert "Company acct-00003 has no contacts" in entry.sentence
    (entry,) = (await _why(house, sent, contact=f"{sent}-c1")).entries
    assert entry.contact == f"{sent}-c1"

    async with house.pool.connection() as connection:
        happened = await timeline.timeline(connection, account=refused)
        assert ("skipped", "spring") in [(each.what, each.program) for each in happened]
        (message,) = await worklists.list_messages(
            connection, states=["accepted"], program="spring"
        )
        assert (message.broadcast, message.program, message.step) == ("spring", None, None)


async def test_each_person_of_an_account_has_a_story_of_their_own(house: BroadcastHouse) -> None:
    (account,) = await house.people(1)
    await house.rows(
        "insert into contacts (id, email, full_name, created_at, updated_at)"
        " values ('bob', 'bob@x.test', 'Bob', now(), now())"
    )
    await house.rows(
        "insert into memberships (contact_id, account_id, joined_at) values ('bob', %s, now())",
        account,
    )
    await house.rows("insert into suppressions values ('address:bob@x.test', 'complaint')")
    await house.start(to=("everybody",))
    await house.until_rest()
    entries = (await _why(house, account)).entries
    assert {(entry.contact, entry.fate) for entry in entries} == {
        (f"{account}-c1", Fate.SENT), ("bob", Fate.SKIPPED),
    }  # fmt: skip


async def test_bounces_complaints_and_clicks_find_their_broadcast(house: BroadcastHouse) -> None:
    one, two = await house.people(2)
    await house.start()
    await house.until_rest()
    rows = {row["account_id"]: row for row in await house.rows("select * from messages")}
    now = house.clock.now()
    async with house.pool.connection() as connection, connection.transaction():
        origin = await returned.origin(connection, [rows[one]["message_id"]])
        assert origin is not None
        assert (origin.account_id, origin.program_id) == (one, None)
        assert await returned.move_message(
            connection, origin.key, MessageState.BOUNCED, "bounced", "It came back.", now
        )
        why = await clicks.record(
            connection, rows[two]["message_id"], Click(1, now, "Mozilla", "GET"), "https://x", 3
        )
        assert why is not None
    (entry,) = (await _why(house, one)).entries
    assert [line.reason for line in entry.decisions] == ["accepted", "bounced"]
    assert (await house.states())["bounced"] == 1


async def test_the_keeper_gives_up_claims_of_broadcasts_too(house: BroadcastHouse) -> None:
    await house.people(1)
    await house.start()
    await house.look()
    await house.rows(
        "update messages set state = 'claimed', claim_until = now() - interval '2 minutes'"
    )
    async with house.pool.connection() as connection:
        assert not await claims.give_up_claim(connection, None, house.clock.now())
        assert await claims.give_up_broadcasts(connection, house.clock.now())
    assert dict(await house.states()) == {"unknown": 1}
    assert await house.rows("select broadcast_id from decisions") == [{"broadcast_id": "spring"}]


async def test_a_broadcast_keeps_to_the_budget_and_says_so(house: BroadcastHouse) -> None:
    """P17: what an earlier one sent counts for the next."""
    one = Limits(low=1, normal=1, high=2)
    async with house.pool.connection() as connection:
        await policies.publish(
            connection, Policy(budget=Budget(person=one), damage=Damage(program_a_day=None)),
            house.clock.now(),
        )  # fmt: skip
    await house.people(3)
    await house.start()
    await house.until_rest()
    await house.start("second", over_budget="drop")
    await house.until_rest("second")
    await house.start("third", priority="high")
    await house.until_rest("third")
    await house.start("fourth", useful_for="30 days")
    await house.until_rest("fourth")
    assert dict(await house.states("second")) == {"skipped budget_person": 3}
    assert dict(await house.states("third")) == {"accepted": 3}
    assert dict(await house.states("fourth")) == {"planned budget_person": 3}
    reasons = (await _why(house, "acct-00000")).entries
    assert "already had" in next(e.sentence for e in reasons if e.program == "second")
    await house.say(broadcasts.cancel, "fourth")
