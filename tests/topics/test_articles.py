"""Questions find the article that answers them, with the reason, or are told that none does."""

from __future__ import annotations

import pytest

from digital_cs.topics.articles import ArticleMatcher, ArticleText

ARTICLES = [
    ArticleText(
        "export",
        "Export a report",
        ("Choose a format", "Schedule an export"),
        "Open the report and choose Export. A file with all rows is sent to your mailbox.",
    ),
    ArticleText(
        "password",
        "Reset a password",
        ("When the link has expired",),
        "Choose Forgotten on the login page. The link in the e-mail is valid for an hour.",
    ),
    ArticleText(
        "invoice",
        "Find and correct an invoice",
        ("Tax number",),
        "Invoices are listed under Billing. Charges are corrected with the next invoice.",
    ),
    ArticleText(
        "calendar",
        "Connect a calendar",
        ("Second calendar", "Meetings that appear twice"),
        "Meetings are synced every five minutes. Disconnect and connect again if one is missing.",
    ),
]


@pytest.fixture(scope="module")
def matcher() -> ArticleMatcher:
    return ArticleMatcher(ARTICLES)


@pytest.mark.parametrize(
    ("question", "article", "word"),
    [
        ("How can I schedule exports of reports?", "export", "schedule"),
        ("The link to reset my passwort is expired", "password", "expired"),  # a typing error
        ("please add our tax number to the invoice", "invoice", "tax"),
        ("Why do I see my meetings twice?", "calendar", "meetings"),
    ],
)
def test_a_question_finds_its_article_with_the_words_they_share(
    matcher: ArticleMatcher, question: str, article: str, word: str
) -> None:
    found = matcher.match(question)
    assert found[0].id == article
    assert word in found[0].words
    assert 1 >= found[0].score >= found[-1].score > 0


@pytest.mark.parametrize(
    "question", ["", "???", "Is the office open on Sundays?", "Zwölf Boxkämpfer jagen Viktor"]
)
def test_a_question_that_no_article_answers_is_told_so(
    matcher: ArticleMatcher, question: str
) -> None:
    assert matcher.match(question) == []


def test_the_nearest_articles_are_there_for_who_wants_them_anyway(matcher: ArticleMatcher) -> None:
    question = "Is the page open on Sundays?"
    assert matcher.match(question) == []
    assert matcher.rank(question)[0].id == "password"


def test_no_more_articles_are_given_than_asked_for(matcher: ArticleMatcher) -> None:
    assert [one.id for one in matcher.match("export the invoice report", 1)] == ["export"]


def test_several_questions_of_a_topic_find_what_answers_them_on_the_whole(
    matcher: ArticleMatcher,
) -> None:
    several = ["where is the file", "my export is missing", "scheduled report did not come"]
    assert matcher.match(several)[0].id == "export"
    assert matcher.match([]) == []


def test_it_is_told_how_likely_an_article_answers(matcher: ArticleMatcher) -> None:
    asked = ["Is the office open on Sundays?", "Why do my meetings appear twice in the calendar?"]
    strange, known = (matcher.sure(question) for question in asked)
    assert 0 <= strange < 0.5 <= known <= 1
    assert matcher.sure("") == 0.0
    assert ArticleMatcher([]).sure("How do I export?") == 0.0


def test_a_title_counts_more_than_a_body() -> None:
    pair = [ArticleText("body", "Other things", (), "about webhooks"),
            ArticleText("title", "About webhooks", (), "other things")]  # fmt: skip
    assert ArticleMatcher(pair).rank("webhooks")[0].id == "title"


def test_a_confirmed_answer_is_found_by_words_the_article_lacks() -> None:
    question = "My spreadsheet download hangs"
    assert ArticleMatcher(ARTICLES).match(question) == []
    confirmed = [("The spreadsheet download hangs at the end", "export"), ("gone", "no such")]
    taught = ArticleMatcher(ARTICLES, confirmed)
    assert taught.match(question)[0].id == "export"
    assert taught.match("My meetings appear twice")[0].id == "calendar"


@pytest.mark.parametrize("articles", [[], [ArticleText("empty", "")]])
def test_a_library_without_words_answers_nothing(articles: list[ArticleText]) -> None:
    assert ArticleMatcher(articles).match("How do I export?") == []


def test_a_library_of_one_article_answers_and_refuses() -> None:
    alone = ArticleMatcher(ARTICLES[:1])
    assert alone.match("How do I export a report?")[0].id == "export"
    assert alone.match("My calendar is empty") == []
