"""The file of the team: whom names mean, and what is said when it is written wrong."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest

from digital_cs.catalog.schema import TEAM_SCHEMA_FILE, schema_text, team_schema
from digital_cs.catalog.team import FILE, check_team_text, load_team, owner_problems
from digital_cs.catalog.yaml_source import read_yaml
from digital_cs.domain.content.team import Person, Team

CONTENT = Path(__file__).resolve().parents[2] / "content"
DAY = date(2026, 3, 2)


def complaints(text: str, today: date | None = None) -> list[str]:
    return [f"{each.rule} {each}" for each in check_team_text(text, "f", today).problems]


def test_the_team_that_is_shipped_has_no_complaints_and_everybody_who_owns_something() -> None:
    found = load_team(CONTENT, DAY)
    assert found.there
    assert found.problems == ()
    assert owner_problems(CONTENT, found.team) == ()
    manager = found.team.find(found.team.manager)
    assert manager is not None
    assert manager.address == "maya@lantern.example"


def test_the_schema_beside_it_is_the_one_of_this_release_and_fits_the_file() -> None:
    assert (CONTENT / TEAM_SCHEMA_FILE).read_text(encoding="utf-8") == schema_text(team_schema())
    value: Any = read_yaml((CONTENT / FILE).read_bytes(), FILE).value
    assert jsonschema_rs.Draft7Validator(team_schema()).is_valid(value)


def test_a_folder_without_the_file_knows_addresses_only(tmp_path: Path) -> None:
    loaded = load_team(tmp_path)
    assert not loaded.there
    assert loaded.team.find("maya") is None
    assert loaded.team.find("ann@example.com") == Person(
        name="ann@example.com", address="ann@example.com"
    )


FAULTS = [
    ("", "no-team f:1:1: The file names nobody. Begin it with 'people:', or remove it: then only"
         " addresses can be owners."),
    ("people:\n  dana: {adress: d@x.example}\n",
     "unknown-key f:2:10: Unknown key 'adress' in a person of the team. Did you mean 'address'?"),
    ("manager: mya\npeople:\n  maya: {address: m@x.example}\n",
     "unknown-person f:1:10: There is no 'mya' among the people. Did you mean 'maya'?"),
    ("manager: a@x.example\npeople:\n  maya: {address: Maya <m@x.example>}\n",
     "bad-address f:3:19: 'Maya <m@x.example>' is no e-mail address. Write it like"
     " maya@example.com, without a name."),
    ("manager: a@x.example\npeople:\n  maya: {address: m@x.example, zone: Berln}\n",
     "unknown-zone f:3:38: 'Berln' is not a time zone of the IANA list: did you mean"
     " 'Europe/Berlin'?"),
    ("manager: a@x.example\npeople:\n  a: {address: a@x.example}\n"
     "  b: {address: b@x.example, also: [A]}\n",
     "two-of-a-name f:4:6: 'A' is a name of 'a', too. Give one of them another name."),
]  # fmt: skip


@pytest.mark.parametrize(("text", "complaint"), FAULTS)
def test_a_mistake_is_told_with_its_place_and_what_to_do(text: str, complaint: str) -> None:
    assert complaint in complaints(text)
    assert check_team_text(text).team == Team()


def test_what_keeps_somebody_from_being_asked_is_a_warning() -> None:
    text = "manager: dana\npeople:\n  dana: {address: d@x.example, gone: 2026-03-02}\n  jo: {}\n"
    assert complaints(text, DAY) == [
        "manager-unreachable f:1:10: The manager is gone since 2026-03-02, so nobody is asked"
        " last, nor for what nobody owns. Name somebody who can be written to.",
        "no-address f:4:7: 'jo' has no address, so their backups are asked instead."
        " Add 'address: …'.",
    ]
    assert complaints(text, date(2026, 3, 1))[0].startswith("no-address")
    assert check_team_text(text).team.find("JO") is not None


def test_an_owner_whom_nobody_knows_is_warned_of_once_at_the_first_place(tmp_path: Path) -> None:
    for folder in ("emails", "segments"):
        (tmp_path / folder).mkdir()
    for name in ("a", "b"):
        (tmp_path / f"emails/{name}.md").write_text(
            "---\nsubject: s\nowner: mya\nbackup: ann@example.com\n---\nHello\n"
        )
    (tmp_path / "segments/s.yaml").write_text("segment: s\nowner: '#docs'\nbackup: Maya\n")
    team = check_team_text("manager: maya\npeople:\n  maya: {address: m@x.example}\n").team
    found = owner_problems(tmp_path, team)
    assert [str(each).replace(tmp_path.name, "content") for each in found] == [
        "content/emails/a.md:3:8: Nobody in team.yaml is called 'mya', so nobody can be asked to"
        " review this and 1 more. Did you mean 'maya'?",
        "content/segments/s.yaml:2:8: Nobody in team.yaml is called '#docs', so nobody can be asked"
        " to review this. Add '#docs' to team.yaml, or write somebody's address here.",
    ]
    assert {each.severity for each in found} == {"warning"}
