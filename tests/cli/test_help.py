"""The command as it introduces itself: every command shows an example, and is quick to help."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest
import typer

from digital_cs.cli.main import app
from tests.cli.conftest import Cli


def commands() -> Iterator[tuple[str, ...]]:
    """The words of every command."""

    def walk(command: Any, path: tuple[str, ...]) -> Iterator[tuple[str, ...]]:
        inner = getattr(command, "commands", None)
        if inner is None or command.invoke_without_command:
            yield path
        if inner is None:
            return
        for name, each in inner.items():
            yield from walk(each, (*path, name))

    return walk(typer.main.get_command(app), ())


ALL = list(commands())
PROMISED = {
    "up", "worker", "migrate", "settings", "doctor", "check", "demo", "alerts", "suppress",
    "enroll", "program schema", "program check", "program publish", "program list", "program show",
    "program diff", "program simulate", "program pause", "program resume", "program stop",
    "enrollment list", "enrollment show", "enrollment pause", "enrollment resume",
    "enrollment skip", "enrollment exit", "account list", "account show", "task list", "task done",
    "message list", "webhook dead-letters", "load accounts", "load contacts", "load events",
    "load usage", "sources", "sources show", "sources retire", "sources expect",
    "milestone publish", "milestone list", "milestone schema", "account milestones",
    "contact show", "contact merge", "contact move", "suppression add", "suppression lift",
    "suppression show", "suppression list", "suppression import", "suppression export",
    "policy show", "policy check", "policy diff", "policy publish", "policy history",
    "policy schema", "program holdout",
    "contact preferences",
}  # fmt: skip


def test_there_are_the_commands_that_people_were_promised() -> None:
    assert {" ".join(words) for words in ALL} >= PROMISED


@pytest.mark.parametrize("words", ALL, ids=" ".join)
def test_every_help_shows_an_example_and_json(alone: Cli, words: tuple[str, ...]) -> None:
    done = alone(*words, "--help")

    assert done.code == 0
    assert f"Example: {'DEMO_SECONDS' if words == ('demo',) else ''}" in done.out
    assert f"digital-cs {' '.join(words)}" in done.out.split("Example:")[1]
    assert "--json" in done.out


def test_help_loads_nothing_heavy() -> None:
    heavy = ("sqlmodel", "sqlalchemy", "temporalio", "psycopg", "alembic", "jinja2", "holidays",
             "pydantic_settings")  # fmt: skip
    code = (
        "import sys; from digital_cs.cli.main import run; run(['--help']);"
        f"sys.exit(','.join(m for m in {heavy!r} if m in sys.modules) or 0)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)

    assert (done.returncode, done.stderr.strip()) == (0, "")


def test_the_process_ends_with_the_code_of_its_command() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "digital_cs", "program", "stop", "welcome"],
        capture_output=True, text=True, check=False,
    )  # fmt: skip

    assert done.returncode == 2
    assert "--entering" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_reader_that_stops_reading_is_no_error() -> None:
    script = f"{sys.executable} -m digital_cs program schema | head -c 1; exit ${{PIPESTATUS[0]}}"
    done = subprocess.run(["bash", "-c", script], capture_output=True, text=True, check=False)

    assert (done.returncode, done.stderr) == (0, "")
