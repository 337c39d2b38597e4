"""The file of topics: what it says, and what it is told when it says it wrong."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest

from digital_cs.catalog.schema import TOPICS_SCHEMA_FILE, schema_text, topics_schema
from digital_cs.catalog.topics import FILE, check_topics_text, load_topics
from digital_cs.catalog.yaml_source import read_yaml
from digital_cs.domain.support.topic import Sorter, TicketWords

CONTENT = Path(__file__).resolve().parents[2] / "content"
CHECK = jsonschema_rs.Draft7Validator(topics_schema())


def listed(*entries: str) -> str:
    """A file of these entries, each on a line of its own, from the second line on."""
    return "topics:\n" + "".join(f"- {{{entry}}}\n" for entry in entries)


def a_topic(name: str, rules: str = "", rest: str = "") -> str:
    return f"topic: {name}, title: A, owner: me, rules: [{rules}]{rest}"


def test_the_file_that_is_shipped_holds_and_has_topics_and_bugs() -> None:
    found = load_topics(CONTENT)
    assert found.there
    assert found.problems == ()
    bugs = [each.topic for each in found.topics.topics if each.bug]
    assert 0 < len(bugs) < len(found.topics.topics) / 3


@pytest.mark.parametrize(
    ("text", "topic"),
    [
        ("Why did this email go to so few people?", "email-to-few"),
        ("All our mails are going to spam since Monday", "deliverability"),
        ("How do we verify our new domain?", "sending-domain"),
        ("The CSV file of our customers is refused", "import-contacts"),
        ("I cannot log in any more", "team-access"),
        ("Can we have the invoice in our accountant's name?", "billing"),
        ("The editor freezes when I paste a picture", "editor-freezes"),
        ("Orders do not come in since yesterday", "shop-connection"),
    ],
)
def test_the_topics_that_are_shipped_know_what_customers_write(text: str, topic: str) -> None:
    found = Sorter(load_topics(CONTENT).topics.topics).assign(TicketWords(text))
    assert found is not None
    assert found.topic == topic


def test_a_folder_without_the_file_has_no_topics(tmp_path: Path) -> None:
    assert not load_topics(tmp_path).there
    (tmp_path / FILE).mkdir()
    (problem,) = load_topics(tmp_path).problems
    assert problem.rule == "unreadable"


@pytest.mark.parametrize(
    ("text", "at", "message", "advice"),
    [
        ("", "", "The file holds no topics.", "'topics:'"),
        ("- a\n", "", "The file holds no topics.", "'topics:'"),
        ("topcs: []\n", "topcs", "Unknown key", "Did you mean 'topics'?"),
        (listed("topic: A b, title: A, owner: me"), "A b", "letters, digits", "'a-b'"),
        (listed("topic: a, title: A"), "{", "A topic needs 'owner'.", "Add"),
        (listed(a_topic("a", "{an: {tags: [x]}}")), "an:", "Unknown key 'an'", "'any'"),
        (listed(a_topic("a", "{any: {tag: [x]}}")), "tag:", "Unknown key 'tag'", "'tags'"),
        (listed(a_topic("a", "{none: {tags: [x]}}")), "{none", "'none' alone", ""),
        (listed(a_topic("a", "{any: {}}")), "{any", "needs 'any' or 'all'", ""),
        (listed(a_topic("a", "{any: {phrases: ['!?']}}")), "'!?'", "no word in '!?'", "Write"),
        (listed(a_topic("a", "{any: {tags: ['']}}")), "''", "This tag is empty", "help desk"),
        (listed(a_topic("a", f"{{any: {{phrases: [{' '.join(['x'] * 13)}]}}}}")), "x x",
         "13 words", "12 at most"),
        (listed(a_topic("a", "{all: {tags: [x]}, none: {tags: [X]}}")), "{tags: [X]",
         "no ticket is ever caught", "'none'"),
        (listed(a_topic("a", "{any: {tags: [x]}}"), a_topic("a", "{any: {tags: [y]}}")),
         "a, title", "'a' stands on line 2 already", "One topic"),
        (listed(a_topic("a", "{any: {tags: [x]}}"),
                "topic: b, title: B, owner: me, known_as: [A]"), "A]",
         "'A' stands on line 2 already", "called otherwise"),
    ],
)  # fmt: skip
def test_a_mistake_is_told_where_it_stands(text: str, at: str, message: str, advice: str) -> None:
    found = check_topics_text(text, "content/topics.yaml")
    assert found.topics.topics == ()
    problem = next(each for each in found.errors if message in each.message)
    assert advice in (problem.suggestion or "")
    line = text.splitlines()[problem.line - 1] if text else ""
    assert line[problem.column - 1 :].startswith(at)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (listed(a_topic("a")), "Nothing says which tickets are of 'a'."),
        (listed(a_topic("a", "{any: {phrases: [late invoice]}}"),
                a_topic("b", "{any: {phrases: [Late  invoices]}}")), "on line 2 asks for the same"),
    ],
)  # fmt: skip
def test_what_is_only_odd_is_a_warning(text: str, message: str) -> None:
    found = check_topics_text(text)
    (problem,) = found.problems
    assert problem.severity == "warning"
    assert message in problem.message
    assert found.topics.topics
    assert not found.errors


def test_the_schema_that_is_shipped_is_the_one_that_is_made() -> None:
    shipped = (CONTENT / TOPICS_SCHEMA_FILE).read_text()
    assert shipped == schema_text(topics_schema()), "digital-cs topics schema > content/…"


def test_the_schema_takes_what_the_loader_takes_and_knows_its_mistakes() -> None:
    def valid(text: str) -> bool:
        value: Any = read_yaml(text, FILE).value
        return bool(CHECK.is_valid(value))

    assert valid((CONTENT / FILE).read_text())
    assert not valid(listed("topic: a, title: A"))
    assert not valid(listed(a_topic("a", "{none: {tags: [x]}}")))
    assert not valid(listed(a_topic("a", "{any: {tag: [x]}}")))
