"""P18: a reply quiets its account until somebody has looked, and then everything goes on."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from digital_cs.ingest.mail.returned import Returns, Taken
from digital_cs.store.programs import timeline, worklists
from digital_cs.store.programs.enrollments import complete_task
from tests.activities.house import House, opened

SECOND = {"send": "welcome-trial-2", "useful_for": "7 days"}
STEPS = ({"send": "welcome-trial-1"}, {"wait": "3 days"}, SECOND, {"wait": "3 days"})
TEXT = "We are stuck at the import.\nWho can help?"


async def wrote(house: House, text: str = TEXT, **headers: str) -> Taken:
    """Ada writes; the mail comes back by a door."""
    lines = ["From: ada@acme.test", "To: maya@vendor.test", "Subject: Re: Welcome"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    mail = "\r\n".join([*lines, "Content-Type: text/plain", "", text, ""])
    returns = Returns(pool=house.pool, clock=house.clock, mail_domain="vendor.test", kept_days=30)
    return await returns.take(mail.encode(), "maya@vendor.test", "smtp")


async def replied(house: House, text: str = TEXT) -> Taken:
    """She answers the first message."""
    return await wrote(house, text, In_Reply_To=(await house.ledger())[0]["message_id"])


async def the_task(house: House, state: str = "open") -> worklists.TaskView:
    async with house.pool.connection() as connection:
        (found,) = await worklists.list_tasks(connection, states=(state,))
    return found


async def done(house: House, task: str) -> Any:
    async with house.pool.connection() as connection, connection.transaction():
        return await complete_task(connection, task, by="jonas", now=house.clock.now())


async def sent(house: House) -> list[str]:
    return [row["email"] for row in await house.ledger() if row["state"] == "accepted"]


async def test_nothing_is_sent_while_a_reply_waits_and_all_goes_on_when_it_is_done(
    house: House,
) -> None:
    id = await house.start(*STEPS)
    reply = await house.advance(id)
    house.later(days=1)

    assert (await replied(house)).state == "applied"
    assert await house.woken() == {id}
    assert (await house.advance(id)).label == "paused"
    for _ in range(2):  # written down once, however often it is looked at
        assert (await house.decisions())[-1] == ("held", "replied")
        assert (await house.advance(id)).label == "paused"
    assert (await house.decisions()).count(("held", "replied")) == 1
    task = await the_task(house)
    assert (task.kind, task.account, task.contact, task.program) == (
        "reply", "acme", "Ada", "welcome",
    )  # fmt: skip
    assert task.note == TEXT

    assert reply.sleep_seconds is not None
    house.later(seconds=reply.sleep_seconds)
    resting = await house.advance(id)
    assert (resting.sleep_seconds, await sent(house)) == (None, ["welcome-trial-1"])

    assert await done(house, task.key) == ("Answer: Re: Welcome", None)
    assert await house.woken() == {id}
    await house.advance(id)
    assert await sent(house) == ["welcome-trial-1", "welcome-trial-2"]
    assert await done(house, task.key) is None
    (kept,) = await house.rows("select raw from returned_messages")
    assert kept["raw"] is None, "a reply is kept as it came until somebody has looked"


async def test_what_is_not_useful_any_more_when_somebody_has_looked_is_skipped(
    house: House,
) -> None:
    """P8, P18."""
    id = await house.start(*STEPS)
    await house.advance(id)
    await replied(house)
    house.later(days=30)
    assert (await house.advance(id)).label == "paused"

    await done(house, (await the_task(house)).key)
    await house.advance(id)

    assert await sent(house) == ["welcome-trial-1"]
    assert ("welcome-trial-2", "skipped") in [
        (row["email"], row["state"]) for row in await house.ledger()
    ]


async def test_a_reply_quiets_its_account_alone_and_every_program_of_it(house: House) -> None:
    id = await house.start(*STEPS)
    await house.publish({"send": "welcome-trial-3"}, id="other")
    await house.account("globex", "grace")
    await house.advance(id)
    await replied(house)

    mine, theirs = await house.enroll("acme", "other"), await house.enroll("globex", "other")
    await house.advance(mine)
    assert await sent(house) == ["welcome-trial-1"]
    await house.advance(theirs)
    assert await sent(house) == ["welcome-trial-1", "welcome-trial-3"]


async def test_a_reply_that_comes_between_decision_and_claim_wins(
    database: str, tmp_path: Path
) -> None:
    """P16, P18."""
    async with opened(database, tmp_path, connections=1) as house:
        id = await house.start(*STEPS)

        assert (await house.advance_while(id, wrote(house))).label == "hold: replied"

        assert await sent(house) == ["welcome-trial-3"], "somebody else's"


async def test_two_replies_hold_the_account_until_both_were_looked_at(house: House) -> None:
    id = await house.start(*STEPS)
    await house.advance(id)
    first, second = await replied(house), await replied(house, text="And another thing.")
    house.later(days=4)

    await done(house, f"reply:{first.id}")
    assert (await house.advance(id)).label == "paused"
    await done(house, f"reply:{second.id}")
    await house.advance(id)
    assert len(await sent(house)) == 2


async def test_the_timeline_tells_of_the_reply_and_who_looked(house: House) -> None:
    """P19."""
    id = await house.start(*STEPS)
    await house.advance(id)
    await replied(house)
    async with house.pool.connection() as connection:
        seen = await timeline.enrollment(connection, id)
        assert seen is not None
        assert seen.state == "paused"
    house.later(hours=2)
    await done(house, (await the_task(house)).key)
    async with house.pool.connection() as connection:
        lines = [
            (each.what, each.reason, each.words)
            for each in await timeline.timeline(connection, account="acme")
            if each.what == "task"
        ]
        seen = await timeline.enrollment(connection, id)
    assert seen is not None
    assert seen.state == "inside"
    assert lines == [
        ("task", "open", "Answer: Re: Welcome — all to this account waits until somebody has"
         " looked"),
        ("task", "done", "Answer: Re: Welcome — looked at by jonas"),
    ]  # fmt: skip
