"""Writes the pages of docs/reference from the code: `python -m tests.house.regenerate_docs`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, get_args

import annotated_types
from pydantic import SecretStr
from pydantic.fields import FieldInfo

from digital_cs.config import Settings
from tests.house.rooms import HOUSE

REFERENCE = HOUSE / "docs" / "reference"

_MADE = "<!-- Made by `python -m tests.house.regenerate_docs`; a test compares. -->\n"


def settings_page() -> str:
    """docs/reference/settings.md: every setting, its default and what it means."""
    rows = [
        f"| `{name.upper()}` | {_default(field)} | {_help(field)} |"
        for name, field in Settings.model_fields.items()
    ]
    return "\n".join(
        [
            "# Settings",
            _MADE,
            "Settings are read once, at the start, from the environment. For each `NAME` there is"
            " `NAME_FILE`",
            "too: the path of a file that holds the value, for mounted secrets. An empty variable"
            " counts as",
            "not set, and a value that cannot be used stops the start and is named."
            " `digital-cs settings`",
            "prints what is in force.",
            "",
            "| Setting | Default | Meaning |",
            "| --- | --- | --- |",
            *rows,
            "",
        ]
    )


def _default(field: FieldInfo) -> str:
    value: Any = field.default
    if value is None:
        return ""
    if isinstance(value, SecretStr):
        return "a well-known one"
    if isinstance(value, bool):
        return f"`{str(value).lower()}`"
    return f"`{value:g}`" if isinstance(value, float) else f"`{value}`"


def _help(field: FieldInfo) -> str:
    bounds = {type(mark): mark for mark in field.metadata}
    low = bounds.get(annotated_types.Ge)
    high = bounds.get(annotated_types.Le)
    text = (field.description or "").replace("|", "\\|")
    if low is not None and high is not None:
        return f"{text} From {low.ge} to {high.le}."
    if any(kind is SecretStr for kind in (field.annotation, *get_args(field.annotation))):
        return f"{text} A secret: never shown or logged."
    return text


PAGES: dict[str, Callable[[], str]] = {"settings.md": settings_page}
"""The generated pages by file name."""


def main() -> None:
    """Write every page."""
    REFERENCE.mkdir(exist_ok=True)
    for name, page in PAGES.items():
        (REFERENCE / name).write_text(page(), encoding="utf-8")


if __name__ == "__main__":
    main()
