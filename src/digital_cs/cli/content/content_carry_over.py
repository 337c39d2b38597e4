"""`digital-cs content carry-over`: e-mails of ours out of the templates of another sender."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from digital_cs.cli.options import Json

if TYPE_CHECKING:
    from collections.abc import Sequence

    from digital_cs.rendering.carry_over.convert import Carried

EXAMPLE = "Example: digital-cs content carry-over ./templates --to content/emails"


def carry_over(
    folder: Annotated[
        Path, typer.Argument(help="The templates: .html files, or .txt alone.", show_default=False,
                             exists=True, file_okay=False),
    ],
    to: Annotated[
        Path | None, typer.Option("--to", help="Where the e-mails go.",
                                  show_default="emails of CONTENT_DIR"),
    ] = None,
    topic: Annotated[
        str, typer.Option(help="Their topic. `service` notices go to everybody.")
    ] = "service",
    owner: Annotated[str, typer.Option(help="Who keeps them true.")] = "programs",
    renamed: Annotated[
        list[str] | None,
        typer.Option("--map", help="A name of theirs and what it is here: support_url=links.app"),
    ] = None,
    replace: Annotated[
        bool, typer.Option("--replace", help="Write over e-mails that are there already.")
    ] = False,
    as_json: Json = False,
) -> None:  # fmt: skip
    """Turn HTML templates with {{names}} in them into e-mails of ours, in Markdown.

    Words, links, buttons, tables, lists and pictures stay; how they look is our layout's. A name
    that we do not know becomes a fact of the account with a default; all are listed, to be looked
    at. Afterwards the e-mails are checked: the exit code is 1 if one of them has an error.
    """
    from digital_cs.catalog.policy import load_policy
    from digital_cs.catalog.programs import email_names
    from digital_cs.cli import output
    from digital_cs.cli.check import show_problems
    from digital_cs.config import load_settings
    from digital_cs.domain.sending.policy import Policy
    from digital_cs.errors import UsageError
    from digital_cs.rendering.carry_over.convert import all_of
    from digital_cs.rendering.library import EmailLibrary

    names = {}
    for pair in renamed or ():
        theirs, sign, ours = pair.partition("=")
        if not (theirs.strip() and sign and ours.strip()):
            raise UsageError(f"'{pair}' is no pair: write --map support_url=links.app.")
        names[theirs.strip()] = ours.strip()
    target = to or load_settings().content_dir / "emails"
    if target.name != "emails":
        raise UsageError(
            f"{target} is not the folder `emails` of a content folder, with blocks and a layout"
            " beside it: nothing could be checked there."
        )
    carried = list(all_of(folder, topic=topic, owner=owner, renamed=names))
    there = [each.name for each in carried if (target / f"{each.name}.md").exists()]
    if there and not replace:
        raise UsageError(
            f"{target} has {', '.join(there[:5])}{' and others' if len(there) > 5 else ''}"
            " already. Say --replace to write over them, or name another folder."
        )
    target.mkdir(parents=True, exist_ok=True)
    for each in carried:
        (target / f"{each.name}.md").write_text(each.text, encoding="utf-8")
    own = {f"{target.parent.name}/emails/{each.name}.md" for each in carried}
    policy = load_policy(target.parent, email_names(target.parent), None).policy or Policy()
    problems = [
        problem for problem in EmailLibrary(target.parent).check(policy.topics)
        if problem.file in own or "/layouts/" in problem.file
    ]  # fmt: skip
    errors = sum(problem.severity == "error" for problem in problems)
    if as_json:
        output.emit({"to": target, "emails": carried, "errors": errors, "problems": problems})
    else:
        _tell(carried, target)
        show_problems(problems)
    if errors:
        raise typer.Exit(1)


def _tell(carried: Sequence[Carried], target: Path) -> None:
    from digital_cs.cli import output

    rows: dict[tuple[str, str, str], int] = {}
    for each in carried:
        for variable in each.variables:
            key = (variable.foreign, variable.ours, variable.default)
            rows[key] = rows.get(key, 0) + 1
    output.table(
        ["~their name", "~is here", "~where there is none", ">e-mails"],
        [[*key, count] for key, count in sorted(rows.items())],
    )
    for each in carried:
        for note in each.notes:
            output.say(f"{each.name}: {note}")
    output.say(
        f"{output.count_of(len(carried), 'e-mail')} in {target}. Look at their subjects and at the"
        " names above, then at `digital-cs message preview`."
    )
