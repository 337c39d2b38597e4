"""`digital-cs newsletter show, write, sign, approve …`: one issue, from opening to report."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from digital_cs.cli.newsletters.newsletter import (
    Because,
    IssueId,
    SectionName,
    calendar_for,
    day_of,
)
from digital_cs.cli.options import By, Json, actor

if TYPE_CHECKING:
    from digital_cs.store.newsletters.issues import IssueRow
    from digital_cs.temporal.gateway import Gateway


def show(issue: IssueId, as_json: Json = False) -> None:
    """Show an issue: what is due when, its sections, its texts, and what was done so far."""
    from digital_cs.cli import output
    from digital_cs.cli.connection import ask, find_settings
    from digital_cs.cli.newsletters.newsletter_words import due_next, facts_of, section_lines
    from digital_cs.store.newsletters import issue_readers, issue_texts, issues
    from digital_cs.temporal.newsletters import plan_of

    zone = find_settings().settings.workspace_zone

    async def question(gateway: Gateway) -> tuple[Any, ...]:
        calendar = await calendar_for(gateway)
        async with gateway.pool.connection() as connection:
            row = await _get(connection, issue)
            return (
                row, plan_of(row, calendar, zone), await issue_texts.texts(connection, issue),
                await issue_readers.variants(connection, issue),
                await issues.notes(connection, issue), gateway.clock.now(),
            )  # fmt: skip

    row, plan, written, variants, notes, now = ask(question)
    if as_json:
        output.emit(
            {**facts_of(row), "due_next": due_next(row, plan, zone, written, now), "plan": plan,
             "texts": list(written.values()), "report": row.report,
             "variants": [{"variant": v.name, "accounts": v.accounts, "odd": v.odd,
                           "items": v.items} for v in variants], "story": notes}
        )  # fmt: skip
        return
    due = due_next(row, plan, zone, written, now)
    output.say(f"{row.newsletter.name}, {row.send_on:%A %-d %B %Y}: {due}")
    output.say(f"“{row.subject}”\n")
    for words, moment in (
        ("opens", plan.opens_at), ("written by", plan.sections_by),
        ("signed off by", plan.sign_off_by), ("put together", plan.freeze_at),
        ("approved by", plan.approve_by), ("leaves", plan.leaves_at),
    ):  # fmt: skip
        output.say(f"  {words:<14}{output.stamp(moment, zone)}")
    output.say("")
    output.table(["section", "~title", "~filled"], section_lines(row, written))
    for text in written.values():
        output.say(f"\n── {text.section} ──\n{text.text.strip()}")
    if row.approved_hash is not None and not row.approved:
        output.say("\nIt was approved, and changed since: the approval is void.")
    if row.refused:
        output.say(f"\n{row.refused_by} wants a change: {row.refused_because}")
    if notes:
        output.say("")
        output.table(
            ["at (UTC)", "who", "~what"], ([output.stamp(n.at), n.who, n.words] for n in notes)
        )


def write(
    issue: IssueId,
    section: SectionName,
    file: Annotated[
        Path | None, typer.Option("--file", help="The text, in Markdown; else standard input.")
    ] = None,
    by: By = None,
    as_json: Json = False,
) -> None:
    """Write a section. An empty text takes back what was written.

    A change after the approval takes the approval back.
    """
    from digital_cs.cli import output
    from digital_cs.cli.connection import ask, find_settings
    from digital_cs.errors import NotFoundError
    from digital_cs.rendering.library import EmailLibrary
    from digital_cs.temporal import newsletters

    if file is not None and not file.is_file():
        raise NotFoundError(f"There is no file {file}.")
    text = file.read_text(encoding="utf-8") if file is not None else sys.stdin.read()
    library = EmailLibrary(find_settings().settings.content_dir)
    changed = ask(
        lambda gateway: newsletters.write(gateway, library, issue, section, text, actor(by))
    )
    if as_json:
        output.emit({"issue": issue, "section": section, "changed": changed})
    else:
        output.say("Written." if changed else "It says so already.")


def title(
    issue: IssueId,
    subject: Annotated[str | None, typer.Option(help="The subject of this issue.")] = None,
    preview: Annotated[str | None, typer.Option(help="The line after it in a mailbox.")] = None,
    by: By = None,
    as_json: Json = False,
) -> None:
    """Give an issue a subject, or a preview, of its own."""
    from digital_cs.cli import output
    from digital_cs.cli.connection import ask
    from digital_cs.temporal import newsletters

    changed = ask(lambda gateway: newsletters.entitle(gateway, issue, subject, preview, actor(by)))
    if as_json:
        output.emit({"issue": issue, "changed": changed})
    else:
        output.say("Changed." if changed else "It says so already.")


def recall(issue: IssueId, because: Because, by: By = None, as_json: Json = False) -> None:
    """Call an issue back.

    In its last minutes nobody has got it. Once it goes out, nobody more gets it, and its pages are
    not public any more; `newsletter extra --corrects` sends a corrected one.
    """
    from digital_cs.cli import output
    from digital_cs.cli.connection import ask
    from digital_cs.cli.newsletters.newsletter_words import recalled_facts, recalled_words
    from digital_cs.temporal import newsletters

    found = ask(lambda gateway: newsletters.recall(gateway, issue, because, actor(by)))
    if as_json:
        output.emit({"issue": issue, **recalled_facts(found)})
    else:
        output.say(recalled_words(issue, found))


def skip(issue: IssueId, because: Because, by: By = None, as_json: Json = False) -> None:
    """Leave an issue out. The next one comes as planned."""
    from digital_cs.cli import output
    from digital_cs.cli.connection import ask
    from digital_cs.temporal import newsletters

    ask(lambda gateway: newsletters.skip(gateway, issue, because, actor(by)))
    if as_json:
        output.emit({"issue": issue, "state": "skipped"})
    else:
        output.say("It is left out.")


def move(
    issue: IssueId,
    day: Annotated[str, typer.Argument(help="The new day of sending.", metavar="DAY")],
    by: By = None,
    as_json: Json = False,
) -> None:
    """Send an issue on another day; all that is due is counted back from that one."""
    from digital_cs.cli import output
    from digital_cs.cli.connection import ask
    from digital_cs.temporal import newsletters

    wanted = day_of(day)

    async def question(gateway: Gateway) -> None:
        calendar = await calendar_for(gateway)
        await newsletters.move(gateway, issue, wanted, actor(by), calendar)

    ask(question)
    if as_json:
        output.emit({"issue": issue, "send_on": wanted})
    else:
        output.say(f"It is sent on {wanted:%A %-d %B %Y}.")


def variants(
    issue: IssueId,
    text: Annotated[bool, typer.Option("--text", help="Print the text of each.")] = False,
    as_json: Json = False,
) -> None:
    """Show the variants of an issue that was put together, their reach, and the odd ones out.

    The odd ones are accounts that would have been shown more, had they a text of their own.
    """
    from digital_cs.cli import output
    from digital_cs.cli.connection import ask
    from digital_cs.rendering.issue_text import legible
    from digital_cs.store.content import library
    from digital_cs.store.newsletters import issue_readers

    async def question(gateway: Gateway) -> tuple[Any, Any, dict[str, str]]:
        async with gateway.pool.connection() as connection:
            await _get(connection, issue)
            found = await issue_readers.variants(connection, issue)
            odd = await issue_readers.odd_ones(connection, issue)
            ids = {item for each in found for item in each.items}
            ids |= {item for _, wish in odd for item in wish}
            items = await library.of_ids(connection, sorted(ids))
            return found, odd, {each.id: each.title for each in items}

    found, odd, titles = ask(question)
    if as_json:
        output.emit(
            {"variants": [{"variant": v.name, "accounts": v.accounts, "odd": v.odd,
                           "items": v.items, "titles": [titles.get(i, i) for i in v.items],
                           "text": legible(v.source)} for v in found],
             "odd": [{"account": account, "wish": wish} for account, wish in odd]}
        )  # fmt: skip
        return
    if not found:
        output.say("It is not put together yet.")
        return
    output.table(
        ["variant", ">accounts", ">odd", "~shows"],
        (
            [v.name or "plain", f"{v.accounts:,}", f"{v.odd:,}",
             "; ".join(titles.get(i, i) for i in v.items) or "nothing of its own"]
            for v in found
        ),
    )  # fmt: skip
    for account, wish in odd:
        output.say(f"{account} would be shown: {'; '.join(titles.get(i, i) for i in wish)}.")
    if text:
        for v in found:
            output.say(f"\n── {v.name or 'plain'} ──\n{legible(v.source)}")


COMMANDS = (
    (show, "Example: digital-cs newsletter show lantern-letter/2026-12-01"),
    (
        write,
        "Example: digital-cs newsletter write lantern-letter/2026-12-01 opening --file text.md",
    ),
    (title, 'Example: digital-cs newsletter title lantern-letter/2026-12-01 --subject "Ready?"'),
    (
        recall,
        'Example: digital-cs newsletter recall lantern-letter/2026-12-01 --because "Wrong link"',
    ),
    (skip, 'Example: digital-cs newsletter skip lantern-letter/2026-12-01 --because "Nothing new"'),
    (move, "Example: digital-cs newsletter move lantern-letter/2026-12-01 2026-12-03"),
    (variants, "Example: digital-cs newsletter variants lantern-letter/2026-12-01 --text"),
)
"""Each command about one issue, with its example."""


async def _get(connection: Any, id: str) -> IssueRow:
    from digital_cs.errors import NotFoundError
    from digital_cs.store.newsletters import issues

    row = await issues.get(connection, id)
    if row is None:
        raise NotFoundError(
            f"There is no issue '{id}'. `digital-cs newsletter issues` names those that there are."
        )
    return row
