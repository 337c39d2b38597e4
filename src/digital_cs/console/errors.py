"""The one shape of every error of the API: {"error": {"code", "message", "details"}}."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Mapping
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from psycopg import OperationalError
from pydantic import BaseModel
from starlette.exceptions import HTTPException

from digital_cs.errors import DigitalCsError, NotFoundError, UnavailableError, UsageError

RETRY_AFTER = {"Retry-After": "5"}
MOST_DETAILS = 20
NO_OBJECT = {"model_attributes_type", "model_type", "dict_type"}

_STATUS: dict[type[DigitalCsError], int] = {
    NotFoundError: 404,
    UsageError: 422,
    UnavailableError: 503,
}
_CODES = {404: "not_found", 405: "method_not_allowed", 413: "too_large", 422: "invalid",
          503: "unavailable"}  # fmt: skip
_SENTENCES = {
    404: "There is nothing at this address. GET /v1/openapi.json lists what there is.",
    405: "This address knows other methods than this one: see the header Allow.",
    413: "The body is larger than 1 MB. Send it in several requests.",
}


class Problem(BaseModel):
    """One thing that is wrong, and where."""

    at: str
    problem: str


class Fault(BaseModel):
    """What is wrong: a word for programs, a sentence for people, and where."""

    code: str
    message: str
    details: list[Problem]


class ErrorAnswer(BaseModel):
    """Every error of the API."""

    error: Fault


def error_response(
    status: int, code: str, message: str, details: Iterable[Mapping[str, str]] = (),
    headers: Mapping[str, str] | None = None,
) -> JSONResponse:  # fmt: skip
    """An error as every client of the API may expect it. Each detail has `at` and `problem`."""
    body = {"error": {"code": code, "message": message, "details": [*details]}}
    return JSONResponse(body, status, dict(headers or {}))


def flat_error_response(
    status: int, code: str, message: str, headers: Mapping[str, str] | None = None
) -> JSONResponse:
    """The same with code and message outside as well, for SDKs of others.

    RudderStack's Python SDK looks for them there. Not finding them it trips, takes that for a
    fault of the network, and sends what was refused for good again and again.
    """
    error = {"code": code, "message": message, "details": []}
    body = {"error": error, "code": code, "message": message}
    return JSONResponse(body, status, dict(headers or {}))


def too_large() -> JSONResponse:
    """The answer to a body that nobody wants to read."""
    return error_response(413, _CODES[413], _SENTENCES[413])


def install(app: FastAPI) -> None:
    """Give the app its handlers of errors."""
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(HTTPException, _refused)
    for kind, handler in _OF_STORE.items():
        app.add_exception_handler(kind, handler)


async def answer_to(request: Request, error: DigitalCsError | OperationalError) -> JSONResponse:
    """What the app answers to such an error, for what is answered without the app."""
    handler = next(each for kind, each in _OF_STORE.items() if isinstance(error, kind))
    return await handler(request, error)


def problems_of(errors: Iterable[Mapping[str, Any]]) -> list[dict[str, str]]:
    """What pydantic complains of, as details; the input itself is never repeated."""
    return [_problem(error) for error in errors]


def _problem(error: Mapping[str, Any]) -> dict[str, str]:
    loc = [str(part) for part in error["loc"] if part not in ("body", "path", "query")]
    if error["type"] == "json_invalid":
        return {"at": f"character {error['loc'][-1]}", "problem": "The body is not JSON."}
    if error["type"] in NO_OBJECT and not loc:
        return {
            "at": "body",
            "problem": "Send a JSON object, with the header Content-Type: application/json.",
        }
    text = str(error["msg"]).removeprefix("Value error, ")
    return {"at": ".".join(loc) or "body", "problem": f"{text[:1].upper()}{text[1:].rstrip('.')}."}


async def _invalid(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, RequestValidationError)
    details = problems_of(error.errors())
    more = f" And {len(details) - 1} more, see details." if len(details) > 1 else ""
    message = f"The request cannot be used. {details[0]['at']}: {details[0]['problem']}{more}"
    return error_response(422, "invalid", message, details[:MOST_DETAILS])


async def _refused(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, HTTPException)
    status = error.status_code
    message = _SENTENCES.get(status, f"The request cannot be used: {error.detail}.")
    code = _CODES.get(status, "bad_request")
    return error_response(status, code, message, headers=error.headers)


async def _ours(request: Request, error: Exception) -> JSONResponse:
    status = next((n for kind, n in _STATUS.items() if isinstance(error, kind)), 500)
    code = _CODES.get(status, "fault")
    return error_response(status, code, str(error), headers=RETRY_AFTER if status == 503 else None)


async def database_away(request: Request, error: Exception) -> JSONResponse:
    """The answer while Postgres is away. Every call of the API may be sent again as it was."""
    return error_response(
        503, "unavailable", "The database does not answer. Send the same request again soon.",
        headers=RETRY_AFTER,
    )  # fmt: skip


_OF_STORE: dict[type[Exception], Callable[[Request, Exception], Awaitable[JSONResponse]]] = {
    DigitalCsError: _ours,
    OperationalError: database_away,
}
