"""An issue on its way: handed to a broadcast, closed when all is sent, and reported later."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from psycopg_pool import AsyncConnectionPool

from digital_cs.domain.content.stale_rule import resolve
from digital_cs.domain.newsletters import issue_report
from digital_cs.domain.newsletters.issue import Reach, State
from digital_cs.domain.newsletters.issue_words import Told
from digital_cs.domain.newsletters.newsletter import Filler
from digital_cs.domain.newsletters.variants import with_messages
from digital_cs.domain.programs.program import Window
from digital_cs.domain.sending.broadcast import BroadcastPlan, BroadcastState, approval_hash
from digital_cs.errors import DigitalCsError
from digital_cs.rendering.compiler import EmailTemplate
from digital_cs.rendering.issue_text import merged_text, texts_hash, with_merged
from digital_cs.rendering.library import EmailLibrary
from digital_cs.store.broadcasts import broadcasts
from digital_cs.store.content import doubts
from digital_cs.store.newsletters import (
    issue_figures,
    issue_merges,
    issue_readers,
    issue_recalls,
    issue_sending,
    issues,
)
from digital_cs.store.newsletters.issue_merges import Copy, Riding, Waiting
from digital_cs.store.newsletters.issue_readers import VariantView
from digital_cs.store.newsletters.issues import ENGINE, Connection, IssueRow
from digital_cs.store.sending import policies
from digital_cs.store.support import topic_coverage

EVENING = "20:00"
"""Until when a reader gets it who could not get it at its hour."""
_CHANGED = (
    "A block or the layout was changed after it was approved: it is put together anew, and not sent"
    " until that is approved."
)
_ACCOUNTS = re.compile(r"\baccount\.|\bcontact\.role\b")
A_DAY = timedelta(days=1)
MOST_MERGED = 200
"""So many different sets of merged messages get texts of their own; the rest waits on."""


class IssueBroadcast:
    """Everything between an issue and the broadcast that it becomes."""

    def __init__(self, *, pool: AsyncConnectionPool[Any], library: EmailLibrary) -> None:
        self._pool = pool
        self._library = library

    async def send(self, row: IssueRow, now: datetime) -> None:
        """Let an approved issue go: one transaction, so that there is one broadcast or none."""
        async with self._pool.connection() as connection, connection.transaction():
            variants = await issue_readers.variants(connection, row.id)
            texts = {each.name: with_merged(each.source, "") for each in variants}
            if self._says(row, texts) != row.approved_hash:
                # A block or the layout was changed, and with it what readers would get (P21).
                if await issues.change(
                    connection, row.id, (State.LEAVING,), seen=row.revision, state=State.FROZEN,
                    frozen_hash=None, leaves_at=None,
                ):  # fmt: skip
                    await issues.note(connection, row.id, ENGINE, _CHANGED, now)
            elif await issues.change(
                connection, row.id, (State.LEAVING,), seen=row.revision, state=State.SENDING,
                broadcast_id=row.id,
            ):  # fmt: skip
                await self._plan(connection, row, variants, texts, now)
                await issues.note(connection, row.id, ENGINE, "Being sent.", now)

    async def _plan(
        self, connection: Connection, row: IssueRow, variants: Sequence[VariantView],
        texts: Mapping[str, str], now: datetime,
    ) -> None:  # fmt: skip
        newsletter = row.newsletter
        by = row.approved_by or newsletter.owner
        plan = plan_of(row)
        name = f"{newsletter.name}, {row.send_on}"
        await broadcasts.save_draft(connection, row.id, name, newsletter.owner, plan, None, by, now)
        await issue_sending.choose_variants(connection, row.id, row.id)
        if row.corrects_for == Reach.MISSED:
            await issue_recalls.spare_who_had_it(connection, row.id, newsletter.topic, now)
        sources = {each.name: each.source for each in variants}
        texts = {**texts, **await self._merged(connection, row, sources, now)}
        await broadcasts.save_texts(connection, row.id, texts)
        hash = approval_hash(plan, self._hashes(row, texts))
        await broadcasts.approve(connection, row.id, hash, by, now)
        await broadcasts.start(connection, row.id, plan, by, now)
        answered = {topic for each in variants if each.accounts for topic in each.topics}
        await topic_coverage.cover(connection, answered, row.send_on, row.id, now, name)

    async def _merged(
        self, connection: Connection, row: IssueRow, sources: Mapping[str, str], now: datetime
    ) -> dict[str, str]:
        """Texts with messages that waited, a variant for each set of them; and they are taken."""
        title = next((s.title for s in row.newsletter.sections if s.filler is Filler.MERGED), None)
        if title is None:
            return {}
        waiting, copies = await issue_merges.waiting(connection, row.id, now)
        emails = await self._fit(connection, {each.email for each in waiting}, now)
        alike: dict[tuple[str, tuple[str, ...]], list[Riding]] = defaultdict(list)
        for copy, along in riding(waiting, copies, emails):
            names = tuple(dict.fromkeys(each.email for each in along))
            keys = tuple(each.key for each in along)
            alike[copy.variant, names].append(Riding(copy, "", keys))
        texts: dict[str, str] = {}
        taken: list[Riding] = []
        ranked = sorted(alike.items(), key=lambda each: (-len(each[1]), each[0]))
        for number, ((variant, names), found) in enumerate(ranked[:MOST_MERGED], start=1):
            files = {name: emails[name].recipe.source for name in names}
            text = with_merged(sources[variant], merged_text(title, files))
            template, _ = self._library.compile_text(row.id, text)
            if template is not None:  # else they wait on: better later than broken
                name = with_messages(variant, number)
                texts[name] = text
                taken += [replace(each, variant=name) for each in found]
        await issue_merges.take(connection, row.id, taken, now)
        return texts

    async def _fit(
        self, connection: Connection, names: Iterable[str], now: datetime
    ) -> dict[str, EmailTemplate]:
        """Those of these e-mails that may go out as they are now (P25)."""
        policy = (await policies.current(connection)).policy.content.stale
        fit = {}
        for name in names:
            try:
                template = self._library.get(name)
            except DigitalCsError:  # its author is told elsewhere
                continue
            found = await doubts.read(connection, template.content, now.date())
            shown = resolve(
                template.content, found, policy, due_at=now, useful_until=now + A_DAY, now=now
            )
            if shown.wait is None:
                fit[name] = template
        return fit

    async def says_the_same(self, row: IssueRow) -> bool:
        """Whether readers would get what was put together: blocks and the layout are as then."""
        async with self._pool.connection() as connection:
            variants = await issue_readers.variants(connection, row.id)
        texts = {each.name: with_merged(each.source, "") for each in variants}
        return self._says(row, texts) == row.texts_hash

    def _says(self, row: IssueRow, texts: Mapping[str, str]) -> str | None:
        """The hash of what readers would get now; None if a text cannot be used any more."""
        hashes = self._hashes(row, texts)
        return texts_hash(hashes) if len(hashes) == len(texts) else None

    def _hashes(self, row: IssueRow, texts: Mapping[str, str]) -> dict[str, str]:
        found = {name: self._library.compile_text(row.id, text)[0] for name, text in texts.items()}
        return {name: each.source_hash for name, each in found.items() if each is not None}

    async def close(self, row: IssueRow, now: datetime) -> None:
        """All is sent, or called back: of the merged messages that went the ledger says so."""
        name = f"{row.newsletter.name} of {row.send_on:%-d %b %Y}"
        async with self._pool.connection() as connection, connection.transaction():
            if await issues.change(
                connection, row.id, (State.SENDING,), state=State.SENT, sent_at=now
            ):
                await issue_merges.close(connection, row.id, name, now)
                found = await broadcasts.get(connection, row.id)
                stopped = found is not None and found.state is BroadcastState.CANCELLED
                words = "All of it was sent."
                if stopped:
                    words = (await issue_recalls.reached(connection, row.id)).words()
                await issues.note(connection, row.id, ENGINE, words, now)

    async def report(self, row: IssueRow, now: datetime) -> Told | None:
        """Count what became of it, keep that, and say it to the owner."""
        if row.broadcast_id is None:
            return None
        async with self._pool.connection() as connection, connection.transaction():
            found = await issue_figures.count(connection, row.broadcast_id)
            recall = await issue_recalls.recall_of(connection, row)
            kept = {**found.to_json(), "at": now.isoformat()}
            await issues.keep_report(connection, row.id, kept)
        return issue_report.told(row.newsletter, row.id, row.send_on, found, recall)


def riding(
    waiting: Iterable[Waiting], copies: Iterable[Copy], emails: Mapping[str, EmailTemplate]
) -> Iterator[tuple[Copy, list[Waiting]]]:
    """Which messages go along with which copy, if with any. Only one copy reaches a person (P2).

    What waits for one account goes along with the copy for another where that says the same: it
    prints nothing of the account, or the same e-mail waits for that account as well.
    """
    of_person: dict[str, list[Waiting]] = defaultdict(list)
    for each in waiting:
        if each.email in emails:
            of_person[each.person].append(each)
    for copy in copies:
        of_copy = of_person[copy.person]
        own = {each.email for each in of_copy if each.account_id == copy.account_id}
        neutral = {each.email for each in of_copy if not _of_account(emails[each.email])}
        if along := [each for each in of_copy if each.email in own | neutral]:
            yield copy, along


def _of_account(email: EmailTemplate) -> bool:
    """Whether it says something else for another account of the same person. Its footer and layout
    do not go along."""
    left = (email.recipe.blocks[email.blocks[-1]].file, email.recipe.layout.file)
    return any(_ACCOUNTS.search(tag.code) for tag in email.tags if tag.file not in left)


def plan_of(row: IssueRow) -> BroadcastPlan:
    """The broadcast of an issue: its audience, at its hour where each reader is."""
    newsletter = row.newsletter
    hours = f"{newsletter.at:%H:%M}-{EVENING if f'{newsletter.at:%H:%M}' < EVENING else '23:59'}"
    return BroadcastPlan(
        audience=newsletter.audience.segment, to=newsletter.audience.to, topic=newsletter.topic,
        useful_for=newsletter.useful_for, at=datetime.combine(row.send_on, newsletter.at),
        send_window=Window(days="every day", hours=hours),
    )  # fmt: skip
