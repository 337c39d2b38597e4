"""`message preview` and `content carry-over`: e-mails before anybody gets them."""

from __future__ import annotations

import email
import shutil
from email.message import EmailMessage
from email.policy import default
from pathlib import Path

from digital_cs.cli.main import run
from tests.cli.conftest import Cli
from tests.rig import ROOT

TEMPLATE = """\
<html><head><title></title></head><body>
<span class="preheader">All about {{plan}}</span>
<h1>Hi {{name}},</h1><p>See <a href="{{help_url}}">our help</a>. {{formatDate due}}</p>
</body></html>
"""


def test_an_email_is_shown_to_somebody_made_up_where_there_is_no_database(alone: Cli) -> None:
    shown = alone("message", "preview", "renewal-30")
    assert shown.code == 0
    assert "To:       Robin Example of Example & Co (made up)\n" in shown.out
    assert "Subject:  Your Lantern plan renews on 1 September 2026\n" in shown.out
    assert "- Seats: 12\n" in shown.out
    assert "HTML of " in shown.out
    text = alone("message", "preview", "renewal-30", "--text").out
    assert text.startswith("Hi Robin,\n")
    assert "Subject:" not in text


def test_a_preview_is_written_as_html_text_and_mail(alone: Cli, tmp_path: Path) -> None:
    found = alone("message", "preview", "renewal-30", "--out", str(tmp_path / "seen"), "--json")
    assert [Path(file).suffix for file in found.json["files"]] == [".html", ".txt", ".eml"]
    html, text, mail = (Path(file).read_bytes() for file in found.json["files"])
    read = email.message_from_bytes(mail, policy=default)
    assert isinstance(read, EmailMessage)
    assert read["Subject"] == found.json["subject"]
    assert read["To"] == "Robin Example <preview@digital-cs.test>"
    parts = [part.get_content() for part in read.iter_parts() if isinstance(part, EmailMessage)]
    assert [part.replace("\r\n", "\n").rstrip("\n") for part in parts] == [
        text.decode().rstrip("\n"), html.decode().rstrip("\n"),
    ]  # fmt: skip
    assert found.json["html_bytes"] == len(html)
    assert found.json["problems"] == []


def test_p25_a_preview_shows_what_goes_out_while_something_is_stale(
    alone: Cli, tmp_path: Path
) -> None:
    folder = tmp_path / "other"
    shutil.copytree(ROOT / "content", folder)
    block = folder / "blocks/help.md"
    command = ("message", "preview", "welcome-trial-1", "--content", str(folder))

    def when(rule: str) -> None:
        block.write_text(f"---\nowner: me\n{rule}---\nStuck? Just reply.\n")

    when("when_stale: drop\n")
    assert "Stuck?" in alone(*command).out
    shown = alone(*command, "--stale", "help.md").out
    assert "Stuck?" not in shown
    assert "While help.md is stale: It goes without “help.md”, stale since " in shown
    when("when_stale: hold\nhold_for: 2 days\nthen: drop\n")
    found = alone(*command, "--stale", "blocks/help.md", "--json").json
    assert found["while_stale"][0] == "It waits 2 days for a review of help.md."
    assert found["while_stale"][1].startswith("Then it goes without “help.md”")
    assert "Stuck?" not in found["text"]
    when("when_stale: hold\nthen: skip\n")
    assert "Then it is left out." in alone(*command, "--stale", "help.md").out
    wrong = alone(*command, "--stale", "office-hours.md")
    assert wrong.code == 2
    assert "does not show 'office-hours.md'" in wrong.err
    assert "It goes though “welcome-trial-1.md” is stale" in (
        alone(*command, "--stale", "welcome-trial-1").out
    )


def test_p25_both_checks_tell_of_a_rule_that_cannot_hold(alone: Cli, tmp_path: Path) -> None:
    folder = tmp_path / "other"
    shutil.copytree(ROOT / "content", folder)
    (folder / "blocks/help.md").write_text("---\nowner: me\nwhen_stale: use none.md\n---\nX\n")
    for command in (("check", "--content", str(folder)), ("content", "check", str(folder))):
        found = alone(*command)
        assert found.code == 1
        assert "blocks/help.md:3:13:" in found.out
        assert "There is no block `blocks/none.md`." in found.out


