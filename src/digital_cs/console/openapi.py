"""What the OpenAPI says beside the routes: who may call them, and how they refuse."""

from __future__ import annotations

from typing import Any

from fastapi import FastAPI

from digital_cs.console.errors import ErrorAnswer

_DESCRIPTIONS = {
    400: "Not to be read; do not send it again.",
    401: "Without the key, or with another one.",
    403: "The API is closed, because it has no key.",
    404: "There is nothing of that id.",
    413: "Too large: send it in several requests.",
    422: "Not to be used: `details` says what, and where.",
    503: "The database does not answer: send the same again, see Retry-After.",
}
REFUSALS: dict[int | str, dict[str, Any]] = {
    status: {"model": ErrorAnswer, "description": text} for status, text in _DESCRIPTIONS.items()
}
SCHEMES = {
    "apiKey": {"type": "http", "scheme": "bearer", "description": "API_KEY."},
    "writeKey": {
        "type": "http", "scheme": "basic",
        "description": "One of WRITE_KEYS as the user; the password is empty.",
    },
}  # fmt: skip


class DescribedApp(FastAPI):
    """A FastAPI whose OpenAPI names the keys. The door asks for them, before any route."""

    def openapi(self) -> dict[str, Any]:
        """The OpenAPI of this app, made once."""
        if self.openapi_schema is None:
            schema = super().openapi()
            schema["components"]["securitySchemes"] = SCHEMES
            schema["security"] = [{"apiKey": []}]
            schema["paths"]["/healthz"]["get"]["security"] = []
        return super().openapi()
