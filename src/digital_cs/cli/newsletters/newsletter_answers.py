"""`digital-cs newsletter sign | approve | change`: what is answered about an issue."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, Annotated

import typer

from digital_cs.cli.newsletters.newsletter import Because, IssueId, SectionName, calendar_for
from digital_cs.cli.options import By, Json, actor

if TYPE_CHECKING:
    from digital_cs.store.newsletters.issues import IssueRow
    from digital_cs.temporal.gateway import Gateway

Text = Annotated[
    str | None, typer.Option(help="Only if it says what the mail with this mark was about.")
]


def sign(issue: IssueId, section: SectionName, text: Text = None, by: By = None,
         as_json: Json = False) -> None:  # fmt: skip
    """Sign a section off: what it says now is right. A later change takes that back."""
    from digital_cs.cli import output
    from digital_cs.cli.connection import ask
    from digital_cs.temporal import newsletters

    ask(lambda gateway: newsletters.sign(gateway, issue, section, actor(by), seen=text))
    if as_json:
        output.emit({"issue": issue, "section": section, "signed_by": actor(by)})
    else:
        output.say(f"{section} is signed off.")


def approve(issue: IssueId, text: Text = None, by: By = None, as_json: Json = False) -> None:
    """Approve exactly what was put together. A later change takes the approval back."""
    from digital_cs.cli import output
    from digital_cs.cli.connection import ask, find_settings
    from digital_cs.cli.newsletters.newsletter_words import facts_of
    from digital_cs.domain.newsletters.issue_plan import next_free_day
    from digital_cs.domain.newsletters.issue_words import at_once, at_once_words
    from digital_cs.temporal import newsletters

    zone = find_settings().settings.workspace_zone

    async def question(gateway: Gateway) -> tuple[IssueRow, date, bool]:
        row = await newsletters.approve(gateway, issue, actor(by), seen=text)
        calendar, now = await calendar_for(gateway), gateway.clock.now()
        plan = newsletters.plan_of(row, calendar, zone)
        day = next_free_day(now, calendar) if now >= plan.too_late_at else row.send_on
        return row, day, at_once(plan, now)

    row, goes_on, soon = ask(question)
    if as_json:
        output.emit({**facts_of(row), "goes_on": goes_on})
        return
    if soon:
        output.say(f"Approved. {at_once_words(row.newsletter)}")
        return
    moved = "" if goes_on == row.send_on else ", for its own day has begun in some places"
    output.say(f"Approved. It goes out on {goes_on:%A %-d %B}{moved}, to each in their morning.")


def change(
    issue: IssueId,
    because: Because,
    section: Annotated[
        str, typer.Option(help="Of this section, else of what was put together.")
    ] = "",
    text: Text = None,
    by: By = None,
    as_json: Json = False,
) -> None:
    """Ask for a change instead of saying yes. Whoever writes it is told why."""
    from digital_cs.cli import output
    from digital_cs.cli.connection import ask
    from digital_cs.temporal import newsletters

    ask(
        lambda gateway: newsletters.want_change(
            gateway, issue, because, actor(by), section=section, seen=text
        )
    )
    if as_json:
        output.emit({"issue": issue, "section": section or None, "refused_by": actor(by),
                     "because": because})  # fmt: skip
    else:
        output.say("Kept. Whoever writes it is told, and you are asked again about the new text.")


COMMANDS = (
    (sign, "Example: digital-cs newsletter sign lantern-letter/2026-12-01 in-depth --by dana"),
    (approve, "Example: digital-cs newsletter approve lantern-letter/2026-12-01 --by maya"),
    (
        change,
        'Example: digital-cs newsletter change lantern-letter/2026-12-01 --because "Wrong date"',
    ),
)
"""Each command that answers, with its example."""
