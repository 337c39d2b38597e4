"""The address that Zendesk's webhook calls. It is let in by its signature, not by the API_KEY."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse, Response
from pydantic import BaseModel
from starlette.requests import ClientDisconnect

from digital_cs.console import openapi
from digital_cs.console.errors import error_response
from digital_cs.ingest.support.zendesk_shapes import ShapeError
from digital_cs.ingest.support.zendesk_webhook import Result, SignatureError, ZendeskWebhook

PATH = "/v1/zendesk/webhook"
SIGNATURE = "X-Zendesk-Webhook-Signature"
TIMESTAMP = "X-Zendesk-Webhook-Signature-Timestamp"


class PushAnswer(BaseModel):
    """What became of it. ignored: an event about something that is not kept. `ticket`: its id."""

    result: Result
    ticket: str | None = None


_BODY: dict[str, Any] = {
    "required": True,
    "description": "An event of Zendesk about a ticket, or {ticket: ...} as a trigger writes it.",
    "content": {"application/json": {"schema": {"type": "object"}}},
}
_HEADERS = [
    {"name": name, "in": "header", "required": True, "schema": {"type": "string"},
     "description": text}
    for name, text in (
        (SIGNATURE, "base64 of HMAC-SHA256 with the webhook's secret, over timestamp and body."),
        (TIMESTAMP, "When it was signed, at most 5 minutes ago."),
    )
]  # fmt: skip


def router(webhook: ZendeskWebhook | None) -> APIRouter:
    """The route, under the prefix of the API; without a webhook it is closed."""
    routes = APIRouter(tags=["tickets"])

    @routes.post(
        "/zendesk/webhook", response_model=PushAnswer, summary="A ticket changed",
        responses={status: openapi.REFUSALS[status] for status in (400, 401, 403, 413, 503)},
        openapi_extra={"requestBody": _BODY, "parameters": _HEADERS, "security": []},
    )  # fmt: skip
    async def push(request: Request) -> Response:
        """Keep the ticket of an event or trigger. Any other event is acknowledged, and ignored."""
        try:
            body = await request.body()
        except ClientDisconnect:
            return error_response(400, "bad_request", "The sender left before the end.")
        if webhook is None:
            return error_response(
                403, "no_webhook_secret",
                "This address is closed, because the webhook's secret is not known here. Set"
                " ZENDESK_WEBHOOK_SECRET and start it again.",
            )  # fmt: skip
        try:
            pushed = await webhook.take(
                body, request.headers.get(SIGNATURE, ""), request.headers.get(TIMESTAMP, "")
            )
        except SignatureError as error:
            return error_response(401, "wrong_signature", str(error))
        except ShapeError as error:
            return error_response(400, "bad_request", str(error))
        return JSONResponse({"result": pushed.result, "ticket": pushed.ticket})

    return routes
