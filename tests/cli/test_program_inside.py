"""A program that changes while accounts are inside: told with counts, asked, and done (P20)."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.cli.conftest import Cli


@pytest.fixture
def changed(company: Cli, content: Path) -> Cli:
    """Acme and Globex are in the welcome program, whose wait the file makes five days long."""
    assert company("enroll", "welcome", "acme", "globex").code == 0
    file = content / "programs" / "welcome.yaml"
    file.write_text(file.read_text().replace("3 days", "5 days"))
    return company


def versions(rows: Callable[..., list[Any]]) -> set[int]:
    return {row[0] for row in rows("select version from enrollments")}


def test_a_dry_run_shows_who_is_where_and_what_their_step_becomes(changed: Cli) -> None:
    done = changed("program", "publish", "--dry-run")

    assert "2 accounts inside at older versions" in done.out
    assert "2 at: wait 3 days (version 1) → wait 5 days" in done.out


def test_where_nobody_can_be_asked_they_stay_and_the_way_on_is_told(
    changed: Cli, rows: Callable[..., list[Any]]
) -> None:
    done = changed("program", "publish")

    assert done.code == 0
    assert "2 accounts inside stay at the version they entered" in done.out
    assert "`digital-cs program move welcome`" in done.out
    assert versions(rows) == {1}


@pytest.mark.parametrize(
    ("wish", "words"), [("move", "2 accounts moved"), ("restart", "2 accounts restart")]
)
def test_publishing_brings_them_along_if_told_so(
    changed: Cli, rows: Callable[..., list[Any]], wish: str, words: str
) -> None:
    done = changed("program", "publish", "--inside", wish)

    assert words in done.out
    assert versions(rows) == {2}


def test_a_person_at_the_terminal_is_asked_with_counts(
    changed: Cli, rows: Callable[..., list[Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("digital_cs.cli.output.interactive", lambda: True)
    monkeypatch.setattr("typer.prompt", lambda *_, **__: "2")

    done = changed("program", "publish")

    assert "2 at: wait 3 days (version 1) → wait 5 days" in done.err
    assert "they restart in the new one" in done.err
    assert versions(rows) == {2}


def test_they_are_brought_along_later_too_and_machines_are_told_all_of_it(
    changed: Cli, rows: Callable[..., list[Any]]
) -> None:
    published = changed("program", "publish", "--json").json
    foreseen = changed("program", "move", "welcome", "--dry-run", "--json").json
    refused = changed("program", "move", "welcome")
    assert versions(rows) == {1}
    done = changed("program", "move", "welcome", "--yes", "--json").json
    again = changed("program", "move", "welcome")

    assert published["inside"]["wishes"] == {"welcome": "stay"}
    assert foreseen["standing"][0]["accounts"] == 2
    assert foreseen["done"]["moved"] == 0
    assert refused.code == 5
    assert "say --yes to go on" in refused.err
    assert done["done"] == {"moved": 2, "restarted": 0, "stay": 0, "spread": 0}
    assert "Everybody inside welcome is at its newest version." in again.out


def test_a_step_that_is_gone_is_told_and_its_accounts_stay(
    changed: Cli, content: Path, rows: Callable[..., list[Any]]
) -> None:
    file = content / "programs" / "welcome.yaml"
    file.write_text(file.read_text().replace("  - wait: 5 days\n", ""))
    changed("program", "publish")

    foreseen = changed("program", "move", "welcome", "--dry-run")
    done = changed("program", "move", "welcome", "--yes")

    assert "gone: they can stay or restart" in foreseen.out
    assert "2 accounts stay at their version, for their step is gone." in done.out
    assert versions(rows) == {1}


@pytest.mark.parametrize("over", ["soon", "0 days"])
def test_a_span_that_is_none_is_refused_before_anything_is_done(
    changed: Cli, rows: Callable[..., list[Any]], over: str
) -> None:
    done = changed("program", "publish", "--inside", "move", "--over", over)

    assert done.code == 2
    assert rows("select max(number) from program_versions") == [(1,)]
