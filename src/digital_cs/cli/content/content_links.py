"""`digital-cs content links`: the links of the library, how they are doing, and a look at them."""

from __future__ import annotations

import asyncio
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from digital_cs.cli.options import Json, Most

if TYPE_CHECKING:
    from digital_cs.domain.links.link_health import State
    from digital_cs.ingest.content.link_checker import Checked
    from digital_cs.ingest.content.link_documents import CheckedLink
    from digital_cs.ingest.content.link_gathering import Gathered
    from digital_cs.store.content.links import LinkView, Which
    from digital_cs.temporal.gateway import Gateway

app = typer.Typer()
EXAMPLE = "Example: digital-cs content links --check"
PROBLEMS = 1


@app.callback(invoke_without_command=True, epilog=EXAMPLE)
def links(
    context: typer.Context,
    check: Annotated[
        bool, typer.Option("--check", help="First look at every link that is due.")
    ] = False,
    again: Annotated[
        bool, typer.Option("--again", help="With --check: at those that are not due, too.")
    ] = False,
    broken: Annotated[
        bool, typer.Option("--broken", help="Only what is broken, or leads where it should not.")
    ] = False,
    host: Annotated[
        str | None, typer.Option("--host", help="Only links to this server: docs.example.com")
    ] = None,
    of: Annotated[
        str | None, typer.Option("--of", metavar="ITEM", help="Only links of this item.")
    ] = None,
    most: Most = 100,
    as_json: Json = False,
) -> None:
    """List the links of the library, the worst first, and say what is known of each.

    A link counts as broken once it has failed on three different days. --check asks each server
    for one page at a time, with LINK_DELAY seconds between, keeps to its robots.txt, and can be
    stopped at any time: the next run goes on from there. Run it every few hours.
    """
    if context.invoked_subcommand is not None:
        return
    from digital_cs.cli import output
    from digital_cs.cli.connection import ask
    from digital_cs.errors import UsageError
    from digital_cs.store.content import links

    if again and not check:
        raise UsageError("--again goes with --check: it says which links that looks at.")

    async def question(
        gateway: Gateway,
    ) -> tuple[Gathered | None, Checked | None, list[LinkView], dict[State, int]]:
        which = await _which(gateway, host, of, again)
        gathered, checked = await _check(gateway, which) if check else (None, None)
        async with gateway.pool.connection() as connection:
            found = await links.list_links(
                connection, which, states=_told_states() if broken else ()
            )
            counts = await links.counts(connection, which)
        return gathered, checked, found, counts

    gathered, checked, found, counts = ask(question)
    if broken:
        found = [each for each in found if each.health.worth_telling]
    if as_json:
        output.emit(
            {
                "checked": None if checked is None else _checked_facts(checked),
                "counts": counts, "links": [_facts(each) for each in found[:most]],
            }
        )  # fmt: skip
        return
    if gathered is not None and checked is not None:
        _say_checked(gathered, checked)
    _print(found, counts, most, broken)


@app.command("check", epilog="Example: digital-cs content links check docs/")
def check_documents(
    path: Annotated[
        Path, typer.Argument(help="A document, or a folder of them.", exists=True)
    ],
    base: Annotated[
        str | None,
        typer.Option("--base", metavar="URL", help="Where relative links start from."),
    ] = None,
    as_json: Json = False,
) -> None:  # fmt: skip
    """Look once at every link of a document or a folder, without a database: fit for CI.

    Each complaint has its file and line. Ends with 1 when a link fails now, is the address of
    nothing, or leads for good to another place. What cannot be looked at is no complaint.
    """
    from digital_cs.cli import output
    from digital_cs.cli.connection import find_settings
    from digital_cs.ingest.content.link_documents import check_links, documents

    files = documents(path)
    settings = find_settings().settings
    with output.progress("Links", None) as bar:
        found = asyncio.run(
            check_links(
                files, base, settings,
                lambda done, total: bar.update(bar.task_ids[0], completed=done, total=total),
            )
        )  # fmt: skip
    wrong = [each for each in found if each.wrong]
    if as_json:
        output.emit(
            {
                "documents": len(files), "links": len(found),
                "problems": [_document_facts(each) for each in wrong],
            }
        )  # fmt: skip
    else:
        for each in wrong:
            output.say(f"{each.file}:{each.line}: {each.rule}: {each.url}\n    {each.words}")
        _say_documents(files, found, wrong)
    if wrong:
        raise typer.Exit(PROBLEMS)


@app.command(epilog="Example: digital-cs content links show https://docs.example.com/setup")
def show(
    url: Annotated[str, typer.Argument(help="Where the link leads.", show_default=False)],
    as_json: Json = False,
) -> None:
    """Show a link: what is known of it and why, where it stands, and what the last looks found."""
    from digital_cs.cli import output
    from digital_cs.cli.connection import ask
    from digital_cs.domain.links.link_health import Look, health_words
    from digital_cs.domain.links.link_url import normal_url
    from digital_cs.errors import NotFoundError
    from digital_cs.store.content import links

    address = normal_url(url)

    async def question(gateway: Gateway) -> tuple[LinkView, list[tuple[str, str, int]], list[Look]]:
        async with gateway.pool.connection() as connection:
            found = await links.get(connection, address)
            if found is None:
                raise NotFoundError(
                    f"No item has a link to {address}. `digital-cs content links` lists them."
                )
            stands = await links.places_of(connection, address)
            return found, stands, await links.looks(connection, address)

    view, stands, looks = ask(question)
    if as_json:
        places = [{"item": item, "place": place, "line": line} for item, place, line in stands]
        output.emit({**_facts(view), "places": places, "looks": looks})
        return
    output.say(f"{view.url}\n{health_words(view.health)}")
    if view.health.next_check_at is not None:
        output.say(f"Next look from {output.when(view.health.next_check_at)}.")
    named = ", ".join(f"{place}:{line}" if line else place for _, place, line in stands)
    output.say(f"Stands in {named}.")
    if looks:
        output.table(
            ["looked at (UTC)", "found", "~detail", "~led to"],
            ([output.stamp(each.at), each.finding, each.detail, each.leads_to] for each in looks),
        )


