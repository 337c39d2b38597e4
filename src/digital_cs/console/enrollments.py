"""Enrollments over the API: accounts put into a program, and one taken out."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field

from digital_cs.console.fields import Id, Line
from digital_cs.errors import NotFoundError
from digital_cs.store.programs import timeline
from digital_cs.store.programs.enrollments import Enrolled
from digital_cs.temporal.gateway import Gateway

MOST_ACCOUNTS = 1000


class Enrolling(BaseModel):
    """Accounts to enroll. `source` stands in their timeline: "Entered, by ..."."""

    model_config = ConfigDict(extra="forbid")

    accounts: Annotated[list[Id], Field(min_length=1, max_length=MOST_ACCOUNTS)]
    source: Line = "api"


class Exiting(BaseModel):
    """Why the account leaves, for its timeline."""

    model_config = ConfigDict(extra="forbid")

    because: Line


class Exited(BaseModel):
    """`changed` is false when the account was out already."""

    enrollment: str
    changed: bool


def router(gateway: Gateway) -> APIRouter:
    """The routes, under the prefix of the API."""
    routes = APIRouter(tags=["enrollments"])

    @routes.post("/programs/{program}/enrollments")
    async def enroll(program: Id, wanted: Enrolling) -> Enrolled:
        """Enroll accounts by the program's rule of re-entry; asking twice changes nothing.

        Answers with the ids of accounts by what became of them; `closed`: nobody may enter now.
        """
        return await gateway.enroll(program, wanted.accounts, source=wanted.source)

    @routes.post("/enrollments/{id:path}/exit")
    async def leave(id: Id, wanted: Exiting) -> Exited:
        """Take an account out of its program at once."""
        async with gateway.pool.connection() as connection:
            if await timeline.enrollment(connection, id) is None:
                raise NotFoundError(
                    f"There is no enrollment '{id}'. GET /v1/accounts/ACCOUNT lists those of one."
                )
        return Exited(enrollment=id, changed=await gateway.exit_enrollment(id, wanted.because))

    return routes
