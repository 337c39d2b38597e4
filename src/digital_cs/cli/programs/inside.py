"""`digital-cs program move`, and the question of `publish`: what becomes of those inside (P20)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from digital_cs.cli.options import DryRun, Json, ProgramId, Yes
from digital_cs.cli.programs.choices import NEEDS_CHOICE, span_of

if TYPE_CHECKING:
    from digital_cs.domain.programs.program import Program
    from digital_cs.temporal.gateway import Gateway, Published
    from digital_cs.temporal.version_changes import Brought, Standing

EXAMPLE = "Example: digital-cs program move renewal --dry-run"

Wished = Literal["stay", "move", "restart"]

Inside = Annotated[
    Wished | None,
    typer.Option(
        "--inside",
        help="What becomes of those inside a program that changed: they stay at the version they"
        " entered, move to the new one, or restart in it.",
        show_default="you are asked, or they stay where nobody can be",
    ),
]
Over = Annotated[
    str,
    typer.Option(
        "--over", metavar="SPAN",
        help="Those whom the change would let loose at once, and those who restart, go on spread"
        " over this.",
    ),
]  # fmt: skip
THREE_DAYS = "3 days"


def move(
    program: ProgramId,
    restart: Annotated[
        bool, typer.Option("--restart", help="They begin anew, at the first step.")
    ] = False,
    over: Over = THREE_DAYS,
    dry_run: DryRun = False,
    yes: Yes = False,
    as_json: Json = False,
) -> None:
    """Bring those inside a program at older versions to its newest.

    Each goes on at the step that theirs has become: what was begun stays begun, and a wait ends
    as the new version says. Where a step is gone, they stay at their version. Interrupted, the
    same command does the rest.
    """
    from rich.progress import TaskID

    from digital_cs.cli import output
    from digital_cs.cli.connection import ask
    from digital_cs.temporal.version_changes import Brought, Wish, bring, standing

    spread = span_of(over)
    wish = Wish.RESTART if restart else Wish.MOVE

    async def question(gateway: Gateway) -> tuple[list[Standing], Brought]:
        found = await standing(gateway, program)
        if dry_run or not found:
            return found, Brought()
        if not yes:
            output.complain(standing_words(program, found))
            _confirm(found, wish)
        inside = sum(each.accounts for each in found)
        with output.progress("bringing along", inside) as bar:
            done = await bring(
                gateway, program, wish, spread=spread,
                told=lambda count: bar.advance(TaskID(0), count),
            )  # fmt: skip
        return found, done

    found, done = ask(question)
    if as_json:
        output.emit({"program": program, "dry_run": dry_run, "standing": found, "done": done})
    elif not found:
        output.say(f"Everybody inside {program} is at its newest version.")
    elif dry_run:
        output.say(standing_words(program, found))
    else:
        output.say(brought_words(program, done, over))


def _confirm(found: Sequence[Standing], wish: str) -> None:
    from digital_cs.cli import output

    going = sum(each.accounts for each in found if wish == "restart" or each.becomes is not None)
    if not output.interactive():
        output.complain("Nobody was moved: say --yes to go on.")
        raise typer.Exit(NEEDS_CHOICE)
    what = "Restart" if wish == "restart" else "Move"
    if not typer.confirm(f"{what} {output.count_of(going, 'account')}?", err=True):
        raise typer.Exit(NEEDS_CHOICE)


def standing_words(program: str, found: Sequence[Standing]) -> str:
    """Who is where, and what their step becomes, line by line."""
    from digital_cs.cli.output import count_of

    inside = count_of(sum(each.accounts for each in found), "account")
    lines = [f"{program}: {inside} inside at older versions."]
    for each in found:
        becomes = "gone: they can stay or restart" if each.becomes is None else each.becomes
        if each.becomes == each.says:
            becomes = "the same"
        says = f"{each.says} (version {each.version})"
        lines.append(f"  {each.accounts:>7,} at: {says} → {becomes}")
    return "\n".join(lines)


def brought_words(program: str, done: Brought, over: str) -> str:
    """What became of those inside, in a sentence or three."""
    from digital_cs.cli.output import count_of

    said = [f"{program}:"]
    if done.moved:
        said.append(f"{count_of(done.moved, 'account')} moved to the newest version.")
    if done.restarted:
        said.append(f"{count_of(done.restarted, 'account')} restart in the newest version.")
    if done.spread:
        said.append(f"{done.spread:,} of them go on spread over {over}.")
    if done.stay:
        said.append(
            f"{count_of(done.stay, 'account')} stay at their version, for their step is gone."
        )
    return " ".join(said) if len(said) > 1 else f"{program}: nobody was left to be moved."


@dataclass(slots=True)
class Settled:
    """Those inside programs that change, by program: who stands where, what was wished for them,
    and what was done."""

    standing: dict[str, list[Standing]] = field(default_factory=dict)
    wishes: dict[str, Wished] = field(default_factory=dict)
    done: dict[str, Brought] = field(default_factory=dict)

    def words(self, published: Published, over: str, dry_run: bool) -> str:
        """What becomes, or became, of those inside this one; empty where nobody is concerned."""
        from digital_cs.cli.output import count_of

        program = published.program
        if program not in self.standing:
            return ""
        if dry_run:
            return standing_words(program, self.standing[program])
        if program in self.done:
            return brought_words(program, self.done[program], over)
        inside = count_of(sum(each.accounts for each in self.standing[program]), "account")
        return (
            f"{program}: {inside} inside stay at the version they entered."
            f" `digital-cs program move {program}` brings them along."
        )


async def asked(
    gateway: Gateway, wanted: Sequence[Program], inside: Wished | None, *, silent: bool
) -> Settled:  # fmt: skip
    """Who stands where in programs that are about to change, and what shall become of them: as
    said, or as a person at the terminal answers (unless `silent`); else they stay."""
    from digital_cs.catalog.programs import program_hash
    from digital_cs.cli import output
    from digital_cs.store.programs import programs
    from digital_cs.temporal.version_changes import standing

    async with gateway.pool.connection() as connection:
        rows = await programs.list_programs(connection, [each.program for each in wanted])
    kept = {row.id: row.content_hash for row in rows if row.inside}
    settled = Settled()
    for program in wanted:
        id = program.program
        if kept.get(id) in (None, program_hash(program)):
            continue
        where = settled.standing[id] = await standing(gateway, id, program)
        wish = inside
        if wish is None and not silent and output.interactive():
            output.complain(standing_words(id, where))
            wish = _ask()
        settled.wishes[id] = wish or "stay"
    return settled


def _ask() -> Wished:
    from digital_cs.cli import output

    output.complain(
        "What shall become of them?\n"
        "  1  they stay at the version they entered\n"
        "  2  they move to the new one, where their step is still there\n"
        "  3  they restart in the new one"
    )
    answers: dict[str, Wished] = {"2": "move", "3": "restart"}
    return answers.get(typer.prompt("Your choice", default="1", err=True), "stay")


async def bring_along(gateway: Gateway, settled: Settled, spread: timedelta) -> None:
    """Do what was wished, once the programs are published."""
    from digital_cs.temporal.version_changes import Wish, bring

    for id, wish in settled.wishes.items():
        if wish != "stay":
            settled.done[id] = await bring(gateway, id, Wish(wish), spread=spread)
