"""Writes the pages of docs/reference from the code: `make docs`."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, get_args

import annotated_types
import typer
from pydantic import SecretStr
from pydantic.fields import FieldInfo

from digital_cs.cli.main import app
from digital_cs.config import Settings
from tests.house.rooms import HOUSE

REFERENCE = HOUSE / "docs" / "reference"

_MADE = "<!-- Made by `make docs`; a test compares. -->"
_SETTINGS = """\
Settings are read once, at the start, from the environment. For each `NAME` there is `NAME_FILE`
too: the path of a file that holds the value, for mounted secrets. An empty variable counts as
not set, and a value that cannot be used stops the start and is named. `digital-cs settings`
prints what is in force.

| Setting | Default | Meaning |
| --- | --- | --- |
"""


def settings_page() -> str:
    """docs/reference/settings.md: every setting, its default and what it means."""
    rows = [
        f"| `{name.upper()}` | {_default(field)} | {_meaning(field)} |\n"
        for name, field in Settings.model_fields.items()
    ]
    return f"# Settings\n\n{_MADE}\n\n{_SETTINGS}{''.join(rows)}"


def _default(field: FieldInfo) -> str:
    value: Any = field.default
    if value is None:
        return ""
    if isinstance(value, SecretStr):
        return "a well-known one" if value.get_secret_value() else ""
    if isinstance(value, bool):
        return f"`{str(value).lower()}`"
    return f"`{value:g}`" if isinstance(value, float) else f"`{value}`"


def _meaning(field: FieldInfo) -> str:
    bounds = {type(mark): mark for mark in field.metadata}
    low = bounds.get(annotated_types.Ge)
    high = bounds.get(annotated_types.Le)
    text = _cell(field.description)
    if low is not None and high is not None:
        return f"{text} From {low.ge} to {high.le}."
    if any(kind is SecretStr for kind in (field.annotation, *get_args(field.annotation))):
        return f"{text} A secret: never shown or logged."
    return text


def _cell(text: str | None) -> str:
    return " ".join((text or "").split()).replace("|", "\\|")


def commands() -> Iterator[tuple[str, Any]]:
    """Every command that can be run, with the words that call it."""

    def walk(words: str, command: Any) -> Iterator[tuple[str, Any]]:
        inner: dict[str, Any] = getattr(command, "commands", {})
        if not inner or command.invoke_without_command:
            yield words, command
        for name, each in inner.items():
            if not each.hidden:
                yield from walk(f"{words} {name}", each)

    yield from walk("digital-cs", typer.main.get_command(app))


def commands_page() -> str:
    """docs/reference/commands.md: every command with its arguments and options."""
    about = " ".join((typer.main.get_command(app).help or "").split("\n\n", 1)[1].split())
    sections = [_section(words, command) for words, command in commands()]
    return f"# Commands\n\n{_MADE}\n\n{about}\n\n" + "\n".join(sections)


def _section(words: str, command: Any) -> str:
    shown = [each for each in command.params if not each.hidden and each.name != "help"]
    arguments = [each for each in shown if each.param_type_name == "argument"]
    called = " ".join([words, *(_argument(each) for each in arguments)])
    text = f"## {words}\n\n{_paragraphs(command.help)}\n\n    {called}\n"
    if shown:
        rows = [f"| {_name(each)} | {_cell(each.help)} |\n" for each in shown]
        text += f"\n| | |\n| --- | --- |\n{''.join(rows)}"
    if command.epilog:
        example = command.epilog.removeprefix("Example:").strip()
        text += f"\nExample: `{example}`\n"
    return text


def _paragraphs(text: str | None) -> str:
    return "\n\n".join(" ".join(each.split()) for each in (text or "").split("\n\n"))


def _argument(argument: Any) -> str:
    name = argument.metavar or argument.name.upper()
    several = "..." if argument.nargs != 1 else ""
    return f"{name}{several}" if argument.required else f"[{name}{several}]"


def _name(parameter: Any) -> str:
    if parameter.param_type_name == "argument":
        return f"`{_argument(parameter)}`"
    names = ", ".join(f"`{name}`" for name in (*parameter.opts, *parameter.secondary_opts))
    value = "" if parameter.is_flag else f" {parameter.metavar or parameter.name.upper()}"
    return f"{names}{value}"


PAGES: dict[str, Callable[[], str]] = {"settings.md": settings_page, "commands.md": commands_page}
"""The generated pages by file name."""


def main() -> None:
    """Write every page."""
    REFERENCE.mkdir(exist_ok=True)
    for name, page in PAGES.items():
        (REFERENCE / name).write_text(page(), encoding="utf-8")


if __name__ == "__main__":
    main()
