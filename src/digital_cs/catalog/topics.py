"""Loads content/topics.yaml, with file, line and advice in every complaint."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from pydantic import ValidationError

from digital_cs.catalog.findings import in_order
from digital_cs.catalog.value_faults import value_problems
from digital_cs.catalog.yaml_source import Document, bytes_of, read_yaml
from digital_cs.catalog.yaml_source import Path as Spot
from digital_cs.domain.problem import Problem
from digital_cs.domain.support.topic import Term, Topic, TopicRule, Topics
from digital_cs.domain.support.topic_words import parts_of, size, tag_key

FILE = "topics.yaml"
"""Its name in the content folder."""
NO_TOPICS = Topics(topics=())
LONGEST = 12
"""Words of a phrase: nobody writes more of them twice in the same way."""


@dataclass(frozen=True, slots=True)
class LoadedTopics:
    """The topics of the file, none if an error is among the complaints.

    `there` is False where the folder has no such file.
    """

    there: bool = False
    topics: Topics = NO_TOPICS
    problems: tuple[Problem, ...] = ()

    @property
    def errors(self) -> tuple[Problem, ...]:
        """The complaints that keep it from being published."""
        return tuple(each for each in self.problems if each.severity == "error")


def load_topics(content_dir: Path) -> LoadedTopics:
    """The topics of a content folder. Never raises for content."""
    path = content_dir / FILE
    if not path.exists():
        return LoadedTopics()
    file = f"{content_dir.name}/{FILE}".lstrip("/")
    raw = bytes_of(path, file)
    if isinstance(raw, Problem):
        return LoadedTopics(True, problems=(raw,))
    return check_topics_text(raw, file)


def check_topics_text(text: str | bytes, file: str = FILE) -> LoadedTopics:
    """The topics in a text, which is called `file` in complaints."""
    document = read_yaml(text, file)
    problems = list(document.problems)
    if document.readable and not isinstance(document.value, dict):
        place = document.place(())
        problems.append(
            Problem(
                file, place.line, place.column, "no-topics", "The file holds no topics.",
                "Begin it with the line 'topics:', and each of them with '- topic: …'.",
            )
        )  # fmt: skip
        return LoadedTopics(True, problems=tuple(problems))
    if not document.readable:
        return LoadedTopics(True, problems=tuple(problems))
    try:
        found = Topics.model_validate(document.value)
    except ValidationError as error:
        problems.extend(value_problems(Topics, error, document))
        return LoadedTopics(True, problems=in_order(problems))
    problems.extend(_findings(found, document))
    wrong = any(each.severity == "error" for each in problems)
    return LoadedTopics(True, NO_TOPICS if wrong else found, in_order(problems))


def _findings(found: Topics, document: Document) -> Iterator[Problem]:
    named: dict[str, Spot] = {}
    for index, topic in enumerate(found.topics):
        here: Spot = ("topics", index)
        names = [(topic.topic, (*here, "topic"))]
        names += [(name, (*here, "known_as", at)) for at, name in enumerate(topic.known_as)]
        for name, spot in names:
            first = named.setdefault(tag_key(name), spot)
            if first == spot or (first[:2] == here and spot[2] == "known_as"):
                continue
            line = document.place(first).line
            yield _problem(
                document, spot, "duplicate-topic", f"'{name}' stands on line {line} already.",
                "One topic has a name, or one of them is to be called otherwise.",
            )  # fmt: skip
    yield from _same_rules(found, document)
    for index, topic in enumerate(found.topics):
        yield from _of_topic(topic, ("topics", index), document)


def _of_topic(topic: Topic, here: Spot, document: Document) -> Iterator[Problem]:
    if not topic.rules and not topic.known_as:
        yield _problem(
            document, (*here, "topic"), "topic-without-rules",
            f"Nothing says which tickets are of '{topic.topic}'.",
            "Give it 'rules', or the names that help desks use for it as 'known_as'. Until then"
            " they are put there by hand.", "warning",
        )  # fmt: skip
    for number, rule in enumerate(topic.rules):
        yield from _of_rule(rule, (*here, "rules", number), document)


def _of_rule(rule: TopicRule, here: Spot, document: Document) -> Iterator[Problem]:
    for part in ("any", "all", "none"):
        terms = getattr(rule, part)
        for at, phrase in enumerate(terms.phrases):
            spot = (*here, part, "phrases", at)
            if not parts_of(phrase):
                yield _problem(
                    document, spot, "empty-phrase", f"There is no word in '{phrase}'.",
                    "Write the words that customers write.",
                )  # fmt: skip
            elif size(phrase) > LONGEST:
                yield _problem(
                    document, spot, "long-phrase",
                    f"A phrase of {size(phrase)} words stands in hardly any ticket.",
                    f"Write the few words that count, {LONGEST} at most; '…' leaves room.",
                )  # fmt: skip
        for at, tag in enumerate(terms.tags):
            if not tag_key(tag):
                yield _problem(
                    document, (*here, part, "tags", at), "empty-tag", "This tag is empty.",
                    "Write the tag as the help desk has it.",
                )  # fmt: skip
    never = {_key(term) for term in rule.none.each()}
    asked = {_key(term) for term in rule.all.each()}
    some = {_key(term) for term in rule.any.each()}
    if never & asked or (some and some <= never):
        yield _problem(
            document, (*here, "none"), "rule-against-itself",
            "This rule asks for something and forbids it: no ticket is ever caught.",
            "Take it out of 'none', or out of what is asked for.",
        )  # fmt: skip


def _same_rules(found: Topics, document: Document) -> Iterator[Problem]:
    """Rules of a topic further down that ask for the same as one above: they never win."""
    seen: dict[object, Spot] = {}
    for index, topic in enumerate(found.topics):
        for number, rule in enumerate(topic.rules):
            key = tuple(frozenset(_key(term) for term in terms.each())
                        for terms in (rule.any, rule.all, rule.none))  # fmt: skip
            spot: Spot = ("topics", index, "rules", number)
            first = seen.setdefault(key, spot)
            if first != spot:
                yield _problem(
                    document, spot, "rule-never-wins",
                    f"The rule on line {document.place(first).line} asks for the same, and stands"
                    " above: this one never counts.", "Keep one of them.", "warning",
                )  # fmt: skip


def _key(term: Term) -> tuple[bool, object]:
    return term.is_tag, term.key if term.is_tag else parts_of(term.key)


def _problem(
    document: Document, path: Spot, rule: str, message: str, advice: str,
    severity: Literal["error", "warning"] = "error",
) -> Problem:  # fmt: skip
    place = document.place(path)
    return Problem(document.file, place.line, place.column, rule, message, advice, severity)
