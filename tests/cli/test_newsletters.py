"""`digital-cs newsletter`: from the file to an issue that is written, moved and left out."""

from __future__ import annotations

import io
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.cli.conftest import Cli
from tests.rig import ROOT

CONTENT = ROOT / "content"
ISSUE = "lantern-letter/2026-04-07"


@pytest.fixture
def playbook(company: Cli, content: Path) -> Cli:
    """The command on Monday 2 March 2026, with the newsletter that is shipped."""
    for part in ("newsletters", "articles", "segments"):
        shutil.copytree(CONTENT / part, content / part, dirs_exist_ok=True)
    for part in ("events.yaml", "policy.yaml", "milestones.yaml"):
        shutil.copy(CONTENT / part, content / part)
    return company


@pytest.fixture
def letter(playbook: Cli) -> Cli:
    """The newsletter is published."""
    assert playbook("newsletter", "publish").code == 0
    return playbook


def test_what_is_shipped_is_well_and_a_mistake_is_told_with_its_line(
    playbook: Cli, content: Path
) -> None:
    assert playbook("newsletter", "check").out == "1 newsletter: all is well.\n"
    file = content / "newsletters" / "lantern-letter.yaml"
    file.write_text(file.read_text().replace("first Tuesday", "frist Tuesday"))
    told = playbook("newsletter", "check")
    assert told.code == 1
    assert "newsletters/lantern-letter.yaml:15:9: " in told.out
    assert playbook("newsletter", "publish").code == 1


def test_publishing_plans_the_next_issue_that_can_still_be_written(playbook: Cli) -> None:
    tried = playbook("newsletter", "publish", "--dry-run", "--json").json
    assert tried["planned"] == [ISSUE]
    assert playbook("newsletter", "issues").out.startswith("No issue is planned.")
    done = playbook("newsletter", "publish")
    assert done.out == f"lantern-letter comes out as its file says.\nPlanned the issue {ISSUE}.\n"
    assert playbook("newsletter", "publish").out == "lantern-letter comes out as before.\n"
    [row] = playbook("newsletter", "list", "--json").json
    assert (row["newsletter"], row["next_issue"]) == ("lantern-letter", ISSUE)


def test_a_newsletter_without_a_file_comes_out_no_more(letter: Cli, content: Path) -> None:
    (content / "newsletters" / "lantern-letter.yaml").unlink()
    assert letter("newsletter", "publish").out == "lantern-letter comes out no more.\n"
    assert letter("newsletter", "list", "--json").json == []


