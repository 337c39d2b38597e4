"""YAML as people write it: 1.2 types, places of everything, and sentences for what is broken."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from digital_cs.catalog.yaml_source import MAX_BYTES, MAX_DEPTH, Document, Place, read_yaml


def only(document: Document) -> str:
    """The one complaint, as it is printed, after its rule."""
    (problem,) = document.problems
    return f"{problem.rule} {problem}"


@pytest.mark.parametrize(
    ("written", "value"),
    [
        ("no", "no"), ("NO", "NO"), ("yes", "yes"), ("on", "on"), ("Off", "Off"), ("y", "y"),
        ("true", True), ("False", False), ("null", None), ("~", None), ("", None),
        ("12:30", "12:30"), ("09:00", "09:00"), ("2026-03-01", "2026-03-01"),
        ("7", 7), ("-7", -7), ("0123", 123), ("0o17", 15), ("0x1F", 31), ("1_000", "1_000"),
        ("1.5", 1.5), ("1e3", 1000.0), (".inf", ".inf"), (".nan", ".nan"), ("1e400", "1e400"),
        ("'7'", "7"), ('"true"', "true"), ("!!str 7", "7"), ("= x", "= x"), ("<<", "<<"),
    ],
)  # fmt: skip
def test_values_are_those_of_yaml_1_2(written: str, value: object) -> None:
    document = read_yaml(f"key: {written}\n", "f")
    assert document.problems == []
    assert document.value == {"key": value}
    assert type(document.value["key"]) is type(value)


def test_keys_are_always_texts() -> None:
    assert read_yaml("7: a\nyes: b\nnull: c\n", "f").value == {"7": "a", "yes": "b", "null": "c"}


def test_every_key_and_value_knows_its_place() -> None:
    document = read_yaml("a:\n  - b: 1\n    c: [x, y]\n", "f")
    assert document.place(("a", 0, "c"), of_key=True) == Place(3, 5)
    assert document.place(("a", 0, "c", 1)) == Place(3, 12)
    assert document.place(("a", 0)) == Place(2, 5)
    assert document.place(("a", 0, "gone", 7)) == Place(2, 5), "the nearest thing around it"


def test_letters_outside_ascii_count_as_one_column() -> None:
    assert read_yaml("größe: ü\n", "f").place(("größe",)) == Place(1, 8)


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        (
            "a: 1\nb:\n  c: 1\n  c: 2\n",
            "duplicate-key f:4:3: 'c' stands here twice: on line 3 and on line 4. "
            "Keep one of them.",
        ),
        (
            "a:\n\tb: 1\n",
            "tab f:2:1: A tab indents this line. "
            "YAML indents with spaces: replace the tab by two spaces.",
        ),
        (
            "steps:\n  - send: x\n\t- wait: y\n",
            "tab f:3:1: A tab indents this line. "
            "YAML indents with spaces: replace the tab by two spaces.",
        ),
        (
            "program x\nname: y\n",
            "no-colon f:1:1: This line has no colon after its key. Write 'program: x'.",
        ),
        (
            "program: x\nname y\nowner: z\n",
            "no-colon f:2:1: This line has no colon after its key. Write 'name: y'.",
        ),
        (
            "steps:\n  - send x\n    to: y\n",
            "no-colon f:2:5: This line has no colon after its key. Write 'send: x'.",
        ),
        ("a:1\nb: 2\n", "no-space f:1:3: There is no space after 'a:'. Put a space after the "
         "colon."),
        ('a: "foo\nb: 1\n', "open-quote f:1:4: A quote is opened here and never closed. "
         "Add the closing quote."),
        (
            "a: 1\nb: 'foo\n",
            "open-quote f:2:4: A quote is opened here and never closed. Add the closing quote.",
        ),
        (
            "a: [1, 2\nb: 3\n",
            "open-bracket f:1:4: A '[' is opened here and not closed, or a comma is missing "
            "inside. Add ']' at its end.",
        ),
        ("a: 1\nb: [", "open-bracket f:2:4: This bracket is opened and never closed. "
         "Close it where the list ends."),
        ("a: }\n", "stray-bracket f:1:4: A '}' is not expected here. "
         "Remove it; if it belongs to a text, put the text in quotes."),
        (
            "a: foo: bar\n",
            "needs-quotes f:1:7: The text after the first colon has a colon too. "
            "Put the text in quotes.",
        ),
        ("a: @foo\n", "needs-quotes f:1:4: A text cannot begin with '@'. "
         "Put the whole text in quotes."),
        ('a: "x" y\n', "after-quote f:1:8: There is more text after the closing quote. "
         "Put all of it inside the quotes."),
        (
            'a: "\\d"\n',
            "bad-escape f:1:5: In double quotes a backslash has a meaning, and not with this "
            "letter. Use single quotes, or write the backslash twice.",
        ),
        (
            "steps:\n  - send: x\n   to: y\n",
            "indentation f:3:4: This line does not line up with the lines above it. "
            "Give lines that belong together the same number of spaces at their start.",
        ),
        (
            "a: 1\n b: 2\n",
            "indentation f:2:2: This line does not line up with the lines above it. "
            "Give lines that belong together the same number of spaces at their start.",
        ),
        ("a: 1\n---\nb: 2\n", "second-document f:2:1: A second document begins here. "
         "Remove the line '---', or make two files."),
        ("a: *foo\n", "alias f:1:4: '*foo' repeats another part of the file. "
         "Write it out; if it is a text that begins with '*', put it in quotes."),
        ("a: !foo x\n", "tag f:1:4: '!foo' is a YAML tag, and has no meaning here. "
         "Remove it; a text that begins with '!' needs quotes."),
        ("a: {{ name }}\n", "bad-key f:1:5: A key is a word, not a list or a group of keys. "
         "Write it as 'key: value'; a text that begins with { or [ needs quotes."),
        ("a: \x07\n", "control-character f:1:4: There is an invisible control character here. "
         "Delete it and type the text again."),
        (
            "a: > x\n",
            "yaml f:1:6: This cannot be read as YAML: did not find expected comment or line "
            "break. Compare it with a program that works, and look at the quotes and brackets "
            "here.",
        ),
    ],
)  # fmt: skip
def test_a_broken_file_gets_one_sentence_at_the_mistake(text: str, complaint: str) -> None:
    assert only(read_yaml(text, "f")) == complaint


def test_bytes_that_are_no_utf8_are_refused_where_they_stand() -> None:
    assert only(read_yaml(b"a: 1\nb: \xff\n", "f")) == (
        "not-utf8 f:2:4: The file is not UTF-8 text. Save it as UTF-8."
    )


def test_a_byte_order_mark_is_no_part_of_the_first_key() -> None:
    assert read_yaml("\ufeffa: 1\n".encode(), "f").value == {"a": 1}


def test_a_file_that_is_too_large_is_not_read() -> None:
    document = read_yaml("#" * (MAX_BYTES + 1), "f")
    assert not document.readable
    assert document.problems[0].rule == "file-too-large"


@pytest.mark.parametrize(
    ("text", "rule"),
    [("[" * 900_000, "too-deep"), ("{" * 900_000, "bad-key"), ("- " * 400_000, "too-deep"),
     ("? " * 400_000, "bad-key"), ("a: [" * 200_000, "too-deep")],
)  # fmt: skip
def test_nesting_without_end_is_given_up_at_once(text: str, rule: str) -> None:
    """libyaml alone needs minutes for these, which the test's own timeout would not allow."""
    assert read_yaml(text, "f").problems[0].rule == rule


