"""Folders for servers that a single test starts."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest


@pytest.fixture
def state_dir(server_dir: Path) -> Iterator[Path]:
    """A fresh state folder that the user of Postgres can reach."""
    folder = Path(tempfile.mkdtemp(dir=server_dir))
    folder.chmod(0o711)
    yield folder
    shutil.rmtree(folder)