def test_an_issue_is_written_from_a_file_or_standard_input_and_shown(
    letter: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = tmp_path / "text.md"
    text.write_text("Hi {{ contact.first_name }}")
    assert letter("newsletter", "write", ISSUE, "opening", "--file", str(text)).out == "Written.\n"
    again = letter("newsletter", "write", ISSUE, "opening", "--file", str(text), "--json")
    assert again.json["changed"] is False
    monkeypatch.setattr("sys.stdin", io.StringIO("Hello"))
    assert letter("newsletter", "write", ISSUE, "opening", "--by", "jonas").code == 0
    shown = letter("newsletter", "show", ISSUE)
    assert "── opening ──\nHello" in shown.out
    assert "written by jonas" in shown.out
    facts = letter("newsletter", "show", ISSUE, "--json").json
    assert facts["texts"][0]["text"] == "Hello"
    assert [note["words"] for note in facts["story"]][-1] == "Wrote the section opening."


def test_a_text_with_a_mistake_is_refused_with_its_line_and_nothing_is_lost(
    letter: Cli, tmp_path: Path
) -> None:
    text = tmp_path / "text.md"
    text.write_text("Hello")
    letter("newsletter", "write", ISSUE, "opening", "--file", str(text))
    text.write_text("Hi,\n\n{{ contact.nickname }}")
    told = letter("newsletter", "write", ISSUE, "opening", "--file", str(text))
    assert told.code == 2
    assert "opening:3:4: " in told.err
    assert letter("newsletter", "show", ISSUE, "--json").json["texts"][0]["text"] == "Hello"


def test_what_is_not_put_together_cannot_be_approved_nor_recalled(letter: Cli) -> None:
    told = letter("newsletter", "approve", ISSUE)
    assert (told.code, "it has not begun yet" in told.err) == (1, True)
    assert letter("newsletter", "recall", ISSUE, "--because", "x").code == 1
    assert letter("newsletter", "variants", ISSUE).out == "It is not put together yet.\n"
    assert letter("newsletter", "show", "letter/2026-01-01").code == 4


def test_a_section_is_signed_off_or_refused_and_only_the_text_that_was_read(
    letter: Cli, tmp_path: Path
) -> None:
    text = tmp_path / "text.md"
    text.write_text("Hello")
    letter("newsletter", "write", ISSUE, "opening", "--file", str(text))
    [kept] = letter("newsletter", "show", ISSUE, "--json").json["texts"]
    told = letter("newsletter", "sign", ISSUE, "opening", "--text", "0123456789ab")
    assert (told.code, "was changed since you read it" in told.err) == (1, True)
    mark = kept["text_hash"][:12]
    signed = letter("newsletter", "sign", ISSUE, "opening", "--text", mark, "--by", "dana")
    assert signed.out == "opening is signed off.\n"
    because = ("--because", "A typo.", "--section", "opening", "--by", "dana")
    refused = letter("newsletter", "change", ISSUE, *because, "--json").json
    assert refused == {
        "issue": ISSUE, "section": "opening", "refused_by": "dana", "because": "A typo.",
    }  # fmt: skip
    [kept] = letter("newsletter", "show", ISSUE, "--json").json["texts"]
    assert (kept["signed_hash"], kept["refused_because"]) == (None, "A typo.")
    assert letter("newsletter", "change", ISSUE, "--because", " ").code in (1, 2)


@pytest.mark.parametrize(
    ("send_on", "said"),
    [
        ("2026-04-07", "It goes out on Tuesday 7 April, to each in their morning."),
        (
            "2026-03-02",
            "It goes out on Tuesday 3 March, for its own day has begun in some places, to each in"
            " their morning.",
        ),
    ],
)
def test_an_approval_says_on_which_day_it_goes(
    letter: Cli, rows: Callable[..., list[Any]], send_on: str, said: str
) -> None:
    rows(
        "update newsletter_issues set state = 'frozen', frozen_hash = content_hash,"
        " texts_hash = 'abcdef', send_on = %s where id = %s", send_on, ISSUE,
    )  # fmt: skip
    [row] = letter("newsletter", "issues", "--json").json
    late = send_on < "2026-04-07"
    assert row["due_next"].startswith("held: it was to be" if late else "to be approved by")
    told = letter("newsletter", "approve", ISSUE, "--text", "fedcba")
    assert (told.code, "put together anew since you looked at it" in told.err) == (1, True)
    assert letter("newsletter", "approve", ISSUE, "--text", "").code == 1
    done = letter("newsletter", "approve", ISSUE, "--text", "abc", "--by", "maya")
    assert done.out == f"Approved. {said}\n"
    facts = letter("newsletter", "approve", ISSUE, "--json").json
    assert (facts["approved_by"], facts["text"]) == ("maya", "abcdef")
    assert letter("newsletter", "change", ISSUE, "--because", "A typo.", "--by", "dana").code == 0
    assert "dana wants a change: A typo." in letter("newsletter", "show", ISSUE).out
    [row] = letter("newsletter", "issues", "--json").json
    assert row["approved_by"] is None
    assert row["due_next"].startswith("to be changed, as dana says")


def test_an_issue_is_renamed_moved_left_out_or_added(letter: Cli) -> None:
    assert letter("newsletter", "title", ISSUE, "--subject", "Spring").out == "Changed.\n"
    assert letter("newsletter", "move", ISSUE, "2026-04-09").code == 0
    [row] = letter("newsletter", "issues", "--json").json
    assert (row["subject"], row["send_on"]) == ("Spring", "2026-04-09")
    assert letter("newsletter", "move", ISSUE, "9.4.2026").code == 2
    assert letter("newsletter", "extra", "lantern-letter", "2026-05-20").code == 0
    assert letter("newsletter", "skip", ISSUE, "--because", "Nothing new").code == 0
    states = {
        r["issue"]: r["state"] for r in letter("newsletter", "issues", "--all", "--json").json
    }
    assert states == {ISSUE: "skipped", "lantern-letter/2026-05-20": "planned"}
