"""A topic is covered by the article that states it, else by the one that answers its questions."""

from __future__ import annotations

import pytest

from digital_cs.domain.content.freshness import State
from digital_cs.domain.support.topic_coverage import Article, Coverage, Standing, coverage

SPAM = Article("c-1", "Spam", State.FRESH)
OLD = Article("c-2", "Old spam", State.STALE)
STATED = Article("c-3", "Says so", State.STALE, topic="spam")


def stands(answers: list[list[str]], *articles: Article, bug: bool = False) -> Coverage:
    found = [[(id, 0.9) for id in each] for each in answers]
    return coverage("spam", bug=bug, answers=found, articles={each.id: each for each in articles})


def test_a_bug_is_never_explained() -> None:
    found = stands([["c-1"]], SPAM, bug=True)
    assert (found.standing, found.article) == (Standing.BUG, None)
    assert found.words() == "to be mended, not explained"


@pytest.mark.parametrize(("answered", "standing"), [(3, Standing.FRESH), (2, Standing.MISSING)])
def test_an_article_must_answer_three_questions_of_ten(answered: int, standing: Standing) -> None:
    found = stands([["c-1"]] * answered + [[]] * (10 - answered), SPAM)
    assert found.standing is standing


def test_only_the_best_answer_to_a_question_counts() -> None:
    found = stands([["c-2", "c-1"]] * 10, SPAM, OLD)
    assert (found.standing, found.article) == (Standing.STALE, OLD)
    assert found.words() == (
        "“Old spam” needs a review first (found by 100% of the questions,"
        " and states none of the topics)"
    )


def test_of_two_that_answer_a_fresh_one_goes_first() -> None:
    found = stands([["c-2"]] * 6 + [["c-1"]] * 4, SPAM, OLD)
    assert (found.standing, found.article, found.answers) == (Standing.FRESH, SPAM, 0.4)
    assert found.words() == (
        "“Spam” can be shown, if it answers this: found by 40% of the questions,"
        " and states none of the topics"
    )


def test_what_states_the_topic_needs_no_question() -> None:
    found = stands([["c-1"]] * 10, SPAM, STATED)
    assert (found.article, found.stated, found.standing) == (STATED, True, Standing.STALE)
    assert stands([], STATED).article == STATED


def test_what_states_another_topic_is_not_taken_for_this_one() -> None:
    other = Article("c-4", "Bounces", State.FRESH, topic="bounces")
    assert stands([["c-4"]] * 10, other).standing is Standing.MISSING
    assert stands([["c-4"]] * 6 + [["c-2"]] * 4, other, OLD).article == OLD


@pytest.mark.parametrize("state", [State.STALE, State.BLOCKED])
def test_what_is_stale_or_wrong_needs_a_review(state: State) -> None:
    assert stands([], Article("c", "C", state, topic="spam")).standing is Standing.STALE


def test_what_is_due_soon_may_still_be_shown_and_what_is_retired_is_gone() -> None:
    due = Article("c", "C", State.DUE_SOON, topic="spam")
    assert stands([], due).standing is Standing.FRESH
    gone = Article("c", "C", State.RETIRED, topic="spam")
    assert stands([["c"]] * 3, gone).standing is Standing.MISSING
    assert stands([["nobody"]] * 3).standing is Standing.MISSING
    assert stands([[]]).words() == "an article is to be written"
