"""All that can be told of one account: who it is, where it stands, and what happened and why."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from psycopg import AsyncConnection

from digital_cs.domain.milestone import Waypoint
from digital_cs.errors import NotFoundError
from digital_cs.store.product.product_path import path_of
from digital_cs.store.programs import timeline
from digital_cs.store.programs.timeline import AccountView, EnrollmentView, Happening, PersonView
from digital_cs.temporal.gateway import Gateway
from digital_cs.temporal.reasons import why

Connection = AsyncConnection[Any]


@dataclass(frozen=True, slots=True)
class AccountPage:
    """`zone` is the one in which people read its times; the newest of the timeline is last.

    `milestones` are in the order of the product path.
    """

    now: datetime
    zone: str
    account: AccountView
    contacts: list[PersonView]
    milestones: list[Waypoint]
    programs: list[EnrollmentView]
    timeline: list[Happening]
    why: list[str]


async def account_page(
    gateway: Gateway, id: str, workspace_zone: str, *, program: str | None = None, most: int = 40
) -> AccountPage:
    """Read the page; `program` narrows it to one, and then says why it did or did not come.

    Raises NotFoundError for an unknown account, with those of a similar name, or program.
    """
    async with gateway.pool.connection() as connection:
        account = await known_account(connection, id)
        now = gateway.clock.now()
        return AccountPage(
            now=now,
            zone=account.zone or workspace_zone,
            account=account,
            contacts=await timeline.people(connection, id),
            milestones=await path_of(connection, id, now),
            programs=await timeline.list_enrollments(
                connection, account=id, program=program, most=30
            ),
            timeline=await timeline.timeline(connection, account=id, program=program, most=most),
            why=await why(gateway, connection, id, program) if program else [],
        )


async def known_account(connection: Connection, id: str) -> AccountView:
    """The account. Raises NotFoundError for an unknown one, with those of a similar name."""
    account = await timeline.account(connection, id)
    if account is not None:
        return account
    near = await timeline.list_accounts(connection, search=id, most=5)
    names = ", ".join(f"{each.id} ({each.name})" for each in near)
    hint = f"Did you mean {names}?" if near else "`digital-cs account list` finds accounts."
    raise NotFoundError(f"There is no account '{id}'. {hint}")
