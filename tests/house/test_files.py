"""Every file is short, says what it is for, is finished, and names nobody."""

from __future__ import annotations

import ast
import re
from collections import Counter

import pytest

from tests.house.rooms import HOUSE, SOURCE, files, name_of

MOST_LINES = 500
MOST_MODULES = 40

ADDRESS = re.compile(r"[A-Za-z0-9][A-Za-z0-9._%+-]*@(?:[A-Za-z0-9-]+\.)+[A-Za-z]{2,}")
NOBODYS = re.compile(r"(?:^|\.)(?:test|example|invalid|localhost|example\.(?:com|net|org))$")
"""Domains that are set aside for examples (RFC 2606): mail to them reaches nobody."""

UNFINISHED = re.compile(r"\b(?:TO" r"DO|FIX" r"ME|X" r"XX|NotImplementedError)\b")


def test_no_file_is_longer_than_people_read() -> None:
    texts = files(".py", ".html", ".md", ".mjml", ".yaml", ".yml", ".sql", ".mako", "Makefile")
    made = HOUSE / "docs" / "reference"  # written by a program, and looked up, not read
    lengths = {
        name_of(path): len(path.read_text().splitlines()) for path in texts if path.parent != made
    }
    assert lengths
    assert {name: n for name, n in lengths.items() if n > MOST_LINES} == {}


def test_no_folder_has_more_modules_than_people_look_through() -> None:
    counts = Counter(path.parent for path in files(".py", under=SOURCE))
    made = {name_of(f): n for f, n in counts.items() if f.name != "versions"}
    assert made
    assert {name: n for name, n in made.items() if n > MOST_MODULES} == {}


def test_every_module_says_first_what_it_is_for() -> None:
    silent = []
    for path in files(".py", under=(*SOURCE, "tests", "deploy")):
        text = path.read_text()
        if path.name == "__init__.py" and not text.strip():
            continue  # it only makes a folder a package
        if not ast.get_docstring(ast.parse(text)):
            silent.append(name_of(path))
    assert silent == []


def test_nothing_in_the_source_is_left_for_later() -> None:
    marks = [
        f"{name_of(path)}:{number}: {line.strip()}"
        for path in files(".py", ".yaml", ".md", ".mjml", ".toml", under=(*SOURCE, "content"))
        for number, line in enumerate(path.read_text().splitlines(), start=1)
        if UNFINISHED.search(line)
    ]
    assert marks == []


def real_addresses(text: str) -> list[str]:
    """The e-mail addresses in a text that somebody might have."""
    found = ADDRESS.findall(text)
    return [each for each in found if not NOBODYS.search(each.rpartition("@")[2].lower())]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("write to ada@lantern.io today", ["ada@lantern.io"]),
        ("hello@digital-cs.test, x@example.com, y@mail.example.org, z@a.invalid", []),
        ("a decorator @activity.defn and postgresql://user@host/name", []),
        ("not.example.com@evil-example.com", ["not.example.com@evil-example.com"]),
    ],
)
def test_an_address_of_somebody_is_told_from_one_of_nobody(text: str, found: list[str]) -> None:
    assert real_addresses(text) == found


def test_the_source_holds_nobodys_address() -> None:
    folders = (*SOURCE, "content", "docs", "deploy")
    found = {
        name_of(path): addresses
        for path in files(".py", ".yaml", ".md", ".mjml", ".toml", ".json", under=folders)
        if (addresses := real_addresses(path.read_text()))
    }
    assert found == {}


def test_every_folder_of_tests_is_a_package() -> None:
    """Without it, pytest would take tests/workflows for the real package of that name."""
    folders = {path.parent for path in files(".py", under=("tests/",))}
    assert [name_of(f) for f in sorted(folders) if not (f / "__init__.py").exists()] == []


def test_the_licence_is_there() -> None:
    text = (HOUSE / "LICENSE").read_text()
    assert "Apache License" in text
    assert "Version 2.0, January 2004" in text
    assert "END OF TERMS AND CONDITIONS" in text
