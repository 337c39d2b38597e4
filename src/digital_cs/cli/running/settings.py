"""`digital-cs settings`: the one table of settings, with what is in force and where it is from."""

from __future__ import annotations

import os
from typing import Any

from digital_cs.cli.options import Json

EXAMPLE = "Example: SMTP_HOST=mail.example.com digital-cs settings"
MASK = "********"


def settings(as_json: Json = False) -> None:
    """Print every setting: its value and source, its default, and what it is for.

    A setting is an environment variable. NAME_FILE may name a file that holds the value. Secrets
    are masked.
    """
    from pydantic import SecretStr

    from digital_cs.cli import output
    from digital_cs.cli.connection import find_settings
    from digital_cs.config import Settings

    found = find_settings()
    rows: list[dict[str, Any]] = []
    for name, field in Settings.model_fields.items():
        value, default = getattr(found.settings, name), field.default
        secret = isinstance(value, SecretStr) or "SecretStr" in str(field.annotation)
        shown_default = default.get_secret_value() if isinstance(default, SecretStr) else default
        rows.append(
            {
                "name": name.upper(),
                "value": MASK if secret and value is not None else value,
                "default": shown_default,
                "source": _source(name, found.from_stack),
                "help": field.description,
            }
        )
    if as_json:
        output.emit(rows)
        return
    _print(rows)


def _print(rows: list[dict[str, Any]]) -> None:
    from rich.table import Table
    from rich.text import Text

    from digital_cs.cli import output

    table = Table.grid(padding=(0, 2))
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    for row in rows:
        value = "not set" if row["value"] is None else str(row["value"])
        default = "" if row["default"] in (None, row["value"]) else f", default {row['default']}"
        words = Text(value, style="bold")
        words.append(f"  ({row['source']}{default})\n{row['help']}\n", style="not bold")
        table.add_row(row["name"], words)
    output.show(table)


def _source(name: str, from_stack: frozenset[str]) -> str:
    if name in from_stack:
        return "running stack"
    if os.environ.get(f"{name.upper()}_FILE"):
        return "file"
    return "environment" if os.environ.get(name.upper()) else "default"
