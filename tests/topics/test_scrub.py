"""What could tell who wrote a ticket is taken out, rather too much than too little."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from digital_cs.topics.scrub import MOST, scrub

PARTICLES = {
    "van", "von", "de", "der", "den", "da", "di", "la", "le", "el", "al", "bin", "ibn", "y",
}  # fmt: skip
"""Words between names, which tell nobody."""

NAMES = ("Jürgen von der Heide", "Siobhán O'Brien", "Lantern Works GmbH", "li@example.com")


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("the export hangs at 90 % for all 12 users", "the export hangs at 90 % for all 12 users"),
        ("I'm unable to log in. Can I export a CSV?", "I'm unable to log in. Can I export a CSV?"),
        # names: known ones however they are written
        ("jurgen and JÜRGEN and Juergen wrote", "[name] and [name] and [name] wrote"),
        ("ask siobhan o’brien, or Siobhán O'Brien's team", "ask [name], or [name]'s team"),
        ("we at lantern cannot export", "we at [name] cannot export"),
        ("lanterns stay, heideland stays", "lanterns stay, heideland stays"),
        # names: told, greeted, signed with, or likely
        ("my name is tuğba aksoy and I cannot log in", "my name is [name] and I cannot log in"),
        ("Hi Maya, it is broken", "Hi [name], it is broken"),
        ("Dear Mr. van Gogh, it is broken", "[name]. van [name], it is broken"),
        (
            "It fails.\n\nBest regards,\nanna k.\nhead of sales",
            "It fails.\n\nBest regards,\n[name]",
        ),
        ("It fails.\nThanks\nÖzgür", "It fails.\nThanks\n[name]"),
        ("It fails. Thanks Peter", "It fails. Thanks [name]"),
        ("It fails.\n--\nsent from my phone\nacme inc", "It fails.\n--\n[name]"),
        ("Łukasz Żak cannot log in", "[name] cannot log in"),
        ("please ask Peter about it", "please ask [name] about it"),
        # addresses, however they are hidden
        ("write to jo.doe+x@mail.example.com now", "write to [address] now"),
        ("jo (at) example.com", "[address]"),
        ("jo at example dot com", "[address]"),
        ("ｊｏ＠example.com", "[address]"),
        ("jo\u200b@exam\u200bple.com", "[address]"),
        ("ping @jo_doe please", "ping [address] please"),
        ("we are at 12 Baker Street, upstairs", "we are at [address], upstairs"),
        ("wir sind in der Hauptstraße 12a", "wir sind in der [address]"),
        # numbers: phones, orders, cards, dates
        ("call +44 (0)20 7946 0958 today", "call [number] today"),
        ("order #100-2931-77 is late", "order [number] is late"),
        ("card 4111 1111 1111 1111 declined", "card [number] declined"),
        ("since 2024-05-01 it costs 1.200,50", "since [number] it costs [number]"),
        ("order A-10293 and ticket ABC-12", "order [code] and ticket [code]"),
        ("IBAN DE89370400440532013000", "IBAN [code]"),
        # links and secrets
        ("see https://app.example.com/x?token=abc&u=9", "see [link]"),
        ("see www.example.com, or files.acme.io:8443/a", "see [link], or [link]"),
        ("Jo_Doe_contract.pdf does not open", "[link] does not open"),
        ("my password is hunter2 now", "my password is [code] now"),
        ("api key: abcdef", "api key: [code]"),
    ],
)
def test_what_could_identify_is_taken_out_and_the_question_stays(text: str, left: str) -> None:
    assert scrub(text, NAMES) == left


def test_words_of_the_product_may_be_kept() -> None:
    text = "how do I connect Slack to the Health Score?"
    assert scrub(text) == "how do I connect [name] to the [name]?"
    assert scrub(text, keep=["slack", "Health", "Score"]) == text


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("we connected Slack's app to Health", "we connected Slack's app to Health"),
        ("please ask Peter Slack", "please ask [name]"),
        ("Peter Slack cannot log in", "[name] cannot log in"),
        ("please ask Slack Peter", "please ask [name]"),
        ("please ask Peter van der Slack", "please ask [name] van der [name]"),
        ("Hi Slack, it is broken", "Hi [name], it is broken"),
        ("my name is Slack", "my name is [name]"),
        ("It fails.\n\nRegards,\nSlack", "It fails.\n\nRegards,\n[name]"),
        ("it fails when Jürgen Slack logs in", "it fails when [name] logs in"),
    ],
)
def test_a_word_of_the_product_is_not_kept_where_it_may_be_somebodys_name(
    text: str, left: str
) -> None:
    assert scrub(text, NAMES, keep=["slack", "health"]) == left


_LETTERS = "abcdefghijklmnopqrstuvwxyzäéñøçł"
_NAME = st.lists(st.text(_LETTERS, min_size=2, max_size=9), min_size=1, max_size=3).map(
    lambda parts: " ".join(part.title() for part in parts)
)
_AROUND = st.sampled_from(
    [
        "{}", "{} cannot log in", "Hi {}, it fails", "please ask {} about it", "{}'s export hangs",
        "it fails. {}", "it fails, says {}", "Slack for {} is down", "{} Slack", "Board {} Slack",
        "it fails\nThanks\n{}", "our {}-team", "({})", "“{}”", "{}, {} and {}", "re:{}:x",
    ]
)  # fmt: skip


@settings(max_examples=300, deadline=None)
@given(_NAME, _AROUND, st.sampled_from([str, str.upper, str.lower]), st.booleans())
def test_no_known_name_is_ever_left_whatever_is_kept(
    name: str, around: str, written: Callable[[str], str], kept_too: bool
) -> None:
    keep = ["slack", "board", *(name.split() if kept_too else ())]
    told = scrub(around.replace("{}", written(name)), [name], keep)
    left = {word.casefold() for word in re.findall(r"\w+", told.replace("[name]", " "))}
    said = {word.casefold() for word in re.findall(r"\w+", around)}
    assert not left & {part.casefold() for part in name.split()} - said - PARTICLES


def test_a_known_name_goes_even_if_it_is_a_word_of_the_product() -> None:
    assert scrub("ask Heide about it", NAMES, keep=["Heide"]) == "ask [name] about it"


def test_nothing_is_left_of_a_text_that_is_nothing_else() -> None:
    assert scrub("Jürgen von der Heide", NAMES) == "[name]"
    assert scrub("", NAMES) == ""
    assert scrub("  \n ", ["", " ", "."]) == ""


@pytest.mark.parametrize(
    "part", ["a", "a.", "a@", "A ", "Aa ", "1 ", "a-1", "x at ", "Hi\n", "thx\n"]
)
def test_no_text_takes_long(part: str) -> None:
    """The work grows with a text's length at worst by a constant; the suite's time limit holds."""
    assert len(scrub(part * 100_000, ["Aa"])) <= MOST * 4
