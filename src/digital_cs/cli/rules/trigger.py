"""`digital-cs trigger`: triggers as files and as published, and when they fired for whom."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from digital_cs.cli.options import Content, DryRun, Json, Most

if TYPE_CHECKING:
    from digital_cs.domain.rules.trigger import Trigger
    from digital_cs.store.rules.triggers import Firing, TriggerCounts, TriggerRow
    from digital_cs.temporal.gateway import Gateway
    from digital_cs.temporal.triggers import PublishedTrigger

app = typer.Typer(
    no_args_is_help=True,
    help="Triggers: what is noticed about accounts, in CONTENT_DIR/triggers, and what fired.",
)

Name = Annotated[
    str, typer.Argument(help="Name of a trigger.", metavar="TRIGGER", show_default=False)
]


@app.command(epilog="Example: digital-cs trigger schema > content/trigger.schema.json")
def schema(as_json: Json = False) -> None:
    """Print the JSON Schema of trigger files, so that an editor completes and checks them.

    It is JSON with and without --json.
    """
    from digital_cs.catalog.schema import schema_text, trigger_schema
    from digital_cs.cli import output

    output.say(schema_text(trigger_schema()).rstrip("\n"))


@app.command("list", epilog="Example: digital-cs trigger list")
def list_(as_json: Json = False) -> None:
    """List published triggers, for how many accounts they hold, and how often they fired."""
    from digital_cs.cli import output
    from digital_cs.cli.connection import ask
    from digital_cs.store.rules import triggers

    async def question(gateway: Gateway) -> tuple[list[TriggerRow], dict[str, TriggerCounts]]:
        async with gateway.pool.connection() as connection:
            counts = await triggers.counts(connection, gateway.clock.now())
            return await triggers.list_triggers(connection), counts

    rows, counts = ask(question)
    if as_json:
        output.emit([_facts(row, counts[row.id]) for row in rows])
        return
    if not rows:
        output.say("No trigger is published: `digital-cs trigger publish` does.")
        return
    output.table(
        ["trigger", "state", ">version", ">holds for", ">fired this week", ">fired", "last (UTC)",
         "~what is noticed"],
        ([row.id, row.state, row.version, f"{counts[row.id].holds:,}",
          f"{counts[row.id].fired_this_week:,}", f"{counts[row.id].fired:,}",
          output.stamp(counts[row.id].last_fired_at), _trigger(row).words()] for row in rows),
    )  # fmt: skip


@app.command(epilog="Example: digital-cs trigger show gone-quiet")
def show(name: Name, as_json: Json = False) -> None:
    """Show a published trigger: what is noticed, when it fires, and who listens."""
    from digital_cs.cli import output
    from digital_cs.cli.connection import ask
    from digital_cs.store.rules import segments, triggers
    from digital_cs.temporal.triggers import published

    async def question(gateway: Gateway) -> tuple[TriggerRow, TriggerCounts, list[str], list[str]]:
        async with gateway.pool.connection() as connection:
            row = await published(connection, name)
            counts = await triggers.counts(connection, gateway.clock.now())
            programs = [id for id, _ in await triggers.listeners(connection, name)]
            users = await segments.used_by(connection, name, "trigger")
            return row, counts[name], programs, [u for u in users if u != f"trigger {name}"]

    row, counts, programs, users = ask(question)
    if as_json:
        facts = {**_facts(row, counts), "spec": row.spec}
        output.emit({**facts, "programs": programs, "used_by": users})
        return
    trigger = _trigger(row)
    backup = f", backup {trigger.backup}" if trigger.backup else ""
    output.say(f"{trigger.name}  ({row.id}, version {row.version}, {row.state})")
    if trigger.about:
        output.say(" ".join(trigger.about.split()))
    last = f", last on {output.when(counts.last_fired_at)}" if counts.last_fired_at else ""
    output.say(
        f"\nNotices    {trigger.words()}"
        f"\nFires      {trigger.timing()}"
        f"\nOwner      {trigger.owner}{backup}"
        f"\nHolds for  {output.count_of(counts.holds, 'account')}"
        f"\nFired      {output.count_of(counts.fired, 'time')}{last}"
        f"\nBrings in  {', '.join(programs) or 'nobody: no program enters by it'}"
        f"\nUsed by    {', '.join(users) or 'nobody'}"
    )


@app.command(epilog="Example: digital-cs trigger publish gone-quiet --dry-run")
def publish(
    names: Annotated[
        list[str] | None,
        typer.Argument(help="Names of triggers.", show_default="all of the content folder"),
    ] = None,
    content: Content = None,
    dry_run: DryRun = False,
    as_json: Json = False,
) -> None:
    """Publish triggers: from then on they fire; `program publish` without names does it too.

    For whom a new or changed rule holds already is passed over until it stops, unless the trigger
    says otherwise (at_launch).
    """
    from digital_cs.cli import output
    from digital_cs.cli.connection import ask
    from digital_cs.temporal.triggers import publish_triggers

    wanted = publishable(names, content)
    done = ask(lambda gateway: publish_triggers(gateway, wanted, dry_run=dry_run))
    if as_json:
        output.emit({"dry_run": dry_run, "triggers": done})
        return
    if not done:
        output.say("There is no trigger in the content folder.")
    for each in done:
        output.say(published_words(each, dry_run))


def publishable(names: list[str] | None, content: Path | None) -> list[Trigger]:
    """The triggers of the content folder with these names, or all.

    Shows the complaints about them and ends the command, if there are any. Raises NotFoundError.
    """
    from digital_cs.catalog.triggers import FOLDER, load_triggers
    from digital_cs.cli.check import refuse, require_files
    from digital_cs.config import load_settings

    folder = content or load_settings().content_dir
    loaded = load_triggers(folder)
    broken = [p for p in loaded.errors if names is None or Path(p.file).stem in names]
    if broken:
        refuse(broken)
    require_files("trigger", names or (), loaded.by_name, folder / FOLDER)
    return [loaded.by_name[name] for name in sorted(names or loaded.by_name)]


def published_words(each: PublishedTrigger, dry_run: bool) -> str:
    """What publishing a trigger did, in a line."""
    from digital_cs.cli.output import count_of

    if not each.new:
        return f"{each.trigger}: unchanged, version {each.version}."
    words = f"{each.trigger}: version {each.version}"
    words += " would be published." if dry_run else " published."
    if each.holds and each.passed_over:
        would = "would be " if dry_run else ""
        words += f" It holds for {count_of(each.holds, 'account')} already: {would}passed over."
    return words


@app.command(epilog="Example: digital-cs trigger stop gone-quiet")
def stop(name: Name, as_json: Json = False) -> None:
    """Have a trigger fire no more, until it is published again; its firings stay.

    Refused while accounts enter a program by it.
    """
    from digital_cs.cli import output
    from digital_cs.cli.connection import ask
    from digital_cs.temporal.triggers import stop_trigger

    stopped = ask(lambda gateway: stop_trigger(gateway, name))
    if as_json:
        output.emit({"trigger": name, "stopped": stopped})
        return
    output.say(f"{name}: {'stopped' if stopped else 'was stopped already'}.")


@app.command(epilog="Example: digital-cs trigger firings gone-quiet --most 20")
def firings(
    name: Annotated[
        str | None,
        typer.Argument(help="Name of a trigger.", metavar="TRIGGER", show_default="all"),
    ] = None,
    account: Annotated[str | None, typer.Option(help="Only those for this account.")] = None,
    most: Most = 100,
    as_json: Json = False,
) -> None:
    """List when triggers fired, for whom and why; the latest last."""
    from digital_cs.cli import output
    from digital_cs.cli.connection import ask
    from digital_cs.errors import NotFoundError
    from digital_cs.store.people import accounts
    from digital_cs.store.rules import triggers
    from digital_cs.temporal.triggers import published

    async def question(gateway: Gateway) -> list[Firing]:
        async with gateway.pool.connection() as connection:
            if name is not None:
                await published(connection, name)
            if account is not None and not await accounts.known(connection, [account]):
                raise NotFoundError(f"There is no account '{account}'. Check the id.")
            return await triggers.firings(connection, trigger=name, account=account, most=most)

    found = ask(question)
    if as_json:
        output.emit(found)
        return
    if not found:
        output.say("Nothing fired.")
        return
    output.table(
        ["at (UTC)", "trigger", "account", "~why"],
        ([output.stamp(each.at), each.trigger, each.account, each.words] for each in found),
    )


def _trigger(row: TriggerRow) -> Trigger:
    from digital_cs.catalog.triggers import trigger_from_json

    return trigger_from_json(row.spec)


def _facts(row: TriggerRow, counts: TriggerCounts) -> dict[str, Any]:
    trigger = _trigger(row)
    return {
        "trigger": row.id, "name": trigger.name, "state": row.state, "version": row.version,
        "owner": trigger.owner, "notices": trigger.words(), "fires": trigger.timing(),
        "changed_at": row.changed_at, "holds": counts.holds,
        "waiting": counts.waiting, "fired_this_week": counts.fired_this_week,
        "fired": counts.fired, "last_fired_at": counts.last_fired_at,
    }  # fmt: skip
