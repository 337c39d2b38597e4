"""`digital-cs newsletter recall, extra --corrects, report`: what is done about a wrong issue."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.cli.conftest import Cli
from tests.rig import ROOT

ISSUE = "lantern-letter/2026-04-07"
DAY = "2026-04-09"


@pytest.fixture
def half_way(company: Cli, content: Path, rows: Callable[..., list[Any]]) -> Cli:
    """Two of five people have the issue, and one is just being handed over to."""
    shutil.copytree(ROOT / "content" / "newsletters", content / "newsletters")
    shutil.copytree(ROOT / "content" / "articles", content / "articles", dirs_exist_ok=True)
    shutil.copytree(ROOT / "content" / "segments", content / "segments", dirs_exist_ok=True)
    for part in ("events.yaml", "policy.yaml", "milestones.yaml"):
        shutil.copy(ROOT / "content" / part, content / part)
    assert company("newsletter", "publish").code == 0
    text = content / "text.md"
    text.write_text("Hello")
    assert company("newsletter", "write", ISSUE, "opening", "--file", text).code == 0
    rows(
        "insert into broadcasts (id, name, owner, spec, state, created_at, changed_at, changed_by)"
        " values (%s, '', '', '{}', 'running', now(), now(), '')", ISSUE,
    )  # fmt: skip
    rows("update newsletter_issues set state = 'sending', broadcast_id = id where id = %s", ISSUE)
    for nth, state in enumerate(("accepted", "delivered", "claimed", "planned", "planned")):
        rows(
            "insert into messages (key, broadcast_id, account_id, email, kind, priority, state,"
            " due_at, attempts) values (%s, %s, 'acme', '', 'marketing', 'normal', %s, now(), 0)",
            f"{ISSUE}/{nth}", ISSUE, state,
        )  # fmt: skip
    return company


def test_a_recall_says_who_had_it_and_what_can_be_done_now(half_way: Cli) -> None:
    told = half_way("newsletter", "recall", ISSUE, "--because", "A wrong price")
    assert told.out == (
        "Called back. 2 had it already, 1 was just being handed over; 2 do not get it any more."
        " Its pages are not public any more. A corrected one goes out, today if you like, with"
        " `digital-cs newsletter"
        f" extra lantern-letter DAY --corrects {ISSUE} --to missed`, or `--to everybody`.\n"
    )
    again = half_way("newsletter", "recall", ISSUE, "--because", "A wrong price", "--json").json
    assert again == {
        "issue": ISSUE, "nobody_got_it": False, "had_it": 2, "unknown": 0, "being_handed_over": 1,
        "do_not_get_it": 2,
    }  # fmt: skip
    shown = half_way("newsletter", "show", ISSUE, "--json").json
    assert (shown["state"], shown["recalled_because"]) == ("recalled", "A wrong price")
    assert "recalled; the rest is being stopped" in half_way("newsletter", "show", ISSUE).out


def test_whom_a_corrected_issue_is_for_has_to_be_said(half_way: Cli) -> None:
    extra = ("newsletter", "extra", "lantern-letter", DAY, "--corrects", ISSUE)
    assert half_way("newsletter", "recall", ISSUE, "--because", "A wrong price").code == 0
    assert "--corrects and --to go together" in half_way(*extra).err
    told = half_way(*extra, "--to", "some").err
    assert "There are missed, everybody." in told
    other = half_way("newsletter", "extra", "other", DAY, "--corrects", ISSUE, "--to", "missed")
    assert f"{ISSUE} is no issue of other" in other.err
    made = half_way(*extra, "--to", "missed", "--json").json["issue"]
    facts = half_way("newsletter", "show", made, "--json").json
    assert (facts["corrects"], facts["corrects_for"]) == (ISSUE, "missed")
    assert [text["text"] for text in facts["texts"]] == ["Hello"]


def test_the_report_shows_the_figures_of_now_until_it_is_made(half_way: Cli) -> None:
    assert half_way("newsletter", "recall", ISSUE, "--because", "A wrong price").code == 0
    found = half_way("newsletter", "report", ISSUE, "--json").json
    assert (found["state"], found["final"], found["readers"]) == ("recalled", False, 2)
    assert found["states"] == {"planned": 2, "accepted": 1, "claimed": 1, "delivered": 1}
    assert found["recalled"]["because"] == "A wrong price"
    out = half_way("newsletter", "report", ISSUE).out
    assert "It was recalled by" in out
    assert "2 people got it, and 0 of them followed a link." in out
    assert half_way("newsletter", "report", "lantern-letter/2026-05-05").code != 0
