"""`digital-cs content upcoming`: what is stale and about to go out, in sentences and in JSON."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.cli.conftest import Cli

REVIEWED = "---\nowner: support\nreviewed: {day}\n---\nWrite to us.\n"


@pytest.fixture
def help_block(content: Path) -> Callable[[str], None]:
    """Say when the block that `welcome-trial-1` includes was reviewed, and import it."""

    def write(day: str) -> None:
        (content / "blocks" / "help.md").write_text(REVIEWED.format(day=day))

    return write


@pytest.fixture
def inside(company: Cli, content: Path, help_block: Callable[[str], None]) -> Callable[[str], Cli]:
    """Two accounts in `welcome`, whose e-mail goes out on Thursday 5 March 2026."""

    def world(day: str) -> Cli:
        help_block(day)
        assert company("content", "import", content).code == 0
        for other in ("signature.md", "welcome-trial-1.md", "welcome.yaml"):
            company("content", "review", other, "--still-right", "--checked", "wording")
        for account in ("acme", "globex"):
            assert company("enroll", "welcome", account).code == 0
        return company

    return world


def test_what_is_stale_is_told_with_the_day_and_how_many(inside: Callable[[str], Cli]) -> None:
    cli = inside("2025-08-20")
    assert cli("content", "upcoming").out == (
        "Help (block, stale since 20 Feb 2026, owner support): to 2 accounts on"
        " Thursday 5 March, in ‘welcome-trial-1’ of Welcome; sent as it is, with a note\n"
    )
    [found] = cli("content", "upcoming", "--json").json["items"]
    assert (found["locator"], found["state"], found["first_on"]) == (
        "blocks/help.md", "stale", "2026-03-05",
    )  # fmt: skip
    [showing] = found["showings"]
    assert (showing["accounts"], showing["sure"], showing["program_name"]) == (2, True, "Welcome")


@pytest.mark.parametrize(
    ("rule", "words"),
    [
        ("when_stale: drop", "; without the block\n"),
        ("when_stale: use signature.md", "; with signature.md in its place\n"),
        (
            "when_stale: hold\nhold_for: 2 days",
            "; the message is held for a review until 7 March\n",
        ),
    ],
)
def test_what_the_gate_will_do_is_told(inside: Callable[[str], Cli], rule: str, words: str) -> None:
    assert inside(f"2025-08-20\n{rule}")("content", "upcoming").out.endswith(words)


def test_what_is_wrong_holds_the_message(inside: Callable[[str], Cli]) -> None:
    cli = inside("2026-02-20")
    cli("content", "block", "help.md", "--because", "The address is wrong.", "--by", "ada")
    assert cli("content", "upcoming").out == (
        "Help (block, blocked by ada: The address is wrong, owner support): to 2"
        " accounts on Thursday 5 March, in ‘welcome-trial-1’ of Welcome; the message is held until"
        " what is wrong is put right\n"
    )


def test_what_will_be_stale_by_then_counts_and_what_is_due_later_only_with_all(
    inside: Callable[[str], Cli],
) -> None:
    cli = inside("2025-09-04")
    assert "(block, stale from 4 Mar 2026, owner support)" in cli("content", "upcoming").out


def test_due_soon_is_listed_when_asked_for(inside: Callable[[str], Cli]) -> None:
    cli = inside("2025-09-20")
    ran = cli("content", "upcoming")
    assert (ran.code, ran.out) == (
        0, "Nothing stale or blocked is about to be shown to anybody within 14 days.\n",
    )  # fmt: skip
    assert "(block, due on 20 Mar 2026, owner support): to 2 accounts" in (
        cli("content", "upcoming", "--all").out
    )


def test_one_item_is_told_in_any_state(inside: Callable[[str], Cli]) -> None:
    cli = inside("2026-02-20")
    assert "(block, fresh, owner support): to 2 accounts on" in (
        cli("content", "upcoming", "--item", "help.md").out
    )
    assert cli("content", "upcoming", "--item", "office-hours.md").out == (
        "Nobody inside a program now will be shown it within 14 days.\n"
    )
    assert cli("content", "upcoming", "--item", "nothing.md").code == 4
    assert cli("content", "upcoming", "--days", "2", "--item", "help.md").out == (
        "Nobody inside a program now will be shown it within 2 days.\n"
    )


def test_who_is_paused_is_not_about_to_be_shown_anything(
    inside: Callable[[str], Cli], rows: Callable[..., list[Any]]
) -> None:
    cli = inside("2025-08-20")
    rows("update enrollments set paused = true where account_id = 'acme'")
    assert "to 1 account on Thursday" in cli("content", "upcoming").out
