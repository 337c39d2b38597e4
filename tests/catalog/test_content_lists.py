"""Lists of content that lies elsewhere: sitemaps, addresses, CSV; each complaint with its line."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

import pytest

from digital_cs.catalog.content_lists import ContentListError
from digital_cs.catalog.content_reading import Reading
from digital_cs.catalog.content_sources import kind_of, read_content
from digital_cs.domain.content.content_source import ContentSource
from digital_cs.domain.content.review_policy import Kind
from digital_cs.domain.timing.written_day import DayForm

TODAY = date(2026, 4, 22)
SITEMAP = """<?xml version="1.0" encoding="UTF-8"?>
<urlset xmlns="http://www.sitemaps.org/schemas/sitemap/0.9">
  <url><loc>https://d.test/how-to/send-it.html</loc><lastmod>2026-04-20</lastmod></url>
  <url><loc> https://d.test/?a=1&amp;b=2 </loc></url>
  <url><loc>/relative</loc></url>
</urlset>
"""


def read(tmp_path: Path, name: str, text: str, **parts: Any) -> Reading:
    path = tmp_path / name
    path.write_text(text)
    return read_content(ContentSource("list", kind_of(path), str(path), **parts), TODAY)


def test_a_sitemap_gives_pages_and_no_reviews(tmp_path: Path) -> None:
    found = read(tmp_path, "sitemap.xml", SITEMAP, default_owner="#docs")

    assert [(e.locator, e.title, e.kind) for e in found.found] == [
        ("https://d.test/how-to/send-it.html", "Send it", Kind.PAGE),
        ("https://d.test/?a=1&b=2", "d.test", Kind.PAGE),
    ]
    assert {(e.url == e.locator, e.reviewed_on, e.owner) for e in found.found} == {
        (True, None, "#docs")
    }
    [problem] = found.problems
    assert (problem.line, problem.rule) == (5, "bad-url")


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("<!DOCTYPE a [<!ENTITY b 'c'>]><urlset>&b;</urlset>", "defines entities"),
        ("<urlset><url>", r":1:\d+: It is no XML"),
        ("<sitemapindex><sitemap><loc>https://d.test/1.xml</loc></sitemap></sitemapindex>",
         "index of sitemaps"),
    ],
)  # fmt: skip
def test_what_is_no_sitemap_is_refused(tmp_path: Path, text: str, complaint: str) -> None:
    with pytest.raises(ContentListError, match=complaint):
        read(tmp_path, "sitemap.xml", text)


def test_a_list_of_addresses_may_have_titles_comments_and_repetitions(tmp_path: Path) -> None:
    text = (
        "# Help\nhttps://d.test/a  The title\n\nhttps://d.test/%00b/\nhttps://d.test/a\nhttps://[\n"
    )
    found = read(tmp_path, "urls.txt", text)

    assert [(e.locator, e.title) for e in found.found] == [
        ("https://d.test/a", "The title"), ("https://d.test/%00b/", "B"),
    ]  # fmt: skip
    assert [(e.line, e.rule) for e in found.problems] == [(5, "twice"), (6, "bad-url")]


def test_a_csv_file_is_read_by_its_columns(tmp_path: Path) -> None:
    text = (
        "Link;Name;Team;Checked;Every\n"
        'https://d.test/a;"A; with\nbreak";docs;8/7/2025;6 months\n'
        "https://d.test/b;B;docs;31/12/2025;\n"
        ";;;;\n"
        ";No link;docs;;\n"
    )
    fields = {"url": "Link", "title": "Name", "owner": "Team", "reviewed_on": "Checked",
              "review_every": "Every"}  # fmt: skip
    found = read(tmp_path, "items.csv", text, fields=fields, dates=DayForm.MONTH_FIRST)

    [item] = found.found
    assert (item.locator, item.title, item.owner) == ("https://d.test/a", "A; with break", "docs")
    assert (item.reviewed_on, item.due_on) == (date(2025, 8, 7), date(2026, 2, 7))
    assert [(e.line, e.rule) for e in found.errors] == [(4, "bad-date"), (6, "no-locator")]
    assert found.unread == {"https://d.test/b", ""}


def test_a_csv_file_that_names_no_items_is_refused_with_its_columns(tmp_path: Path) -> None:
    with pytest.raises(ContentListError, match=r"--map url=COLUMN; there are Name, Team"):
        read(tmp_path, "items.csv", "Name,Team\nA,docs\n")
