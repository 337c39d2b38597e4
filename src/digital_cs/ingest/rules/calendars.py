"""The company's calendar for rules that ask for business days, read when one of them does."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Iterable
from datetime import date, datetime
from pathlib import Path
from typing import Any

from psycopg_pool import AsyncConnectionPool

from digital_cs.clock import Clock
from digital_cs.domain.account import NO_HOLIDAYS
from digital_cs.domain.rules.condition import UsageChange, leaves
from digital_cs.domain.timing.business_calendar import BusinessCalendar
from digital_cs.errors import DigitalCsError
from digital_cs.store.people.accounts import countries

Calendar = Callable[[], Awaitable[BusinessCalendar]]
"""Gives the calendar of the company, as it is now."""


async def no_holidays() -> BusinessCalendar:
    """A calendar in which only weekends are free."""
    return NO_HOLIDAYS


async def calendar_for(rule: Any, calendar: Calendar) -> BusinessCalendar:
    """The calendar for a condition; one without holidays for most, which ask for none."""
    asks = rule is not None and any(isinstance(leaf, UsageChange) for leaf in leaves(rule))
    return await calendar() if asks else NO_HOLIDAYS


def calendar_of(pool: AsyncConnectionPool[Any], clock: Clock, content_dir: Path) -> Calendar:
    """The calendar for the countries that accounts are in; read again each day."""
    known: dict[date, BusinessCalendar] = {}

    async def current() -> BusinessCalendar:
        now = clock.now()
        if now.date() not in known:
            async with pool.connection() as connection:
                places = await countries(connection)
            read = await asyncio.to_thread(load_business_calendar, content_dir, now, places)
            known.clear()
            known[now.date()] = read
        return known[now.date()]

    return current


def load_business_calendar(
    content_dir: Path, now: datetime, places: Iterable[str], until: date | None = None
) -> BusinessCalendar:
    """The calendar around `now`, and on to `until`, for these countries; those we do not know
    have no holidays."""
    # The holidays of the world take a third of a second to import, and few commands need them.
    from digital_cs.catalog.countries import check_country
    from digital_cs.catalog.holidays import load_calendar

    usable = []
    for country in places:
        with contextlib.suppress(DigitalCsError):
            check_country(country)
            usable.append(country)
    path = content_dir / "holidays.yaml"
    years = range(now.year - 1, max(now.year + 4, (until or now).year + 2))
    return load_calendar(years, usable, path if path.exists() else None)
