"""`digital-cs program`: programs as files and as published: checked, published, read, compared."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from digital_cs.cli.options import Content, DryRun, Json, ProgramId, Yes
from digital_cs.cli.programs.inside import THREE_DAYS, Inside, Over, Settled, asked, bring_along

if TYPE_CHECKING:
    from digital_cs.catalog.programs import Catalog
    from digital_cs.cli.programs.along import Done
    from digital_cs.domain.programs.program import Program
    from digital_cs.domain.rules.segment import Segment
    from digital_cs.store.programs.programs import ProgramRow
    from digital_cs.temporal.gateway import Gateway, Published

    Answer = tuple[list[Published], dict[str, int], Done, Settled]

app = typer.Typer(
    no_args_is_help=True, help="Programs: files in CONTENT_DIR/programs, published as versions."
)

NEEDS_CHOICE = 5


def catalog(content: Path | None) -> tuple[Path, Catalog]:
    """The programs of the content folder. Raises NotFoundError if there is none."""
    from digital_cs.catalog.programs import load_programs
    from digital_cs.config import load_settings

    folder = content or load_settings().content_dir
    return folder, load_programs(folder)


@app.command(epilog="Example: digital-cs program schema > content/program.schema.json")
def schema(as_json: Json = False) -> None:
    """Print the JSON Schema of program files, so that an editor completes and checks them.

    It is JSON with and without --json.
    """
    from digital_cs.catalog.schema import schema_text
    from digital_cs.cli import output

    output.say(schema_text().rstrip("\n"))


@app.command(epilog="Example: digital-cs program check content/programs/renewal.yaml")
def check(
    files: Annotated[
        list[Path] | None,
        typer.Argument(help="Program files.", show_default="all of the content folder"),
    ] = None,
    content: Content = None,
    as_json: Json = False,
) -> None:
    """Check program files; every complaint has its file, line and advice."""
    from digital_cs.catalog.policy import policy_beside
    from digital_cs.catalog.programs import email_names, load_program
    from digital_cs.cli import output
    from digital_cs.cli.check import report

    folder, loaded = catalog(content)
    problems = list(loaded.problems)
    if files:
        emails = email_names(folder)
        ids = {*loaded.programs, *(path.stem for path in files)}
        policy = policy_beside(folder)
        found = [load_program(path, emails, ids, policy) for path in files]
        problems = [problem for each in found for problem in each.problems]
    well = f"All is well in {output.count_of(len(files or loaded.files), 'program')}."
    report(problems, well, as_json=as_json)


@app.command(epilog="Example: digital-cs program publish renewal --dry-run")
def publish(
    names: Annotated[
        list[str] | None,
        typer.Argument(help="Ids of programs.", show_default="all of the content folder"),
    ] = None,
    content: Content = None,
    inside: Inside = None,
    over: Over = THREE_DAYS,
    dry_run: DryRun = False,
    yes: Yes = False,
    as_json: Json = False,
) -> None:
    """Publish programs: a new version of each that changed.

    Who is inside one that changed is told, step by step, and you are asked what becomes of them.
    At the first publishing, accounts that match already are enrolled or passed over, as the
    program says (at_launch). You are told how many there are before anybody is enrolled.
    Without names, the milestones, segments and triggers of the folder are published first; with
    names, those segments and triggers that the programs name and that are not published yet.
    """
    from digital_cs.cli import output
    from digital_cs.cli.connection import ask
    from digital_cs.cli.programs import along
    from digital_cs.cli.programs.choices import span_of
    from digital_cs.cli.rules import milestone, segment, trigger

    spread = span_of(over)
    wanted = _publishable(names, content)
    besides = along.what_they_name(wanted, content) if names else along.everything(content)
    # Before the programs, so that who has reached one is counted among those that match.
    milestones = None if names else milestone.publish_those_of(catalog(content)[0], dry_run=dry_run)

    async def question(gateway: Gateway) -> Answer:
        seen = await along.publish(gateway, besides, dry_run=dry_run)
        counts = await _launching(gateway, wanted, seen.taken if dry_run else [])
        entering = sum(counts[p.program] for p in wanted
                       if p.program in counts and p.enter.at_launch == "enroll")  # fmt: skip
        settled = await asked(gateway, wanted, inside, silent=yes or dry_run)
        if dry_run:
            return await _foreseen(gateway, wanted), counts, seen, settled
        if entering and not yes:
            _confirm(entering, wanted, counts)
        done = await gateway.publish(wanted)
        await bring_along(gateway, settled, spread)
        return done, counts, seen, settled

    done, counts, besides_done, settled = ask(question)
    if as_json:
        output.emit({"dry_run": dry_run, "programs": done, "inside": settled,
                     "matching_at_launch": counts,
                     "milestones": milestones, "segments": besides_done.segments,
                     "triggers": besides_done.triggers})  # fmt: skip
        return
    if milestones is not None:
        output.say(milestone.published_words(milestones))
    for found in besides_done.segments:
        output.say(f"segment {segment.published_words(found, dry_run)}")
    for each_trigger in besides_done.triggers:
        output.say(f"trigger {trigger.published_words(each_trigger, dry_run)}")
    at_launch = {program.program: program.enter.at_launch for program in wanted}
    for each in done:
        output.say(_published_words(each, counts, at_launch[each.program], dry_run))
        if words := settled.words(each, over, dry_run):
            output.say(words)


def _publishable(
    names: list[str] | None, content: Path | None, verdict: str | None = None
) -> list[Program]:
    from digital_cs.cli.check import NOT_PUBLISHED, refuse, require_files

    folder, loaded = catalog(content)
    ids = names or sorted({*loaded.programs, *(Path(p.file).stem for p in loaded.errors)})
    broken = [p for p in loaded.errors if Path(p.file).stem in ids]
    if broken:
        refuse(broken, verdict or NOT_PUBLISHED)
    require_files("program", ids, loaded.programs, folder / "programs")
    return [loaded.programs[name] for name in ids]


async def _launching(
    gateway: Gateway, wanted: list[Program], along: list[Segment]
) -> dict[str, int]:
    """How many accounts match each program that was never published."""
    from digital_cs.store.programs import programs

    async with gateway.pool.connection() as connection:
        there = {row.id for row in await programs.list_programs(connection)}
    return {
        program.program: await gateway.count_matching(program, along)
        for program in wanted
        if program.program not in there
    }


async def _foreseen(gateway: Gateway, wanted: list[Program]) -> list[Published]:
    from digital_cs.catalog.programs import program_hash
    from digital_cs.store.programs import programs
    from digital_cs.temporal.gateway import Published

    async with gateway.pool.connection() as connection:
        rows = {row.id: row for row in await programs.list_programs(connection)}
    found = []
    for program in wanted:
        row = rows.get(program.program)
        new = row is None or row.content_hash != program_hash(program)
        version = (row.version if row else 0) + int(new)
        inside = row.inside if row else 0
        found.append(Published(program.program, version, new, row is None, 0, inside))
    return found


def _confirm(entering: int, wanted: list[Program], counts: dict[str, int]) -> None:
    from digital_cs.cli import output

    for program in wanted:
        count = counts.get(program.program, 0)
        if count and program.enter.at_launch == "enroll":
            accounts = output.count_of(count, "account")
            output.complain(f"{program.program}: {accounts} match already, and would enter now.")
    if not output.interactive():
        output.complain("No program was published: say --yes to go on, or change at_launch.")
        raise typer.Exit(NEEDS_CHOICE)
    if not typer.confirm(f"Enroll {output.count_of(entering, 'account')}?", err=True):
        raise typer.Exit(NEEDS_CHOICE)


def _published_words(each: Published, counts: dict[str, int], at_launch: str, dry_run: bool) -> str:
    from digital_cs.cli.output import count_of

    if not each.new:
        return f"{each.program}: unchanged, version {each.version}."
    verb = "would be published" if dry_run else "published"
    words = f"{each.program}: version {each.version} {verb}."
    if each.first:
        matching = count_of(counts.get(each.program, 0), "account")
        return f"{words} {matching} matched already: {_fate(at_launch, dry_run)}."
    return words


def _fate(at_launch: str, dry_run: bool) -> str:
    if at_launch == "enroll":
        return "would enter now" if dry_run else "entered"
    return "would be passed over" if dry_run else "passed over"


@app.command("list", epilog="Example: digital-cs program list")
def list_(as_json: Json = False) -> None:
    """List published programs, and how many accounts are inside."""
    from digital_cs.cli import output
    from digital_cs.cli.connection import ask
    from digital_cs.store.programs import programs

    async def question(gateway: Gateway) -> list[ProgramRow]:
        async with gateway.pool.connection() as connection:
            return await programs.list_programs(connection)

    rows = ask(question)
    if as_json:
        output.emit([_row_facts(row) for row in rows])
        return
    if not rows:
        output.say("No program is published: `digital-cs program publish` does.")
        return
    output.table(
        ["program", "state", ">inside", ">over", ">version", "owner", "~name"],
        (
            [row.id, row.state, row.inside, row.ended, row.version, row.spec.get("owner"),
             row.spec.get("name")]
            for row in rows
        ),
    )  # fmt: skip


def _row_facts(row: ProgramRow) -> dict[str, Any]:
    return {
        "program": row.id, "name": row.spec.get("name"), "state": row.state,
        "owner": row.spec.get("owner"), "version": row.version, "inside": row.inside,
        "over": row.ended, "published_at": row.published_at,
    }  # fmt: skip


@app.command(epilog="Example: digital-cs program show welcome-trial --file")
def show(
    program: ProgramId,
    version: Annotated[
        int | None, typer.Option(min=1, help="This version.", show_default="the newest")
    ] = None,
    file: Annotated[
        bool, typer.Option("--file", help="As the file says, published or not.")
    ] = False,
    content: Content = None,
    as_json: Json = False,
) -> None:
    """Show a program as an outline in words, and how many accounts stand at which step."""
    from digital_cs.catalog.outline import outline
    from digital_cs.catalog.programs import program_from_json, program_to_json
    from digital_cs.cli import output
    from digital_cs.cli.connection import ask

    if file:
        found = program_of_file(program, content)
        spec = program_to_json(found)
        output.emit({"source": "file", "spec": spec}) if as_json else output.say(outline(found))
        return

    async def question(gateway: Gateway) -> tuple[dict[str, Any], dict[str, Any], list[Any]]:
        from digital_cs.store.programs import programs

        row, spec = await published_spec(gateway, program, version)
        async with gateway.pool.connection() as connection:
            return spec, _row_facts(row), await programs.who_is_where(connection, program)

    spec, facts, where = ask(question)
    if as_json:
        places = [{"version": v, "step": s, "accounts": n} for v, s, n in where]
        output.emit({**facts, "shown_version": version or facts["version"], "spec": spec,
                     "inside_by_step": places})  # fmt: skip
        return
    output.say(outline(program_from_json(spec)))
    inside = output.count_of(facts["inside"], "account")
    output.say(
        f"\nPublished: version {version or facts['version']} of {facts['version']},"
        f" {facts['state']}, {inside} inside, {facts['over']:,} over."
    )
    if where:
        output.table([">accounts", ">version", "stand at step"],
                     ([n, v, s or "the end"] for v, s, n in where))  # fmt: skip


@app.command(epilog="Example: digital-cs program diff renewal --from 2")
def diff(
    program: ProgramId,
    old: Annotated[
        int | None,
        typer.Option("--from", min=1, help="This version.", show_default="the newest published"),
    ] = None,
    new: Annotated[
        int | None, typer.Option("--to", min=1, help="This version.", show_default="the file")
    ] = None,
    content: Content = None,
    as_json: Json = False,
) -> None:
    """Say what changed between a published version and the file, or another version."""
    from digital_cs.catalog.program_diff import diff as differences
    from digital_cs.catalog.programs import program_from_json
    from digital_cs.cli import output
    from digital_cs.cli.connection import ask

    async def question(gateway: Gateway) -> tuple[dict[str, Any], dict[str, Any] | None]:
        before = (await published_spec(gateway, program, old))[1]
        after = (await published_spec(gateway, program, new))[1] if new else None
        return before, after

    before, after = ask(question)
    target = program_from_json(after) if after else program_of_file(program, content)
    changes = differences(program_from_json(before), target)
    if as_json:
        output.emit({"program": program, "changes": changes})
    else:
        output.say("\n".join(changes) if changes else "They say the same.")


def program_of_file(name: str, content: Path | None) -> Program:
    """The program in the content folder; its complaints are shown if it cannot be used."""
    return programs_of_files([name], content)[0]


def programs_of_files(names: list[str] | None, content: Path | None) -> list[Program]:
    """These programs of the content folder (None: all); complaints are shown if one is broken."""
    from digital_cs.cli.check import NOT_USABLE

    return _publishable(names, content, NOT_USABLE)


async def published_spec(
    gateway: Gateway, program: str, version: int | None
) -> tuple[ProgramRow, dict[str, Any]]:
    """A published version and its program's row. Raises NotFoundError."""
    from digital_cs.errors import NotFoundError
    from digital_cs.store.programs import programs

    async with gateway.pool.connection() as connection:
        rows = await programs.list_programs(connection, [program])
        if not rows:
            raise await gateway.no_program(connection, program)
        if version is None:
            return rows[0], rows[0].spec
        spec = await programs.version_spec(connection, program, version)
    if spec is None:
        raise NotFoundError(f"{program} has no version {version}: the newest is {rows[0].version}.")
    return rows[0], spec
