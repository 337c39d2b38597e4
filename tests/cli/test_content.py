"""`digital-cs content`: in, seen, reviewed, blocked, retired, checked; in sentences and in JSON."""

from __future__ import annotations

from pathlib import Path
from typing import Any

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

1. First {name}.
2. Then {name}.
"""


@pytest.fixture
def handbook(tmp_path: Path) -> Path:
    """Three pages: fresh, due within a month, and stale on Monday 2 March 2026."""
    folder = tmp_path / "handbook"
    folder.mkdir()
    for name, reviewed in (("fresh", "2026-02-01"), ("soon", "2025-09-30"), ("late", "2025-09-02")):
        (folder / f"{name}.md").write_text(PAGE.format(name=name, reviewed=reviewed))
    (folder / "late.md").write_text(
        (folder / "late.md").read_text().replace("review_in", "owner_slack: '#ops'\nreview_in")
    )
    return folder


@pytest.fixture
def imported(cli: Cli, handbook: Path) -> Cli:
    ran = cli("content", "import", handbook, "--preset", "gov-tech-docs",
              "--default-owner", "#docs")  # fmt: skip
    assert (ran.code, ran.out) == (0, "handbook: 3 items: 3 new.\n")
    return cli


def item(cli: Cli, name: str) -> dict[str, Any]:
    found: dict[str, Any] = cli("content", "show", f"{name}.md", "--json").json
    return found


def test_freshness_counts_and_begins_with_what_is_overdue(imported: Cli) -> None:
    found = imported("content", "freshness", "--json").json

    assert found["as_of"] == "2026-03-02"
    assert found["counts"] == {"fresh": 1, "due_soon": 1, "stale": 1, "blocked": 0, "retired": 0}
    assert [(i["locator"], i["state"], i["due_on"], i["owner"]) for i in found["items"]] == [
        ("late.md", "stale", "2026-03-02", "#ops"), ("soon.md", "due_soon", "2026-03-30", "#docs"),
        ("fresh.md", "fresh", "2026-08-01", "#docs"),
    ]  # fmt: skip
    assert [(each["owner"], each["stale"]) for each in found["owners"]] == [
        ("#ops", 1),
        ("#docs", 0),
    ]
    words = imported("content", "freshness").out
    assert "On 2 Mar 2026 3 items: 1 fresh, 1 due within a month, 1 stale, 0 blocked." in words
    assert words.index("late.md") < words.index("soon.md")
    assert "fresh.md" not in words


@pytest.mark.parametrize(
    ("day", "stale", "soon"), [("2026-03-01", 0, 2), ("2026-03-30", 2, 0), ("2026-08-01", 3, 0)]
)
def test_another_day_changes_what_is_due(imported: Cli, day: str, stale: int, soon: int) -> None:
    counts = imported("content", "freshness", "--as-of", day, "--json").json["counts"]
    assert (counts["stale"], counts["due_soon"]) == (stale, soon)


def test_an_owner_sees_their_own(imported: Cli) -> None:
    found = imported("content", "freshness", "--owner", "#OPS", "--json").json
    assert [each["locator"] for each in found["items"]] == ["late.md"]
    nobodys = imported("content", "freshness", "--source", "elsewhere").out
    assert nobodys.startswith("No item is of that owner and source.")


def test_a_remembered_source_is_imported_by_its_name_alone(imported: Cli, handbook: Path) -> None:
    before = item(imported, "soon")["id"]
    (handbook / "soon.md").rename(handbook / "sooner.md")
    ran = imported("content", "import", "--name", "handbook")

    assert ran.code == 0
    assert ran.out.splitlines() == [
        "handbook: 3 items: 1 moved, 2 unchanged.",
        f"  soon.md is now sooner.md, and still {before}.",
    ]
    assert item(imported, "sooner")["owner"] == "#docs"
    [source] = imported("content", "sources", "--json").json
    assert source["source"]["preset"] == "gov-tech-docs"


def test_a_dry_run_changes_nothing(imported: Cli, handbook: Path) -> None:
    (handbook / "soon.md").unlink()
    ran = imported("content", "import", handbook, "--dry-run")

    assert ran.out == (
        "Nothing was changed; it would be: handbook: 2 items: 1 retired, 2 unchanged.\n"
    )
    assert len(imported("content", "list", "--json").json) == 3


def test_what_says_something_wrong_is_told_and_stays_as_it_was(
    imported: Cli, handbook: Path
) -> None:
    file = handbook / "soon.md"
    file.write_text(file.read_text().replace("2025-09-30", "03/04/2026"))
    ran = imported("content", "import", handbook)

    assert ran.code == 1
    assert f"{file}:3:19: '03/04/2026' can be read in two ways" in ran.out
    assert item(imported, "soon")["due_on"] == "2026-03-30"
    assert "1 item could not be read and stays as it was." in ran.out
    assert imported("content", "import", handbook, "--dates", "dd/mm/yyyy").code == 0
    assert item(imported, "soon")["due_on"] == "2026-10-03"


def test_more_than_half_is_retired_only_when_somebody_says_so(
    imported: Cli, handbook: Path
) -> None:
    for name in ("soon", "late"):
        (handbook / f"{name}.md").unlink()
    ran = imported("content", "import", handbook)
    assert ran.code == 5
    assert "2 of the 3 items of handbook are no longer in" in ran.err

    assert imported("content", "import", handbook, "--yes").code == 0
    assert [i["locator"] for i in imported("content", "list", "--json").json] == ["fresh.md"]
    retired = imported("content", "list", "--state", "retired", "--json").json
    assert [i["locator"] for i in retired] == ["late.md", "soon.md"]


def test_a_review_says_what_was_checked_and_makes_it_fresh(imported: Cli) -> None:
    id = item(imported, "late")["id"]
    ran = imported("content", "review", "late.md", "--still-right", "--checked", "steps, links",
                   "--by", "maya", "--note", "Tried it")  # fmt: skip

    assert ran.out == (
        f"late ({id}) was reviewed today by maya, who checked steps, links."
        " It is due again on 2 Sep 2026.\n"
    )
    after = item(imported, "late")
    assert (after["state"], after["reviewed_on"]) == ("fresh", "2026-03-02")
    told = after["reviews"][0]
    assert (told["reviewed_by"], told["checked"], told["changed"]) == (
        "maya", ["steps", "links"], False,
    )  # fmt: skip
    assert (
        "maya checked steps, links; all was still right (version 1). Tried it"
        in imported("content", "show", id).out
    )


def test_a_review_without_what_was_checked_is_none(imported: Cli) -> None:
    for checked in ("", "everything"):
        ran = imported("content", "review", "late.md", "--edited", "--checked", checked)
        assert ran.code == 2
        assert "steps, screenshots, links, prices" in ran.err
    assert imported("content", "review", "late.md", "--checked", "steps").code == 2
    assert item(imported, "late")["state"] == "stale"


def test_what_is_blocked_stays_so_until_it_is_reviewed_or_released(imported: Cli) -> None:
    ran = imported(
        "content", "block", "fresh.md", "--because", "The price is wrong.", "--by", "ada"
    )
    assert ran.out.endswith("is blocked.\n")
    assert item(imported, "fresh")["state"] == "blocked"
    assert "blocked by ada: The price is wrong." in imported("content", "show", "fresh.md").out
    assert not imported("content", "block", "fresh.md", "--because", "x", "--json").json["changed"]

    assert imported("content", "unblock", "fresh.md", "--json").json["changed"]
    assert item(imported, "fresh")["state"] == "fresh"

    imported("content", "block", "late.md", "--because", "Wrong.")
    ran = imported("content", "review", "late.md", "--edited", "--checked", "prices")
    assert "It is no longer blocked." in ran.out


def test_what_a_person_retired_stays_so_though_its_file_is_there(
    imported: Cli, handbook: Path
) -> None:
    id = item(imported, "late")["id"]
    assert imported("content", "retire", id, "--because", "Nobody needs it.").code == 0
    assert imported("content", "import", handbook).code == 0

    assert item(imported, "late")["state"] == "retired"
    assert imported("content", "freshness", "--json").json["counts"]["stale"] == 0
    ran = imported("content", "review", id, "--edited", "--checked", "steps")
    assert (ran.code, "is retired" in ran.err) == (2, True)


def test_an_item_is_found_by_what_people_call_it_and_never_guessed(
    imported: Cli, handbook: Path
) -> None:
    (handbook / "deep").mkdir()
    (handbook / "deep" / "late.md").write_text(PAGE.format(name="other", reviewed="2026-01-01"))
    (handbook / "deeper").mkdir()
    (handbook / "deeper" / "some.md").write_text(PAGE.format(name="one", reviewed="2026-01-01"))
    (handbook / "deep" / "some.md").write_text(PAGE.format(name="two", reviewed="2026-01-02"))
    assert imported("content", "import", handbook).code == 0

    assert item(imported, "late")["title"] == "late"
    ran = imported("content", "show", "some.md")
    assert (ran.code, "deep/some.md" in ran.err, "deeper/some.md" in ran.err) == (2, True, True)
    assert imported("content", "show", "nothing.md").code == 4


def test_our_own_content_shows_who_uses_what(cli: Cli, content: Path) -> None:
    ran = cli("content", "import", content)
    assert ran.code == 0
    assert "state no review. Their first ones are spread from" in ran.out

    found = cli("content", "show", "blocks/signature.md").out
    assert "emails/first-send-celebration.md (email, includes)" in found
    blocks = cli("content", "list", "--kind", "block", "--json").json
    assert {each["kind"] for each in blocks} == {"block"}
    assert cli("content", "list", "--kind", "blok").code == 2


def test_the_linter_needs_no_server(alone: Cli, handbook: Path) -> None:
    check = ("content", "check", handbook, "--preset", "gov-tech-docs", "--default-owner", "#x")
    assert alone(*check).out == f"{handbook}: 3 items, all is well.\n"

    late = alone(*check, "--as-of", "2026-03-02")
    assert late.code == 0
    assert f"{handbook / 'late.md'}:1:1: warning: 'late' was to be reviewed by #ops" in late.out
    (handbook / "soon.md").write_text("---\nlast_reviewed_on: 3/4/26\nreview_in: 6m\n---\n")
    ran = alone(*check)
    assert ran.code == 1
    assert ran.out.splitlines()[1].startswith(
        f"{handbook / 'soon.md'}:3:12: error: '6m' could be minutes or months"
    )
    assert ran.out.splitlines()[-1] == f"{handbook}: 2 items, 2 errors, 0 warnings."
    found = alone(*check, "--json").json
    assert [(p["line"], p["rule"]) for p in found["problems"]] == [
        (2, "bad-date"),
        (3, "bad-interval"),
    ]


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ((), "Say what to import"), (("--name", "x"), "There is no source 'x' yet"),
        ((".", "--preset", "gov"), "There is no preset 'gov'"),
        ((".", "--map", "owner"), "Write --map FIELD=KEY"),
        ((".", "--dates", "US"), "MM/DD/YYYY and DD/MM/YYYY"),
        ((".", "--kind", "wiki"), "There are content, folder, sitemap, urls, csv"),
        ((".", "--review-every", "6m"), "write '6 months'"),
    ],
)  # fmt: skip
def test_a_wrong_question_is_answered_with_a_sentence(
    cli: Cli, arguments: tuple[str, ...], sentence: str
) -> None:
    ran = cli("content", "import", *arguments)
    assert ran.code in (1, 2)
    assert sentence in ran.err
