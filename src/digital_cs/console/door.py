"""The door that every request passes: its size, its key, its line in the log, a last answer."""

from __future__ import annotations

import hmac
import time
import traceback

from pydantic import SecretStr
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from digital_cs import logs
from digital_cs.console import returned, segment, zendesk
from digital_cs.console.errors import error_response, flat_error_response, too_large
from digital_cs.ingest.events.segment_wire import MOST_BODY_BYTES, TOO_LARGE

log = logs.get(__name__)

MOST_BYTES = 1_000_000
MOST_IN_VAIN = 20 * MOST_BYTES
API = "/v1"
OPEN_PATHS = segment.PATHS | returned.PATHS | {zendesk.PATH}
"""Addresses that look themselves who it is: by write key, by signature, or by a secret."""


class Door:
    """ASGI middleware. Written to that interface, because an answer must be possible when the
    body was not read, and when what is behind broke."""

    def __init__(self, app: ASGIApp, api_key: SecretStr | None) -> None:
        self._app = app
        self._key = api_key.get_secret_value().encode() if api_key else None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        began, status, read = time.monotonic(), 0, 0
        most = _most_bytes(scope["path"])

        async def limited() -> Message:
            nonlocal read
            message = await receive()
            read += len(message.get("body", b""))
            if read > most:
                if message.get("more_body"):  # after the last of it, nothing comes to wait for
                    await _let_finish(receive)
                raise HTTPException(413)
            return message

        async def noted(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            refusal = self._refusal(scope)
            if refusal is not None:
                await _let_finish(receive)
            await (refusal or self._app)(scope, limited, noted)
        except Exception as error:  # whatever it is, the client is answered
            log.error("api.fault", kind=type(error).__name__, at=_where(error))
            if status:
                raise
            answer = error_response(
                500, "fault", "This is a fault in digital-cs. Its log says where."
            )
            await answer(scope, receive, noted)
        finally:
            # The pattern of the route: a path may hold the token of somebody's unsubscribe link.
            log.info(
                "api.answered", method=scope["method"],
                route=getattr(scope.get("route"), "path", None), status=status,
                ms=round((time.monotonic() - began) * 1000, 1),
            )  # fmt: skip

    def _refusal(self, scope: Scope) -> ASGIApp | None:
        """The answer to a request that is not let in; None lets it in."""
        headers: dict[bytes, bytes] = dict(scope["headers"])
        path: str = scope["path"]
        size = headers.get(b"content-length", b"0")
        if size.isdigit() and (len(size) > 9 or int(size) > _most_bytes(path)):
            if path in segment.PATHS:
                return flat_error_response(413, "too_large", TOO_LARGE)
            return too_large()
        if path in OPEN_PATHS or (path != API and not path.startswith(f"{API}/")):
            return None
        if self._key is None:
            return error_response(
                403, "no_api_key",
                "The API is closed, because it has no key. Set API_KEY and start it again.",
            )  # fmt: skip
        scheme, _, given = headers.get(b"authorization", b"").partition(b" ")
        if scheme.lower() == b"bearer" and hmac.compare_digest(given.strip(), self._key):
            return None
        return error_response(
            401, "not_signed_in", "Send the header Authorization: Bearer, with the API_KEY.",
            headers={"WWW-Authenticate": "Bearer"},
        )  # fmt: skip


def _most_bytes(path: str) -> int:
    if path == returned.POSTMARK:
        return returned.MOST_INBOUND
    return MOST_BODY_BYTES if path in segment.PATHS else MOST_BYTES


async def _let_finish(receive: Receive) -> None:
    """Read on for a while and keep nothing: many clients read no answer before all is sent, and
    a connection that is closed with a body unread takes the answer down with it."""
    read = 0
    while read < MOST_IN_VAIN:
        message = await receive()
        read += len(message.get("body", b""))
        if not message.get("more_body"):
            return


def _where(error: Exception) -> list[str]:
    """Where it broke, without the message: that of a database may quote a row."""
    frames = traceback.extract_tb(error.__traceback__)
    return [f"{frame.filename.rpartition('/')[2]}:{frame.lineno}" for frame in frames[-6:]]
