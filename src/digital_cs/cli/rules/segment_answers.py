"""`digital-cs segment preview` and `explain`: who would belong, and why an account does or not."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from digital_cs.cli.options import Content, Json

if TYPE_CHECKING:
    from digital_cs.domain.rules.segment import Segment
    from digital_cs.store.rules.segment_preview import Preview
    from digital_cs.temporal.gateway import Gateway
    from digital_cs.temporal.segments import Answer, Explanation

PREVIEW = "Example: digital-cs segment preview content/segments/at-risk.yaml --sample 20"
EXPLAIN = "Example: digital-cs segment explain at-risk acme"
DATA = {
    "account": "the account", "contacts": "its people", "subscriptions": "its subscriptions",
    "usage": "usage", "tickets": "tickets", "ours": "kept by us",
}  # fmt: skip


def preview(
    segment: Annotated[
        str,
        typer.Argument(
            help="A file, or the name of a segment in the content folder, else a published one.",
            metavar="FILE_OR_SEGMENT", show_default=False,
        ),
    ],
    sample: Annotated[int, typer.Option(min=0, max=1000, help="How many to show.")] = 10,
    content: Content = None,
    as_json: Json = False,
) -> None:  # fmt: skip
    """Say how many accounts match now, a few of them, and what it costs to look at everybody.

    Nothing is changed. A segment that the rule names counts with its kept members if it is
    published, and else with the rule of its file.
    """
    from digital_cs.cli import output
    from digital_cs.cli.connection import ask
    from digital_cs.config import load_settings

    folder = content or load_settings().content_dir
    wanted = _wanted(segment, folder)

    async def question(gateway: Gateway) -> tuple[Segment, Preview]:
        from digital_cs.store.rules import segments
        from digital_cs.temporal import segments as asked

        found = wanted
        if found is None:
            from digital_cs.domain.rules.segment import Segment

            async with gateway.pool.connection() as connection:
                found = Segment.model_validate((await asked.published(connection, segment)).spec)
        async with gateway.pool.connection() as connection:
            known = {row.id for row in await segments.list_segments(connection)}
        rule = _without_unknown(found, folder, known)
        return found, await asked.preview(gateway, rule, sample)

    found, seen = ask(question)
    if as_json:
        output.emit({"segment": found.segment, "rule": found.when.words(), **_json(seen)})
        return
    output.say(
        f"{found.segment}: {found.when.words()}\n"
        f"{seen.matching:,} of {output.count_of(seen.accounts, 'account')} match;"
        f" of {seen.unknown:,} it is not known, because data is missing.\n"
        f"Looking at everybody took {seen.seconds:.2f} s"
        f" and read about {output.count_of(seen.rows, 'row')}."
    )
    if seen.sample:
        output.say("")
        output.table(["account", "~name"], seen.sample)


def _json(seen: Preview) -> dict[str, Any]:
    return {
        "accounts": seen.accounts, "matching": seen.matching, "unknown": seen.unknown,
        "sample": [{"account": id, "name": name} for id, name in seen.sample],
        "cost": {"seconds": seen.seconds, "rows_estimated": seen.rows},
    }  # fmt: skip


def _wanted(segment: str, folder: Path) -> Segment | None:
    """The segment of a file, or of the content folder; None if it is in neither."""
    from digital_cs.catalog.segments import load_segment, load_segments
    from digital_cs.cli import output
    from digital_cs.cli.check import show_problems

    path = Path(segment)
    if path.suffix in (".yaml", ".yml"):
        found, problems = load_segment(path)
    else:
        loaded = load_segments(folder)
        found = loaded.segments.get(segment)
        problems = tuple(p for p in loaded.problems if Path(p.file).stem == segment)
    errors = [each for each in problems if each.severity == "error"]
    if errors:
        show_problems(errors)
        output.complain("Correct what stands above first.")
        raise typer.Exit(1)
    return found


def _without_unknown(segment: Segment, folder: Path, known: set[str]) -> Any:
    """The rule, with those of files in the place of segments that are not published."""
    from digital_cs.catalog.segments import load_segments, spelled_out_rule
    from digital_cs.domain.rules.segment import segments_named
    from digital_cs.errors import NotFoundError

    files = {n: s for n, s in load_segments(folder).segments.items() if n not in known}
    rule = spelled_out_rule(segment, files)
    absent = sorted(segments_named(rule) - known)
    if absent:
        raise NotFoundError(
            f"The rule names the segment '{absent[0]}', which is neither published nor in"
            f" {folder / 'segments'}. Check the name."
        )
    return rule


def explain(
    segment: Annotated[
        str, typer.Argument(help="Name of a published segment.", show_default=False)
    ],
    account: Annotated[str, typer.Argument(help="Id of the account.", show_default=False)],
    as_json: Json = False,
) -> None:
    """Say why an account belongs or does not: each condition, what is found, and how old that is.

    A member stays a member while the answer is not known: missing data takes nobody out.
    """
    from digital_cs.cli import output
    from digital_cs.cli.connection import ask
    from digital_cs.temporal.segments import explain as explained

    found = ask(lambda gateway: explained(gateway, segment, account))
    output.emit(found) if as_json else _print(found)


def _print(found: Explanation) -> None:
    from digital_cs.cli import output

    member = f"a member since {output.when(found.since)}" if found.since else "not a member"
    output.say(
        f"{found.account} is {member} of {found.segment}."
        f" The rule says now: {_verdict(found.verdict)}."
    )
    output.say("")
    output.table(
        ["answer", "~condition", "~found", "~data", "as of"],
        ([_verdict(each.verdict), f"{'  ' * each.depth}{each.words}", each.figure,
          DATA.get(each.data or ""), _age(each, found)] for each in found.answers),
    )  # fmt: skip
    if found.flips is not None:
        output.say(f"\nTime alone may change this on {output.when(found.flips)}.")
    for change in found.history[:5]:
        output.say(f"{output.stamp(change.at)} UTC  {change.kind}. {change.because}")


def _verdict(verdict: str) -> str:
    return "not known" if verdict == "unknown" else str(verdict)


def _age(answer: Answer, found: Explanation) -> str | None:
    from digital_cs.cli.output import distance

    if answer.data is None:
        return None
    if answer.data == "ours":
        return "now"
    if answer.as_of is None:
        return "never heard of"
    return distance(answer.as_of, found.at)
