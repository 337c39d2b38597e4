"""What people do with what came back: by a folder or a port it comes in, and they look at it."""

from __future__ import annotations

import json
import smtplib
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from digital_cs import logs
from digital_cs.stack.ports import free_port
from tests.cli.conftest import Cli
from tests.ingest.returning import reply

STRANGER = reply(None, "who@nowhere.test", text="Hello?")


def maildir(tmp_path: Path, *mails: bytes) -> Path:
    box = tmp_path / "box"
    for name in ("tmp", "new", "cur"):
        (box / name).mkdir(parents=True, exist_ok=True)
    for number, mail in enumerate(mails):
        (box / "new" / f"{number}.mail").write_bytes(mail)
    return box


def test_a_maildir_is_pulled_and_what_nobody_knows_is_listed_until_somebody_has_looked(
    company: Cli, tmp_path: Path
) -> None:
    box = maildir(tmp_path, STRANGER, b"\x00rubbish", reply(None, "ada@acme.test", "Help!"))

    done = company("returned", "pull", "--maildir", box)
    assert (done.code, done.out) == (
        0, "3 mails taken, 0 known already, 0 left for later, 0 set aside.\n",
    )  # fmt: skip
    again = company("returned", "pull", "--maildir", box, "--json").json
    assert again == {"taken": 0, "known": 0, "later": 0, "aside": 0}

    everything = company("returned", "list", "--json").json
    assert sorted(row["state"] for row in everything) == ["applied", "listed", "listed"]
    listed = company("returned", "list", "--listed", "--json").json
    (unknown,) = [row["id"] for row in listed if row["kind"] == "unknown"]
    (stranger,) = [row["id"] for row in listed if row["kind"] == "reply"]
    assert "listed" in company("returned", "list").out
    assert company("returned", "show", unknown[:17], "--raw").code == 0
    shown = company("returned", "show", stranger[:17]).out
    assert "reply, listed." in shown
    assert "Somebody wrote whom nobody knows here" in shown

    assert company("doctor", "--json").out.count("returned list --listed") == 1
    assert (
        company("returned", "looked", unknown, "--by", "maya").out == "Noted. It is off the list.\n"
    )
    late = company("returned", "looked", unknown)
    assert (late.code, late.err) == (1, "Nothing was changed: it was looked at already.\n")
    assert company("returned", "show", unknown, "--raw").code == 4
    assert "Looked at" in company("returned", "show", unknown).out
    assert len(company("returned", "list", "--listed", "--json").json) == 1


def test_what_is_asked_wrongly_is_said_in_a_sentence(company: Cli, tmp_path: Path) -> None:
    company("returned", "pull", "--maildir", maildir(tmp_path, STRANGER, b"x"))
    for arguments, code, words in (
        (("show", "mail:nothing"), 4, "Nothing came back under 'mail:nothing'."),
        (("show", "mail:"), 2, "More than one id begins with 'mail:'."),
        (("looked", "none"), 4, "Nothing came back under 'none'."),
        (("pull", "--maildir", str(tmp_path)), 3, "is no Maildir"),
        (("listen",), 2, "Give --port, or set RETURNED_PORT."),
    ):
        done = company("returned", *arguments)
        assert (done.code, words in done.err) == (code, True), done.err
    assert company("returned", "list", "--account", "acme").out == "Nothing came back yet.\n"


def test_a_reply_is_a_task_that_shows_its_text_and_lets_the_account_go_on(
    company: Cli, tmp_path: Path, rows: Callable[..., list[Any]]
) -> None:
    """P18."""
    assert company("enroll", "welcome", "acme").code == 0
    mail = reply(None, "ada@acme.test", "We are stuck at the import.")
    company("returned", "pull", "--maildir", maildir(tmp_path, mail))

    (task,) = company("task", "list", "--json").json
    assert (task["kind"], task["account"], task["contact"]) == ("reply", "acme", "Ada Lovelace")
    listed = company("task", "list").out
    assert "Acme, Ada Lovelace" in listed
    assert f" {task['key'][:23]}\n" in listed
    shown = company("task", "show", task["key"]).out
    assert "We are stuck at the import." in shown
    assert "Nothing is sent to this account until it is done." in shown
    assert company("enrollment", "list", "--json").json[0]["state"] == "paused"
    rows("delete from outbox")

    done = company("task", "done", task["key"][:23], "--by", "jonas")

    assert done.out == "Done: Answer: Re: Welcome. The account goes on.\n"
    assert rows("select kind, enrollment_id from outbox") == [("wake", "welcome:acme:1")]
    assert company("enrollment", "list", "--json").json[0]["state"] == "inside"
    assert "Done " in company("task", "show", task["key"]).out
    assert company("task", "done", task["key"]).code == 1
    assert company("task", "show", "reply:none").code == 4


def test_the_listener_takes_mail_until_it_is_told_to_stop(
    company: Cli, database: str, tmp_path: Path, rows: Callable[..., list[Any]]
) -> None:
    port = free_port()
    command = [sys.executable, "-m", "digital_cs", "returned", "listen", "--port", str(port)]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        try:
            told = process.stderr.readline()
            assert told == f"{logs.RETURNED_TAKEN_AT} 127.0.0.1:{port}.\n"
            with smtplib.SMTP("127.0.0.1", port, timeout=20) as client:
                client.sendmail("", ["hello@digital-cs.test"], STRANGER)
        finally:
            process.terminate()
        said = process.stderr.read()
        assert process.wait(20) == 0
    assert "nowhere.test" not in said, "no address is logged"
    (line,) = [json.loads(each) for each in said.splitlines() if "returned.taken" in each]
    assert (line["kind"], line["state"]) == ("reply", "listed")
    assert rows("select count(*) from returned_messages") == [(1,)]


def test_a_maildir_is_followed_until_it_is_told_to_stop(
    company: Cli, tmp_path: Path, rows: Callable[..., list[Any]]
) -> None:
    box = maildir(tmp_path, STRANGER)
    command = [sys.executable, "-m", "digital_cs", "returned", "pull", "--maildir", str(box),
               "--follow"]  # fmt: skip
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        try:
            assert "returned.taken" in process.stderr.readline()
            (box / "new" / "2.mail").write_bytes(b"rubbish")
            assert "returned.taken" in process.stderr.readline()
        finally:
            process.terminate()
        process.stderr.read()
        assert process.wait(20) == 0
    assert rows("select count(*) from returned_messages") == [(2,)]
