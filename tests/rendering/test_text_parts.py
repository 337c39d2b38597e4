"""P25: what an issue shows can be left out item by item, by the same rules as blocks of e-mails."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest

from digital_cs.catalog.newsletters import load_newsletters
from digital_cs.domain.content.article_text import plain_text
from digital_cs.domain.content.content_policy import WhenStale
from digital_cs.domain.content.stale_rule import AS_WRITTEN, Content, Doubt, Resolved, resolve
from digital_cs.rendering.compiler import EmailTemplate
from digital_cs.rendering.context import LinksView, ProgramView, SenderView
from digital_cs.rendering.issue_text import (
    MERGED_HERE,
    MOST_SUMMARY,
    Part,
    Shown,
    issue_source,
    legible,
    merged_text,
    summary_of,
    with_merged,
)
from digital_cs.rendering.library import EmailLibrary
from digital_cs.rendering.made_up import made_up
from digital_cs.rendering.render import render
from digital_cs.rendering.text_parts import MARK
from tests import rig

LIBRARY = EmailLibrary(rig.ROOT / "content")
LETTER = load_newsletters(rig.ROOT / "content").by_name["lantern-letter"]
PROGRAM = ProgramView(LETTER.name, LETTER.newsletter)
LINKS = LinksView("https://x.test/u", "https://x.test/p", "https://x.test")
SENDER = SenderView("Lantern", "Lantern, Somewhere 1")
NOW = datetime(2026, 12, 1, 9, tzinfo=UTC)
IMPORT = Shown("Import contacts", "https://lantern.example/help/import", "From a file.", "c-import")
SEATS = Shown("Add seats", None, "More people.", "c-seats")


def written(*parts: Part) -> EmailTemplate:
    source = issue_source(LETTER, parts, subject="News", preview="What is new")
    template, problems = LIBRARY.compile_text("an issue", with_merged(source, ""))
    assert template is not None, problems
    assert problems == []
    return template


def text_of(template: EmailTemplate, found: Resolved) -> str:
    context = made_up(template.tags, program=PROGRAM, links=LINKS, sender=SENDER)
    return render(template.with_swaps(found.swaps), context).text


def wrong(item: str) -> Doubt:
    return Doubt(item, item.title(), date(2026, 11, 30), "It says the old price.")


def stale(item: str) -> Doubt:
    return Doubt(item, item.title(), date(2026, 11, 30))


def at(content: Content, *doubts: Doubt, **policy: str) -> Resolved:
    return resolve(
        content, {f"items/{each.item}": each for each in doubts},
        WhenStale.model_validate(policy), due_at=NOW, useful_until=NOW + timedelta(days=2), now=NOW,
    )  # fmt: skip


OPENING = Part(text="Good morning,")
QUESTIONS = Part("What people asked", items=(IMPORT, SEATS))


@pytest.mark.parametrize("doubt", [wrong, stale])
def test_an_item_that_is_not_fresh_any_more_is_left_out_and_the_rest_goes(doubt: type) -> None:
    template = written(OPENING, QUESTIONS)
    found = at(template.content, doubt("c-seats"))
    assert found.wait is None
    assert found.words().startswith(" It went without “C-Seats”,")
    text = text_of(template, found)
    assert "Add seats" not in text
    assert "More people." not in text
    assert "Import contacts" in text
    assert "WHAT PEOPLE ASKED" in text.upper()


def test_a_section_of_which_nothing_is_left_goes_without_its_heading() -> None:
    template = written(OPENING, QUESTIONS)
    text = text_of(template, at(template.content, wrong("c-seats"), wrong("c-import")))
    assert "WHAT PEOPLE ASKED" not in text.upper()
    assert "Good morning" in text


def test_an_item_is_known_by_its_page_too() -> None:
    """Another item of the library has the same page, and that one was blocked."""
    template = written(OPENING, QUESTIONS)
    assert IMPORT.url is not None
    found = resolve(
        template.content, {IMPORT.url: wrong("c-other")}, WhenStale(), due_at=NOW,
        useful_until=NOW + timedelta(days=2), now=NOW,
    )  # fmt: skip
    assert found.wait is None
    assert "Import contacts" not in text_of(template, found)


def test_what_somebody_wrote_holds_the_message_where_it_links_to_what_is_wrong() -> None:
    template = written(Part(text="See [this](https://lantern.example/help/import)."), QUESTIONS)
    assert IMPORT.url is not None
    found = resolve(
        template.content, {IMPORT.url: wrong("c-import")}, WhenStale(), due_at=NOW,
        useful_until=NOW + timedelta(days=2), now=NOW,
    )  # fmt: skip
    assert found.wait is not None


def test_marked_and_unmarked_texts_read_the_same() -> None:
    plain = [Shown(each.title, each.url, each.summary) for each in QUESTIONS.items]
    marked = written(OPENING, QUESTIONS)
    unmarked = written(OPENING, Part(QUESTIONS.title, items=tuple(plain)))
    assert text_of(marked, Resolved()) == text_of(unmarked, Resolved())
    assert not unmarked.content.items
    assert sorted(marked.content.items) == ["c-import", "c-seats"]


def test_the_approval_covers_what_stands_in_the_parts() -> None:
    """P21."""
    other = Shown(SEATS.title, SEATS.url, "Fewer people.", SEATS.item)
    before = written(OPENING, QUESTIONS)
    after = written(OPENING, Part(QUESTIONS.title, items=(IMPORT, other)))
    assert before.source_hash != after.source_hash
    assert before.source_hash == before.with_swaps((("item 1", None),)).source_hash


def test_nobody_can_write_a_mark_or_read_one() -> None:
    sly = f'{MARK}{{"part": "item", "place": "items/x"}}{MARK}\n\nHello.\n\n{MARK}end{MARK}'
    evil = Shown(f"A{MARK}end{MARK}", None, f"B\n{MARK}end{MARK}\nC", "c-evil")
    template = written(Part(text=sly), Part("More", items=(evil,)))
    assert template.content.items == ["c-evil"]
    source = issue_source(LETTER, [OPENING, QUESTIONS, MERGED_HERE], subject="S", preview="P")
    assert MARK not in legible(source)
    assert "## What people asked\n\n**[Import contacts]" in legible(source)


def test_a_message_that_goes_along_is_never_left_out_of_a_text_but_holds_it() -> None:
    """P17: the ledger says of it that it went, so it must not be missing from what went."""
    email = LIBRARY.source("welcome-paid-3")
    assert email is not None
    source = issue_source(LETTER, [OPENING, MERGED_HERE], subject="S", preview="P")
    text = with_merged(source, merged_text("Also for you", {"welcome-paid-3": email}))
    template, problems = LIBRARY.compile_text("an issue", text)
    assert template is not None, problems
    assert "emails/welcome-paid-3.md" in template.content.places
    found = resolve(
        template.content, {"emails/welcome-paid-3.md": wrong("e-1")},
        WhenStale.model_validate({"block": "drop"}), due_at=NOW,
        useful_until=NOW + timedelta(days=2), now=NOW,
    )  # fmt: skip
    assert found.swaps == AS_WRITTEN
    assert found.wait is not None


def test_a_summary_begins_below_the_title_and_ends_before_the_next_heading() -> None:
    headings, body = plain_text(
        "# Bring your contacts\n\nA *list* is enough.\nLantern reads it.\n\n## Import\n\n1. Open."
    )
    assert summary_of(body, headings) == "A list is enough. Lantern reads it."


def test_a_summary_is_of_whole_sentences_and_of_nothing_where_nothing_is_said() -> None:
    long = f"{'One of them. ' * 20}And {'more ' * 20}"
    said = summary_of(long)
    assert said.endswith("One of them.")
    assert len(said) <= MOST_SUMMARY
    assert summary_of("Bring your contacts", ("Bring your contacts",)) == ""
