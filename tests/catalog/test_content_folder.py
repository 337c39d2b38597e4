"""Folders of documents that others wrote, read by their own keys (P23)."""

from __future__ import annotations

import os
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from digital_cs.catalog.content_folder import read_folder, url_of
from digital_cs.catalog.content_lint import lint
from digital_cs.catalog.content_reading import Reading
from digital_cs.domain.content.content_item import Found
from digital_cs.domain.content.content_source import ContentSource, SourceKind
from digital_cs.domain.content.freshness import Interval
from digital_cs.domain.content.review_policy import Kind, Volatility
from digital_cs.domain.timing.written_day import DayForm
from digital_cs.errors import NotFoundError, UsageError

TODAY = date(2026, 4, 22)
GOV = "title: Kubernetes\nlast_reviewed_on: 2025-08-31\nreview_in:  6 months"

Write = Callable[..., Path]


@pytest.fixture
def docs(tmp_path: Path) -> Write:
    """Write a file of the folder; gives the folder."""

    def write(name: str, front: str | None = None, body: str = "# Heading\n\nText.\n") -> Path:
        path = tmp_path / "docs" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"---\n{front}\n---\n{body}" if front is not None else body)
        return tmp_path / "docs"

    return write


def read(folder: Path, preset: str | None = None, **parts: Any) -> Reading:
    return read_folder(
        ContentSource("docs", SourceKind.FOLDER, str(folder), preset, **parts), TODAY
    )


def only(reading: Reading) -> Found:
    [found] = reading.found
    return found


def rules(reading: Reading) -> list[tuple[str, int, int]]:
    return [(each.rule, each.line, each.column) for each in reading.problems]


def test_the_plain_keys_say_all_that_an_item_has(docs: Write) -> None:
    folder = docs(
        "a.md",
        "id: one\ntitle: T\nkind: feature note\nurl: https://x.test/a\nowner: maya\nbackup: jonas\n"
        "topic: billing\narea: Invoices\nvolatility: High\nreviewed: 2026-04-01\n"
        "review_every: 4 weeks\nevergreen: no",
    )
    found = only(read(folder))

    assert (found.stated_id, found.title, found.kind) == ("one", "T", Kind.FEATURE_NOTE)
    assert (found.url, found.owner, found.backup) == ("https://x.test/a", "maya", "jonas")
    assert (found.topic, found.area, found.volatility) == ("billing", "Invoices", Volatility.HIGH)
    assert (found.reviewed_on, str(found.review_every)) == (date(2026, 4, 1), "4 weeks")
    assert found.evergreen_because is None


def test_a_site_wide_default_owner_is_that_of_what_names_nobody(docs: Write) -> None:
    docs("source/a.html.md.erb", GOV)
    folder = docs("source/b.html.md.erb", GOV + "\nowner_slack: '#own'")
    docs("config/tech-docs.yml", body="host: https://docs.test/\ndefault_owner_slack: '#all'\n")

    for place in (folder, folder / "source"):
        found = read(place, "gov-tech-docs")
        assert [each.owner for each in found.found] == ["#all", "#own"]
        assert found.found[0].url == "https://docs.test/a.html"

    said = read(folder, "gov-tech-docs", default_owner="#said")
    assert [each.owner for each in said.found] == ["#said", "#own"]


def test_months_first_is_read_with_and_without_padding(docs: Write) -> None:
    for number, day in enumerate(("8/7/2020", "08/07/2020", " 8/07/2020 ")):
        folder = docs(f"{number}.md", f"ms.date: {day}\nauthor:  ada  \nms.reviewer: grace")
    found = read(folder, "microsoft").found

    assert {each.reviewed_on for each in found} == {date(2020, 8, 7)}
    assert {(each.owner, each.backup) for each in found} == {("ada", "grace")}


