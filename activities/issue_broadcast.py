"""An issue on its way: handed to a broadcast, closed when all is sent, and reported later."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from psycopg_pool import AsyncConnectionPool

from digital_cs.domain.broadcast import BroadcastPlan, BroadcastState, approval_hash
from digital_cs.domain.issue import State
from digital_cs.domain.issue_words import Told, report_words
from digital_cs.domain.newsletter import Filler
from digital_cs.domain.program import Window
from digital_cs.rendering.issue_text import merged_text, texts_hash, with_merged
from digital_cs.rendering.library import EmailLibrary
from digital_cs.store import broadcasts, issue_readers, issue_sending, issues, topic_coverage
from digital_cs.store.issue_readers import VariantView
from digital_cs.store.issue_sending import Waiting
from digital_cs.store.issues import ENGINE, Connection, IssueRow

EVENING = "20:00"
"""Until when a reader gets it who could not get it at its hour."""
_CHANGED = (
    "A block or the layout was changed after it was approved: it is put together anew, and not sent"
    " until that is approved."
)
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
        sets: dict[tuple[str, tuple[str, ...]], list[Waiting]] = defaultdict(list)
        for each in await issue_sending.waiting(connection, row.id, now):
            if all(self._library.source(email) is not None for email in each.emails):
                sets[each.variant, each.emails].append(each)
        texts, chosen = {}, {}
        ranked = sorted(sets.items(), key=lambda each: (-len(each[1]), each[0]))
        for number, ((variant, emails), readers) in enumerate(ranked[:MOST_MERGED], start=1):
            found = [source for email in emails if (source := self._library.source(email))]
            text = with_merged(sources[variant], merged_text(title, found))
            template, _ = self._library.compile_text(row.id, text)
            if template is not None:  # else they wait on: better later than broken
                name = f"{variant or 'plain'}-m{number}"
                texts[name], chosen[name] = text, readers
        await issue_sending.take(connection, row.id, chosen, now)
        return texts

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
                await issue_sending.close_merges(connection, row.id, name, now)
                found = await broadcasts.get(connection, row.id)
                stopped = found is not None and found.state is BroadcastState.CANCELLED
                words = "The rest was not sent." if stopped else "All of it was sent."
                await issues.note(connection, row.id, ENGINE, words, now)

    async def report(self, row: IssueRow, now: datetime) -> Told | None:
        """Count what became of it, keep that, and say it to the owner."""
        if row.broadcast_id is None:
            return None
        async with self._pool.connection() as connection, connection.transaction():
            found = await issue_sending.report(connection, row.broadcast_id)
            kept = {
                "states": dict(found.states), "variants": dict(found.variants),
                "readers": found.readers, "clickers": found.clickers,
                "clicks": dict(found.clicks), "left": found.left, "at": now.isoformat(),
            }  # fmt: skip
            await issues.keep_report(connection, row.id, kept)
        return report_words(row.newsletter, row.id, row.send_on, kept)


def plan_of(row: IssueRow) -> BroadcastPlan:
    """The broadcast of an issue: its audience, at its hour where each reader is."""
    newsletter = row.newsletter
    hours = f"{newsletter.at:%H:%M}-{EVENING if f'{newsletter.at:%H:%M}' < EVENING else '23:59'}"
    return BroadcastPlan(
        audience=newsletter.audience.segment, to=newsletter.audience.to, topic=newsletter.topic,
        useful_for=newsletter.useful_for, at=datetime.combine(row.send_on, newsletter.at),
        send_window=Window(days="every day", hours=hours),
    )  # fmt: skip