async def _which(gateway: Gateway, host: str | None, of: str | None, again: bool) -> Which:
    from digital_cs.cli.content.content_words import meant
    from digital_cs.store.content.links import Which

    item = None
    if of is not None:
        async with gateway.pool.connection() as connection:
            item = (await meant(connection, of)).id
    return Which(host.lower() if host else None, item, gateway.clock.now() if again else None)


async def _check(gateway: Gateway, which: Which) -> tuple[Gathered, Checked]:
    from digital_cs.cli import output
    from digital_cs.cli.connection import find_settings
    from digital_cs.ingest.content.link_checker import LinkChecker, polite_pages
    from digital_cs.ingest.content.link_gathering import gather_links
    from digital_cs.store.content import link_work

    async with gateway.pool.connection() as connection:
        gathered = await gather_links(connection)
        total = await link_work.due_count(connection, gateway.clock.now(), which)
    async with polite_pages(find_settings().settings) as pages:
        checker = LinkChecker(pool=gateway.pool, clock=gateway.clock, pages=pages)
        with output.progress("Links", total) as bar:
            return gathered, await checker.run(
                which, lambda done: bar.update(bar.task_ids[0], completed=done.links)
            )


def _told_states() -> tuple[State, ...]:
    from digital_cs.domain.links.link_health import State

    return State.BROKEN, State.REDIRECTED


def _say_checked(gathered: Gathered, checked: Checked) -> None:
    from digital_cs.cli import output

    for source in gathered.absent:
        output.say(f"The folder of the source '{source}' is not here: its links stay as they were.")
    states = ", ".join(f"{count:,} {state}" for state, count in checked.states.most_common())
    output.say(
        f"Looked at {output.count_of(checked.links, 'link')} of"
        f" {output.count_of(gathered.items, 'item')}{': ' + states if states else ''}."
    )
    if checked.changed_pages:
        output.say(
            f"{output.count_of(checked.changed_pages, 'live page')} changed since it was verified."
        )
    if checked.cut_off:
        output.say(
            "No server at all answered, so what they did not say was not kept. Is there a way out"
            " to the internet from here?"
        )
    if checked.left_alone:
        output.say(
            f"{output.count_of(len(checked.left_alone), 'server')} asked to be left alone for a"
            " while; their links are looked at later."
        )


def _print(found: list[LinkView], counts: dict[State, int], most: int, broken: bool) -> None:
    from digital_cs.cli import output
    from digital_cs.domain.links.link_health import health_words

    if not counts:
        output.say("No links are known yet. `digital-cs content links --check` gathers them.")
        return
    if found:
        output.table(
            ["state", "~link", "~what is known", "~stands in"],
            (
                [each.health.state, each.url, health_words(each.health), _stands(each)]
                for each in found[:most]
            ),
        )  # fmt: skip
        if len(found) > most:
            output.say(f"{len(found) - most:,} more: --most shows them.")
    elif broken:
        output.say("No link is known to be broken, or to lead where it should not.")
    output.say(", ".join(f"{count:,} {state}" for state, count in counts.items()) + ".")


def _stands(view: LinkView) -> str:
    line = f":{view.line}" if view.line else ""
    others = f" and {view.items - 1:,} more" if view.items > 1 else ""
    return f"{view.place}{line}{others}"


def _checked_facts(checked: Checked) -> dict[str, Any]:
    return {
        "links": checked.links, "states": dict(checked.states),
        "changed_pages": checked.changed_pages, "left_alone": checked.left_alone,
        "cut_off": checked.cut_off,
    }  # fmt: skip


def _facts(view: LinkView) -> dict[str, Any]:
    from dataclasses import asdict

    from digital_cs.domain.links.link_health import health_words

    health = view.health
    return {
        "url": view.url, "host": view.host, **asdict(health), "words": health_words(health),
        "worth_telling": health.worth_telling, "items": view.items, "item": view.item_id,
        "place": view.place, "line": view.line,
    }  # fmt: skip


def _document_facts(found: CheckedLink) -> dict[str, Any]:
    return {
        "file": found.file, "line": found.line, "rule": found.rule, "url": found.url,
        "words": found.words,
    }  # fmt: skip


def _say_documents(files: list[Path], found: list[CheckedLink], wrong: list[CheckedLink]) -> None:
    from digital_cs.cli import output

    count = Counter(each.rule for each in found if not each.wrong)
    not_looked_at = count.total() - count["ok"]
    output.say(
        f"{output.count_of(len(found), 'link')} in {output.count_of(len(files), 'document')}:"
        f" {output.count_of(len(wrong), 'problem')}, {not_looked_at:,} could not be looked at."
    )