def test_a_date_that_could_be_two_days_is_refused_with_its_line(docs: Write) -> None:
    folder = docs("a.md", "title: A\nowner: maya\nreviewed: 03/04/2020")
    docs("b.md", "title: B\nowner: maya\nreviewed: 04/13/2020")
    found = read(folder)

    assert rules(found) == [("ambiguous-date", 4, 11)]
    assert found.problems[0].file == str(folder / "a.md")
    assert "4 March 2020 or 3 April 2020" in found.problems[0].message
    assert (found.unread, only(found).locator) == ({"a.md"}, "b.md")
    assert read(folder, dates=DayForm.DAY_FIRST).unread == {"b.md"}


@pytest.mark.parametrize(
    ("line", "rule"),
    [
        ("review_every: 6m", "bad-interval"), ("reviewed: 2025-02-30", "bad-date"),
        ("volatility: wild", "unknown-volatility"), ("kind: artikle", "unknown-kind"),
        ("evergreen: true", "no-reason"),
    ],
)  # fmt: skip
def test_what_cannot_be_meant_is_an_error_and_the_file_is_left_as_it_was(
    docs: Write, line: str, rule: str
) -> None:
    found = read(docs("a.md", f"owner: maya\n{line}"))

    assert [(each.rule, each.line, each.severity) for each in found.problems] == [
        (rule, 3, "error")
    ]
    assert (found.unread, found.found) == ({"a.md"}, ())


@pytest.mark.parametrize(
    ("front", "rule"),
    [
        ("title: A", "no-owner"), ("owner: m\nreview_every: 1 year", "never-reviewed"),
        ("owner: m\nreviewed: 2026-04-23", "future-date"),
        ("owner: m\nreveiwed: x", "misspelt-key"),
        ("owner: m\nvolatilty: low", "misspelt-key"), ("owner: #docs", "comment-for-value"),
    ],
)  # fmt: skip
def test_what_is_odd_is_a_warning_and_is_read(docs: Write, front: str, rule: str) -> None:
    found = read(docs("a.md", front))

    assert rule in [each.rule for each in found.problems]
    assert found.errors == ()
    assert only(found).locator == "a.md"


def test_evergreen_with_a_reason_gets_a_yearly_look(docs: Write) -> None:
    front = "owner: m\nreviewed: 2025-04-22\nevergreen: Our history does not change."
    found = only(read(docs("a.md", front)))

    assert found.evergreen_because == "Our history does not change."
    assert found.due_on == TODAY


def test_a_title_is_stated_or_the_heading_or_the_name(docs: Write) -> None:
    docs("a.md", "title: Stated")
    docs("b.md", "owner: m", "Intro\n\n## The heading ##\n")
    folder = docs("how-to_do.md", None, "Text.\n")

    titles = [each.title for each in read(folder).found]
    assert titles == ["Stated", "The heading", "How to do"]


def test_only_documents_are_read_and_no_link_is_followed(docs: Write, tmp_path: Path) -> None:
    folder = docs("a.md", "owner: m")
    for name in ("b.mdx", "c.markdown", "deep/_index.md", "deep/d.html.md.erb", "deep/e.html.erb"):
        docs(name, "owner: m")
    for name in (".git/x.md", "node_modules/x.md", "x.txt", "layouts/x.erb"):
        docs(name, "owner: m")
    for name in ("_part.md", "made.html"):
        docs(name, None)
    outside = tmp_path / "secret.md"
    outside.write_text("secret")
    (folder / "link.md").symlink_to(outside)
    (folder / "round").symlink_to(folder)

    locators = [each.locator for each in read(folder).found]
    assert locators == [
        "a.md", "b.mdx", "c.markdown", "deep/_index.md", "deep/d.html.md.erb", "deep/e.html.erb",
    ]  # fmt: skip


