"""The live view: what the engine is doing, on one screen, or in one line where there is none."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from rich.console import Group, RenderableType
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from digital_cs.demo.snapshot import DecisionLine, DueLine, ProgramLine, Snapshot, StepLine

FEWEST_LINES = 3
"""Every list keeps so many lines, on however low a screen."""

ROOMY, WIDE = 30, 100
"""From how many lines and columns on a screen has room for gaps, and for ids."""

_STATE_STYLES = {
    "accepted": "green", "delivered": "green", "skipped": "yellow", "planned": "cyan",
    "claimed": "cyan", "failed": "red", "bounced": "red", "unknown": "red", "done": "green",
    "open": "cyan", "expired": "yellow", "held": "cyan", "deferred": "cyan",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Frame:
    """What the view says around a snapshot. `footer` is the last line."""

    origin: datetime
    days: int
    footer: str = ""

    def day(self, now: datetime) -> int:
        """The number of the business day, from 1; never more than there are."""
        return min(max((now - self.origin) // timedelta(days=1) + 1, 1), self.days)

    def share(self, now: datetime) -> float:
        """How much of the time is over, from 0 to 1."""
        return min(max((now - self.origin) / timedelta(days=self.days), 0.0), 1.0)


def screen(snapshot: Snapshot, frame: Frame, width: int, height: int) -> RenderableType:
    """The view in `width` x `height` characters. Lists are as long as there is room."""
    gap = [Text()] if height >= ROOMY else []
    fixed = 7 + 3 * len(gap) + len(snapshot.programs)
    room = max(height - 1 - fixed, 2 * FEWEST_LINES)
    upper = max(room * 5 // 9, FEWEST_LINES)
    lower = max(room - upper, FEWEST_LINES)
    return Group(
        _title(snapshot, frame),
        _bar(frame.share(snapshot.now), width),
        _totals(snapshot),
        *gap,
        _programs(snapshot.programs, with_ids=width >= WIDE),
        *gap,
        _side_by_side(snapshot, upper, width),
        *gap,
        _decisions(snapshot.decisions[:lower]),
        *[Text() for _ in range(lower - len(snapshot.decisions[:lower]))],
        Text(frame.footer, style="dim", no_wrap=True, overflow="ellipsis"),
    )


def line(snapshot: Snapshot, frame: Frame) -> str:
    """The same in one line, for logs and pipes."""
    inside = sum(program.inside for program in snapshot.programs)
    ended = sum(program.ended for program in snapshot.programs)
    goal = sum(program.goal for program in snapshot.programs)
    parts = [
        f"{inside} inside programs, {ended} ended ({goal} by their goal)",
        f"messages: {_counts(snapshot.messages)}",
        f"tasks: {_counts(snapshot.tasks)}",
    ]
    if snapshot.overdue:
        parts.append(_late(snapshot))
    now = snapshot.now
    return f"Day {frame.day(now)} of {frame.days}, {now:%a %-d %b %Y}: " + "; ".join(parts)


def _late(snapshot: Snapshot) -> str:
    return f"{snapshot.overdue} {'touch' if snapshot.overdue == 1 else 'touches'} due now"


def _title(snapshot: Snapshot, frame: Frame) -> RenderableType:
    table = Table.grid(expand=True)
    table.add_column(no_wrap=True, overflow="ellipsis")
    table.add_column(justify="right", no_wrap=True)
    day = Text.assemble(
        "day ", (f"{frame.day(snapshot.now)}", "bold"), f" of {frame.days}  ",
        (f"{snapshot.now:%a %-d %b %Y %H:%M}", "bold cyan"),
    )  # fmt: skip
    customers = f"  {snapshot.accounts} accounts, {snapshot.people} people"
    table.add_row(Text.assemble(("digital-cs demo", "bold"), (customers, "dim")), day)
    return table


def _bar(share: float, width: int) -> RenderableType:
    table = Table.grid()
    table.add_row(ProgressBar(total=1.0, completed=share, width=width))
    return table


def _totals(snapshot: Snapshot) -> RenderableType:
    text = Text("messages ", no_wrap=True, overflow="ellipsis")
    text.append_text(_coloured(snapshot.messages))
    text.append(f"   tasks {sum(snapshot.tasks.values())}, ")
    text.append_text(_coloured({state: snapshot.tasks.get(state, 0) for state in ("open", "done")}))
    if snapshot.alerts:
        text.append(f"   alerts {len(snapshot.alerts)}", style="bold red")
    return text


def _coloured(counts: Mapping[str, int]) -> Text:
    text = Text()
    for number, (state, count) in enumerate(counts.items()):
        text.append(", " if number else "")
        text.append(f"{count} {state}", style=_STATE_STYLES.get(state, ""))
    return text if counts else Text("none yet", style="dim")


def _counts(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{count} {state}" for state, count in counts.items()) or "none yet"


def _programs(programs: Sequence[ProgramLine], *, with_ids: bool) -> RenderableType:
    table = _list("Program")
    for head in ("inside", "ended", "at the goal"):
        table.add_column(head, justify="right", min_width=8)
    table.add_column("", width=12, no_wrap=True)
    for program in programs:
        share = program.goal / program.ended if program.ended else 0.0
        state = Text("" if program.state == "running" else program.state, style="yellow")
        bar = ProgressBar(total=1.0, completed=share, width=12) if program.ended else state
        table.add_row(
            Text.assemble(program.name, (f"  {program.id}" if with_ids else "", "dim")),
            str(program.inside), str(program.ended), str(program.goal), bar,
        )  # fmt: skip
    return table


def _side_by_side(snapshot: Snapshot, lines: int, width: int) -> RenderableType:
    table = Table.grid(expand=True, padding=(0, 2, 0, 0))
    half = (width - 2) // 2
    table.add_column(width=half)
    table.add_column(width=width - 2 - half)
    table.add_row(_steps(snapshot.steps[:lines], lines), _due(snapshot, lines))
    return table


def _steps(steps: Sequence[StepLine], lines: int) -> RenderableType:
    table = _list("Accounts by step")
    table.add_column("", justify="right", width=4)
    for step in steps:
        table.add_row(Text.assemble(step.what, (f"  {step.program}", "dim")), str(step.accounts))
    _fill(table, lines - len(steps))
    return table


def _due(snapshot: Snapshot, lines: int) -> RenderableType:
    late = f"  ({_late(snapshot)})" if snapshot.overdue else ""
    table = Table(box=None, expand=True, padding=(0, 1, 0, 0), header_style="bold blue")
    table.add_column("Due next", width=12, no_wrap=True)
    table.add_column(Text(late, style="yellow"), no_wrap=True, overflow="ellipsis", ratio=1)
    due: Sequence[DueLine] = snapshot.due[:lines]
    for item in due:
        table.add_row(
            Text(f"{item.at:%-d %b %H:%M}", style="cyan"),
            Text.assemble(item.what, (f"  {item.account}", "dim")),
        )
    _fill(table, lines - len(due))
    return table


def _decisions(decisions: Sequence[DecisionLine]) -> RenderableType:
    table = Table(box=None, expand=True, padding=(0, 1, 0, 0), header_style="bold blue")
    table.add_column("Why not", width=12, no_wrap=True)
    table.add_column("", width=8, no_wrap=True)
    table.add_column("", no_wrap=True, overflow="ellipsis", ratio=1)
    for decision in decisions:
        table.add_row(
            Text(f"{decision.at:%-d %b %H:%M}", style="cyan"),
            Text(decision.verdict, style=_STATE_STYLES.get(decision.verdict, "")),
            Text.assemble(decision.account, (f"  {decision.step}: ", "dim"), decision.words),
        )
    return table


def _list(head: str) -> Table:
    table = Table(box=None, expand=True, padding=(0, 1, 0, 0), header_style="bold blue")
    table.add_column(head, no_wrap=True, overflow="ellipsis", ratio=1)
    return table


def _fill(table: Table, lines: int) -> None:
    """Keep a list's height, so that nothing below it jumps."""
    for _ in range(lines):
        table.add_row("")
