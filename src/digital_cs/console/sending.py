"""Sending over the API: stopped, started, and what is kept back."""

from __future__ import annotations

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict

from digital_cs.console.fields import Line
from digital_cs.temporal.gateway import Gateway
from digital_cs.temporal.sending import SendingStatus, Started, Stopped


class Starting(BaseModel):
    """Who says so."""

    model_config = ConfigDict(extra="forbid")

    by: Line = "api"


class Stopping(Starting):
    """Who says so, and why, for those who ask."""

    because: Line = "by hand"


def router(gateway: Gateway) -> APIRouter:
    """The routes, under the prefix of the API."""
    routes = APIRouter(tags=["sending"])

    @routes.get("/sending")
    async def status() -> SendingStatus:
        """Whether it is stopped, what is held, what was sent today, and caps and rates."""
        return await gateway.sending.status()

    @routes.post("/sending/stop")
    async def stop(wanted: Stopping | None = None) -> Stopped:
        """Stop everything that is sent, at once; `new` is false when it was stopped already.

        A body is not needed.
        """
        wish = wanted or Stopping()
        return await gateway.sending.stop(wish.because, wish.by)

    @routes.post("/sending/start")
    async def start(wanted: Starting | None = None) -> Started:
        """Send again; `lifted` is null when it was not stopped. A body is not needed."""
        return await gateway.sending.start((wanted or Starting()).by)

    return routes
