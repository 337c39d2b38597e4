"""`digital-cs segment`: segments as files and as published, who belongs, and why."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from digital_cs.cli.options import Content, DryRun, Json, Most, Yes

if TYPE_CHECKING:
    from digital_cs.catalog.segments import LoadedSegments
    from digital_cs.domain.rules.segment import Segment
    from digital_cs.store.rules.segment_members import Member
    from digital_cs.store.rules.segments import SegmentRow
    from digital_cs.temporal.gateway import Gateway
    from digital_cs.temporal.segments import PublishedSegment

app = typer.Typer(
    no_args_is_help=True,
    help="Segments: rules in CONTENT_DIR/segments, and the accounts that belong by them.",
)

NEEDS_CHOICE = 5
Name = Annotated[
    str, typer.Argument(help="Name of a segment.", metavar="SEGMENT", show_default=False)
]


@app.command(epilog="Example: digital-cs segment schema > content/segment.schema.json")
def schema(as_json: Json = False) -> None:
    """Print the JSON Schema of segment files, so that an editor completes and checks them.

    It is JSON with and without --json.
    """
    from digital_cs.catalog.schema import schema_text, segment_schema
    from digital_cs.cli import output

    output.say(schema_text(segment_schema()).rstrip("\n"))


@app.command("list", epilog="Example: digital-cs segment list")
def list_(as_json: Json = False) -> None:
    """List published segments, and how many accounts belong to each."""
    from digital_cs.cli import output
    from digital_cs.cli.connection import ask
    from digital_cs.store.rules import segments

    async def question(gateway: Gateway) -> list[SegmentRow]:
        async with gateway.pool.connection() as connection:
            return await segments.list_segments(connection)

    rows = ask(question)
    if as_json:
        output.emit([_facts(row) for row in rows])
        return
    if not rows:
        output.say("No segment is published: `digital-cs segment publish` does.")
        return
    output.table(
        ["segment", ">accounts", ">version", "owner", "~who belongs"],
        ([row.id, f"{row.members:,}", row.version, row.spec["owner"], _rule_words(row.spec)]
         for row in rows),
    )  # fmt: skip


@app.command(epilog="Example: digital-cs segment show at-risk")
def show(name: Name, as_json: Json = False) -> None:
    """Show a published segment: who belongs, what it reads, and who uses it."""
    from digital_cs.cli import output
    from digital_cs.cli.connection import ask
    from digital_cs.store.rules import segments
    from digital_cs.temporal.segments import published

    async def question(gateway: Gateway) -> tuple[SegmentRow, list[str]]:
        async with gateway.pool.connection() as connection:
            return await published(connection, name), await segments.used_by(connection, name)

    row, users = ask(question)
    if as_json:
        output.emit({**_facts(row), "spec": row.spec, "reads": row.reads, "used_by": users})
        return
    backup = f", backup {row.spec['backup']}" if row.spec.get("backup") else ""
    output.say(f"{row.spec['name']}  ({row.id}, version {row.version})")
    if row.spec.get("about"):
        output.say(" ".join(row.spec["about"].split()))
    output.say(
        f"\nBelongs    {_rule_words(row.spec)}"
        f"\nOwner      {row.spec['owner']}{backup}"
        f"\nAccounts   {row.members:,}"
        f"\nUsed by    {', '.join(users) or 'nobody'}"
        f"\nLooked at  whenever one of these changes: {', '.join(row.reads)}"
    )


@app.command(epilog="Example: digital-cs segment publish at-risk --dry-run")
def publish(
    names: Annotated[
        list[str] | None,
        typer.Argument(help="Names of segments.", show_default="all of the content folder"),
    ] = None,
    content: Content = None,
    dry_run: DryRun = False,
    as_json: Json = False,
) -> None:
    """Publish segments, with those that they rest on: from then on their members are kept.

    Nobody enters a program because a rule was changed; who comes to belong later does.
    """
    from digital_cs.cli import output
    from digital_cs.cli.connection import ask
    from digital_cs.temporal.segments import publish_segments

    wanted = publishable(names, content)
    done = ask(lambda gateway: publish_segments(gateway, wanted, dry_run=dry_run))
    if as_json:
        output.emit({"dry_run": dry_run, "segments": done})
        return
    if not done:
        output.say("There is no segment in the content folder.")
    for each in done:
        output.say(published_words(each, dry_run))


def publishable(names: list[str] | None, content: Path | None) -> list[Segment]:
    """The segments of the content folder with these names and all that they rest on.

    Shows the complaints about them and ends the command, if there are any. Raises NotFoundError.
    """
    from digital_cs.catalog.segments import FOLDER, load_segments
    from digital_cs.cli.check import refuse, require_files
    from digital_cs.config import load_settings

    folder = content or load_settings().content_dir
    loaded = load_segments(folder)
    broken = {Path(problem.file).stem for problem in loaded.errors}
    wanted = loaded.with_all_below(names if names is not None else loaded.segments)
    if broken & _reached(names, loaded, broken):
        refuse(loaded.errors)
    require_files("segment", names or (), loaded.segments, folder / FOLDER)
    return wanted


def _reached(names: list[str] | None, loaded: LoadedSegments, broken: set[str]) -> set[str]:
    """The names that publishing these needs; a file with errors may need anything."""
    from digital_cs.domain.rules.segment import all_below

    if names is None:
        return broken
    return all_below(names, loaded.rests_on)


def published_words(each: PublishedSegment, dry_run: bool) -> str:
    """What publishing a segment did, in a line."""
    from digital_cs.cli.output import count_of

    members = f"{count_of(each.members, 'account')} {'would ' * dry_run}belong" + (
        "s" if each.members == 1 and not dry_run else ""
    )
    if not each.new:
        return f"{each.segment}: unchanged, version {each.version}. {members}."
    verb = "would be published" if dry_run else "published"
    was = "" if each.first else f", {each.before:,} did before"
    return f"{each.segment}: version {each.version} {verb}. {members}{was}."


@app.command(epilog="Example: digital-cs segment members at-risk --most 20")
def members(name: Name, most: Most = 100, as_json: Json = False) -> None:
    """List the accounts that belong, and since when."""
    from digital_cs.cli import output
    from digital_cs.cli.connection import ask
    from digital_cs.store.rules import segment_members
    from digital_cs.temporal.segments import published

    async def question(gateway: Gateway) -> tuple[SegmentRow, list[Member]]:
        async with gateway.pool.connection() as connection:
            row = await published(connection, name)
            return row, await segment_members.members(connection, name, most=most)

    row, found = ask(question)
    if as_json:
        output.emit({"segment": name, "count": row.members, "members": found})
        return
    output.table(
        ["account", "~name", "since (UTC)"],
        ([each.account_id, each.name, output.stamp(each.since)] for each in found),
    )
    if row.members > len(found):
        output.complain(f"{len(found):,} of {row.members:,} are shown: see --most.")


@app.command(epilog="Example: digital-cs segment delete at-risk --yes")
def delete(name: Name, yes: Yes = False, as_json: Json = False) -> None:
    """Forget a published segment and its members; refused while somebody uses it.

    Its file stays. Publishing it again finds its members anew.
    """
    from digital_cs.cli import output
    from digital_cs.cli.connection import ask
    from digital_cs.temporal.segments import delete_segment

    if not yes:
        if not output.interactive():
            output.complain(f"{name} was not deleted: say --yes to do so.")
            raise typer.Exit(NEEDS_CHOICE)
        if not typer.confirm(f"Forget the segment {name} and its members?", err=True):
            raise typer.Exit(NEEDS_CHOICE)
    ask(lambda gateway: delete_segment(gateway, name))
    output.emit({"segment": name, "deleted": True}) if as_json else output.say(f"{name}: deleted.")


def _facts(row: SegmentRow) -> dict[str, Any]:
    return {
        "segment": row.id, "name": row.spec["name"], "owner": row.spec["owner"],
        "version": row.version, "accounts": row.members, "rule": _rule_words(row.spec),
        "changed_at": row.changed_at, "evaluated_at": row.evaluated_at,
    }  # fmt: skip


def _rule_words(spec: dict[str, Any]) -> str:
    from digital_cs.domain.rules.segment import Segment

    return Segment.model_validate(spec).when.words()
