"""Puts together what newsletters are made of, for the worker."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from psycopg_pool import AsyncConnectionPool
from temporalio.client import Client

from activities.casebook import TeamShelf
from activities.colleagues import Colleagues
from activities.composing import Composer, Question
from activities.enrollments import CalendarShelf
from activities.issue_broadcast import IssueBroadcast
from activities.issue_desk import IssueDesk
from activities.issue_telling import IssueTelling, Links
from activities.issues import IssueActivities
from activities.letters import Sender
from digital_cs.clock import Clock
from digital_cs.config import Settings
from digital_cs.domain.support.topic_rank import Span
from digital_cs.ingest.support.topic_month import TopicMonths
from digital_cs.rendering.context import SenderView
from digital_cs.rendering.library import EmailLibrary
from digital_cs.signing_issues import IssueSigner
from digital_cs.temporal.issue_keeper import IssueKeeper

ASKED_WITHIN = timedelta(days=30)
"""The questions of an issue are those of so long before it is put together."""


@dataclass(frozen=True, slots=True)
class Newsletters:
    """The parts of a worker that see to newsletters."""

    activities: IssueActivities
    keeper: IssueKeeper


def open_newsletters(
    settings: Settings, pool: AsyncConnectionPool[Any], client: Client, clock: Clock,
    calendar: CalendarShelf, library: EmailLibrary, team: TeamShelf, colleagues: Colleagues,
    sender: Sender,
) -> Newsletters:  # fmt: skip
    """The parts of a worker. Questions come from the topics of support."""
    months = TopicMonths(pool, clock)

    async def questions(now: datetime) -> Sequence[Question]:
        month = await months.month(Span(now - ASKED_WITHIN, now))
        return [
            Question(each.ranked.topic, each.ranked.title, each.coverage.article.id)
            for each in month.candidates
            if each.coverage is not None and each.coverage.article is not None
        ]

    composer = Composer(library, settings.content_dir, settings.public_url, questions)
    telling = IssueTelling(
        pool=pool, colleagues=colleagues, library=library, team=lambda: team.current,
        sender=SenderView(sender.name, sender.footer),
        links=Links(IssueSigner(*settings.link_keys()), settings.public_url),
    )  # fmt: skip
    desk = IssueDesk(
        pool=pool, composer=composer, broadcast=IssueBroadcast(pool=pool, library=library),
        telling=telling,
    )  # fmt: skip
    activities = IssueActivities(
        pool=pool, clock=clock, calendar=calendar, zone=settings.workspace_zone, desk=desk
    )
    keeper = IssueKeeper(
        pool=pool, client=client, clock=clock, workspace=settings.workspace,
        task_queue=settings.task_queue, zone=settings.workspace_zone,
        calendar=lambda: calendar.current,
    )  # fmt: skip
    return Newsletters(activities, keeper)
