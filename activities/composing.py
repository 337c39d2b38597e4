"""Composing: an issue put together, one text for each of its variants."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from pathlib import Path
from typing import Any

from psycopg import AsyncConnection

from digital_cs.catalog.events import load_events
from digital_cs.domain.newsletters.issue_plan import next_send_days
from digital_cs.domain.newsletters.newsletter import VARYING, Filler, Newsletter, Section
from digital_cs.domain.newsletters.variants import Variant, choose
from digital_cs.domain.problem import Problem
from digital_cs.domain.timing.business_calendar import BusinessCalendar
from digital_cs.errors import DigitalCsError
from digital_cs.rendering.issue_text import (
    MERGED_HERE,
    Part,
    Shown,
    issue_source,
    summary_of,
    texts_hash,
    web_view,
    with_merged,
)
from digital_cs.rendering.library import EmailLibrary
from digital_cs.store.newsletters import issue_items, issue_readers, issue_texts
from digital_cs.store.newsletters.issue_items import ItemText
from digital_cs.store.newsletters.issue_readers import Candidate
from digital_cs.store.newsletters.issues import IssueRow
from digital_cs.store.rules.condition_sql import compile_condition

Connection = AsyncConnection[Any]
A_DAY = timedelta(days=1)
NEWS_OF = timedelta(days=60)
"""What the first issue takes for new."""


class IssueTextError(DigitalCsError, ValueError):
    """The issue cannot be put together: something in its texts is wrong."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        said = "; ".join(f"{each.message} {each.suggestion or ''}".strip() for each in problems)
        super().__init__(f"The issue cannot be put together: {said}")


@dataclass(frozen=True, slots=True)
class Question:
    """A question that many asked, and the item of the library that answers it."""

    topic: str
    title: str
    item: str


Questions = Callable[[datetime], Awaitable[Sequence[Question]]]
"""The questions that a newsletter may answer now, the most asked first."""


@dataclass(slots=True)
class _Filled:
    """The sections of an issue: what all readers see, and what some may."""

    parts: dict[str, Part]
    everybody: list[str]
    candidates: list[Candidate]
    items: dict[str, ItemText]
    headings: dict[str, str]
    answers: dict[str, str]


