"""Front matter of others: read with its places, and no text of any kind does harm."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from digital_cs.catalog.front_matter import MAX_BYTES, Page, Told, read_page


def page(front: str, body: str = "Text.\n") -> Page:
    return read_page(f"---\n{front}\n---\n{body}".encode(), "a.md")


def test_values_come_with_their_places() -> None:
    found = page("title: 'A: yes'\nowners:\n  - ada\n  - grace")

    assert found.front == {"title": Told("A: yes", 2, 8), "owners": Told("ada", 4, 5)}
    assert found.body == "Text.\n"
    assert found.problems == ()


def test_values_stay_what_was_written() -> None:
    """No date, number or yes is made of a text: 2025-08-05 is read by whoever asks for a day."""
    found = page("a: 2025-08-05\nb: no\nc: 0123\nd: ~\ne: '~'\nf: >\n  one\n  two\ng: {x: 1}")

    texts = {name: told.text for name, told in found.front.items()}
    assert texts == {
        "a": "2025-08-05", "b": "no", "c": "0123", "d": "", "e": "~", "f": "one two", "g": "",
    }  # fmt: skip


@pytest.mark.parametrize("raw", ["", "# Title\n", "--\na: 1\n--\n", "a: 1\n---\n"])
def test_a_file_without_front_matter_is_all_text(raw: str) -> None:
    found = read_page(raw.encode(), "a.md")
    assert (found.has_front, found.body, found.problems) == (False, raw, ())


def test_an_empty_front_matter_is_one() -> None:
    found = read_page(b"\xef\xbb\xbf---\r\n---\r\nText.\r\n", "a.md")
    assert (found.has_front, dict(found.front), found.body) == (True, {}, "Text.\n")


@pytest.mark.parametrize(
    ("data", "place", "rule"),
    [
        (b"---\na: 1\n", (1, 1), "front-matter"), (b"---\na: b: c\n---\n", (2, 5), "front-matter"),
        (b"---\n- a\n---\n", (2, 1), "front-matter"),
        (b"---\na: \xff\n---\n", (1, 1), "not-utf8"), (b"a\0b", (1, 1), "not-text"),
        (b"x" * (MAX_BYTES + 1), (1, 1), "file-too-large"),
    ],
)  # fmt: skip
def test_what_cannot_be_read_is_said_by_line_and_column(
    data: bytes, place: tuple[int, int], rule: str
) -> None:
    found = read_page(data, "a.md")
    [problem] = found.problems
    assert found.broken
    assert ((problem.line, problem.column), problem.rule) == (place, rule)


def test_a_name_with_a_number_sign_was_meant_to_be_a_value() -> None:
    [problem] = page("title: A\nowner_slack: #docs").problems
    assert (problem.line, problem.column, problem.severity) == (3, 14, "warning")


def test_of_a_key_that_stands_twice_the_last_counts_as_with_its_publisher() -> None:
    found = page("a: 1\nb: 2\na: 3")
    [problem] = found.problems
    assert (problem.line, problem.column, problem.rule) == (4, 1, "duplicate-key")
    assert (found.broken, found.front["a"].text) == (False, "3")


def test_thousands_of_brackets_do_not_end_the_process() -> None:
    assert page("a: " + "[" * 30_000).broken
    assert not page("a: " + "[" * 5_000 + "]" * 5_000 + "\nb: 1").broken
    assert not page("a: &a [*a]\nb: *a").broken


@settings(max_examples=200)
@given(st.text(alphabet="ab:-[]{}'\"\n #&*!|>%@\t~é", max_size=60))
def test_no_text_whatever_raises(front: str) -> None:
    found = page(front)
    assert found.broken or all(told.line >= 2 for told in found.front.values())
