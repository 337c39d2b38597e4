"""The live view: whole on every screen, and one honest line where there is none."""

from __future__ import annotations

import io
from datetime import UTC, datetime, timedelta

import pytest
from rich.console import Console

from digital_cs.demo.snapshot import DecisionLine, DueLine, ProgramLine, Snapshot, StepLine
from digital_cs.demo.view import Frame, line, screen

ORIGIN = datetime(2026, 3, 2, tzinfo=UTC)
NOW = ORIGIN + timedelta(days=41, hours=14)
FRAME = Frame(ORIGIN, 90, "Ctrl-C stops everything.")

NAMES = ("welcome-trial", "welcome-paid", "adoption-automation", "adoption-invite-team",
         "usage-drop", "renewal", "win-back")  # fmt: skip

BUSY = Snapshot(
    now=NOW, accounts=240, people=612, overdue=7, waiting=2,
    programs=tuple(ProgramLine(name, f"Name of {name}", "running", 9, 8, 4) for name in NAMES),
    steps=tuple(StepLine("welcome-paid", "wait 3 days", 20 - n) for n in range(12)),
    messages={"accepted": 312, "skipped": 14, "failed": 2}, tasks={"done": 30, "open": 4},
    due=tuple(
        DueLine(NOW + timedelta(hours=n), "Blue Heron Books", "renewal", what)
        for n, what in enumerate(("send renewal-90", "wait 3 days ends") * 6)
    ),
    decisions=tuple(
        DecisionLine(NOW, "Velvet Boat Tea", "welcome-paid-1", "held", "No contacts. " * 20)
        for _ in range(12)
    ),
    alerts=("The message cannot be made.",),
)  # fmt: skip
EMPTY = Snapshot(now=ORIGIN)


def shown(snapshot: Snapshot, width: int, height: int) -> list[str]:
    console = Console(width=width, height=height, file=io.StringIO(), record=True)
    console.print(screen(snapshot, FRAME, width, height))
    return console.export_text().splitlines()


@pytest.mark.parametrize(("width", "height"), [(80, 24), (120, 40), (200, 60)])
@pytest.mark.parametrize("snapshot", [BUSY, EMPTY], ids=["busy", "empty"])
def test_the_view_fills_a_screen_and_no_more(snapshot: Snapshot, width: int, height: int) -> None:
    lines = shown(snapshot, width, height)
    assert height - 2 <= len(lines) <= height
    assert max(len(text) for text in lines) <= width
    assert lines[-1].strip() == "Ctrl-C stops everything."


def test_a_screen_too_small_for_it_all_still_begins_with_the_day() -> None:
    assert "day 42 of 90" in shown(BUSY, 60, 12)[0]


@pytest.mark.parametrize(("width", "height"), [(80, 24), (120, 40)])
def test_the_view_says_what_is_where_and_what_is_late(width: int, height: int) -> None:
    text = "\n".join(shown(BUSY, width, height))
    for words in ("day 42 of 90", "Sun 12 Apr 2026 14:00", "240 accounts", "312 accepted",
                  "Name of usage-drop", "7 touches due now", "send renewal-90",
                  "wait 3 days ends", "34, 4 open, 30 done", "held",
                  "Velvet Boat Tea"):  # fmt: skip
        assert words in text


def test_the_line_says_the_same_in_short() -> None:
    text = line(BUSY, FRAME)
    assert text.startswith("Day 42 of 90, Sun 12 Apr 2026: 63 inside programs, 56 ended (28 by")
    assert "312 accepted" in text
    assert text.endswith("7 touches due now")
    assert "due now" not in line(EMPTY, FRAME)


def test_the_day_stays_within_the_days() -> None:
    assert FRAME.day(ORIGIN - timedelta(days=1)) == 1
    assert FRAME.day(ORIGIN + timedelta(days=90, minutes=3)) == 90
    assert FRAME.share(ORIGIN + timedelta(days=91)) == 1.0
