"""`digital-cs newsletter`: what comes out when, what is still to be written, and who said yes."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from digital_cs.cli.options import By, Content, DryRun, Json, Most, actor

if TYPE_CHECKING:
    from digital_cs.catalog.yaml_folder import Loaded
    from digital_cs.domain.newsletters.newsletter import Newsletter
    from digital_cs.domain.timing.business_calendar import BusinessCalendar
    from digital_cs.temporal.gateway import Gateway
    from digital_cs.temporal.newsletters import Publishing

app = typer.Typer(
    no_args_is_help=True,
    help="Newsletters: their issues are opened, written, approved and sent, each in its time.",
)

IssueId = Annotated[
    str,
    typer.Argument(
        help="Id of the issue, as `newsletter issues` shows it.", show_default=False,
        metavar="ISSUE",
    ),
]  # fmt: skip
SectionName = Annotated[
    str, typer.Argument(help="Name of the section.", show_default=False, metavar="SECTION")
]
Because = Annotated[str, typer.Option("--because", help="Why, for the issue's story.")]


@app.command(epilog="Example: digital-cs newsletter schema > content/newsletter.schema.json")
def schema(as_json: Json = False) -> None:
    """Print the JSON Schema of newsletters, so that an editor completes and checks them.

    It is JSON with and without --json.
    """
    from digital_cs.catalog.schema import newsletter_schema, schema_text
    from digital_cs.cli import output

    output.say(schema_text(newsletter_schema()).rstrip("\n"))


@app.command(epilog="Example: digital-cs newsletter check")
def check(content: Content = None, as_json: Json = False) -> None:
    """Check the newsletters of the content folder, and the events that they may show."""
    from digital_cs.catalog.events import load_events
    from digital_cs.cli import output
    from digital_cs.cli.check import report

    folder, loaded = _loaded(content)
    well = f"{output.count_of(len(loaded.by_name), 'newsletter')}: all is well."
    report([*loaded.problems, *load_events(folder).problems], well, as_json=as_json)


@app.command("list", epilog="Example: digital-cs newsletter list")
def list_(as_json: Json = False) -> None:
    """List the newsletters that come out, and the day of the next issue of each."""
    from digital_cs.cli import output
    from digital_cs.cli.connection import ask
    from digital_cs.store.newsletters import issues, newsletters
    from digital_cs.store.newsletters.issues import IssueRow
    from digital_cs.store.newsletters.newsletters import Published

    async def question(gateway: Gateway) -> list[tuple[Published, IssueRow | None]]:
        async with gateway.pool.connection() as connection:
            found = []
            for each in await newsletters.published(connection):
                ahead = await issues.issues(connection, each.newsletter.newsletter, most=1)
                found.append((each, ahead[0] if ahead else None))
            return found

    rows = ask(question)
    if as_json:
        output.emit(
            [
                {"newsletter": p.newsletter.newsletter, "name": p.newsletter.name,
                 "owner": p.newsletter.owner, "rhythm": p.newsletter.rhythm, "version": p.version,
                 "next_issue": row.id if row else None,
                 "sent_on": row.send_on if row else None}
                for p, row in rows
            ]
        )  # fmt: skip
        return
    if not rows:
        output.say("No newsletter is published: `digital-cs newsletter publish`.")
        return
    output.table(
        ["newsletter", "~name", "rhythm", "owner", "next issue"],
        (
            [p.newsletter.newsletter, p.newsletter.name, p.newsletter.rhythm, p.newsletter.owner,
             row.send_on if row else "none"]
            for p, row in rows
        ),
    )  # fmt: skip


@app.command(epilog="Example: digital-cs newsletter publish --dry-run")
def publish(
    content: Content = None,
    dry_run: DryRun = False,
    as_json: Json = False,
) -> None:
    """Have the newsletters of the content folder come out from their next issue on.

    Issues that are planned already keep what was said when they were. A newsletter without a file
    comes out no more.
    """
    from digital_cs.cli import output
    from digital_cs.cli.check import refuse
    from digital_cs.cli.connection import ask, find_settings
    from digital_cs.temporal import newsletters

    _, loaded = _loaded(content)
    if loaded.errors:
        refuse(loaded.errors, "The newsletters cannot be used: correct what stands above.")
    zone = find_settings().settings.workspace_zone

    async def question(gateway: Gateway) -> newsletters.Publishing:
        calendar = await calendar_for(gateway)
        wanted = loaded.by_name.values()
        return await newsletters.publish(gateway, wanted, calendar, zone, dry_run=dry_run)

    done = ask(question)
    if as_json:
        output.emit({"dry_run": dry_run, **_facts(done)})
        return
    if dry_run:
        output.say("Nothing was changed. Without --dry-run:")
    for names, words in (
        (done.new, "comes out as its file says"), (done.same, "comes out as before"),
        (done.retired, "comes out no more"),
    ):  # fmt: skip
        for name in names:
            output.say(f"{name} {words}.")
    for id in done.planned:
        output.say(f"Planned the issue {id}.")


@app.command(epilog="Example: digital-cs newsletter issues --all")
def issues(
    newsletter: Annotated[str | None, typer.Option(help="Only issues of this one.")] = None,
    all_: Annotated[bool, typer.Option("--all", help="Also those that are over.")] = False,
    most: Most = 50,
    as_json: Json = False,
) -> None:
    """List issues, the next to be sent first: how far each is, and what is due next."""
    from digital_cs.cli import output
    from digital_cs.cli.connection import ask, find_settings
    from digital_cs.cli.newsletters.newsletter_words import due_next, facts_of
    from digital_cs.store.newsletters import issue_texts
    from digital_cs.store.newsletters import issues as store
    from digital_cs.temporal.newsletters import plan_of

    zone = find_settings().settings.workspace_zone

    async def question(gateway: Gateway) -> list[dict[str, object]]:
        calendar = await calendar_for(gateway)
        now = gateway.clock.now()
        async with gateway.pool.connection() as connection:
            rows = await store.issues(connection, newsletter, over=all_, most=most)
            written = [await issue_texts.texts(connection, row.id) for row in rows]
        return [
            {**facts_of(row), "due_next": due_next(row, plan, zone, texts, now)}
            for row, texts in zip(rows, written, strict=True)
            for plan in (plan_of(row, calendar, zone),)
        ]

    found = ask(question)
    if as_json:
        output.emit(found)
        return
    if not found:
        output.say("No issue is planned. `digital-cs newsletter publish` plans the next ones.")
        return
    output.table(
        ["issue", "sent on", "state", "~due next"],
        ([row["issue"], row["send_on"], row["state"], row["due_next"]] for row in found),
    )


@app.command(epilog="Example: digital-cs newsletter extra lantern-letter 2026-12-17")
def extra(
    newsletter: Annotated[str, typer.Argument(help="Id of the newsletter.", show_default=False)],
    day: Annotated[str, typer.Argument(help="Day of sending, like 2026-12-17.", metavar="DAY")],
    corrects: Annotated[
        str | None, typer.Option(help="It corrects this issue, which was recalled.")
    ] = None,
    to: Annotated[
        str | None,
        typer.Option(help="With --corrects: `missed` (who did not get it), `everybody`."),
    ] = None,
    by: By = None,
    as_json: Json = False,
) -> None:
    """Plan an issue beside the rhythm, on a day of your choice.

    One that corrects an issue that was recalled begins with the texts of that one.
    """
    from digital_cs.cli import output
    from digital_cs.cli.connection import ask
    from digital_cs.cli.content.content import choice
    from digital_cs.domain.newsletters.issue import Reach
    from digital_cs.errors import UsageError
    from digital_cs.temporal import newsletter_recall, newsletters

    wanted = day_of(day)
    if (corrects is None) != (to is None):
        raise UsageError("--corrects and --to go together: an issue, and whom it is corrected for.")
    if corrects is not None and not corrects.startswith(f"{newsletter}/"):
        raise UsageError(f"{corrects} is no issue of {newsletter}.")

    reach = choice(to, Reach, "choice of whom it is for") if to is not None else None

    async def question(gateway: Gateway) -> str:
        calendar = await calendar_for(gateway)
        if corrects is not None and reach is not None:
            return await newsletter_recall.correct(
                gateway, corrects, wanted, reach, actor(by), calendar
            )
        return await newsletters.plan_extra(gateway, newsletter, wanted, actor(by), calendar)

    id = ask(question)
    if as_json:
        output.emit({"issue": id})
    else:
        output.say(f"Planned the issue {id}.")


async def calendar_for(gateway: Gateway) -> BusinessCalendar:
    """The business days by which issues are planned."""
    from digital_cs.cli.connection import find_settings
    from digital_cs.ingest.rules.calendars import calendar_of

    folder = find_settings().settings.content_dir
    return await calendar_of(gateway.pool, gateway.clock, folder)()


def day_of(text: str) -> date:
    """A day that somebody typed. Raises UsageError."""
    from digital_cs.errors import UsageError

    try:
        return date.fromisoformat(text)
    except ValueError:
        raise UsageError(f"'{text}' is not a day: write it like 2026-12-17.") from None


def _loaded(content: Path | None) -> tuple[Path, Loaded[Newsletter]]:
    from digital_cs.catalog.newsletters import load_newsletters
    from digital_cs.config import load_settings
    from digital_cs.errors import NotFoundError

    folder = content or load_settings().content_dir
    if not folder.is_dir():
        raise NotFoundError(f"There is no folder {folder}: set CONTENT_DIR.")
    return folder, load_newsletters(folder)


def _facts(done: Publishing) -> dict[str, object]:
    return {"new": done.new, "same": done.same, "retired": done.retired, "planned": done.planned}
