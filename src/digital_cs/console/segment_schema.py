"""What the OpenAPI says of the Segment-compatible routes: their bodies are read without a model."""

from __future__ import annotations

from typing import Any

from digital_cs.console.errors import ErrorAnswer
from digital_cs.ingest.events.segment_messages import KINDS, MOST_LETTERS
from digital_cs.ingest.events.segment_wire import MOST_MESSAGES


class FlatErrorAnswer(ErrorAnswer):
    """An error as everywhere, with its code and its message outside as well."""

    code: str
    message: str


RESPONSES: dict[int | str, dict[str, Any]] = {
    400: {"model": FlatErrorAnswer, "description": "Not to be read; do not send it again."},
    401: {"model": FlatErrorAnswer, "description": "No write key that is known here."},
    413: {"model": FlatErrorAnswer, "description": "Too large: send it in several requests."},
    429: {"model": FlatErrorAnswer, "description": "Too much at once: see Retry-After."},
    503: {"model": FlatErrorAnswer, "description": "Busy: send the same again, see Retry-After."},
}

_ID = {
    "anyOf": [{"type": "string", "maxLength": MOST_LETTERS}, {"type": "number"}, {"type": "null"}]
}
_MOMENT = {"type": ["string", "null"], "format": "date-time"}
_OBJECT = {"type": ["object", "null"], "additionalProperties": True}

_COMMON: dict[str, Any] = {
    "messageId": {**_ID, "description": "Makes a repeat harmless: SDKs send it again at a retry."},
    "userId": _ID,
    "anonymousId": _ID,
    "timestamp": {**_MOMENT, "description": "When it was; without an offset it is UTC."},
    "context": {
        "type": ["object", "null"],
        "properties": {"groupId": {**_ID, "description": "The account."}},
        "additionalProperties": True,
    },
    "writeKey": {"type": "string", "description": "Instead of Basic credentials, or with them."},
}
_EVENT = {"type": "string", "minLength": 1, "maxLength": MOST_LETTERS}
_PAGE = {"name": {"type": "string"}, "category": {"type": "string"}, "properties": _OBJECT}
_OWN: dict[str, dict[str, Any]] = {
    "identify": {"traits": _OBJECT},
    "track": {"event": _EVENT, "properties": _OBJECT},
    "group": {"groupId": _ID, "traits": _OBJECT},
    "page": _PAGE,
    "screen": _PAGE,
    "alias": {"previousId": _ID, "userId": _ID},
}
_REQUIRED = {"track": ["event"], "group": ["groupId"], "alias": ["previousId", "userId"]}


def _message(kind: str) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": {**_COMMON, **_OWN[kind]},
        "required": _REQUIRED.get(kind, []),
        "additionalProperties": True,
    }


def _body(schema: dict[str, Any]) -> dict[str, Any]:
    return {"required": True, "content": {"application/json": {"schema": schema}}}


def body_of(kind: str) -> dict[str, Any]:
    """The request body of a single message of this kind."""
    return _body(_message(kind))


BATCH_BODY = _body(
    {
        "type": "object",
        "required": ["batch"],
        "properties": {
            "batch": {
                "type": "array",
                "maxItems": MOST_MESSAGES,
                "items": {
                    "type": "object",
                    "required": ["type"],
                    "properties": {**_COMMON, "type": {"type": "string", "enum": [*KINDS]}},
                    "additionalProperties": True,
                },
            },
            "context": {
                **_COMMON["context"],
                "description": "For all of them; what a message says in its own counts more.",
            },
            "writeKey": _COMMON["writeKey"],
        },
    }
)
