"""Labelled texts, and questions with the articles that answer them, for bench-topics."""

from __future__ import annotations

import csv
import json
import re
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from digital_cs.topics.articles import ArticleText

ROOT = Path(__file__).parents[2]
SAMPLES = ROOT.parent / "shared" / "samples"
OUR_QUESTIONS = Path(__file__).with_name("abcd_questions.csv")
"""Questions to the sample `abcd` in our own words: it has articles, and none of its questions."""

Labelled = tuple[str, str]


@dataclass(frozen=True, slots=True)
class QuestionSet:
    """Articles, and questions each with the id of its article; None where none answers."""

    name: str
    articles: tuple[ArticleText, ...]
    questions: tuple[tuple[str, str | None], ...]


def labelled(path: Path) -> list[Labelled]:
    """A CSV file with the columns text and category, as (text, category)."""
    with path.open(encoding="utf-8", newline="") as file:
        return [(row["text"], row["category"]) for row in csv.DictReader(file)]


def question_set(folder: Path) -> QuestionSet:
    """A folder with articles.csv and questions.csv.

    articles.csv: id, title, headings (one a line), body. questions.csv: question, article (the
    id; empty where no article answers).
    """
    with (folder / "articles.csv").open(encoding="utf-8", newline="") as file:
        articles = tuple(
            ArticleText(
                row["id"],
                row.get("title") or "",
                tuple((row.get("headings") or "").splitlines()),
                row.get("body") or "",
            )
            for row in csv.DictReader(file)
        )
    with (folder / "questions.csv").open(encoding="utf-8", newline="") as file:
        questions = tuple((row["question"], row["article"] or None) for row in csv.DictReader(file))
    return QuestionSet(folder.name, articles, questions)


def topics_as_articles(rows: Sequence[Labelled], told: int, asked: int = 20) -> QuestionSet:
    """Each topic an article: its name, and its first questions as text; others are asked."""
    by_topic: dict[str, list[str]] = defaultdict(list)
    for text, topic in rows:
        by_topic[topic].append(text)
    return QuestionSet(
        f"banking77, {told} told",
        tuple(
            ArticleText(topic, topic.replace("_", " "), (), " ".join(texts[:told]))
            for topic, texts in sorted(by_topic.items())
        ),
        tuple(
            (text, topic)
            for topic, texts in sorted(by_topic.items())
            for text in texts[told : told + asked]
        ),
    )


def agents_guidelines(folder: Path) -> QuestionSet:
    """The subflows of `abcd` as articles, and our questions to them."""
    written = (folder / "guidelines.json").read_text(encoding="utf-8")
    flows = json.loads(re.sub(r",(\s*[\]}])", r"\1", written))  # trailing commas
    articles = [
        _guideline(name, subflow)
        for flow in flows.values()
        for name, subflow in flow["subflows"].items()
    ]
    with OUR_QUESTIONS.open(encoding="utf-8", newline="") as file:
        questions = tuple((row["question"], row["article"]) for row in csv.DictReader(file))
    return QuestionSet("abcd, our questions", tuple(articles), questions)


def _guideline(name: str, subflow: dict[str, Any]) -> ArticleText:
    actions = subflow["actions"]
    return ArticleText(
        name,
        name,
        tuple(action["button"] for action in actions),
        "\n".join(
            [*subflow["instructions"], *(f"{a['text']} {' '.join(a['subtext'])}" for a in actions)]
        ),
    )


@dataclass(frozen=True, slots=True)
class _Page:
    """An article of `kb-m365` without its markup."""

    name: str
    title: str
    description: str
    headings: tuple[str, ...]
    body: str


def knowledge_base(folder: Path) -> list[QuestionSet]:
    """Three sets of `kb-m365`: asked by heading, by description, and by title.

    What is asked by is taken out of the articles.
    """
    pages = [page for path in sorted(folder.glob("*.md")) if (page := _page(path, path.stem))]
    return [
        _by_heading("kb-m365, headings", pages),
        _by_one("kb-m365, descriptions", pages, [page.description for page in pages]),
        _by_one("kb-m365, titles", pages, [page.title for page in pages]),
    ]


def handbook(folder: Path) -> list[QuestionSet]:
    """Two sets of `docs-freshness`: asked by heading and by title, taken out of the articles."""
    pages = [
        page
        for path in sorted(folder.rglob("*.md.erb"))
        if (page := _page(path, path.relative_to(folder).as_posix()))
    ]
    return [
        _by_heading("docs-freshness, headings", pages),
        _by_one("docs-freshness, titles", pages, [page.title for page in pages]),
    ]


def _by_heading(name: str, pages: Sequence[_Page]) -> QuestionSet:
    asked = (
        (page, ArticleText(page.name, page.title, (), page.body), page.headings) for page in pages
    )
    return _set(name, asked)


def _by_one(name: str, pages: Sequence[_Page], questions: Sequence[str]) -> QuestionSet:
    """Asked by what stands above the articles, which therefore lack their titles."""
    asked = (
        (page, ArticleText(page.name, "", page.headings, page.body), (question,))
        for page, question in zip(pages, questions, strict=True)
    )
    return _set(name, asked)


def _set(name: str, asked: Iterable[tuple[_Page, ArticleText, tuple[str, ...]]]) -> QuestionSet:
    articles: list[ArticleText] = []
    questions: list[tuple[str, str | None]] = []
    for page, article, each in asked:
        articles.append(article)
        questions += [(question, page.name) for question in each if len(question.split()) >= 4]
    return QuestionSet(name, tuple(articles), tuple(questions))


def _page(path: Path, name: str) -> _Page | None:
    found = re.match(r"---\n(.*?)\n---\n(.*)", path.read_text(encoding="utf-8"), re.DOTALL)
    if not found:
        return None
    about, text = found.groups()
    text = re.sub(r"\[!INCLUDE.*|<[^>]+>|\]\([^)]*\)|https?://\S+", "", text)
    return _Page(
        name,
        _stated("title", about),
        _stated("description", about),
        tuple(line.strip("# ") for line in re.findall(r"^##+ .*$", text, re.MULTILINE)),
        re.sub(r"^#+ .*$", "", text, flags=re.MULTILINE),
    )


def _stated(key: str, about: str) -> str:
    found = re.search(rf"^{key}:\s*(.*)$", about, re.MULTILINE)
    return found.group(1).strip("\"' ") if found else ""
