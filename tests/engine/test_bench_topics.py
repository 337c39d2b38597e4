"""The bench of topics, on a few made-up texts: it measures what it says it does."""

from __future__ import annotations

from pathlib import Path

import pytest

from digital_cs.topics.articles import ArticleText
from tests.bench.topic_matching import matching, saying_none
from tests.bench.topic_sets import (
    SAMPLES,
    QuestionSet,
    agents_guidelines,
    handbook,
    knowledge_base,
    question_set,
)
from tests.bench.topics import (
    alone,
    assigning,
    cross_validated,
    main,
    plain_grouping,
    proposing,
    proposing_many,
    strangers,
)
from tests.topics.made_up import labelled


def test_assigning_counts_the_texts_that_got_their_own_topic() -> None:
    learned = [(text, topic) for text, topic in labelled() if topic != "calendars"]
    tried = [row for row in labelled() if row[1] in ("invoices", "calendars")]
    found = assigning(learned, tried)
    assert (found["texts"], found["worst_topic"], found["worst"]) == (288, "calendars", 0.0)
    assert found["accuracy"] <= found["accuracy_nearest"] <= 0.5
    assert found["none"] > 0


def test_each_text_is_tried_once_when_cross_validating() -> None:
    found = cross_validated(labelled(), 3)
    assert found["texts"] == len(labelled())
    assert found["accuracy"] > 0.9


def test_texts_of_a_topic_that_was_never_learned_are_told_from_the_others() -> None:
    assert strangers(labelled())["auc"] > 0.5


def test_proposals_are_held_against_the_topics() -> None:
    ours, plain = proposing(labelled()), plain_grouping(labelled())
    assert ours["ami"] > 0.3
    assert plain["groups"] == ours["topics"] == 4
    assert proposing_many(labelled(), 300, 500)["texts"] == 300


def test_questions_are_asked_of_both_and_some_have_no_answer(tmp_path: Path) -> None:
    (tmp_path / "articles.csv").write_text(
        "id,title,headings,body\n"
        'a,Export a report,"Formats\nSchedules",All rows are sent as a file\n'
        "b,Reset a password,,The link is valid for an hour\n"
    )
    (tmp_path / "questions.csv").write_text(
        "question,article\nhow do I export a report,a\nhow do I reset my password,b\n"
        "is the sea blue,\n"
    )
    asked = question_set(tmp_path)
    assert asked.articles[0] == ArticleText(
        "a", "Export a report", ("Formats", "Schedules"), "All rows are sent as a file"
    )
    found = matching(asked)
    assert (found["articles"], found["questions"]) == (2, 2)
    assert found["recall_1"] == found["recall_5"] == found["plain_recall_5"] == 1.0
    assert found["lost"] == 0.0
    assert found["none_precision"] == found["none_recall"] == found["none_auc"] == 1.0
    assert "topic_lost" not in found  # no article is asked for three times


def test_topics_whose_article_is_hidden_are_told_from_those_that_have_one() -> None:
    subjects = ("invoice", "calendar", "password", "report", "webhook", "avatar")
    articles = tuple(
        ArticleText(one, f"The {one}", (), f"All about the {one} and what to do with it.")
        for one in subjects
    )
    questions = tuple((f"{how} the {one}?", one) for one in subjects for how in ("Is", "Why", "Do"))
    found = saying_none(QuestionSet("made up", articles, questions))
    assert found["topics"] == 6
    assert found["topic_none_recall"] == found["topic_none_precision"] == 1.0
    assert found["topic_lost"] == 0.0


def test_a_part_is_measured_in_a_process_of_its_own() -> None:
    assert alone(proposing_many, labelled(), 20)["peak_mb"] > 10


def test_without_samples_the_bench_says_loudly_what_it_did_not_measure(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    monkeypatch.setattr("tests.bench.topics.SAMPLES", tmp_path)
    assert main() == 0
    assert capsys.readouterr().out.count("NOT MEASURED") == 4


def test_every_question_of_the_samples_has_its_article() -> None:
    if not SAMPLES.exists():
        pytest.skip(f"the samples are not there: {SAMPLES}")
    for asked in [
        agents_guidelines(SAMPLES / "abcd"), *knowledge_base(SAMPLES / "kb-m365" / "Community"),
        *handbook(SAMPLES / "docs-freshness"),
    ]:  # fmt: skip
        assert len(asked.questions) > 50
        assert {article for _, article in asked.questions} <= {one.id for one in asked.articles}
