"""Gives each test its own content folder."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.rendering.studio import Studio


@pytest.fixture
def studio(tmp_path: Path) -> Studio:
    return Studio(tmp_path)
