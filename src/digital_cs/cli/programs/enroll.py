"""`digital-cs enroll`: put accounts into a program by hand, by CSV, or all of them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from digital_cs.cli.options import Json, ProgramId, Yes

if TYPE_CHECKING:
    from digital_cs.ingest.files.csv_files import Remark
    from digital_cs.store.programs.enrollments import Enrolled
    from digital_cs.temporal.gateway import Gateway

EXAMPLE = "Example: digital-cs enroll win-back --csv left.csv --dry-run"
NEEDS_CHOICE = 5
NOT_FOUND = 4
SHOWN = 10


def enroll(
    program: ProgramId,
    accounts: Annotated[
        list[str] | None, typer.Argument(help="Ids of accounts.", show_default=False)
    ] = None,
    csv: Annotated[
        Path | None, typer.Option(help="A CSV file with a column account_id.", metavar="FILE")
    ] = None,
    everybody: Annotated[bool, typer.Option("--all", help="Every account there is.")] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only say what would become of each.")
    ] = False,
    yes: Yes = False,
    as_json: Json = False,
) -> None:
    """Enroll accounts in a program, by its rule of re-entry.

    Asking twice changes nothing: who is inside stays as is. Of a CSV the good rows are taken and
    the bad ones are told by line; the exit code is then 1.
    """
    from digital_cs.cli import output
    from digital_cs.cli.connection import ask
    from digital_cs.errors import UsageError

    if sum((bool(accounts), csv is not None, everybody)) != 1:
        raise UsageError("Say whom to enroll: ids of accounts, or --csv FILE, or --all.")

    async def question(gateway: Gateway) -> tuple[Enrolled, list[Remark]]:
        ids, remarks = await _wanted(gateway, list(accounts or ()), csv)
        source = f"csv {csv.name}" if csv else "operator"
        asked = everybody and not dry_run and not yes
        with output.progress("enrolling", len(ids)) as bar:
            done = await gateway.enroll(
                program, ids, source=source, dry_run=dry_run or asked,
                on_progress=lambda count: bar.update(bar.task_ids[0], completed=count),
            )  # fmt: skip
        if asked:
            _confirm(len(done.enrolled), program)
            done = await gateway.enroll(program, ids, source=source)
        return done, remarks

    done, remarks = ask(question)
    _report(program, done, remarks, dry_run, as_json)
    if done.closed:
        raise typer.Exit(1)
    if done.unknown:
        raise typer.Exit(NOT_FOUND if not csv else 1)
    if any(remark.left_out for remark in remarks):
        raise typer.Exit(1)


async def _wanted(
    gateway: Gateway, ids: list[str], csv: Path | None
) -> tuple[list[str], list[Remark]]:
    if ids:
        return ids, []
    if csv is None:
        from digital_cs.store.programs.timeline import all_account_ids

        async with gateway.pool.connection() as connection:
            return await all_account_ids(connection), []
    from digital_cs.ingest.files.csv_files import Remark, read
    from digital_cs.ingest.files.csv_formats import ENROLLING

    remarks: list[Remark] = []
    for batch in read(csv, ENROLLING, gateway.clock.now()):
        remarks += batch.remarks
        known = await gateway.intake.known_accounts(id for _, id in batch.rows)
        ids += [id for _, id in batch.rows if id in known]
        remarks += [
            Remark(line, "account_id", f"There is no account '{id}'.")
            for line, id in batch.rows
            if id not in known
        ]
    return ids, sorted(remarks, key=lambda remark: remark.line)


def _confirm(count: int, program: str) -> None:
    from digital_cs.cli import output

    question = f"{output.count_of(count, 'account')} would enter {program} now."
    if not output.interactive():
        output.complain(f"{question} Nothing was changed: say --yes, or look with --dry-run.")
        raise typer.Exit(NEEDS_CHOICE)
    if not typer.confirm(f"{question} Go on?", err=True):
        raise typer.Exit(NEEDS_CHOICE)


def _report(
    program: str, done: Enrolled, remarks: list[Remark], dry_run: bool, as_json: bool
) -> None:
    from digital_cs.cli import output

    if as_json:
        output.emit({"program": program, "dry_run": dry_run, "result": done, "remarks": remarks})
        return
    for remark in remarks:
        output.complain(str(remark))
    if done.closed:
        output.complain(
            f"Nobody may enter {program}: entering was stopped. Allow it again with"
            f" `digital-cs program open {program}`."
        )
        return
    would = "would enter" if dry_run else "entered"
    output.say(f"{output.count_of(len(done.enrolled), 'account')} {would} {program}.")
    for ids, what in (
        (done.inside, "inside already, and stay as they are"),
        (done.not_again, "out already, and may not enter again by its rule of re-entry"),
        (done.unknown, "not known"),
    ):
        if ids:
            listed = ", ".join(sorted(ids)[:SHOWN]) + (", …" if len(ids) > SHOWN else "")
            verb = "is" if len(ids) == 1 else "are"
            output.say(f"{output.count_of(len(ids), 'account')} {verb} {what}: {listed}")
