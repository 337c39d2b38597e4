"""Topics as support keeps them: published, explained, ranked exactly, and asked to be written."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests import rig
from tests.cli.conftest import Cli
from tests.ingest.topic_desk import THEMES

Rows = Callable[..., list[Any]]

QUESTIONS = {
    "billing": "Where can I find the invoice of last month?",
    "deliverability": "All our newsletters land in spam since yesterday",
    "editor-freezes": "The editor freezes when I paste a picture",
    "automations": "Our customers get the welcome twice, why?",
    "templates": "How do we get brand colours into all texts?",
}


def month_of_tickets(folder: Path) -> Path:
    """February's tickets of ten accounts, as a help desk exports them."""
    lines = ["id,account_id,opened_at,updated_at,status,tags,subject,body,requester_email"]
    number = 0

    def asks(account: int, subject: str, tags: str = "", body: str = "") -> None:
        nonlocal number
        number += 1
        day = f"2026-02-{1 + number % 27:02}T09:00:00Z"
        lines.append(
            f't{number},a{account},{day},{day},solved,{tags},"{subject}","{body}",ada@a{account}.test'
        )

    for account in range(9):
        asks(account, QUESTIONS["billing"])
    for account in range(7):
        asks(account, QUESTIONS["deliverability"], body="Ask Ada Lovelace of Company 3.")
    for account in range(8):
        asks(account, QUESTIONS["editor-freezes"])
    for account in range(4):
        asks(account, QUESTIONS["automations"])
    for account in (*range(5), 0, 0, 0, 0):
        asks(account, QUESTIONS["templates"])
    for theme in ("slow", "key", "export", "coupon"):
        for account, subject in enumerate(THEMES[theme]):
            asks(account, subject)
    file = folder / "tickets.csv"
    file.write_text("\n".join(lines) + "\n")
    return file


@pytest.fixture
def desk(cli: Cli, content: Path, tmp_path: Path) -> Cli:
    """The command on ten accounts and their tickets of February; the topics are those shipped."""
    accounts = tmp_path / "accounts.csv"
    accounts.write_text(
        "id,name,stage\n" + "".join(f"a{n},Company {n},active\n" for n in range(10))
    )
    assert cli("load", "accounts", accounts).code == 0
    done = cli("load", "tickets", month_of_tickets(tmp_path))
    assert done.code == 0, done.err
    shutil.copy(rig.ROOT / "content" / "topics.yaml", content)
    shutil.copytree(rig.ROOT / "content" / "articles", content / "articles")
    return cli


def test_the_file_is_checked_with_line_and_column(alone: Cli, content: Path) -> None:
    assert alone("topics", "check").code == 4
    file = content / "topics.yaml"
    file.write_text(
        "topics:\n  - topic: a\n    title: A\n    owner: me\n    rules: [{any: {tag: [x]}}]\n"
    )
    found = alone("topics", "check")
    assert found.code == 1
    assert "content/topics.yaml:5:20: Unknown key 'tag' in what a rule looks for." in found.out
    assert "content/topics.yaml:5:20" in alone("check").out
    assert alone("topics", "publish").code == 1
    shutil.copy(rig.ROOT / "content" / "topics.yaml", file)
    assert "All is well in" in alone("topics", "check").out
    assert alone("topics", "check", "--json").json == {"errors": 0, "problems": []}
    assert alone("topics", "schema").json["title"] == "The topics of digital-cs"


def test_publishing_sorts_all_tickets_and_says_what_changed(desk: Cli, rows: Rows) -> None:
    assert "no topics yet" in desk("topics", "list").out
    trial = desk("topics", "publish", "--dry-run")
    assert "It would be version 1." in trial.out
    assert rows("select count(*) from topic_versions") == [(0,)]
    done = desk("topics", "publish")
    assert done.code == 0, done.err
    assert "New: email-to-few, deliverability" in done.out
    assert "Version 1: 69 tickets looked at, 37 with another topic than before." in done.out
    again = desk("topics", "publish")
    assert "Version 1, in force since" in again.out
    assert "0 tickets looked at" in again.out
    listed = desk("topics", "list", "--json").json
    billing = next(each for each in listed["topics"] if each["topic"] == "billing")
    assert billing["tickets"] == {"rule": 9}
    assert "editor-freezes" in desk("topics", "list").out
    shown = desk("topics", "show", "billing").out
    assert "Rule 1: any of tag billing, tag invoice" in shown
    assert "none of “invoice email”" in shown
    assert "Tickets: 9 by rule." in shown
    assert desk("topics", "show", "nonsense").code == 4


