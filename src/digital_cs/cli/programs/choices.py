"""What becomes of the overdue at a resume (P10): read from options, or asked."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from digital_cs.cli import output
from digital_cs.errors import UsageError

if TYPE_CHECKING:
    from digital_cs.temporal.gateway import OverdueChoice

NEEDS_CHOICE = 5

CHOICES = {
    "--spread SPAN": "send them, spread over a span of time",
    "--skip-older-than SPAN": "skip what was due longer ago than a span, send the rest",
    "--all-now": "let all go at once, as far as each is still useful",
}


def chosen(spread: str | None, skip_older_than: str | None, all_now: bool) -> OverdueChoice | None:
    """The choice that the options make; None when they make none. Raises UsageError."""
    from digital_cs.temporal.gateway import ALL_NOW, OverdueChoice

    if all_now and (spread or skip_older_than):
        raise UsageError("--all-now goes with neither --spread nor --skip-older-than: say one.")
    if all_now:
        return ALL_NOW
    if spread is None and skip_older_than is None:
        return None
    return OverdueChoice(
        None if spread is None else span_of(spread),
        None if skip_older_than is None else span_of(skip_older_than),
    )


def span_of(text: str) -> timedelta:
    """The length of a span in words, like "3 days". Raises UsageError."""
    from digital_cs.domain.timing.span import Span, SpanError

    try:
        return timedelta(seconds=Span.parse(text).approx_seconds)
    except SpanError as error:
        raise UsageError(str(error)) from error


def ask_choice(overdue: int, what: str) -> OverdueChoice | None:
    """Ask the person at the terminal; None: leave it paused."""
    import typer

    output.complain(
        f"{output.count_of(overdue, 'step')} of {what} became due meanwhile. What should happen?\n"
        "  1  spread them over some days\n"
        "  2  skip the old ones, send the rest\n"
        "  3  let all go at once, as far as each is still useful\n"
        "  4  leave it paused"
    )
    answer = typer.prompt("Your choice", default="4", err=True)
    if answer == "1":
        return chosen(typer.prompt("Spread over", default="3 days", err=True), None, False)
    if answer == "2":
        return chosen(None, typer.prompt("Skip older than", default="7 days", err=True), False)
    return chosen(None, None, True) if answer == "3" else None


def refuse(overdue: int, what: str, as_json: bool, facts: dict[str, Any]) -> int:
    """Say that somebody has to choose; gives the exit code."""
    if as_json:
        output.emit({**facts, "refused": True, "overdue": overdue, "choices": CHOICES})
    options = "\n".join(f"  {option:24} {meaning}" for option, meaning in CHOICES.items())
    output.complain(
        f"Nothing was changed: {output.count_of(overdue, 'step')} of {what} became due meanwhile."
        f" Say what should become of them:\n{options}"
    )
    return NEEDS_CHOICE
