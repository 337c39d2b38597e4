"""The summary, and the look in between: what they say of a database that is known."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from psycopg import AsyncConnection

from digital_cs.channels.sink import SinkEntry
from digital_cs.demo.snapshot import look
from digital_cs.demo.summary import Places, Summary, summarise
from digital_cs.demo.summary_words import in_words
from digital_cs.demo.told import Interlude
from digital_cs.store.product import sources
from tests.demo.conftest import NOW, ORIGIN, Scene, day

PLACES = Places(Path("/state/demo"), Path("/state/demo/mail"), temporal_ui="http://127.0.0.1:1")
MAIL = [
    SinkEntry("2026-03-03T12:00:00+00:00", id, "somebody@shop.example", "Hello", file)
    for id, file in (
        ("<first@lantern.example>", "first.eml"), ("<2@lantern.example>", "second.eml"),
        ("<2@lantern.example>", "again.eml"),
    )
]  # fmt: skip


@pytest.fixture
async def played(scene: Scene) -> Scene:
    """Four accounts: one at its goal, one quiet, one without people, one with a gone address."""
    await scene.program("welcome-trial", "Welcome to the trial")
    await scene.program("usage-drop", "Gone quiet")
    await scene.account("happy", "Happy Books", ("Ada Byron", "champion"))
    await scene.account("quiet", "Quiet Tea", ("Max Moll", "champion"))
    await scene.account("empty", "Empty Wool")
    await scene.account("moved", "Moved Soaps", ("Una Gone", "champion"), ("Bo Here", "admin"))

    happy = await scene.enrollment(
        "welcome-trial", "happy", 1, ended_at=day(9), ending="goal", because="Became a customer"
    )
    await scene.message(happy, 1.5, "welcome-trial-1", 1)
    await scene.connection.execute(
        "update messages set message_id = '<first@lantern.example>' where account_id = 'happy'"
    )
    await scene.task(happy, 2, "Offer a call", state="done", closed_at=day(3), closed_by="priya")

    await scene.noticed("gone-quiet", "Not seen for two weeks", "quiet", at=20, last=5)
    await scene.noticed("usage-drop", "Sends half as much", "quiet", at=19, last=5)
    quiet = await scene.enrollment(
        "usage-drop", "quiet", 20, wake_at=day(95), label="wait 7 days",
        source="trigger gone-quiet: Nothing was heard for 14 days",
    )  # fmt: skip
    await scene.message(quiet, 21, "usage-drop-check-in", 1, message_id="<2@lantern.example>")

    empty = await scene.enrollment("welcome-trial", "empty", 3, wake_at=day(17))
    await scene.decision(
        empty, 3, "welcome-trial-1", "held", "nobody", "The account has no contacts."
    )

    moved = await scene.enrollment(
        "welcome-trial",
        "moved",
        4,
        wake_at=day(99),
        label="wait 2 days",
        next_label="send welcome-trial-3",
    )
    await scene.message(moved, 5, "welcome-trial-1", 1, "failed", reason="hard_bounce")
    await scene.decision(
        moved, 5, "welcome-trial-1", "failed", "hard_bounce", "No such mailbox (550)."
    )
    await scene.message(moved, 8, "welcome-trial-2", 2)
    return scene


async def summary_of(
    connection: AsyncConnection[Any], interlude: Interlude | None = None
) -> Summary:
    return await summarise(
        connection, first=ORIGIN.date(), now=NOW, seed=7, places=PLACES, mail=lambda: MAIL,
        interlude=interlude,
    )  # fmt: skip


async def test_the_summary_counts_what_happened(played: Scene) -> None:
    summary = await summary_of(played.connection)
    assert (summary.accounts, summary.people) == (4, 4)
    assert summary.messages == {"accepted": 3, "failed": 1}
    assert summary.tasks == {"done": 1}
    trial = next(program for program in summary.programs if program.id == "welcome-trial")
    assert (trial.entered, trial.inside, trial.goal, trial.exited) == (3, 2, 1, 0)
    assert summary.overdue == 1, "the one without people was due on day 17"


async def test_the_summary_tells_a_story_of_each_kind_that_happened(played: Scene) -> None:
    stories = {story.account: story for story in (await summary_of(played.connection)).stories}
    assert list(stories) == ["Happy Books", "Quiet Tea", "Moved Soaps", "Empty Wool"]
    assert stories["Happy Books"].lines == (
        " 3 Mar  entered “Welcome to the trial”",
        " 3 Mar  welcome-trial-1 to Ada Byron, champion (Europe/Berlin)",
        " 4 Mar  task: Offer a call",
        " 5 Mar  priya did it",
        "11 Mar  reached the goal: Became a customer",
    )
    assert stories["Empty Wool"].lines[-1].endswith("held: The account has no contacts.")
    assert stories["Moved Soaps"].lines[-1].endswith("to Bo Here, admin (Europe/Berlin)")


async def test_the_story_of_a_quiet_account_says_what_was_noticed_and_by_which_data(
    played: Scene,
) -> None:
    """P19: why it was written to, and how old the data was that said so."""
    stories = {story.account: story for story in (await summary_of(played.connection)).stories}
    assert stories["Quiet Tea"].lines == (
        " 7 Mar  last seen",
        "22 Mar  noticed by “Not seen for two weeks”: Nothing was heard for 14 days: last active on"
        " 7 March 2026 (usage complete up to 21 March 2026)",
        "22 Mar  entered “Gone quiet”",
        "23 Mar  usage-drop-check-in to Max Moll, champion (Europe/Berlin)",
    )


async def test_the_summary_says_what_came_in_and_what_was_made_of_it(
    played: Scene,
) -> None:
    for late, words in ((False, "no source is late"), (True, "late: csv:tickets")):
        for name, kind, feed, through, received in (
            ("product", "api", "usage", NOW - timedelta(minutes=10), 2500),
            ("csv:tickets", "csv", "tickets", day(80 if late else 89), 0 if late else 3),
        ):
            await played.connection.execute("delete from sources where name = %s", (name,))
            await sources.note(
                played.connection, name, kind=kind, feeds=[feed], at=NOW, received=received,
                complete_through=through,
            )  # fmt: skip
        text = "\n".join(in_words(await summary_of(played.connection)))
        assert f"usage is complete up to 30 May 23:50, {words}." in text
        assert "The product sent 2,500 events" in text
    assert "noticed: Not seen for two weeks (1), Sends half as much (1)." in text


async def test_a_pause_by_hand_is_told_with_its_end(played: Scene) -> None:
    await played.account("held", "Held Pots", ("Ida Wait", "champion"))
    id = await played.enrollment("welcome-trial", "held", 29)
    stories = (await summary_of(played.connection, Interlude(id, day(30), day(36)))).stories
    assert stories[-1].account == "Held Pots"
    assert [line[:6] for line in stories[-1].lines] == ["31 Mar", " 1 Apr", " 7 Apr"]


async def test_the_words_name_the_accounts_and_where_to_look(played: Scene) -> None:
    text = "\n".join(in_words(await summary_of(played.connection)))
    for words in (
        "From 2 March to 31 May 2026: 4 accounts with 4 people.",
        "Welcome to the trial    3 entered: 2 still inside, 1 reached the goal",
        "3 messages were handed to the mail server; 2 are in its folder, 1 of them twice",
        "1 message was put off for another reason, and 0 of them went out later:",
        "     1  there was nobody to write to", "1 message did not go out:",
        "     1  the address no longer exists", "Happy Books (happy)", "/state/demo/mail/first.eml",
        "STATE_DIR=/state/demo digital-cs account why empty", "digital-cs policy show",
        "digital-cs sending status", "digital-cs suppression list", "digital-cs returned list", "http://127.0.0.1:1",
        "1 touch still due at the end",
    ):  # fmt: skip
        assert words in text


async def test_the_json_says_the_same_to_a_machine(played: Scene) -> None:
    told = json.loads(json.dumps((await summary_of(played.connection)).as_json()))
    assert told["first"] == "2026-03-02"
    assert told["messages"] == {"accepted": 3, "failed": 1}
    assert told["stories"][0]["account_id"] == "happy"
    assert told["places"]["mail_example"] == "/state/demo/mail/first.eml"
    assert told["commands"][0].endswith("digital-cs account why empty")
    assert told["fates"]["put_off"] == {"nobody": 1}


async def test_a_demo_in_which_nothing_happened_is_summed_up_too(
    connection: AsyncConnection[Any],
) -> None:
    summary = await summary_of(connection)
    assert summary.stories == ()
    assert "0 messages were handed to the mail server" in "\n".join(in_words(summary))


async def test_a_look_sees_who_is_where_and_what_is_next(played: Scene) -> None:
    seen = await look(played.connection, day(50))
    assert (seen.accounts, seen.people, seen.overdue) == (4, 4, 1)
    inside = {
        program.id: (program.inside, program.ended, program.goal) for program in seen.programs
    }
    assert inside == {"usage-drop": (1, 0, 0), "welcome-trial": (2, 1, 1)}
    assert [(item.account, item.what) for item in seen.due] == [
        ("Quiet Tea", "wait 7 days ends"), ("Moved Soaps", "send welcome-trial-3"),
    ]  # fmt: skip
    assert [decision.verdict for decision in seen.decisions] == ["failed", "held"]
    assert [(step.program, step.what, step.accounts) for step in seen.steps] == [
        ("welcome-trial", "one", 2), ("usage-drop", "wait 7 days", 1),
    ]  # fmt: skip
