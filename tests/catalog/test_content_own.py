"""Our own content folder as a source: every kind of item, and which shows which (P23)."""

from __future__ import annotations

import shutil
from datetime import date
from pathlib import Path

from digital_cs.catalog.content_reading import Reading
from digital_cs.catalog.content_sources import kind_of, read_content
from digital_cs.domain.content.content_item import Found, Shown
from digital_cs.domain.content.content_source import ContentSource, SourceKind
from digital_cs.domain.content.review_policy import Kind
from tests import rig


def read(folder: Path) -> Reading:
    assert kind_of(folder) is SourceKind.CONTENT
    return read_content(ContentSource("own", kind_of(folder), str(folder)), date(2026, 3, 2))


def by_place(reading: Reading) -> dict[str, Found]:
    return {each.locator: each for each in reading.found}


def test_everything_that_is_shipped_is_an_item_with_an_owner() -> None:
    found = read(rig.ROOT / "content")

    assert found.problems == ()
    assert {each.kind for each in found.found} >= {
        Kind.EMAIL, Kind.BLOCK, Kind.PROGRAM, Kind.SEGMENT,
    }  # fmt: skip
    for folder, suffix in (("emails", "md"), ("blocks", "md"), ("programs", "yaml"),
                           ("segments", "yaml")):  # fmt: skip
        files = {path.name for path in (rig.ROOT / "content" / folder).glob(f"*.{suffix}")}
        assert {Path(e.locator).name for e in found.found if e.locator.startswith(folder)} == files
    assert all(each.owner for each in found.found)


def test_an_item_knows_what_it_shows() -> None:
    items = by_place(read(rig.ROOT / "content"))

    program = items["programs/welcome-paid.yaml"]
    assert (Shown.SENDS, "emails/welcome-paid-1.md") in program.shows
    email = items["emails/first-send-celebration.md"]
    assert (email.title, email.shows) == (
        "It is out. Well done",
        ((Shown.INCLUDES, "blocks/signature.md"), (Shown.INCLUDES, "blocks/footer.md")),
    )  # fmt: skip
    assert (Shown.INCLUDES, "blocks/footer-service.md") in items["emails/renewal-7.md"].shows
    assert (Shown.USES, "segments/active-customers.yaml") in items["segments/at-risk.yaml"].shows
    assert all(place in items for each in items.values() for _, place in each.shows)


def test_a_block_of_mjml_is_an_item_with_what_its_front_matter_says(tmp_path: Path) -> None:
    folder = tmp_path / "content"
    shutil.copytree(rig.ROOT / "content", folder)
    (folder / "blocks" / "big-offer.mjml").write_text(
        "---\nowner: dana\nreviewed: 2026-01-05\nreview_every: 4 weeks\n---\n<mj-divider />\n"
    )
    (folder / "emails" / "other.mjml").write_text("<mj-divider />\n")
    found = read(folder)

    item = by_place(found)["blocks/big-offer.mjml"]
    assert (item.kind, item.title, item.owner) == (Kind.BLOCK, "Big offer", "dana")
    assert (item.reviewed_on, str(item.review_every)) == (date(2026, 1, 5), "4 weeks")
    assert "emails/other.mjml" not in by_place(found)


def test_emails_of_every_branch_are_found(tmp_path: Path) -> None:
    folder = tmp_path / "content"
    shutil.copytree(rig.ROOT / "content", folder)
    (folder / "programs" / "deep.yaml").write_text(
        "program: deep\nname: Deep\nowner: maya\nsteps:\n"
        "  - split:\n      - {name: a, share: 1, do: [{send: renewal-7}]}\n"
        "      - {name: b, share: 1, do: [{send: renewal-30}]}\n"
    )
    shows = by_place(read(folder))["programs/deep.yaml"].shows

    assert [place for _, place in shows] == ["emails/renewal-7.md", "emails/renewal-30.md"]


def test_articles_lie_beside_them_and_what_has_errors_is_left_as_it_was(tmp_path: Path) -> None:
    folder = tmp_path / "content"
    shutil.copytree(rig.ROOT / "content", folder)
    (folder / "articles").mkdir(exist_ok=True)
    (folder / "articles" / "export.md").write_text("---\nowner: maya\n---\n# Export\n")
    (folder / "programs" / "renewal.yaml").write_text("program: renewal\nname: {")
    found = read(folder)

    assert by_place(found)["articles/export.md"].kind is Kind.ARTICLE
    assert "programs/renewal.yaml" in found.unread
    assert [(Path(e.file).name, e.rule) for e in found.errors] == [("renewal.yaml", "unusable")]
