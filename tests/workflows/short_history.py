"""A real server that suggests to continue as new after a few events instead of thousands."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

from digital_cs.stack.temporal_server import TemporalServer

EVENTS = 12


@contextlib.contextmanager
def short_history_server(folder: Path) -> Iterator[TemporalServer]:
    """Suggests it as soon as a history has `EVENTS` events."""
    limit = {"limit.historyCount.suggestContinueAsNew": EVENTS}
    with TemporalServer(folder, ui=False, in_memory=True, dynamic_config=limit) as server:
        yield server
