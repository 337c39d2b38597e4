"""What the pages about an issue show: how far it is, what would go out, and what changed."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from psycopg import AsyncConnection

from digital_cs.domain.newsletters.issue import State
from digital_cs.domain.newsletters.issue_plan import IssuePlan, next_free_day, plan_issue
from digital_cs.domain.newsletters.issue_words import MARK
from digital_cs.domain.newsletters.variants import Wish
from digital_cs.domain.timing.business_calendar import BusinessCalendar
from digital_cs.rendering.context import SenderView
from digital_cs.rendering.issue_mail import example
from digital_cs.rendering.issue_text import texts_hash
from digital_cs.rendering.library import EmailLibrary
from digital_cs.signing_issues import Invitation
from digital_cs.store.broadcasts import broadcast_progress
from digital_cs.store.broadcasts.broadcast_progress import Progress
from digital_cs.store.content import library
from digital_cs.store.newsletters import issue_items, issue_readers, issue_texts, issues
from digital_cs.store.newsletters.issue_readers import VariantView
from digital_cs.store.newsletters.issue_texts import SectionText
from digital_cs.store.newsletters.issues import IssueRow, Note

Connection = AsyncConnection[Any]

PLAIN = "plain"
"""The name on pages of the variant that has nothing of its own."""
A_SECOND = timedelta(seconds=1)
"""Moments in links are cut to it."""


@dataclass(frozen=True, slots=True)
class TextView:
    """One variant: what it is called, so many accounts get it, and so many of them would have been
    shown more; what it shows of its own; and what it says to one reader."""

    name: str
    accounts: int
    odd: int
    shows: tuple[str, ...]
    subject: str
    text: str


@dataclass(frozen=True, slots=True)
class IssueView:
    """An issue as somebody looks at it who was asked about it.

    `texts`, `odd` (accounts, each with what would suit it) and `gone` (titles of what must not be
    shown any more) are those of what was put together. `since` is what happened after the mail, and
    `moved_to` the day on which it goes if it is approved now, where that is another. It
    `comes_out_otherwise` than it was put together when a block or the layout was changed.
    """

    row: IssueRow
    plan: IssuePlan
    zone: ZoneInfo
    now: datetime
    invitation: Invitation
    texts: tuple[TextView, ...] = ()
    odd: tuple[tuple[str, tuple[str, ...]], ...] = ()
    gone: tuple[str, ...] = ()
    since: tuple[Note, ...] = ()
    section: SectionText | None = None
    progress: Progress | None = None
    moved_to: date | None = None
    comes_out_otherwise: bool = False

    @property
    def other_than_asked(self) -> bool:
        """Whether it says something else than the mail was about."""
        told = self.section.text_hash if self.section else self.row.texts_hash
        return told is not None and told[:MARK] != self.invitation.mark

    @property
    def outdated(self) -> bool:
        """Whether it is to be put together anew before anybody can answer about it."""
        return not self.row.put_together or bool(self.gone) or self.comes_out_otherwise

    @property
    def to_answer(self) -> bool:
        """Whether it can be approved, or be refused."""
        return self.row.state is State.FROZEN and not self.outdated

    @property
    def accounts(self) -> int:
        """How many accounts it is for."""
        return sum(each.accounts for each in self.texts)


async def read(
    connection: Connection, invitation: Invitation, emails: EmailLibrary, sender: SenderView,
    calendar: BusinessCalendar, zone: ZoneInfo, now: datetime,
) -> IssueView | None:  # fmt: skip
    """The issue of an invitation as it is now, None if there is none."""
    row = await issues.get(connection, invitation.issue)
    if row is None:
        return None
    plan = plan_issue(
        row.newsletter, row.send_on, zone, calendar, corrects=bool(row.corrects)
    )  # fmt: skip
    notes = await issues.notes(connection, row.id)
    section = None
    if invitation.section:
        section = (await issue_texts.texts(connection, row.id)).get(invitation.section)
    variants = await issue_readers.variants(connection, row.id) if not invitation.section else []
    odd = await issue_readers.odd_ones(connection, row.id) if variants else []
    titles = await _titles(connection, variants, odd)
    progress = None
    if row.broadcast_id is not None:
        progress = await broadcast_progress.read(connection, row.broadcast_id, now)
    gone: Sequence[str] = ()
    if row.state is State.FROZEN:
        gone = await issue_items.not_showable(connection, row.id, row.send_on)
    texts, says = await asyncio.to_thread(_texts, row, variants, titles, emails, sender)
    late = row.state is State.FROZEN and now >= plan.too_late_at
    return IssueView(
        row=row, plan=plan, zone=zone, now=now, invitation=invitation, texts=texts,
        odd=tuple((account, _named(wish, titles)) for account, wish in odd), gone=tuple(gone),
        since=tuple(note for note in notes if note.at >= invitation.asked_at + A_SECOND),
        section=section, progress=progress,
        moved_to=next_free_day(now, calendar) if late else None,
        comes_out_otherwise=bool(variants) and says != row.texts_hash,
    )  # fmt: skip


async def as_read(
    connection: Connection, issue: str, name: str, emails: EmailLibrary, sender: SenderView
) -> str | None:
    """The HTML of a variant as one reader gets it; None if there is none."""
    row = await issues.get(connection, issue)
    wanted = "" if name == PLAIN else name
    for each in await issue_readers.variants(connection, issue) if row is not None else []:
        if row is not None and each.name == wanted:
            found = await asyncio.to_thread(example, emails, row.newsletter, each.source, sender)
            return found.shown.html if found is not None else None
    return None


def _texts(
    row: IssueRow, variants: Sequence[VariantView], titles: dict[str, str], emails: EmailLibrary,
    sender: SenderView,
) -> tuple[tuple[TextView, ...], str]:  # fmt: skip
    """The variants, and the hash of what they say now, to compare with `texts_hash`."""
    found, hashes = [], {}
    for each in variants:
        one = example(emails, row.newsletter, each.source, sender)
        subject, text = (one.shown.subject, one.shown.text) if one else (row.subject, "")
        hashes[each.name] = one.source_hash if one else ""
        found.append(
            TextView(
                each.name or PLAIN, each.accounts, each.odd, _named(each.items, titles), subject,
                text.strip(),
            )
        )  # fmt: skip
    return tuple(found), texts_hash(hashes)


async def _titles(
    connection: Connection, variants: Sequence[VariantView], odd: Sequence[tuple[str, Wish]]
) -> dict[str, str]:
    ids = {item for each in variants for item in each.items}
    ids |= {item for _, wish in odd for item in wish}
    return {each.id: each.title for each in await library.of_ids(connection, sorted(ids))}


def _named(items: Sequence[str], titles: dict[str, str]) -> tuple[str, ...]:
    return tuple(titles.get(item, item) for item in items)
