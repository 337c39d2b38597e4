"""Imports go one way: the contracts in pyproject.toml, and what workflows may know."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

from tests.house.rooms import HOUSE, files, name_of


def lint(folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [Path(sys.executable).parent / "lint-imports", "--no-logo", "--no-cache"],
        cwd=folder, env={"PYTHONPATH": f"{folder}/src:{folder}", "COLUMNS": "200"},
        capture_output=True, text=True, check=False,
    )  # fmt: skip


def test_every_import_keeps_to_the_contracts() -> None:
    found = lint(HOUSE)
    assert found.returncode == 0, found.stdout + found.stderr


@pytest.fixture
def another_house(tmp_path: Path) -> Path:
    """A copy of the house that a test may spoil."""
    for path in files(".py", under=("src", "workflows", "activities")):
        copy = tmp_path / name_of(path)
        copy.parent.mkdir(parents=True, exist_ok=True)
        copy.write_bytes(path.read_bytes())
    (tmp_path / "pyproject.toml").write_bytes((HOUSE / "pyproject.toml").read_bytes())
    return tmp_path


@pytest.mark.parametrize(
    ("file", "line", "complaint"),
    [
        (
            "src/digital_cs/domain/timing/span.py",
            "import digital_cs.store.database.pool",
            "Every room",
        ),
        ("src/digital_cs/domain/timing/span.py", "import temporalio.client", "no framework"),
        (
            "src/digital_cs/stack/ports.py",
            "import digital_cs.domain.timing.span",
            "stands by itself",
        ),
        ("src/digital_cs/ingest/rules/entries.py", "import workflows.enrollment", "Only temporal"),
        ("src/digital_cs/bootstrap.py", "import digital_cs.store.tables", "Only store"),
        ("activities/calls.py", "import workflows.enrollment", "Workflows sequence"),
        ("src/digital_cs/utils/__init__.py", '"""Odds and ends."""', "Every room"),
    ],
)
def test_an_import_against_the_contracts_is_found(
    another_house: Path, file: str, line: str, complaint: str
) -> None:
    path = another_house / file
    path.parent.mkdir(exist_ok=True)
    text = path.read_text() if path.exists() else ""
    path.write_text(f"{text}\n{line}\n")

    found = lint(another_house)

    assert found.returncode == 1, found.stdout + found.stderr
    broken = [row for row in found.stdout.splitlines() if row.endswith("BROKEN")]
    assert any(complaint in row for row in broken), found.stdout


def imports(path: Path) -> Iterator[tuple[str, bool]]:
    """What a module imports, and whether that stands at its top or inside a `with`."""
    tree = ast.parse(path.read_text())
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((alias.name, node in tree.body) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield node.module or ".", node in tree.body


def test_a_workflow_imports_messages_and_temporalio_and_nothing_else() -> None:
    """The replay of a history must not depend on rules or rows that change (P22).

    They share how they rest, which is a part of their histories.
    """
    for path in files(".py", under=("workflows",)):
        for name, at_top in imports(path):
            root = name.partition(".")[0]
            ours = name == "digital_cs.messages" or name.startswith("digital_cs.messages.")
            known = (
                ours or root == "temporalio" or root in sys.stdlib_module_names
                or name == "workflows.rest"
            )  # fmt: skip
            assert known, f"{name_of(path)} imports {name}"
            assert not (ours and at_top), (
                f"{name_of(path)} imports {name} outside workflow.unsafe.imports_passed_through():"
                " the sandbox would load it again for every run"
            )


BROUGHT_ALONG = {"markupsafe", "psycopg-pool", "pydantic-core", "sqlalchemy", "starlette"}
"""Imported by us, and part of what a declared dependency promises to bring."""


def test_what_is_declared_is_imported_and_what_is_imported_is_declared() -> None:
    """Nobody installs what nothing uses, and nothing works by luck alone."""
    declared = tomllib.loads((HOUSE / "pyproject.toml").read_text())["project"]["dependencies"]
    names = {re.split(r"[^\w.-]", each)[0].lower().replace("_", "-") for each in declared}
    modules = {
        name.partition(".")[0]
        for path in files(".py", under=("src", "workflows", "activities"))
        for name, _ in imports(path)
    }
    providers = packages_distributions()
    used = {
        name.lower().replace("_", "-") for module in modules for name in providers.get(module, ())
    }
    used.discard("digital-cs")
    others = {"tzdata": "zoneinfo", "httptools": "uvicorn"}
    assert names - used == others.keys(), f"{others} read some for us, every other one is imported"
    assert used - names == BROUGHT_ALONG
