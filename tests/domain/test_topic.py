"""Topics are rules over tags and phrases; what is assigned says which rule and which words."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from digital_cs.domain.support.topic import Assigned, By, Caught, Sorter, TicketWords, Topic
from digital_cs.domain.support.topic_words import Phrases, parts_of, size, stem, tokens

WORD = st.sampled_from(
    ["import", "contacts", "spam", "folder", "größe", "請求", "e-mail", "invoice", "the", "our"]
)
TEXT = st.lists(WORD, max_size=12).map(" ".join)


def topic(name: str, *rules: dict[str, object], **rest: object) -> Topic:
    return Topic.model_validate(
        {"topic": name, "title": name, "owner": "support", "rules": rules, **rest}
    )


def phrases(*texts: str) -> dict[str, object]:
    return {"any": {"phrases": texts}}


@pytest.mark.parametrize(
    ("phrase", "text", "there"),
    [
        ("import contacts", "Importing our contacts fails. Imported contacts are gone", True),
        ("import contact", "we imported contacts", True),
        ("import contacts", "we import. Contacts are gone", False),
        ("import contacts", "we import\n\ncontacts", False),
        ("import contacts", "we import\ncontacts", True),
        ("invoices", "two invoices, invoiced twice", True),
        ("bill", "billing", True),
        ("bill", "possible", False),
        ("port", "import", False),
        ("e-mail bounced", "our EMAILS BOUNCE", True),
        ("can't log in", "I can’t log in", True),
        ("customer", "the customer's address", True),
        ("größe", "GRÖSSE", True),
        ("große", "groﬂe", False),
        ("請求書", "先月の請求書について", True),
        ("請求書", "請求。書", False),
        ("cafe\u0301", "CAFÉ", True),
        ("verify … domain", "please verify that our new domain", True),
        ("verify ... domain", "verify domain", True),
        ("verify … domain", "verify that our brand new domain", False),
        ("verify … domain", "verify it. Domain", False),
        ("news", "anything new", False),
        ("", "anything", False),
    ],
)
def test_a_phrase_is_found_by_its_words(phrase: str, text: str, there: bool) -> None:
    assert (Phrases([phrase]).within(text) == {phrase}) is there


def test_what_a_gap_takes_first_does_not_hide_what_comes_later() -> None:
    assert Phrases(["map … the … columns"]).within("map columns, the two columns")


@given(TEXT, TEXT, TEXT)
def test_every_piece_of_a_text_is_found_in_it(before: str, piece: str, after: str) -> None:
    assert bool(Phrases([piece]).within(f"{before} {piece} {after}")) is bool(parts_of(piece))


@given(st.text(max_size=60))
def test_any_text_has_words_and_their_stems_stay(text: str) -> None:
    assert all(tokens(text))
    assert all(stem(word) for word in tokens(text))
    assert size(text) >= 0


def test_any_all_and_none_say_which_tickets_are_caught() -> None:
    rule = {"any": {"tags": ["a", "b"]}, "all": {"phrases": ["spam"]}, "none": {"tags": ["c"]}}
    sorter = Sorter([topic("one", rule)])
    assert not sorter.caught(TicketWords("spam"))
    assert not sorter.caught(TicketWords("nothing", ("a",)))
    assert not sorter.caught(TicketWords("spam", ("a", "c")))
    (found,) = sorter.caught(TicketWords("It is spam!", ("B", "a")))
    assert found == Caught("one", 1, ("“spam”", "tag a", "tag b"), 3)


def test_a_rule_that_would_catch_all_is_none() -> None:
    with pytest.raises(ValueError, match="'none' alone"):
        topic("one", {"none": {"tags": ["c"]}})


def test_tags_are_compared_without_case_and_kinds_of_spaces() -> None:
    sorter = Sorter([topic("one", {"any": {"tags": ["Late Invoice"]}})])
    assert sorter.caught(TicketWords(None, ("late_invoice",)))
    assert sorter.caught(TicketWords(None, ("late-invoice",)))
    assert not sorter.caught(TicketWords(None, ("late",)))


def test_the_rule_that_asks_for_most_wins_and_then_the_upper_one() -> None:
    sorter = Sorter(
        [topic("mail", phrases("mail")), topic("spam", phrases("mail in spam")),
         topic("tagged", {"any": {"tags": ["x"]}}), topic("again", phrases("mail in spam"))]
    )  # fmt: skip
    words = TicketWords("our mail in spam", ("x",))
    assert [each.topic for each in sorter.caught(words)] == ["spam", "again", "tagged", "mail"]
    assert sorter.assign(words) == Assigned("spam", By.RULE, 1, ("“mail in spam”",))


@given(TEXT, st.permutations(["import", "spam folder", "e-mail", "our"]))
def test_the_winner_does_not_hang_on_how_often_one_asks(text: str, order: list[str]) -> None:
    sorter = Sorter([topic(f"t{at}", phrases(each)) for at, each in enumerate(order)])
    first = sorter.assign(TicketWords(text))
    assert first == sorter.assign(TicketWords(text))
    assert (first is None) is not any(Phrases([each]).within(text) for each in order)


@given(st.text(max_size=80))
def test_words_told_are_those_of_the_rule_and_nothing_of_the_ticket(text: str) -> None:
    sorter = Sorter([topic("one", phrases("spam"), {"any": {"tags": ["x"]}})])
    found = sorter.assign(TicketWords(f"spam {text} ada@acme.test", ("x",)))
    assert found is not None
    assert set(found.words) <= {"“spam”", "tag x"}


def test_a_person_beats_all_and_the_help_desks_word_for_a_topic_beats_rules() -> None:
    sorter = Sorter([topic("billing", known_as=["Invoices"]), topic("spam", phrases("spam"))])
    person = Assigned(None, By.PERSON, person="ana")
    assert sorter.assign(TicketWords("spam", called="invoices"), person) == person
    assert sorter.assign(TicketWords("spam", called="invoices")) == Assigned(
        "billing", By.SOURCE, words=("invoices",)
    )
    assert sorter.assign(TicketWords("spam", called="misc")) == Assigned(
        "spam", By.RULE, 1, ("“spam”",)
    )
    assert sorter.assign(TicketWords("hm", called="misc")) == Assigned(
        "misc", By.SOURCE, words=("misc",)
    )
    assert sorter.assign(TicketWords("hm")) is None


def test_what_was_found_in_a_text_that_is_gone_stays_while_its_topic_does() -> None:
    kept = Assigned("spam", By.RULE, 1, ("“spam”",))
    with_it = Sorter([topic("spam", phrases("junk")), topic("tagged", {"any": {"tags": ["x"]}})])
    assert with_it.assign(TicketWords(None, ("x",)), kept) == kept
    assert with_it.assign(TicketWords("spam"), kept) is None
    without = Sorter([topic("tagged", {"any": {"tags": ["x"]}})])
    assert without.assign(TicketWords(None, ("x",)), kept) == Assigned(
        "tagged", By.RULE, 1, ("tag x",)
    )


def test_a_named_group_keeps_its_tickets_until_a_rule_catches_them() -> None:
    kept = Assigned("slow", By.PROPOSAL, words=("slow", "pages"), proposal=3)
    sorter = Sorter([topic("slow"), topic("spam", phrases("spam"))])
    assert sorter.assign(TicketWords("pages are slow"), kept) == kept
    found = sorter.assign(TicketWords("slow spam"), kept)
    assert found is not None
    assert found.topic == "spam"
