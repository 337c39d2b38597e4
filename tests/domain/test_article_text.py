"""An article's words are kept without the marks of whoever wrote it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from digital_cs.domain.content.article_text import LONGEST, plain_text


@pytest.mark.parametrize(
    ("text", "body"),
    [
        ("Press **Save** or _Cancel_, not first_send.", "Press Save or Cancel, not first_send."),
        ("See [the guide](https://x.test/a) and ![a picture](p.png).",
         "See the guide and a picture."),
        ("See [the guide][1].\n\n[1]: https://x.test", "See the guide."),
        ("- one\n- two\n1. three", "one\ntwo\nthree"),
        ("> quoted\n\n---\n\nrest", "quoted\nrest"),
        ("```yaml\nkey: value\n```", "key: value"),
        ("<p>Fish &amp; chips</p><script>let x = 1</script>", "Fish & chips"),
        ("{% if x %}Hello{% endif %} {{ name }}<%= partial 'x' %>", "Hello"),
        ("| a | b |\n|---|---|\n| 1 | 2 |", "a b\n1 2"),
        ("a\0b", "ab"),
    ],
)  # fmt: skip
def test_marks_are_left_out(text: str, body: str) -> None:
    assert plain_text(text)[1] == body


def test_headings_are_told_by_themselves_and_stay_in_the_text() -> None:
    headings, body = plain_text("# Import *contacts* #\n\nText\n\n## Columns\n\n<h3>CSV</h3>")
    assert headings == ("Import contacts", "Columns", "CSV")
    assert body == "Import contacts #\nText\nColumns\nCSV"


@given(st.text(max_size=300))
def test_whatever_stands_there_fits_the_database(text: str) -> None:
    headings, body = plain_text(text)
    for each in (*headings, body):
        assert "\0" not in each
        each.encode()


def test_a_text_is_not_kept_without_end() -> None:
    assert len(plain_text("word " * 100_000)[1]) <= LONGEST
