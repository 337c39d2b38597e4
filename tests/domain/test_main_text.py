"""P24: a page has changed when its words have: not its navigation, counters, dates or scripts."""

from __future__ import annotations

import pytest

from digital_cs.domain.content.main_text import (
    compare,
    main_part,
    main_text,
    plain_text,
    similarity,
)
from digital_cs.domain.links.page_scan import scan

STEPS = [
    "Invite your colleagues", "Open the settings of your workspace and choose People.",
    "Press Invite, and write the address of each colleague on a line of its own.",
    "The plan costs $29 a month for each person who is invited.",
]  # fmt: skip


def page(
    steps: list[str] = STEPS, *, menu: str = "Home", foot: str = "© 2025 Lantern",
    beside: str = "", byline: str = "Last updated March 3, 2026 · 5 min read",
) -> str:  # fmt: skip
    items = "".join(f"<li><a href='/{n}'>{menu} {n}</a></li>" for n in range(8))
    body = "".join(f"<p>{step}</p>" for step in steps)
    return (
        f"<!doctype html><title>{menu}</title><script>var n = '{menu}';</script><body>"
        f"<header><b>{menu} Lantern Docs</b></header><nav><ul>{items}</ul></nav>"
        f"<main><header><h1>Inviting</h1></header><p class=meta>{byline}</p>{body}"
        f"<div class='sidebar'>{beside}</div></main><footer>{foot}</footer></body>"
    )


def test_the_main_text_is_what_readers_come_for() -> None:
    assert main_text(page()).splitlines() == [
        "Inviting", "Last updated March 3, 2026 · 5 min read", *STEPS,
    ]  # fmt: skip


@pytest.mark.parametrize(
    "other",
    [
        page(menu="Start"), page(foot="© 2026 Lantern Inc."), page(beside="<p>Buy now!</p>"),
        page([*STEPS[:3], "The  plan\ncosts <b>$29</b> a month for each person who is invited."]),
        page([*STEPS, "1,234 views"]), page([*STEPS, "3 comments", "12k likes"]),
        page([*STEPS, "<script>new Words('that nobody reads')</script>"]),
    ],
)  # fmt: skip
def test_what_is_around_the_words_changes_nothing(other: str) -> None:
    assert compare(main_text(page()), main_text(other)) is None


@pytest.mark.parametrize(
    "byline",
    ["Last updated 12 April 2026", "Last updated 2026-04-12", "Last updated 3 days ago"],
)
def test_a_date_of_the_page_is_no_change_of_its_words(byline: str) -> None:
    before = main_text(page(byline="Last updated March 3, 2026"))
    now = main_text(page(byline=byline))
    assert compare(before, now) is None


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("$29", "$39"),
        ("choose People", "choose Members"),
        ("a month", "a year"),
        ("Press Invite, and", "Do not press Invite, but"),
    ],
)
def test_a_word_or_a_price_that_changed_is_a_change(old: str, new: str) -> None:
    before = main_text(page())
    now = main_text(page([step.replace(old, new) for step in STEPS]))
    change = compare(before, now)
    assert change is not None
    assert 0.5 < change.similarity < 1
    assert new in change.added[0]
    assert old in change.removed[0]
    assert new.split(maxsplit=1)[0] in change.words()


def test_a_date_inside_a_sentence_counts() -> None:
    before = "The old interface for imports will be switched off for everybody on 31 March 2026."
    assert compare(before, before.replace("March", "April")) is not None


def test_steps_in_another_order_are_a_change() -> None:
    change = compare(main_text(page()), main_text(page([STEPS[0], *reversed(STEPS[1:])])))
    assert change is not None
    assert (change.added, change.removed) == ((), ())


def test_similarity_says_how_much_is_common() -> None:
    assert similarity(STEPS, STEPS) == 1
    assert similarity(STEPS, ["something else altogether, in other words"]) == 0
    assert similarity([], []) == 1


def test_a_page_without_main_is_read_without_what_is_around() -> None:
    body = "".join(f"<div><p>{step}</p></div>" for step in STEPS)
    links = "".join(f"<p><a href=/{n}>See {n}</a></p>" for n in range(5))
    found = main_text(
        f"<body class='has-sidebar'><header>Lantern</header><div id=site-nav>Menu</div>"
        f"<div class='content with-sidebar'>{body}</div>{links}<div hidden>secret</div></body>"
    )
    assert found.splitlines() == STEPS


def test_links_of_the_main_part_are_found_as_they_are_written() -> None:
    part = main_part(
        page([*STEPS, "<a class=x href='/a?b&amp;c'>one</a> <a href=two>two</a> <a name=x>no</a>"])
    )
    assert part.links == ("/a?b&c", "two")


def test_what_stands_in_code_and_entities_is_read_as_people_see_it() -> None:
    text = main_text("<main><p>Use &lt;b&gt; &amp; &#8220;x&#8221;<br>twice</p><p>1 < 2</p></main>")
    assert text.splitlines() == ["Use <b> & “x”", "twice", "1 < 2"]
    assert plain_text(" a  b \n\n c ") == "a b\nc"


HOSTILE = {
    "nested": "<div>", "unfinished": "<a ", "comments": "<!--", "sections": "<![", "half": '"',
    "quotes": '<a x="', "scripts": "<script>", "brackets": "<", "nul": "\0", "digits": "1.",
    "moments": "1st january ", "about": "about ", "attributes": " x=1", "paragraphs": "<p>",
    "classes": '<a class="' + "nav-" * 400 + 'x">y', "bold": "<b><p>", "backticks": "`a",
}  # fmt: skip
OPENED = {"half": "<a ", "attributes": "<a", "digits": "<p>", "moments": "<p>", "about": "<p>"}


@pytest.mark.timeout(60)
@pytest.mark.parametrize("kind", sorted(HOSTILE))
def test_a_hostile_page_is_read_all_the_same(kind: str) -> None:
    """By the square of its length, as parsers of the standard library take, it would be hours."""
    part = HOSTILE[kind]
    hostile = OPENED.get(kind, "") + part * (300_000 // len(part))
    compare(main_text(hostile), "")
    before = main_text(page())
    assert compare(before, main_text(page() + hostile)) is None or kind == "brackets"


@pytest.mark.parametrize("digits", ["1" * 90_000, "x" + "f" * 90_000])
def test_a_character_with_a_number_like_no_other_is_replaced(digits: str) -> None:
    assert main_text(f"<main>a &#{digits}; b</main>").startswith("a \ufffd")


def test_a_block_says_where_it_stands() -> None:
    first, second = scan("<article><header>a<p class=related>b</header></article>")
    assert (first.text, first.article, first.header, first.aside) == ("a", True, True, False)
    assert (second.text, second.aside) == ("b", True)