def test_a_ticket_is_explained_and_a_person_has_the_last_word(desk: Cli) -> None:
    waiting = desk("topics", "explain", "t1")
    assert "is of no topic." in waiting.out
    assert "it is looked at soon" in waiting.out
    assert desk("topics", "publish").code == 0
    why = desk("topics", "explain", "t1").out
    assert "is of billing: rule 1 of version 1: “invoice”" in why
    told = desk("topics", "assign", "t1", "reports", "--by", "ana").out
    assert "is of reports." in told
    assert "is of reports: ana said so" in desk("topics", "explain", "t1").out
    assert (
        "Rule 1 of billing holds too: “invoice” (1 words)." in desk("topics", "explain", "t1").out
    )
    assert "is of no topic." in desk("topics", "assign", "t1", "--none").out
    assert "is of billing by the rules." in desk("topics", "assign", "t1", "--release").out
    assert desk("topics", "assign", "t1").code == 2
    assert desk("topics", "assign", "t1", "nonsense").code == 2
    assert desk("topics", "assign", "t999", "billing").code == 4


def test_the_top_ten_of_the_month_equals_a_plain_count(desk: Cli, rows: Rows) -> None:
    assert desk("topics", "publish").code == 0
    told = desk("topics", "rank", "--month", "2026-02", "--json").json
    plain = rows(
        "select topic, count(distinct account_id), count(*) from tickets where topic is not null"
        " and opened_at >= '2026-02-01Z' and opened_at < '2026-03-01Z'"
        " group by 1 order by 2 desc, 3 desc, 1 limit 10"
    )
    assert [(e["topic"], e["accounts"], e["tickets"]) for e in told["topics"]][:10] == plain
    assert plain[:2] == [("billing", 9, 9), ("editor-freezes", 8, 8)]
    assert (told["from"], told["to"], told["active_accounts"]) == ("2026-02-01", "2026-02-28", 10)
    shown = desk("topics", "rank").out
    assert "1 Feb 2026 to 28 Feb 2026, 10 active accounts." in shown
    assert "no clear change" in shown or "too few to tell" in shown
    assert {each["topic"]: each["out_words"] for each in told["topics"]} == {
        "billing": "", "deliverability": "", "automations": "fewer than 5 accounts ask",
        "templates": "one account asked 56% of it",
        "editor-freezes": "a bug, which an article does not answer",
    }  # fmt: skip
    some = desk("topics", "rank", "--from", "2026-02-01", "--to", "2026-02-05", "--json").json
    assert some["tickets"] < told["tickets"]
    assert desk("topics", "rank", "--month", "2026-02", "--from", "2026-02-01").code == 2
    assert desk("topics", "rank", "--segment", "nonsense").code == 4


def test_covered_topics_are_out_for_eight_weeks(desk: Cli) -> None:
    assert desk("topics", "publish").code == 0
    said = ("topics", "covered", "billing", "--on", "2026-02-10")
    assert "billing: covered on 10 Feb 2026." in desk(*said, "--note", "issue 2").out
    assert "known already" in desk(*said).out
    assert "Covered on 10 Feb 2026, by hand: issue 2." in desk("topics", "show", "billing").out
    assert "covered on 10 Feb 2026" in desk("topics", "rank").out
    assert "not covered" in desk(*said, "--undo").out
    assert "Nobody had said so." in desk(*said, "--undo").out
    assert desk("topics", "covered", "nonsense", "--on", "2026-02-10").code == 4