def test_signs_that_steer_terminals_or_break_databases_are_left_out(docs: Write) -> None:
    folder = docs("a.md", 'title: "A\\0\\e[31mB"\nowner: "m\\nx"')
    docs("b.md", None, "# Head\x1b]0;x\x07ing\n")
    docs("line\nbreak.md", "owner: m")
    (folder / os.fsdecode(b"caf\xe9.md")).write_text("Not UTF-8.")
    found = read(folder)

    assert [(e.title, e.owner) for e in found.found] == [
        ("A [31mB", "m x"),
        ("Head ]0;x ing", None),
    ]
    names = [e for e in found.errors if e.rule == "bad-name"]
    assert len(names) == 2
    assert all(e.file.isprintable() for e in names)


def test_the_text_counts_and_not_what_stands_above_it(docs: Write) -> None:
    before = only(read(docs("a.md", GOV, "Text.\r\n"), "gov-tech-docs"))
    reviewed = only(read(docs("a.md", GOV.replace("2025", "2026"), "Text.\n"), "gov-tech-docs"))
    edited = only(read(docs("a.md", GOV, "Other text.\n"), "gov-tech-docs"))

    assert before.content_hash == reviewed.content_hash != edited.content_hash


def test_an_id_that_two_files_state_counts_for_neither(docs: Write) -> None:
    docs("a.md", "owner: m\nid: intro")
    folder = docs("b.md", "owner: m\nid: intro")
    found = read(folder)

    assert {each.stated_id for each in found.found} == {None}
    assert [each.rule for each in found.problems] == ["same-id", "same-id"]


def test_own_keys_are_put_over_those_of_a_preset(docs: Write) -> None:
    folder = docs("a.md", "ms.date: 1/31/2026\nteam: docs")
    found = only(read(folder, "microsoft", fields={"owner": "team"},
                      review_every=Interval.parse("1 month")))  # fmt: skip

    assert (found.owner, found.due_on) == ("docs", date(2026, 2, 28))


def test_what_states_nothing_can_be_left_out(docs: Write) -> None:
    docs("a.html.md.erb", GOV)
    folder = docs("b.html.md.erb", "title: Moved")
    docs("part.md", None)

    assert len(read(folder, "gov-tech-docs").found) == 2
    assert only(read(folder, "gov-tech-docs", tracked_only=True)).locator == "a.html.md.erb"


def test_a_wrong_question_is_refused(docs: Write, tmp_path: Path) -> None:
    folder = docs("a.md", "owner: m")
    with pytest.raises(UsageError, match=r"no preset 'gov'.*gov-tech-docs"):
        read(folder, "gov")
    with pytest.raises(UsageError, match=r"'team' is no field.*owner"):
        read(folder, fields={"team": "x"})
    with pytest.raises(NotFoundError, match="no folder"):
        read(tmp_path / "none")


def test_the_linter_says_in_order_what_is_overdue_and_which_preset_was_meant(docs: Write) -> None:
    folder = docs("b.md", GOV + "\nowner_slack: '#x'")
    docs("a.md", GOV.replace("2025-08-31", "2026-04-01") + "\nowner_slack: '#x'")
    source = ContentSource("x", SourceKind.FOLDER, str(folder), "gov-tech-docs")

    assert lint(source, TODAY).problems == ()
    [late] = lint(source, TODAY, overdue=True).problems
    assert (late.file, late.rule, late.severity) == (str(folder / "b.md"), "overdue", "warning")
    assert "by #x on 2026-02-28" in late.message

    plain = lint(ContentSource("x", SourceKind.FOLDER, str(folder)), TODAY).problems
    assert plain[0].suggestion == "Did you mean --preset gov-tech-docs?"


@pytest.mark.parametrize(
    ("locator", "url"),
    [
        ("source/index.html.md.erb", "https://d.test/"),
        ("source/a/b.html.md.erb", "https://d.test/a/b.html"),
        ("a/b.md", "https://d.test/a/b"), ("a/b.html.erb", "https://d.test/a/b.html"),
        ("a/index.md", "https://d.test/a/"),
    ],
)  # fmt: skip
def test_the_address_of_a_file_follows_from_its_place(locator: str, url: str) -> None:
    assert url_of("https://d.test/", locator) == url
