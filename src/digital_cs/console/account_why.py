"""Why an account was, or was not, written to, over the API: what `account why --json` tells."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query
from fastapi.encoders import jsonable_encoder
from fastapi.responses import JSONResponse

from digital_cs.console.fields import Day, Id
from digital_cs.temporal.account_why import AccountWhy, account_why
from digital_cs.temporal.gateway import Gateway


def router(gateway: Gateway, workspace_zone: str) -> APIRouter:
    """The route, under the prefix of the API. It goes before `accounts`: ids may hold slashes."""
    routes = APIRouter(tags=["accounts"])

    @routes.get("/accounts/{id:path}/why", response_model=AccountWhy)
    async def why(
        id: Id, contact: Id | None = None, program: Id | None = None, since: Day | None = None,
        most: Annotated[int, Query(ge=1, le=1000)] = 20,
    ) -> JSONResponse:  # fmt: skip
        """What an account was sent, what it was not and why; first what keeps messages back now.

        `contact` is an id or an e-mail address. Of one `program`, also its steps without a message,
        and why the account never came into it. `since` is a day of the account's zone; without it,
        a year is looked at.
        """
        page = await account_why(
            gateway, id, workspace_zone, contact=contact, program=program, since=since, most=most
        )
        return JSONResponse(jsonable_encoder(page))

    return routes
