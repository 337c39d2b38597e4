"""Topics are learned from labelled texts, assigned with reasons, and kept as plain numbers."""

from __future__ import annotations

import io
import pickle

import numpy as np
import pytest

from digital_cs.topics.errors import TooLittleError, UnreadableModelError
from digital_cs.topics.model import MOST_OF_A_TOPIC, TopicModel
from tests.topics.made_up import labelled


@pytest.fixture(scope="module")
def model() -> TopicModel:
    return TopicModel.learn(labelled())


@pytest.mark.parametrize(
    ("text", "topic", "word"),
    [
        ("Exporting the monthly report fails", "exports", "exporting"),
        ("I forgot my password and cannot log in", "passwords", "password"),
        ("Please correct the amount on our invoice", "invoices", "invoice"),
        ("A meeting is missing in my calender", "calendars", "meeting"),  # a typing error
    ],
)
def test_a_new_text_gets_its_topic_with_the_words_that_spoke_for_it(
    model: TopicModel, text: str, topic: str, word: str
) -> None:
    found = model.assign(text)
    assert found.topic == found.nearest == topic
    assert word in found.words
    assert 0 < found.sure <= 1


@pytest.mark.parametrize("text", ["", "???", "12345", "Zwölf Boxkämpfer jagen Viktor quer", "ok"])
def test_a_text_of_none_of_the_topics_is_said_to_be_of_none(model: TopicModel, text: str) -> None:
    found = model.assign(text)
    assert found.topic is None
    assert found.nearest in model.topics


def test_the_words_are_words_of_the_text(model: TopicModel) -> None:
    found = model.assign("The EXPORTED file of my report is empty")
    assert found.words
    assert set(found.words) <= {"the", "exported", "file", "report", "empty"}


def test_the_same_texts_give_the_same_model() -> None:
    assert TopicModel.learn(labelled()).to_bytes() == TopicModel.learn(labelled()).to_bytes()


def test_many_texts_are_assigned_as_one_by_one(model: TopicModel) -> None:
    texts = [text for text, _ in labelled()[::29]]
    assert model.assign_all(texts) == [model.assign(text) for text in texts]
    assert model.assign_all([]) == []


def test_a_kept_model_answers_as_the_one_that_was_learned(model: TopicModel) -> None:
    again = TopicModel.from_bytes(model.to_bytes())
    texts = [text for text, _ in labelled()[::17]]
    assert again.topics == model.topics
    assert again.assign_all(texts) == model.assign_all(texts)


def test_a_kept_model_holds_words_that_several_wrote_and_no_text() -> None:
    secret = "Ottilie Wolpertinger lost order 4711-0815 and wrote to o.w@example.com"
    kept = TopicModel.learn([*labelled(), (secret, "exports")]).to_bytes()
    told = np.load(io.BytesIO(kept))["told"].tobytes().decode()
    assert "export" in told
    for trace in ("otti", "wolpe", "4711", "0815", "example", "o.w"):
        assert trace not in told


def test_what_is_no_kept_model_is_refused_and_never_run(model: TopicModel) -> None:
    file = io.BytesIO()
    np.savez(file, told=np.array([{"format": 1}], dtype=object))
    for data in (b"", b"nonsense", model.to_bytes()[:-200], pickle.dumps({}), file.getvalue()):
        with pytest.raises(UnreadableModelError):
            TopicModel.from_bytes(data)


@pytest.mark.parametrize("pairs", [[], [("one text", "a")], [("some text", "a")] * 9])
def test_a_single_topic_is_too_little_to_learn_from(pairs: list[tuple[str, str]]) -> None:
    with pytest.raises(TooLittleError):
        TopicModel.learn(pairs)


def test_texts_without_words_are_too_little_to_learn_from() -> None:
    with pytest.raises(TooLittleError):
        TopicModel.learn([("", "a"), ("!!", "b"), ("", "b")])


def test_two_topics_of_a_few_texts_can_be_learned() -> None:
    few = [
        ("export the report", "x"),
        ("report export fails", "x"),
        ("wrong invoice", "i"),
        ("invoice amount", "i"),
    ]
    model = TopicModel.learn(few)
    assert model.assign("the export of a report").nearest == "x"
    assert model.assign("an invoice").nearest == "i"


def test_of_a_topic_with_thousands_of_texts_enough_are_learned() -> None:
    many = [(f"export of the report fails in month {n}", "exports") for n in range(3_000)]
    model = TopicModel.learn([*many, *((f"invoice {n} is wrong", "invoices") for n in range(40))])
    assert len(many) > MOST_OF_A_TOPIC
    assert model.assign("my invoice is wrong").topic == "invoices"
