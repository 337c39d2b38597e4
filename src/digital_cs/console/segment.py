"""The API that the SDKs of Segment and its kin speak: messages in, durable before the 200."""

from __future__ import annotations

import math
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse, Response
from fastapi.routing import APIRoute
from psycopg import OperationalError
from pydantic import BaseModel
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Receive, Scope, Send

from digital_cs.clock import Clock
from digital_cs.console.errors import answer_to, flat_error_response
from digital_cs.console.rate import Bucket
from digital_cs.console.segment_schema import BATCH_BODY, RESPONSES, body_of
from digital_cs.console.write_keys import WriteKeyError, WriteKeys
from digital_cs.errors import DigitalCsError
from digital_cs.ingest.events import segment_wire
from digital_cs.ingest.events.incoming import Taken, Taker
from digital_cs.ingest.events.segment_messages import KINDS
from digital_cs.ingest.events.segment_wire import Letters, Refused, TooLargeError, WireError

BATCHES = ("batch", "import")
PATHS = frozenset(f"/v1/{name}" for name in (*KINDS, *BATCHES))
"""Addresses that know their senders by write key, not by API_KEY."""
BUSY = {"Retry-After": "2"}


class RefusedMessage(BaseModel):
    """One message of a batch that was not kept, and why. Sent again as it is, it never will be."""

    index: int
    messageId: str | None  # noqa: N815 - the wire's own spelling
    problem: str


class Answer(BaseModel):
    """What became of the messages: kept now, known by their id already, or refused one by one."""

    success: bool
    kept: int
    repeated: int
    refused: list[RefusedMessage]


class TooFastError(DigitalCsError):
    """More messages come than WRITE_RATE allows. Wait as long as Retry-After says."""

    def __init__(self, wait: float) -> None:
        super().__init__()
        self.seconds = max(1, math.ceil(wait))


class _Desk:
    """Takes requests: who sends, what is in it, is there room, keep it."""

    def __init__(self, taker: Taker, clock: Clock, sources: Mapping[str, str], rate: float) -> None:
        self._taker = taker
        self._clock = clock
        self._keys = WriteKeys(sources)
        self._buckets = {source: Bucket(rate) for source in sources.values()}

    async def answer(self, request: Request, kind: str | None) -> Response:
        """The answer to a request, with the code that makes an SDK come again or stop."""
        try:
            kept, refused = await self._keep(request, kind)
        except WriteKeyError as error:
            return flat_error_response(401, "wrong_key", str(error), {"WWW-Authenticate": "Basic"})
        except TooLargeError as error:
            return flat_error_response(413, "too_large", str(error))
        except HTTPException as error:  # the door stopped reading
            return flat_error_response(error.status_code, "too_large", segment_wire.TOO_LARGE)
        except WireError as error:
            return flat_error_response(400, "bad_request", str(error))
        except ClientDisconnect:
            return flat_error_response(400, "bad_request", "The sender left before the end.")
        except TooFastError as error:
            headers = {"Retry-After": str(error.seconds)}
            return flat_error_response(429, "too_fast", str(error), headers)
        except DigitalCsError as error:
            if not error.retryable:
                raise
            return flat_error_response(503, "busy", str(error), BUSY)
        if kind is not None and refused:
            problem = refused[0].problem
            return flat_error_response(400, "bad_request", f"The message is not kept. {problem}")
        told = {"success": not refused, "kept": kept.kept, "repeated": kept.repeated}
        return JSONResponse({**told, "refused": [_shown(each) for each in refused]})

    async def _keep(self, request: Request, kind: str | None) -> tuple[Taken, list[Refused]]:
        packed = await request.body()  # first of all, because few clients read an answer before
        by_header = self._keys.of_header(request.headers.get("authorization", ""))
        try:
            body = segment_wire.unpack(packed, request.headers.get("content-encoding", ""))
            envelope = segment_wire.take_apart(body, kind)
        except (WireError, TooLargeError) as error:  # the SDK gives it up: somebody should know
            if by_header is not None:
                self._taker.turn_away(by_header, [str(error)])
            raise
        source = self._keys.agreed(by_header, envelope.write_key)
        bucket = self._buckets[source]
        wait = bucket.wait()
        if wait:
            raise TooFastError(wait)
        bucket.pay(len(envelope.messages))
        letters = segment_wire.read(envelope, self._clock.now())
        if letters.refused:
            self._taker.turn_away(source, [refused.problem for refused in letters.refused])
        taken = Taken(0)
        if letters.messages:
            taken = await self._taker.take(source, letters.messages)
        return taken, _refused(letters, taken)


def router(taker: Taker, clock: Clock, sources: Mapping[str, str], rate: float) -> APIRouter:
    """The routes, under the prefix of the API.

    `sources`: the name of a source by its write key; `rate`: messages a second of one source.
    """
    routes = APIRouter(tags=["segment"])
    desk = _Desk(taker, clock, sources, rate)
    for name in (*KINDS, *BATCHES):
        kind = None if name in BATCHES else name
        routes.add_api_route(
            f"/{name}", _route(desk, kind), methods=["POST"], name=name, response_model=Answer,
            summary=_SUMMARIES[name], responses=RESPONSES,
            openapi_extra={"requestBody": body_of(kind) if kind else BATCH_BODY,
                           "security": [{"writeKey": []}]},
        )  # fmt: skip
    return routes


class _Straight:
    """One of these addresses as an ASGI app of its own."""

    def __init__(self, path: str, endpoint: Callable[[Request], Awaitable[Response]]) -> None:
        self.path = path
        self._endpoint = endpoint

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        scope["route"] = self  # the log names it
        request = Request(scope, receive)
        try:
            response = await self._endpoint(request)
        except (DigitalCsError, OperationalError) as error:
            response = await answer_to(request, error)
        await response(scope, receive, send)


def straight(described: APIRouter, prefix: str) -> dict[str, ASGIApp]:
    """The same addresses by path, without a framework's way to them, of which nothing is used here.

    Eight layers of middleware and routing were a sixteenth of all that an event costs the API. The
    routes of `router` stay in the app, for other methods and as what OpenAPI tells.
    """
    found = [each for each in described.routes if isinstance(each, APIRoute)]
    paths = {f"{prefix}{each.path}": each.endpoint for each in found}
    return {path: _Straight(path, endpoint) for path, endpoint in paths.items()}


_SUMMARIES = {
    "identify": "Who somebody is", "track": "What somebody did", "group": "Whose account it is",
    "page": "A page that was seen", "screen": "A screen that was seen",
    "alias": "Two ids of one person", "batch": "Many messages of any kind",
    "import": "Many messages of the past",
}  # fmt: skip


def _route(desk: _Desk, kind: str | None) -> Callable[[Request], Awaitable[Response]]:
    async def route(request: Request) -> Response:
        return await desk.answer(request, kind)

    return route


def _refused(letters: Letters, taken: Taken) -> list[Refused]:
    """All that were refused, by the door and by whoever kept the others, in their order."""
    late = [
        Refused(letters.places[index], letters.messages[index].id, problem)
        for index, problem in taken.refused
    ]
    return sorted([*letters.refused, *late], key=lambda each: each.index)


def _shown(refused: Refused) -> dict[str, Any]:
    return {
        "index": refused.index, "messageId": refused.message_id, "problem": refused.problem
    }  # fmt: skip
