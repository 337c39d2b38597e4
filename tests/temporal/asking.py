"""Asking why an account did or did not get its messages, in tests of the answer."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from digital_cs.domain.sending.policy import OPEN, Budget, Limits
from digital_cs.ingest.rules.entries import Entries
from digital_cs.store.sending import policies
from digital_cs.temporal.account_why import AccountWhy, Entry, account_why
from digital_cs.temporal.gateway import Gateway
from tests.activities.house import House

ONE = {"send": "welcome-trial-1", "useful_for": "7 days"}
TWO = {"send": "welcome-trial-2", "useful_for": "7 days"}
LONG_WAIT = {"wait": "60 days"}
A_MONTH = timedelta(days=30)


async def asked(house: House, account: str = "acme", **about: Any) -> AccountWhy:
    gateway = Gateway(house.pool, house.clock, Entries(house.pool, house.clock, "UTC"))
    return await account_why(gateway, account, "UTC", **about)


async def story(house: House, account: str = "acme", **about: Any) -> Entry:
    """The latest message."""
    return (await asked(house, account, **about)).entries[0]


async def in_force(house: House, **parts: Any) -> None:
    async with house.pool.connection() as connection, connection.transaction():
        await policies.publish(connection, OPEN.model_copy(update=parts), house.clock.now())


def a_week(account: int | None = None, person: int | None = None) -> Budget:
    """So many a week, whatever the priority."""
    limits = [
        None if number is None else Limits(low=number, normal=number, high=number)
        for number in (person, account)
    ]
    return Budget(person=limits[0], account=limits[1])


async def ticket(house: House, account: str = "acme") -> None:
    await house.rows(
        "insert into tickets (id, source, account_id, status, severity, opened_at, updated_at)"
        " values ('desk:1', 'desk', %s, 'open', 'urgent', %s, %s)",
        account, house.clock.now(), house.clock.now(),
    )  # fmt: skip
