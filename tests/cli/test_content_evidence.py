"""P24: why an item is stale is said with dates; use renews it; readers vote; all also as JSON."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import psycopg
import pytest

from tests.cli.conftest import Cli

PAGE = """\
---
title: {name}
last_reviewed_on: {reviewed}
review_in: 6 months
---
# {name}

Do it like this, and then like that.
"""


@pytest.fixture
def handbook(cli: Cli, tmp_path: Path) -> Cli:
    """A page that is fresh on Monday 2 March 2026, and one that is stale by its age."""
    folder = tmp_path / "handbook"
    folder.mkdir()
    for name, reviewed in (("fresh", "2026-02-01"), ("late", "2025-08-02")):
        (folder / f"{name}.md").write_text(PAGE.format(name=name, reviewed=reviewed))
    ran = cli("content", "import", folder, "--preset", "gov-tech-docs", "--default-owner", "#docs")
    assert ran.code == 0
    return cli


def item(cli: Cli, name: str) -> dict[str, Any]:
    found: dict[str, Any] = cli("content", "show", f"{name}.md", "--json").json
    return found


def execute(database: str, statement: str, *values: object) -> None:
    with psycopg.connect(database, autocommit=True) as connection:
        connection.execute(statement, values)


def break_links(database: str, item: str, *urls: str) -> None:
    for line, url in enumerate(urls, 1):
        execute(
            database, "insert into links (item_id, url, line, kind) values (%s, %s, %s, 'link')",
            item, url, line,
        )  # fmt: skip
        execute(
            database,
            "insert into link_states (url, host, state, finding, since, tries, days, detail) values"
            " (%s, 'x', 'broken', 'not found', '2026-02-20T09:00Z', 3, 3, 'the server says 404')",
            url,
        )


def test_p24_freshness_says_why_each_late_item_is_late(handbook: Cli, database: str) -> None:
    break_links(database, item(handbook, "fresh")["id"], "https://x.test/a", "https://x.test/b")
    assert item(handbook, "fresh")["state"] == "fresh"

    words = handbook("content", "freshness", "--look").out
    assert "On 2 Mar 2026 2 items: 0 fresh, 0 due within a month, 2 stale, 0 blocked." in words
    why = words[words.index("late.md (c-") :]
    assert "  2 Feb 2026 (1): Its review was due on 2 February 2026: 6 months after" in why
    assert (
        "  22 Feb 2026 (0.5): The link to https://x.test/a in line 1: broken since 20 February"
        " 2026: the server says 404, 3 times on 3 days." in why
    )
    assert "  And " not in words
    late, fresh = handbook("content", "freshness", "--json").json["items"]
    assert [(each["signal"], each["weight"]) for each in late["evidence"]] == [("review_date", 1)]
    assert [each["signal"] for each in fresh["evidence"]] == ["link_broken"] * 2
    assert (fresh["state"], fresh["due_on"], fresh["stale_on"], fresh["days_overdue"]) == (
        "stale", "2026-08-01", "2026-02-22", 8,
    )  # fmt: skip
    assert fresh["staleness"] > 0.5 < late["staleness"]


def test_p24_a_list_tells_the_heaviest_pieces_of_each_item(handbook: Cli, database: str) -> None:
    urls = [f"https://x.test/{name}" for name in "abcdefg"]
    break_links(database, item(handbook, "late")["id"], *urls)
    words = handbook("content", "freshness", "--look").out
    why = words[words.index("late.md (c-") :].splitlines()
    assert why[1].startswith("  2 Feb 2026 (1): Its review was due")
    assert [line[:20] for line in why[2:6]] == ["  22 Feb 2026 (0.5):"] * 4
    assert why[6].startswith("  And 3: `digital-cs content show c-")


def test_p24_the_page_of_an_item_says_what_speaks_against_it_and_what_did(
    handbook: Cli, database: str
) -> None:
    break_links(database, item(handbook, "fresh")["id"], "https://x.test/a", "https://x.test/b")
    handbook("content", "freshness", "--look")
    words = handbook("content", "show", "fresh.md").out
    assert "stale since 22 Feb 2026, though it is due on 1 Aug 2026. The link to" in words
    assert "  What speaks against it (staleness 0.5" in words

    handbook("content", "review", "fresh.md", "--still-right", "--checked", "links")
    found = item(handbook, "fresh")
    assert (found["state"], found["evidence"], len(found["ended"])) == ("fresh", [], 2)
    words = handbook("content", "show", "fresh.md").out
    assert "  What did:\n    2 Mar 2026: no longer. The link to https://x.test/" in words


def test_p24_use_on_a_ticket_renews_once_that_is_solved(handbook: Cli, database: str) -> None:
    ran = handbook("content", "used", "late.md", "--ticket", "7")
    assert ran.out.endswith(
        "was used on 7. Once that ticket is known here and solved, it is renewed.\n"
    )
    execute(database, "insert into sources (name, kind, feeds) values ('desk', 'csv', '{tickets}')")
    execute(
        database,
        "insert into tickets (id, source, status, opened_at, updated_at) values ('desk:7', 'desk',"
        " 'open', '2026-02-27T09:00Z', '2026-02-27T09:00Z')",
    )
    again = handbook("content", "used", "late.md", "--ticket", "7")
    assert again.out.endswith("was used on 7. Once that is solved, it is renewed.\n")
    assert item(handbook, "late")["state"] == "stale"

    execute(database, "update tickets set status = 'solved', solved_at = '2026-03-01T09:00Z'")
    done = handbook("content", "used", "late.md", "--ticket", "7", "--json").json
    assert (done["new"], done["renewed"], done["renewed_on"]) == (False, True, "2026-03-02")
    found = item(handbook, "late")
    assert (found["state"], found["due_on"]) == ("fresh", "2026-09-02")
    words = handbook("content", "show", "late.md").out
    assert "    2 Mar 2026: 7, solved. It renewed it on 2 Mar 2026." in words


def test_p24_use_is_told_of_days_that_were(handbook: Cli) -> None:
    ran = handbook("content", "used", "late.md", "--ticket", "7", "--on", "2026-03-03")
    assert (ran.code, "still to come" in ran.err) == (2, True)
    ran = handbook("content", "used", "late.md", "--ticket", "7", "--on", "today")
    assert "'today' is not a day. Write --on 2026-03-12." in ran.err
    ran = handbook("content", "used", "late.md", "--ticket", "7", "--on", "2026-02-20", "--json")
    assert ran.json["use"]["at"].startswith("2026-02-20T00:00:00")


def test_p24_a_reader_has_one_vote(handbook: Cli) -> None:
    handbook("content", "vote", "fresh.md", "--helpful", "--by", "ada")
    for name in ("ada", "bob", "cem", "dee", "eve"):
        ran = handbook("content", "vote", "fresh.md", "--not-helpful", "--by", name)
    assert ran.out.endswith(" did not help. In all it helped 0 and did not help 5.\n")
    found = handbook("content", "freshness", "--look", "--json").json["items"]
    [against] = [each["evidence"] for each in found if each["locator"] == "fresh.md"]
    assert [each["words"] for each in against] == [
        "5 of 5 readers who said so were not helped by it."
    ]
    assert "Readers: it helped 0 and did not help 5." in handbook("content", "show", "fresh.md").out


def test_p24_an_import_looks_at_evidence(cli: Cli, tmp_path: Path) -> None:
    folder = tmp_path / "handbook"
    folder.mkdir()
    page = PAGE.format(name="guide", reviewed="2026-01-01").replace("# guide", "# Guide")
    (folder / "guide.md").write_text(page.replace("title:", "area: billing\ntitle:"))
    note = "---\nkind: feature_note\narea: billing\nreviewed: 2026-02-20\ntitle: Prices\n---\nNew."
    (folder / "prices.md").write_text(note)
    ran = cli("content", "import", folder, "--map", "reviewed_on=reviewed", "--map",
              "review_every=review_in", "--default-owner", "maya")  # fmt: skip
    assert ran.code == 0, ran.err
    (folder / "guide.md").write_text(
        page.replace("title:", "area: billing\nreviewed: 2026-01-01\ntitle:")
    )
    assert cli("content", "import", "--name", "handbook").code == 0
    [evidence] = item(cli, "guide")["evidence"]
    assert (evidence["signal"], evidence["since"][:10]) == ("release", "2026-02-20")


def test_p24_uses_and_votes_are_loaded_from_files_again_and_again(
    handbook: Cli, database: str, tmp_path: Path
) -> None:
    execute(
        database,
        "insert into tickets (id, source, status, opened_at, updated_at, solved_at) values"
        " ('desk:7', 'desk', 'solved', '2026-02-01', '2026-02-03', '2026-02-03')",
    )
    uses = tmp_path / "uses.csv"
    uses.write_text(
        "Article,ticket,at\nlate.md,desk:7,2026-02-02\nlate.md,desk:8,2026-02-02\n"
        "nowhere.md,desk:7,2026-02-02\n"
    )
    looked = handbook("load", "content-uses", uses, "--zone", "UTC", "--dry-run", "--json")
    assert (looked.json["new"], item(handbook, "late")["renewed_on"]) == (2, None)
    ran = handbook("load", "content-uses", uses, "--zone", "UTC", "--json")
    assert ran.code == 1
    assert (ran.json["new"], ran.json["left_out"]) == (2, 1)
    assert ran.json["notes"] == {"items renewed": 1}
    assert item(handbook, "late")["renewed_on"] == "2026-02-03"
    again = handbook("load", "content-uses", uses, "--zone", "UTC", "--json").json
    assert (again["new"], again["same"], again["notes"]) == (0, 2, {})

    votes = tmp_path / "votes.csv"
    votes.write_text(
        "article,reader,helpful,at\nlate.md,ada,yes,2026-02-03\nlate.md,ada,no,2026-02-02\n"
        "late.md,bob,no,2026-02-02\nlate.md,cem,,2026-02-02\n"
    )
    ran = handbook("load", "content-votes", votes, "--zone", "UTC", "--json")
    assert (ran.code, ran.json["left_out"]) == (1, 1)
    assert item(handbook, "late")["votes"] == {"helpful": 1, "not_helpful": 1}
    again = handbook("load", "content-votes", votes, "--zone", "UTC", "--json").json
    assert (again["new"], again["changed"]) == (0, 0)
