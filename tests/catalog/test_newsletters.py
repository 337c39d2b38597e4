"""Newsletters and events as files: what is shipped is sound, and mistakes are told with a line."""

from __future__ import annotations

import jsonschema_rs
import pytest
import yaml

from digital_cs.catalog.events import check_events_text, load_events
from digital_cs.catalog.newsletters import (
    Around,
    check_newsletter_text,
    load_newsletters,
)
from digital_cs.catalog.schema import NEWSLETTER_SCHEMA_FILE, newsletter_schema, schema_text
from digital_cs.domain.content.team import Person, Team
from digital_cs.domain.newsletters.newsletter import Newsletter
from digital_cs.store.newsletters.newsletters import spec_of
from tests.rig import ROOT

CONTENT = ROOT / "content"
GOOD = """\
newsletter: letter
name: The letter
owner: maya
rhythm: first Tuesday
subject: News
audience: {segment: {stage: active}}
sections:
  - section: opening
"""
AROUND = Around(topics=("newsletter", "tips"), items=("articles/a.md",))


def complaints(text: str) -> list[tuple[int, str, str]]:
    """(line, rule, message) of each."""
    return [(p.line, p.rule, p.message) for p in check_newsletter_text(text, "x.yaml", "letter",
                                                                       AROUND)[1]]  # fmt: skip


def test_the_newsletters_and_events_that_are_shipped_are_without_complaints() -> None:
    assert load_newsletters(CONTENT).problems == ()
    assert list(load_newsletters(CONTENT).by_name) == ["lantern-letter"]
    assert load_events(CONTENT).problems == ()


def test_who_is_not_in_the_team_is_told_with_their_line() -> None:
    team = Team(people={"maya": Person(address="maya@lantern.example")})
    text = GOOD.replace("owner: maya", "owner: maya\nbackup: mya\napprover: x@lantern.example")
    _, found = check_newsletter_text(
        f"{text}    sign_off: dana\n", "x.yaml", "letter", Around(team=team)
    )
    assert [(p.line, p.rule, p.severity) for p in found] == [
        (4, "unknown-person", "warning"), (11, "unknown-person", "warning"),
    ]  # fmt: skip
    assert "maya" in (found[0].suggestion or "")
    assert found[1].message == "Nobody in team.yaml is called 'dana', so somebody else is asked."


def test_the_schema_that_is_shipped_is_that_of_the_model() -> None:
    """If this fails: `digital-cs newsletter schema > content/newsletter.schema.json`."""
    assert (CONTENT / NEWSLETTER_SCHEMA_FILE).read_text() == schema_text(newsletter_schema())
    check = jsonschema_rs.Draft7Validator(newsletter_schema())
    for path in (CONTENT / "newsletters").glob("*.yaml"):
        assert check.is_valid(yaml.safe_load(path.read_text()))
    assert not check.is_valid({"newsletter": "x"})


def test_a_newsletter_is_read_back_as_it_was_kept() -> None:
    for newsletter in load_newsletters(CONTENT).by_name.values():
        assert Newsletter.model_validate(spec_of(newsletter)) == newsletter


@pytest.mark.parametrize(
    ("change", "line", "says"),
    [
        (("first Tuesday", "first Tuseday"), 4, "Did you mean Tuesday?"),
        (("first Tuesday", "every 2 weeks on Monday"), 4, "needs a first day"),
        (("newsletter: letter", "newsletter: other"), 1, "The file is called 'letter'"),
        (("name: The letter", "name: The letter\ntopic: nwes"), 3, "not a topic of the policy"),
        (("  - section: opening", "  - section: a\n  - section: a"), 8, "is there twice"),
        (("  - section: opening", "  - section: a\n    filler: worth_knowing"), 8,
         "has suggestions"),
        (("  - section: opening",
          "  - section: a\n    filler: worth_knowing\n    suggestions:\n"
          "      - {show: articles/b.md, to: {stage: trial}}"), 11, "There is no articles/b.md"),
        (("  - section: opening",
          "  - section: a\n    filler: events\n    sign_off: dana"), 8, "can be signed off"),
        (("subject: News", "subject: News\ndays_before: {opens: 2, sections: 5}"), 6,
         "must not grow"),
    ],
)  # fmt: skip
def test_a_mistake_is_told_with_its_line(change: tuple[str, str], line: int, says: str) -> None:
    assert check_newsletter_text(GOOD, "x.yaml", "letter", AROUND)[1] == ()
    found = complaints(GOOD.replace(*change))
    assert [(at, says in message) for at, _, message in found] == [(line, True)], found


def test_events_that_cannot_be_are_told_with_their_line() -> None:
    text = (
        "events:\n  - {event: a, title: A, at: 2026-12-10 16:00, zone: Europe/Berln}\n"
        "  - {event: b, title: B, at: 2026-12-10 16:00, zone: Europe/Berlin, url: ftp://x}\n"
    )
    found = check_events_text(text)
    assert found.events.events == ()
    assert [problem.line for problem in found.problems] == [2, 3]


def test_an_event_twice_is_one_too_many() -> None:
    one = "{event: a, title: A, at: 2026-12-10 16:00, zone: Europe/Berlin}"
    found = check_events_text(f"events:\n  - {one}\n  - {one}\n")
    assert [(p.line, p.rule) for p in found.problems] == [(3, "duplicate-event")]
