"""`digital-cs newsletter report`: what became of an issue, now or as it was a week after it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from digital_cs.cli.newsletters.newsletter import IssueId
from digital_cs.cli.options import Json

if TYPE_CHECKING:
    from digital_cs.temporal.gateway import Gateway
    from digital_cs.temporal.newsletter_figures import Shown


def report(issue: IssueId, as_json: Json = False) -> None:
    """Show what became of an issue that went out: who has it, who not and why, and who followed it.

    Until its report is made, a week after it, the figures are those of this moment.
    """
    from digital_cs.cli import output
    from digital_cs.cli.connection import ask
    from digital_cs.domain.newsletters.issue_report import lines
    from digital_cs.temporal import newsletter_figures

    async def question(gateway: Gateway) -> Shown:
        return await newsletter_figures.show(gateway, issue)

    found = ask(question)
    if as_json:
        output.emit(
            {"issue": issue, "state": found.row.standing, "final": found.made_at is not None,
             "made_at": found.made_at, **found.figures.to_json(), "recalled": found.recall}
        )  # fmt: skip
        return
    when = "now" if found.made_at is None else f"on {output.stamp(found.made_at)}"
    output.say(f"{found.row.newsletter.name}, {found.row.send_on:%A %-d %B %Y}, counted {when}\n")
    for line in lines(found.figures, found.recall):
        output.say(line)


COMMANDS = ((report, "Example: digital-cs newsletter report lantern-letter/2026-12-01"),)
"""The command, with its example."""
