"""Broadcasts from the command line: from a draft to its end, and every refusal in a sentence."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from digital_cs.channels.sink import Sink, read_index
from tests.cli.conftest import Cli

Rows = Callable[..., list[Any]]
ID = "spring-release"


@pytest.fixture
def planned(company: Cli) -> Cli:
    """The command; a broadcast to all is planned for the tenth, nine o'clock everywhere."""
    done = company(
        "broadcast", "plan", ID, "--email", "welcome-trial-1", "--at", "2026-03-10 09:00",
        "--name", "Spring release",
    )  # fmt: skip
    assert done.code == 0, done.err
    return company


@pytest.fixture
def mail(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The folder of a mail server that the settings name."""
    import threading

    folder, ready, stop = tmp_path / "sink", threading.Event(), asyncio.Event()
    loop = asyncio.new_event_loop()

    async def serve() -> None:
        async with Sink(folder) as sink:
            monkeypatch.setenv("SMTP_HOST", "127.0.0.1")
            monkeypatch.setenv("SMTP_PORT", str(sink.port))
            monkeypatch.setenv("SMTP_TLS", "none")
            ready.set()
            await stop.wait()

    thread = threading.Thread(target=loop.run_until_complete, args=(serve(),))
    thread.start()
    assert ready.wait(10)
    yield folder
    loop.call_soon_threadsafe(stop.set)
    thread.join()
    loop.close()


def test_a_draft_is_counted_approved_started_and_followed(planned: Cli) -> None:
    checked = planned("broadcast", "check", ID)
    assert checked.code == 0
    assert "would get it" in checked.out
    assert "left out: there was nobody to write to" in checked.out, "initech has no contacts"
    assert "it is not approved" in checked.out
    hash = planned("broadcast", "check", ID, "--json").json["hash"]

    refused = planned("broadcast", "start", ID)
    assert refused.code == 2
    assert "Nobody has approved it as it is now." in refused.err
    approved = planned("broadcast", "approve", ID, "--by", "maya", "--hash", hash[:12])
    assert f"'{ID}' is approved by maya, as it is now ({hash[:12]})." in approved.out

    started = planned("broadcast", "start", ID, "--at", "2026-03-11 10:00")
    assert "goes out at Wed 11 Mar 2026 10:00, time of the recipient." in started.out
    shown = planned("broadcast", "show", ID)
    assert shown.out.startswith(f"Spring release ({ID}): running")
    assert "Its audience is not fixed yet." in shown.out
    assert "It is fixed Tue 10 Mar 2026 19:50 UTC." in shown.out
    assert planned("broadcast", "list", "--state", "running", "--json").json[0]["id"] == ID

    assert "is paused" in planned("broadcast", "pause", ID).out
    assert "paused" in planned("broadcast", "list").out
    assert planned("broadcast", "resume", ID).out == f"'{ID}' goes on.\n"
    assert "600 a minute" in planned("broadcast", "rate", ID, "600").out
    assert "as the policy lets it" in planned("broadcast", "rate", ID, "--no-limit").out
    asked = planned("broadcast", "cancel", ID)
    assert asked.code == 2
    assert "say --yes" in asked.err
    assert "is cancelled" in planned("broadcast", "cancel", ID, "--yes").out
    over = planned("broadcast", "pause", ID)
    assert (over.code, over.err) == (2, "It cannot be paused: it was cancelled.\n")


def test_a_changed_plan_has_to_be_approved_again_but_not_for_another_moment(
    planned: Cli,
) -> None:
    assert planned("broadcast", "approve", ID).code == 0
    plan = ("broadcast", "plan", ID, "--email", "welcome-trial-1", "--json")
    assert planned(*plan, "--at", "2026-03-12 08:00").json["approved"]
    assert not planned(*plan, "--priority", "high").json["approved"]


def test_what_is_not_there_or_not_written_as_it_should_be_is_said(planned: Cli) -> None:
    assert planned("broadcast", "show", "autumn").code == 4
    faults = (
        (("--email", "no-such"), "There is no e-mail `no-such`"),
        (("--email", "welcome-trial-1", "--hours", "nine"), "09:00-17:00"),
        (("--email", "welcome-trial-1", "--hours", "9-5"), "did you mean '09:00-05:00'?\n"),
        (("--email", "welcome-trial-1", "--zone", "Berlin"), "Berlin"),
        (("--email", "welcome-trial-1", "--useful-for", "soon"), "soon"),
        (("--email", "welcome-trial-1", "--to", "everybody, admin"), "stands alone"),
    )
    for options, words in faults:
        done = planned("broadcast", "plan", "autumn", *options)
        assert done.code != 0, options
        assert words in done.err, done.err
    for id in ("Autumn release", "acme/2026", "", "a" * 61):
        done = planned("broadcast", "plan", id, "--email", "welcome-trial-1")
        assert done.code == 2
        assert "cannot be the id of a broadcast" in done.err
    unknown = planned(
        "broadcast", "plan", "autumn", "--email", "welcome-trial-1", "--segment", "nobody"
    )
    assert "There is no segment 'nobody'" in unknown.out
    assert planned("broadcast", "check", "autumn").code == 1


def test_an_audience_of_nobody_cannot_go(cli: Cli) -> None:
    """There is no account at all."""
    done = cli("broadcast", "plan", ID, "--email", "welcome-trial-1")
    assert "Before it can go: Nobody would get it." in done.out
    assert cli("broadcast", "check", ID).code == 1


def test_a_test_goes_to_ones_own_address_and_into_no_ledger(
    planned: Cli, mail: Path, rows: Rows
) -> None:
    done = planned(
        "broadcast", "test", ID, "--to", "maya@company.test", "--account", "acme", "--json"
    )
    assert done.code == 0, done.err
    assert done.json["subject"].startswith("[Test] ")
    (letter,) = read_index(mail)
    assert letter.to == "maya@company.test"
    assert "Ada" in (mail / letter.file).read_text()
    assert rows("select count(*) from messages") == [(0,)]
    wrong = planned("broadcast", "test", ID, "--to", "maya@company.test", "--variant", "b")
    assert "It has no variant 'b'" in wrong.err


def test_how_far_it_is_stands_in_a_table(planned: Cli, rows: Rows) -> None:
    rows("update broadcasts set state = 'running', frozen_at = '2026-03-02T09:00Z', recipients = 6")
    for number, (state, reason) in enumerate(
        (("accepted", "accepted"), ("accepted", "accepted"), ("planned", None),
         ("planned", "ticket"), ("skipped", "suppressed"), ("unknown", "crash"))
    ):  # fmt: skip
        rows(
            "insert into messages (key, broadcast_id, account_id, email, kind, priority, state,"
            " reason, due_at, attempts, settled_at) values (%s, %s, 'acme', 'x', 'marketing',"
            " 'normal', %s, %s, '2026-03-10T08:00Z', 1, '2026-03-02T08:59:30Z')",
            f"{ID}/{number}", ID, state, reason,
        )  # fmt: skip
    shown = planned("broadcast", "show", ID).out
    assert "stands still" not in shown
    for words in ("sent", "due, or to come", "waiting: a serious ticket was open",
                  "left out: the reader is not written to any more", "unknown",
                  "together", f"message list --program {ID} --state unknown --most 100",
                  "Left: 2. Rate: 2 in the last minute.",
                  "it ends about Tue 10 Mar 2026 08:00 UTC"):  # fmt: skip
        assert words in shown, shown
    told = planned("broadcast", "show", ID, "--json").json
    assert f"{ID}" in planned("sending", "status").out
    assert planned("sending", "status", "--json").json["broadcasts"][0]["id"] == ID
    assert (told["left"], told["progress"]["sent"], told["standing"]) == (2, 2, "running")
    assert planned("message", "list", "--state", "unknown", "--json").json[0]["broadcast"] == ID


def test_one_that_stands_still_says_where_to_look(planned: Cli, rows: Rows) -> None:
    rows("update broadcasts set state = 'running', frozen_at = '2026-03-02T08:00Z', recipients = 1")
    rows(
        "insert into messages (key, broadcast_id, account_id, email, kind, priority, state, due_at,"
        " attempts) values (%s, %s, 'acme', 'x', 'marketing', 'normal', 'planned',"
        " '2026-03-02T08:00Z', 0)", f"{ID}/1", ID,
    )  # fmt: skip
    still = "`digital-cs doctor` says whether a worker of broadcasts is at work."
    assert still in planned("broadcast", "show", ID).out
    rows("update broadcasts set held_because = 'All sending is stopped.', held_since = now()")
    assert still not in planned("broadcast", "show", ID).out