def test_an_email_is_shown_as_an_account_and_a_contact_get_it(company: Cli) -> None:
    shown = company("message", "preview", "renewal-30", "--account", "Acme")
    assert "To:       Ada Lovelace of Acme\n" in shown.out
    assert "- Seats: 12\n" in shown.out
    assert "The account has no renewal_on: what the e-mail says instead, stands.\n" in shown.out
    found = company(
        "message", "preview", "renewal-30", "--account", "globex", "--contact", "grace@globex.test",
        "--program", "welcome", "--json",
    ).json  # fmt: skip
    assert (found["account"], found["contact"]) == ("globex", "grace")
    assert found["text"].startswith("Hi Grace,\n")


def test_a_preview_says_who_or_what_is_not_there(company: Cli) -> None:
    asked = ("message", "preview", "renewal-30")
    assert company("message", "preview", "renewal-3").code == 4
    assert company(*asked, "--account", "nobody").code == 4
    nobody = company(*asked, "--account", "acme", "--contact", "grace")
    assert (nobody.code, nobody.err) == (
        4, "Nobody of Acme is 'grace'. There are: ada (Ada Lovelace).\n",
    )  # fmt: skip
    assert company(*asked, "--account", "initech").err.endswith("It has no contacts.\n")
    assert company(*asked, "--contact", "ada").code == 2
    assert "There are: welcome." in company(*asked, "--program", "renewal").err


def test_an_email_that_is_too_large_is_a_complaint_of_check(alone: Cli, content: Path) -> None:
    body = "\n\n".join(["**One** *two* **three** *four*"] * 1490)
    front = "---\nsubject: Long\npreview: Long\ntopic: tips\nowner: me\n---\n"
    (content / "emails" / "long.md").write_text(front + body)
    checked = alone("check")
    assert checked.code == 1
    assert "content/emails/long.md:1:1: As HTML it has 1" in checked.out
    shown = alone("message", "preview", "long")
    assert shown.code == 0
    assert "That is too large" in shown.out
    (content / "emails" / "long.md").write_text(front + "A word.\n\n" * 1400 + "word " * 10_000)
    assert "long.md:1:1: It cannot be sent at all: it is longer than 64000" in alone("check").out


def test_templates_of_others_are_carried_over_and_checked(
    alone: Cli, content: Path, tmp_path: Path
) -> None:
    theirs = tmp_path / "theirs"
    (theirs / "hello").mkdir(parents=True)
    (theirs / "hello" / "content.html").write_text(TEMPLATE)
    done = alone("content", "carry-over", str(theirs), "--map", "plan=account.plan")
    assert done.code == 0, done.out
    assert "help_url" in done.out
    assert "hello: `{{formatDate due}}` asks a helper" in done.out
    written = (content / "emails" / "hello.md").read_text()
    assert 'preview: "All about {{ account.plan }}"' in written
    assert alone("message", "preview", "hello", "--text").out.startswith("Hi Robin,\n=========\n")

    again = alone("content", "carry-over", str(theirs))
    assert again.code == 2
    assert "--replace" in again.err
    machine = alone("content", "carry-over", str(theirs), "--replace", "--json").json
    assert [each["name"] for each in machine["emails"]] == ["hello"]
    assert machine["errors"] == 0
    assert alone("content", "carry-over", str(theirs), "--map", "plan", "--replace").code == 2


def test_a_template_that_cannot_be_right_is_told_by_the_check(
    alone: Cli, content: Path, tmp_path: Path
) -> None:
    theirs = tmp_path / "theirs"
    theirs.mkdir()
    (theirs / "bad.html").write_text("<p>{{#each rows}} never closed</p>")
    done = alone("content", "carry-over", str(theirs), "--topic", "nonsense")
    assert done.code == 1
    assert "content/emails/bad.md" in done.out
    assert "is never closed" in done.out
    assert run(["content", "carry-over", str(tmp_path / "nowhere")]) == 2
    elsewhere = alone("content", "carry-over", str(theirs), "--to", str(tmp_path / "mails"))
    assert (elsewhere.code, "is not the folder `emails`" in elsewhere.err) == (2, True)
    bare = alone("content", "carry-over", str(theirs), "--to", str(tmp_path / "bare" / "emails"))
    assert (bare.code, "There is no layout." in bare.out) == (1, True)