def test_a_hundred_million_laughs_do_not_grow() -> None:
    text = "a: &a [x, x]\n" + "".join(
        f"{new}: &{new} [{', '.join([f'*{old}'] * 9)}]\n" for old, new in zip("abcd", "bcde",
                                                                             strict=True)
    )  # fmt: skip
    document = read_yaml(text, "f")
    assert {problem.rule for problem in document.problems} == {"alias"}


def test_nesting_up_to_the_limit_is_read() -> None:
    document = read_yaml("[" * MAX_DEPTH + "]" * MAX_DEPTH, "f")
    assert document.problems == []


yaml_like = st.lists(
    st.sampled_from(
        ["a", "b", ":", ": ", "- ", "\n", "\n  ", "\n    ", "\t", '"', "'", "[", "]", "{", "}", ",",
         "#", "&x ", "*x ", "!", "!!int ", "|", ">", "%", "@", "?", "? ", "---", "...", "1", "é",
         "\\", "\u2028", "\x85", "\r", "=", "<<: ", "~", "`"]
    ),
    max_size=40,
).map("".join)  # fmt: skip


@given(st.text(max_size=80) | yaml_like)
def test_no_text_at_all_crashes_the_reading(text: str) -> None:
    document = read_yaml(text, "f")
    lines = (
        text.count("\n")
        + text.count("\r")
        + text.count("\x85")
        + text.count("\u2028")
        + (text.count("\u2029") + 2)
    )
    for problem in document.problems:
        assert 1 <= problem.line <= lines
        assert problem.column >= 1
        assert problem.message.endswith((".", "?"))
        assert problem.suggestion
    assert document.readable or document.problems


@given(st.binary(max_size=60))
def test_no_bytes_at_all_crash_the_reading(raw: bytes) -> None:
    document = read_yaml(raw, "f")
    assert document.readable or document.problems