def test_a_month_says_what_can_be_shown_and_asks_for_what_is_missing(
    desk: Cli, content: Path, rows: Rows
) -> None:
    assert desk("content", "import", content).code == 0
    assert desk("topics", "publish").code == 0
    told = desk("topics", "month", "--month", "2026-02", "--json").json
    standing = {each["topic"]: each["standing"] for each in told["topics"]}
    assert standing["editor-freezes"] == "a bug"
    assert standing["deliverability"] == "not covered"
    assert standing["billing"] in ("covered and fresh", "covered but stale")
    assert told["opened"] == []
    billing = told["topics"][0]
    assert "nvoices" in billing["article"]["title"]
    assert billing["article"]["stated"] is True

    asked = desk("topics", "month", "--month", "2026-02", "--ask")
    key = "writing:deliverability:2026-02-01"
    assert f"Asked for: `digital-cs task show {key}`." in asked.out
    assert rows("select key, assign_to, account_id from tasks") == [(key, "support", None)]
    assert "Asked for" not in desk("topics", "month", "--month", "2026-02", "--ask").out
    assert "Write an article: E-mails land in spam" in desk("task", "list").out

    task = desk("task", "show", key)
    assert "7 accounts asked about “E-mails land in spam”" in task.out
    assert task.out.count("All our newsletters land in spam since yesterday") == 5
    assert "Company 3" not in task.out
    assert len(desk("task", "show", key, "--json").json["samples"]) == 5
    kept = json.dumps(rows("select row_to_json(t)::text from tasks t"))
    assert "since yesterday" not in kept

    rows("update tickets set subject = null, body = null, text_kept_until = null")
    assert "since yesterday" not in desk("task", "show", key).out
    assert "Done: Write an article" in desk("task", "done", key).out


def test_what_no_rule_catches_is_proposed_named_merged_and_refused(desk: Cli, rows: Rows) -> None:
    assert desk("topics", "publish").code == 0
    assert "There are no proposals" in desk("topics", "proposals").out
    found = desk("topics", "propose")
    assert found.code == 0, found.err
    assert "32 tickets without a topic" in found.out
    listed = desk("topics", "proposals", "--json").json
    proposal = next(each for each in listed if "slowly" in each["words"])
    assert (proposal["tickets"], proposal["accounts"], proposal["state"]) == (8, 8, "open")
    number = str(proposal["id"])
    assert "slowly" in desk("topics", "proposals").out
    shown = desk("topics", "proposals", number).out
    assert "8 tickets of 8 accounts" in shown
    assert any(text in shown for text in THEMES["slow"])
    assert "The rule below catches 8 of 8 tickets, and no other." in shown
    told = desk("topics", "proposals", number, "--precision", "100", "--json").json
    assert told["catches"] == {"of_proposal": 8, "proposal": 8, "others": [], "precision": 1.0}
    assert told["rule"]["any"]["phrases"]
    assert desk("topics", "proposals", number, "--precision", "40").code == 2
    assert desk("topics", "proposals", "99").code == 4

    assert desk("topics", "refuse", number).code == 0
    again = desk("topics", "propose", "--json").json["proposed"]
    assert (again["new"], again["refused"]) == (0, 1)

    named = desk("topics", "name", number, "slow-pages", "--title", "Pages load slowly")
    assert named.code == 0, named.err
    assert "slow-pages: 8 tickets of proposal" in named.out
    assert '  - topic: "slow-pages"' in named.out
    assert "phrases: [" in named.out
    assert rows("select count(*) from tickets where topic = 'slow-pages'") == [(8,)]
    assert "is of the group that was proposal" in desk("topics", "explain", "t38").out
    assert "Named by" in desk("topics", "show", "slow-pages").out
    assert desk("topics", "merge", number, "billing").code == 2
    assert desk("topics", "name", number, "slow-pages", "--title", "x").code == 2
    assert desk("topics", "name", number, "Slow Pages", "--title", "x").code == 2
    assert desk("topics", "merge", "99", "billing").code == 4

    rows("update tickets set subject = null, body = null, text_kept_until = null")
    assert "not kept any more: there is nothing" in desk("topics", "proposals", number).out
