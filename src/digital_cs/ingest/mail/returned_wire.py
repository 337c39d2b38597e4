"""What the webhooks of providers have in common: their answers, and how their fields are read."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from digital_cs.channels.returned_words import without_controls
from digital_cs.errors import DigitalCsError

Result = Literal["taken", "known_already", "ignored", "confirmed"]

_LONGEST = 4000


class ReturnedShapeError(DigitalCsError):
    """A provider's event has a shape that nobody knows here. It is kept, for a person to look."""


class SecretError(DigitalCsError):
    """The request does not show the secret. Compare POSTMARK_WEBHOOK_SECRET with the address."""


def texts(part: Mapping[str, Any], name: str, longest: int = _LONGEST) -> str:
    """A field that should be a text; nothing where it is not, or is not there."""
    value = part.get(name)
    return without_controls(value[:longest]) if isinstance(value, str) else ""
