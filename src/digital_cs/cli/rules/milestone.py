"""`digital-cs milestone`: the product path as a file and as published."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from digital_cs.cli.options import Content, DryRun, Json

if TYPE_CHECKING:
    from digital_cs.domain.milestone import Milestone
    from digital_cs.store.product.milestone_definitions import Kept
    from digital_cs.temporal.gateway import Gateway

app = typer.Typer(
    no_args_is_help=True,
    help="Milestones: the product path in CONTENT_DIR/milestones.yaml, and who reached what.",
)


@app.command(epilog="Example: digital-cs milestone schema > content/milestones.schema.json")
def schema(as_json: Json = False) -> None:
    """Print the JSON Schema of milestones.yaml, so that an editor completes and checks it.

    It is JSON with and without --json.
    """
    from digital_cs.catalog.schema import milestones_schema, schema_text
    from digital_cs.cli import output

    output.say(schema_text(milestones_schema()).rstrip("\n"))


@app.command(epilog="Example: digital-cs milestone publish --dry-run")
def publish(
    content: Content = None,
    dry_run: DryRun = False,
    as_json: Json = False,
) -> None:
    """Make the milestones of the file count; `program publish` without names does it too.

    A new or changed one is reached by all usage that is kept already. What an account reached
    stays reached, with its date, also when the rule becomes harder.
    """
    from digital_cs.cli import output
    from digital_cs.config import load_settings
    from digital_cs.errors import NotFoundError

    folder = content or load_settings().content_dir
    done = publish_those_of(folder, dry_run=dry_run)
    if done is None:
        raise NotFoundError(f"There is no file {folder / 'milestones.yaml'}: set CONTENT_DIR.")
    output.emit(done) if as_json else output.say(published_words(done))


@app.command("list", epilog="Example: digital-cs milestone list")
def list_(as_json: Json = False) -> None:
    """List what counts as a milestone now, and how many accounts reached it."""
    from digital_cs.cli import output
    from digital_cs.cli.connection import ask
    from digital_cs.store.product import milestone_definitions

    async def question(gateway: Gateway) -> list[Kept]:
        async with gateway.pool.connection() as connection:
            return await milestone_definitions.kept(connection)

    found = ask(question)
    if as_json:
        output.emit([{**each.milestone.model_dump(mode="json"), "declared": each.declared,
                      "reached": each.reached} for each in found])  # fmt: skip
        return
    if not found:
        output.say("Nothing counts as a milestone yet: `digital-cs milestone publish` makes it so.")
        return
    output.table(
        ["milestone", "~title", "reached by", "~expected", ">accounts"],
        ([each.milestone.milestone, each.milestone.title, each.milestone.reached_words(),
          _expected(each.milestone), f"{each.reached:,}"] for each in found),
    )  # fmt: skip
    spoken = [each.milestone.milestone for each in found if not each.declared]
    if spoken:
        output.say(f"\nIn no file, but spoken of by what is published: {', '.join(spoken)}.")


@dataclass(frozen=True, slots=True)
class Published:
    """What a publishing of milestones did, or would do. `reached`: how often, by history."""

    dry_run: bool
    milestones: int
    new: tuple[str, ...]
    changed: tuple[str, ...]
    retired: tuple[str, ...]
    reached: int


def publish_those_of(folder: Path, *, dry_run: bool) -> Published | None:
    """Publish the milestones of a content folder; None where it has no such file.

    Shows the complaints and ends the command, if there are any.
    """
    from digital_cs.catalog.milestones import load_milestones
    from digital_cs.cli.check import refuse
    from digital_cs.cli.connection import ask

    loaded = load_milestones(folder)
    if loaded.problems:
        refuse(loaded.problems)
    if not loaded.there:
        return None
    wanted = loaded.milestones
    done = ask(lambda gateway: gateway.declare_milestones(wanted, dry_run=dry_run))
    return Published(dry_run, len(wanted), done.new, done.changed, done.retired, done.reached)


def published_words(done: Published) -> str:
    """What a publishing of milestones did, in a line."""
    from digital_cs.cli.output import count_of

    parts = [
        f"{len(names)} {word} ({', '.join(names)})"
        for word, names in (("new", done.new), ("changed", done.changed), ("retired", done.retired))
        if names
    ]
    if not parts:
        return f"Milestones: {done.milestones}, unchanged."
    verb = "would reach" if done.dry_run else "reached"
    times = count_of(done.reached, "time")
    return (
        f"Milestones: {done.milestones}, {', '.join(parts)}."
        f" What happened so far {verb} them {times}."
    )


def _expected(milestone: Milestone) -> str:
    if milestone.expected_within is None:
        return ""
    return f"{milestone.expected_within.words()} of {' or '.join(milestone.of)}"
