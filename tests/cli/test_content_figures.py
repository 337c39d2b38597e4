"""The figures of `digital-cs content freshness`: in words, and why there may be none."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.cli.conftest import Cli


def test_where_there_is_nothing_to_divide_it_says_why(cli: Cli, content: Path) -> None:
    assert cli("content", "import", content).code == 0
    words = cli("content", "freshness").out
    assert "last 28 days: —, as nothing was sent that shows these items." in words
    assert "next 14 days: —, as nothing is about to go out that shows these items." in words
    assert "Overdue: —, as nothing is stale." in words
    assert "Reviews asked for, last 28 days: —, as nobody was asked." in words
    assert "changed something, last 28 days: —, as nobody told of a review." in words
    assert cli("content", "freshness", "--json").json["figures"] == {
        "fresh_impressions_past": {"days": 28, "fresh": 0, "all": 0, "share": None},
        "fresh_impressions_ahead": {"days": 14, "fresh": 0, "all": 0, "share": None},
        "overdue": {"items": 0, "median_days": None},
        "reviews": {
            "days": 28, "asked": 0, "done": 0, "told": 0, "changed": 0, "share_changed": None,
        },
    }  # fmt: skip


def test_what_was_and_will_be_shown_is_weighed_by_its_readers(
    company: Cli, content: Path, rows: Callable[..., list[Any]]
) -> None:
    """`welcome-trial-1` shows itself, two blocks and its footer; one of these is stale."""
    for name, day in (
        ("help", "2025-08-20"),
        ("signature", "2026-02-20"),
        ("footer", "2026-02-20"),
    ):
        (content / "blocks" / f"{name}.md").write_text(f"---\nreviewed: {day}\n---\nText.\n")
    assert company("content", "import", content).code == 0
    company("content", "review", "welcome-trial-1.md", "--edited", "--checked", "links")
    shown = len(company("content", "show", "welcome-trial-1.md", "--json").json["shows"]) + 1
    for account in ("acme", "globex"):
        assert company("enroll", "welcome", account).code == 0
    rows(
        "insert into messages (key, enrollment_id, program_id, version, step, visit, account_id,"
        " contact_id, email, kind, priority, state, due_at, claimed_at, attempts)"
        " select id, id, program_id, version, step, visit, account_id, 'ada', 'welcome-trial-1',"
        " 'marketing', 'normal', 'accepted', '2026-03-02', '2026-03-02', 1 from enrollments"
        " where account_id = 'acme'"
    )
    found = company("content", "freshness", "--json").json["figures"]
    assert found["fresh_impressions_past"] == {
        "days": 28, "fresh": shown - 1, "all": shown, "share": (shown - 1) / shown,
    }  # fmt: skip
    ahead = found["fresh_impressions_ahead"]
    assert (ahead["fresh"], ahead["all"]) == (2 * (shown - 1), 2 * shown)
    assert found["overdue"] == {"items": 1, "median_days": 10.0}
    assert (found["reviews"]["told"], found["reviews"]["share_changed"]) == (1, 1.0)

    words = company("content", "freshness").out
    share = f"{(shown - 1) / shown:.0%}"
    assert f"last 28 days: {share}. Items of ours were shown {shown} times" in words
    assert f"next 14 days: {share} ({2 * (shown - 1)} of at most {2 * shown} times)" in words
    assert "Overdue: for 10 days, the median of 1 stale item." in words
    assert "changed something, last 28 days: 100% (1 of 1)." in words


def test_another_day_knows_nothing_of_what_lies_ahead(cli: Cli, content: Path) -> None:
    assert cli("content", "import", content).code == 0
    ran = cli("content", "freshness", "--as-of", "2026-02-01")
    assert "next 14 days: —, as it is only known of today on." in ran.out
    assert "last 28 days until 1 Feb 2026: —" in ran.out
