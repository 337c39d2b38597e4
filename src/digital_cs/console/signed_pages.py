"""What the pages behind the links of mail to colleagues share: their forms, and a dead end."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import parse_qs

from fastapi.responses import HTMLResponse

from digital_cs.console.errors import RETRY_AFTER
from digital_cs.console.page import page

PATIENCE = 8.0
"""Seconds to insist on an answer while the database is away."""
MOST_FIELDS = 50
MOST_WORDS = 1000
"""Characters of a note or a reason."""

Form = dict[str, list[str]]


def form_of(body: bytes) -> Form:
    """The fields of a form; none for what is no form of ours."""
    try:
        return parse_qs(body.decode(errors="replace"), max_num_fields=MOST_FIELDS)
    except ValueError:
        return {}


def field(form: Mapping[str, list[str]], name: str) -> str:
    """A text of a form as it may be kept: on one line, of a bounded length."""
    return " ".join(form.get(name, [""])[0].replace("\0", "").split())[:MOST_WORDS]


def later() -> HTMLResponse:
    """The answer while the database is away."""
    return page(
        "Please try again in a minute",
        "<p>This could not be kept just now. Nothing was lost: go back, and send it again.</p>",
        503, RETRY_AFTER,
    )  # fmt: skip
