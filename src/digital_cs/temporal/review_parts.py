"""Puts together what reviews are made of, for the worker, the console and the command line."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from psycopg import AsyncConnection
from psycopg_pool import AsyncConnectionPool
from temporalio.client import Client

from activities.casebook import Casebook, TeamShelf
from activities.colleagues import Colleagues
from activities.digests import Digests
from activities.enrollments import CalendarShelf
from activities.letters import Sender
from activities.reviews import ReviewActivities
from digital_cs import logs
from digital_cs.catalog.team import load_team
from digital_cs.channels.smtp import SmtpChannel
from digital_cs.clock import Clock
from digital_cs.config import Settings
from digital_cs.domain.content.exposure import Exposure
from digital_cs.signing_reviews import ReviewSigner
from digital_cs.store.content import exposure
from digital_cs.temporal.reviews import ReviewKeeper

log = logs.get(__name__)


@dataclass(frozen=True, slots=True)
class Reviews:
    """The parts of a worker that see to reviews."""

    team: TeamShelf
    colleagues: Colleagues
    activities: ReviewActivities
    keeper: ReviewKeeper

    def reload_team(self, settings: Settings) -> None:
        """Take up the team as its file says now; with an error in it, keep what is known."""
        loaded = load_team(settings.content_dir)
        if any(each.severity == "error" for each in loaded.problems):
            log.error("team.not_reloaded", error=str(loaded.problems[0]))
        else:
            self.team.current = loaded.team


def casebook_of(settings: Settings, team: TeamShelf, calendar: CalendarShelf) -> Casebook:
    """The casebook, which asks the database who is about to read what."""

    async def exposure_of(
        connection: AsyncConnection[Any], now: datetime
    ) -> Mapping[str, Exposure]:
        return await exposure.of_items(
            connection, now, workspace_zone=settings.workspace_zone, calendar=calendar.current
        )

    return Casebook(
        team=team, calendar=calendar, zone=settings.workspace_zone, exposure_of=exposure_of
    )


def digests_of(
    settings: Settings, pool: AsyncConnectionPool[Any], casebook: Casebook, colleagues: Colleagues
) -> Digests:
    """What composes and sends the mail to reviewers."""
    return Digests(
        pool=pool, casebook=casebook, colleagues=colleagues,
        signer=ReviewSigner(*settings.link_keys()), public_url=settings.public_url,
    )  # fmt: skip


def open_reviews(
    settings: Settings, pool: AsyncConnectionPool[Any], client: Client, clock: Clock,
    calendar: CalendarShelf, channel: SmtpChannel, sender: Sender,
) -> Reviews:  # fmt: skip
    """The parts of a worker. `channel` is one of their own, see `Colleagues`."""
    team = TeamShelf(load_team(settings.content_dir).team)
    casebook = casebook_of(settings, team, calendar)
    colleagues = Colleagues(pool=pool, channel=channel, sender=sender)
    activities = ReviewActivities(
        pool=pool, clock=clock, casebook=casebook,
        digests=digests_of(settings, pool, casebook, colleagues),
    )  # fmt: skip
    keeper = ReviewKeeper(
        pool=pool, client=client, clock=clock, workspace=settings.workspace,
        task_queue=settings.task_queue, casebook=casebook,
    )  # fmt: skip
    return Reviews(team, colleagues, activities, keeper)