class Composer:
    """Puts issues together from what was written, the library, the topics and the events."""

    def __init__(
        self, library: EmailLibrary, content_dir: Path, public_url: str, questions: Questions
    ) -> None:
        self._library = library
        self._content_dir = content_dir
        self._public_url = public_url
        self._questions = questions

    async def compose(
        self, connection: Connection, row: IssueRow, calendar: BusinessCalendar, now: datetime
    ) -> str:
        """Fix the readers of an issue and its variants; the hash of its texts. Call it in a
        transaction.

        Raises IssueTextError, then nothing may be kept of it.
        """
        newsletter = row.newsletter
        filled = await self._fill(connection, row, calendar, now)
        audience = compile_condition(newsletter.audience.segment, "aud")
        wishes = await issue_readers.gather(
            connection, row.id, audience, filled.candidates, now, calendar, corrects=row.corrects
        )
        choice = choose(wishes, newsletter.variants)
        sources = {each.name: self._source(row, filled, each) for each in choice.variants}
        hashes = self._hashes(row, sources)
        shown = {each.name: [*filled.everybody, *each.items] for each in choice.variants}
        await issue_readers.settle(connection, row.id, choice, sources, shown, filled.answers)
        return texts_hash(hashes)

    async def _fill(
        self, connection: Connection, row: IssueRow, calendar: BusinessCalendar, now: datetime
    ) -> _Filled:
        newsletter, today = row.newsletter, row.send_on
        written = await issue_texts.texts(connection, row.id)
        filled = _Filled({}, [], [], {}, {}, {})
        for section in newsletter.sections:
            match section.filler:
                case Filler.TEXT:
                    text = written.get(section.section)
                    part = Part(section.title, text.text) if text else Part()
                    filled.parts[section.section] = part
                case Filler.COMING_UP:
                    id = newsletter.newsletter
                    last = await issue_items.last_issue_day(connection, id, today)
                    since = last or today - NEWS_OF
                    found = await issue_items.news(connection, since, today, section.at_most)
                    filled.everybody += [each.id for each in found]
                    shown = tuple(_shown(each) for each in found)
                    filled.parts[section.section] = Part(section.title, items=shown)
                case Filler.EVENTS:
                    filled.parts[section.section] = self._events(section, row, calendar)
                case Filler.WORTH_KNOWING:
                    await self._worth_knowing(connection, section, row, filled)
                case Filler.TOP_QUESTIONS:
                    await self._top_questions(connection, section, row, filled, now)
                case Filler.MERGED:
                    filled.parts[section.section] = MERGED_HERE
        return filled

    def _events(self, section: Section, row: IssueRow, calendar: BusinessCalendar) -> Part:
        """What begins after the day of sending, until a week after the next issue is out: that of
        the rhythm after its own, though it was moved to a day before."""
        after = next_send_days(row.newsletter, max(row.send_on, row.day), calendar)
        until = (after[0] if after else row.send_on + 31 * A_DAY) + 7 * A_DAY
        begin = datetime.combine(row.send_on + A_DAY, time(), UTC)
        end = datetime.combine(until, time(), UTC)
        found = load_events(self._content_dir).events.between(begin, end)[: section.at_most]
        items = tuple(
            Shown(each.title, each.url, f"{each.when()}. {each.about}".strip()) for each in found
        )
        return Part(section.title, items=items)

    async def _worth_knowing(
        self, connection: Connection, section: Section, row: IssueRow, filled: _Filled
    ) -> None:
        places = [each.show for each in section.suggestions]
        found = await issue_items.by_place(connection, places, row.send_on)
        for number, each in enumerate(section.suggestions):
            item = found.get(each.show)
            if item is not None and item.id not in filled.items:
                filled.items[item.id] = item
                filled.candidates.append(
                    Candidate(
                        section.section, section.at_most, item.id, item.url,
                        of=compile_condition(each.to, f"w{number}"),
                    )
                )  # fmt: skip

    async def _top_questions(
        self, connection: Connection, section: Section, row: IssueRow, filled: _Filled,
        now: datetime,
    ) -> None:  # fmt: skip
        asked = await self._questions(now)
        found = await issue_items.by_id(connection, [each.item for each in asked], row.send_on)
        for each in asked:
            item = found.get(each.item)
            if item is not None and item.id not in filled.items:
                filled.items[item.id] = item
                filled.headings[item.id] = each.title
                filled.answers[item.id] = each.topic
                filled.candidates.append(
                    Candidate(section.section, section.at_most, item.id, item.url, each.topic)
                )

    def _source(self, row: IssueRow, filled: _Filled, variant: Variant) -> str:
        """The text of a variant: sections in their order, each with its items."""
        newsletter = row.newsletter
        section_of = {each.item: each.section for each in filled.candidates}
        parts = []
        for section in newsletter.sections:
            if section.filler in VARYING:
                items = [
                    _shown(filled.items[item])
                    for item in variant.items
                    if section_of[item] == section.section
                ]
                parts.append(Part(section.title, items=tuple(items)))
            else:
                parts.append(filled.parts[section.section])
        parts.append(web_view(self.page(newsletter, row, variant)))
        return issue_source(newsletter, parts, subject=row.subject, preview=row.preview)

    def page(self, newsletter: Newsletter, row: IssueRow, variant: Variant) -> str:
        """Where a variant of an issue can be read by anybody."""
        tail = f"/{variant.name}" if variant.name else ""
        return f"{self._public_url}/n/{row.id}{tail}"

    def _hashes(self, row: IssueRow, sources: Mapping[str, str]) -> dict[str, str]:
        """The source hash of each text. Raises IssueTextError if one cannot be sent."""
        hashes = {}
        for name, source in sources.items():
            text = with_merged(source, "")
            template, problems = self._library.compile_text(f"the issue of {row.day}", text)
            errors = [each for each in problems if each.severity == "error"]
            if template is None or errors:
                raise IssueTextError(errors or problems)
            hashes[name] = template.source_hash
        return hashes


def _shown(item: ItemText) -> Shown:
    return Shown(item.title, item.url, summary_of(item.body, (item.title, *item.headings)), item.id)
