"""Fixtures of the command's tests: the command itself, here, on a database of its own."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psycopg
import pytest

from digital_cs.cli.main import run
from tests import rig

ACCOUNTS = """\
id,name,stage,zone,plan,seats
acme,Acme,trial,Europe/Berlin,trial,12
globex,Globex,trial,America/New_York,trial,3
initech,Initech,active,,pro,60
"""
CONTACTS = """\
id,account_id,email,first_name,full_name,roles
ada,acme,ada@acme.test,Ada,Ada Lovelace,champion
grace,globex,grace@globex.test,Grace,Grace Hopper,admin;champion
"""
PROGRAM = """\
program: welcome
name: Welcome
owner: maya
send_window: {days: every day, hours: "00:00-24:00", holidays: ignore}
steps:
  - wait: 3 days
  - send: welcome-trial-1
"""


@dataclass(frozen=True)
class Ran:
    """What one command did."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """What stands on standard output; fails unless that is JSON and nothing else."""
        return json.loads(self.out)


Cli = Callable[..., Ran]


@pytest.fixture
def content(tmp_path: Path) -> Path:
    """A content folder with one program and the shipped e-mails."""
    folder = tmp_path / "content"
    for part in ("emails", "blocks", "layouts"):
        shutil.copytree(rig.ROOT / "content" / part, folder / part)
    (folder / "programs").mkdir()
    (folder / "programs" / "welcome.yaml").write_text(PROGRAM)
    return folder


@pytest.fixture
def alone(
    tmp_path: Path,
    content: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> Cli:
    """The command without any server, on a Monday in March 2026."""
    monkeypatch.setenv("STATE_DIR", str(tmp_path / "state"))
    monkeypatch.setenv("CONTENT_DIR", str(content))
    monkeypatch.setenv("CLOCK_ORIGIN", rig.MONDAY.isoformat())
    monkeypatch.setenv("CLOCK_STARTED", datetime.now(UTC).isoformat())
    monkeypatch.setenv("COLUMNS", "120")

    def command(*arguments: str | Path) -> Ran:
        capsys.readouterr()
        code = run([str(argument) for argument in arguments])
        out, err = capsys.readouterr()
        return Ran(code, out, err)

    return command


@pytest.fixture
def cli(alone: Cli, database: str, monkeypatch: pytest.MonkeyPatch) -> Cli:
    """The command on an empty, migrated database."""
    monkeypatch.setenv("DATABASE_URL", database)
    return alone


@pytest.fixture
def company(cli: Cli, tmp_path: Path) -> Cli:
    """The command on a database with three accounts, two contacts, and `welcome` published."""
    for noun, text in (("accounts", ACCOUNTS), ("contacts", CONTACTS)):
        file = tmp_path / f"{noun}.csv"
        file.write_text(text)
        assert cli("load", noun, file).code == 0
    assert cli("program", "publish").code == 0
    return cli


@pytest.fixture
def rows(database: str) -> Iterator[Callable[..., list[Any]]]:
    """Ask the test's database directly."""
    with psycopg.connect(database, autocommit=True) as connection:

        def ask(statement: str, *values: Any) -> list[Any]:
            cursor = connection.execute(statement.encode(), values)
            return cursor.fetchall() if cursor.description else []

        yield ask
