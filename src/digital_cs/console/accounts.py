"""An account over the API: the same as `digital-cs account show --json` tells."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query
from fastapi.encoders import jsonable_encoder
from fastapi.responses import JSONResponse

from digital_cs.console.fields import Id
from digital_cs.temporal.account_page import AccountPage, account_page
from digital_cs.temporal.gateway import Gateway


def router(gateway: Gateway, workspace_zone: str) -> APIRouter:
    """The routes, under the prefix of the API."""
    routes = APIRouter(tags=["accounts"])

    @routes.get("/accounts/{id:path}", response_model=AccountPage)
    async def show(
        id: Id, program: Id | None = None, most: Annotated[int, Query(ge=1, le=1000)] = 40
    ) -> JSONResponse:
        """One account: its people, where it stands, what comes next, what happened and why.

        `program` narrows it to one, and then `why` says why it did or did not come.
        """
        page = await account_page(gateway, id, workspace_zone, program=program, most=most)
        return JSONResponse(jsonable_encoder(page))

    return routes
