"""What people may ask of newsletters and their issues; refusals are sentences."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Any

from psycopg import AsyncConnection

from digital_cs.domain.newsletters.issue import BEFORE_IT_LEAVES, State
from digital_cs.domain.newsletters.issue_plan import IssuePlan, plan_issue
from digital_cs.domain.newsletters.newsletter import Filler, Newsletter
from digital_cs.domain.timing.business_calendar import BusinessCalendar
from digital_cs.domain.timing.zone import load_zone
from digital_cs.errors import NotFoundError, UsageError
from digital_cs.rendering.issue_text import Part, issue_source
from digital_cs.rendering.library import EmailLibrary
from digital_cs.store.newsletters import issue_texts, issues, newsletters
from digital_cs.store.newsletters.issues import IssueRow
from digital_cs.temporal import issue_answers, newsletter_recall
from digital_cs.temporal.issue_answers import IssueStateError, Seen, still_open
from digital_cs.temporal.issue_planning import only_one, plan_due, sensible_day
from digital_cs.temporal.newsletter_recall import Recalled

if TYPE_CHECKING:
    from digital_cs.temporal.gateway import Gateway

Connection = AsyncConnection[Any]


@dataclass(frozen=True, slots=True)
class Publishing:
    """What publishing newsletters did: those that say something new, and those retired."""

    new: tuple[str, ...] = ()
    same: tuple[str, ...] = ()
    retired: tuple[str, ...] = ()
    planned: tuple[str, ...] = ()


async def publish(
    gateway: Gateway, wanted: Iterable[Newsletter], calendar: BusinessCalendar, zone: str,
    *, dry_run: bool = False,
) -> Publishing:  # fmt: skip
    """Have newsletters come out as their files say; those without a file come out no more.

    An issue that is open already keeps what its newsletter said when it was planned.
    """
    now = gateway.clock.now()
    new: list[str] = []
    same: list[str] = []
    retired: list[str] = []
    async with (
        gateway.pool.connection() as connection,
        connection.transaction(force_rollback=dry_run),
    ):
        known = {each.newsletter.newsletter for each in await newsletters.published(connection)}
        for each in wanted:
            known.discard(each.newsletter)
            changed = await newsletters.publish(connection, each, now)
            (new if changed else same).append(each.newsletter)
        for name in sorted(known):
            await newsletters.retire(connection, name, now)
            retired.append(name)
        planned = await plan_due(connection, calendar, zone, now)
    return Publishing(tuple(new), tuple(same), tuple(retired), tuple(planned))


async def plan_extra(
    gateway: Gateway, newsletter: str, day: date, by: str, calendar: BusinessCalendar
) -> str:
    """Plan an issue on a day that is not of the rhythm. Returns its id."""
    now = gateway.clock.now()
    async with gateway.pool.connection() as connection, connection.transaction():
        found = await newsletters.get(connection, newsletter)
        if found is None or found.retired_at is not None:
            raise NotFoundError(
                f"No newsletter '{newsletter}' is published. `digital-cs newsletter list` names"
                " those that are."
            )
        sensible_day(day, calendar, now)
        await only_one(connection, newsletter, day)
        id = await issues.plan_another(connection, found.newsletter, day, now)
        await issue_texts.say_anew(connection, id)
        await issues.note(connection, id, by, "Planned, beside the rhythm.", now)
    return id


async def write(
    gateway: Gateway, library: EmailLibrary, id: str, section: str, text: str, by: str
) -> bool:
    """Write a section of an issue; an empty text takes it back. False if it says so already.

    Raises UsageError with file and line of what is wrong in the text.
    """
    now = gateway.clock.now()
    async with gateway.pool.connection() as connection, connection.transaction():
        row = await still_open(connection, id, "be written")
        wanted = next((s for s in row.newsletter.sections if s.section == section), None)
        if wanted is None or wanted.filler is not Filler.TEXT:
            there = [s.section for s in row.newsletter.sections if s.filler is Filler.TEXT]
            raise UsageError(
                f"'{section}' is not a section that somebody writes: {', '.join(there) or 'none'}."
            )
        _check(library, row.newsletter, section, text)
        before = (await issue_texts.texts(connection, id)).get(section)
        changed = await issue_texts.write(connection, row, section, text, by, now)
        if changed:
            took_back = " The approval is void." if row.approved_hash else ""
            if before is not None and before.signed:
                took_back += " What was signed off is not that any more."
            words = f"{'Wrote' if text.strip() else 'Took back'} the section {section}.{took_back}"
            await issues.note(connection, id, by, words, now)
            await issues.touched(connection, id)
    return changed


async def entitle(
    gateway: Gateway, id: str, subject: str | None, preview: str | None, by: str
) -> bool:
    """Give an issue a subject and a preview of its own."""
    now = gateway.clock.now()
    async with gateway.pool.connection() as connection, connection.transaction():
        await still_open(connection, id, "be renamed")
        changed = await issue_texts.entitle(connection, id, subject, preview)
        if changed:
            await issues.note(connection, id, by, "Gave it another subject or preview.", now)
            await issues.touched(connection, id)
    return changed


async def sign(
    gateway: Gateway, id: str, section: str, by: str, *, seen: str | None = None
) -> None:
    """Agree to what a section says; `seen` as in `issue_answers.sign`."""
    async with gateway.pool.connection() as connection, connection.transaction():
        await issue_answers.sign(connection, id, section, by, gateway.clock.now(), seen)


async def approve(gateway: Gateway, id: str, by: str, *, seen: str | None = None) -> IssueRow:
    """Approve exactly what was put together; a later change takes it back (P21).

    `seen` is the beginning of the hash of the texts that were looked at: others are not approved.
    """
    async with gateway.pool.connection() as connection, connection.transaction():
        looked_at = Seen(seen) if seen is not None else None
        done = await issue_answers.approve(connection, id, by, gateway.clock.now(), looked_at)
    if done.gone:
        raise IssueStateError(done.refusal)
    return done.issue


async def want_change(
    gateway: Gateway, id: str, because: str, by: str, *, section: str = "", seen: str | None = None
) -> None:
    """Ask for a change of a section, or ("") of what was put together, and say why.

    `seen` is the beginning of the hash of what was looked at: of nothing else it is asked.
    """
    now = gateway.clock.now()
    async with gateway.pool.connection() as connection, connection.transaction():
        if section:
            await issue_answers.want_section_change(connection, id, section, because, by, now, seen)
        else:
            looked_at = Seen(seen) if seen is not None else None
            await issue_answers.want_change(connection, id, because, by, now, looked_at)


async def recall(gateway: Gateway, id: str, because: str, by: str) -> Recalled:
    """Call an issue back, before or after it began to leave (`newsletter_recall`)."""
    return await newsletter_recall.recall(gateway, id, because, by)


async def skip(gateway: Gateway, id: str, because: str, by: str) -> None:
    """Leave an issue out. It is told to nobody, and the next one comes as planned."""
    now = gateway.clock.now()
    async with gateway.pool.connection() as connection, connection.transaction():
        await still_open(connection, id, "be left out")
        await issues.change(connection, id, BEFORE_IT_LEAVES, state=State.SKIPPED, next_at=None)
        await issues.note(connection, id, by, f"Left it out: {because}", now)
        await issues.touched(connection, id)


async def move(gateway: Gateway, id: str, day: date, by: str, calendar: BusinessCalendar) -> None:
    """Send an issue on another day; what is due is counted back from that one. If that is far, it
    is open again."""
    now = gateway.clock.now()
    async with gateway.pool.connection() as connection, connection.transaction():
        row = await still_open(connection, id, "be moved")
        sensible_day(day, calendar, now, begun=bool(row.corrects))
        if day == row.send_on:
            return
        await only_one(connection, row.newsletter.newsletter, day)
        # What it shows depends on its day, so it is put together anew; if it says what was approved
        # then, it is approved still.
        await issues.change(connection, id, BEFORE_IT_LEAVES, send_on=day, frozen_hash=None)
        words = f"Moved it from {row.send_on} to {day}."
        await issues.note(connection, id, by, words, now)
        await issues.touched(connection, id)


def plan_of(row: IssueRow, calendar: BusinessCalendar, zone: str) -> IssuePlan:
    """The days of an issue."""
    return plan_issue(
        row.newsletter, row.send_on, load_zone(zone), calendar, corrects=bool(row.corrects)
    )


def _check(library: EmailLibrary, newsletter: Newsletter, section: str, text: str) -> None:
    """Whether the text can stand in an e-mail, by itself."""
    if not text.strip():
        return
    source = issue_source(newsletter, [Part(text=text)], subject=section, preview=section)
    first = source[: source.index(text.strip())].count("\n")
    _, problems = library.compile_text(section, source)
    errors = [each for each in problems if each.severity == "error" and each.file == section]
    if errors:
        said = "\n".join(
            f"{section}:{max(each.line - first, 1)}:{each.column}: {each.message}"
            f" {each.suggestion or ''}".rstrip()
            for each in errors
        )
        raise UsageError(f"The text cannot be used:\n{said}")
