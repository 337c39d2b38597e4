"""The addresses that mail providers call: let in by signature or secret, not by the API_KEY."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse, Response
from pydantic import BaseModel
from starlette.requests import ClientDisconnect

from digital_cs.channels.sns import SnsShapeError, SnsSignatureError
from digital_cs.console import openapi
from digital_cs.console.errors import error_response
from digital_cs.ingest.mail.returned_postmark import PostmarkWebhook
from digital_cs.ingest.mail.returned_ses import SesWebhook
from digital_cs.ingest.mail.returned_wire import Result, ReturnedShapeError, SecretError

SES = "/v1/returned/ses"
POSTMARK = "/v1/returned/postmark"
PATHS = frozenset({SES, POSTMARK})
MOST_INBOUND = 40_000_000
"""A reply with its files, as Postmark sends it, in base64."""
SECRET_HEADER = "X-Webhook-Secret"  # noqa: S105  its name


class ReturnedAnswer(BaseModel):
    """What became of it. ignored: nothing follows from such an event. confirmed: a subscription."""

    result: Result


_BODY: dict[str, Any] = {
    "required": True,
    "content": {"application/json": {"schema": {"type": "object"}}},
}
_REFUSALS: dict[int | str, dict[str, Any]] = {
    status: openapi.REFUSALS[status] for status in (400, 401, 403, 413, 503)
}


def router(ses: SesWebhook | None, postmark: PostmarkWebhook | None) -> APIRouter:
    """The routes, under the prefix of the API; without a webhook its address is closed."""
    routes = APIRouter(tags=["returned mail"])
    extra = {"requestBody": _BODY, "security": []}

    @routes.post(
        "/returned/ses", response_model=ReturnedAnswer, summary="Amazon SES tells, by SNS",
        responses=_REFUSALS, openapi_extra=extra,
    )  # fmt: skip
    async def from_ses(request: Request) -> Response:
        """Take a bounce, complaint or delivery, or confirm the subscription of SES_TOPIC_ARN."""
        try:
            body = await request.body()
        except ClientDisconnect:
            return _gone()
        if ses is None:
            return _closed("SES_TOPIC_ARN")
        try:
            return JSONResponse({"result": await ses.take(body)})
        except SnsSignatureError as error:
            return error_response(401, "wrong_signature", str(error))
        except (SnsShapeError, ReturnedShapeError) as error:
            return error_response(400, "bad_request", str(error))

    @routes.post(
        "/returned/postmark", response_model=ReturnedAnswer, summary="Postmark tells",
        responses=_REFUSALS, openapi_extra=extra,
    )  # fmt: skip
    async def from_postmark(request: Request) -> Response:
        """Take a bounce, complaint, delivery, change of subscription, or a reply."""
        if postmark is None:
            return _closed("POSTMARK_WEBHOOK_SECRET")
        try:  # before the body, which may be large
            postmark.check(
                request.headers.get("Authorization", ""), request.headers.get(SECRET_HEADER, "")
            )
            return JSONResponse({"result": await postmark.take(await request.body())})
        except ClientDisconnect:
            return _gone()
        except SecretError as error:
            return error_response(
                401, "wrong_secret", str(error), headers={"WWW-Authenticate": "Basic"}
            )
        except ReturnedShapeError as error:
            return error_response(400, "bad_request", str(error))

    return routes


def _gone() -> Response:
    return error_response(400, "bad_request", "The sender left before the end.")


def _closed(setting: str) -> Response:
    return error_response(
        403, "not_set_up",
        f"This address is closed, because {setting} is not set. Set it and start it again.",
    )  # fmt: skip
