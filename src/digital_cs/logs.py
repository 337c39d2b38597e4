"""Structured logs: events with ids, never with an address, a name or a body."""

from __future__ import annotations

import contextlib
import logging
import sys
from typing import Any, TextIO, cast

import structlog

WORKER_STARTED = "worker.started"
"""What a worker logs when it has begun to work; who starts one waits for it."""
API_SERVED = "The API is served at"
"""What the API says on standard error once it can be called; who starts one waits for it."""
RETURNED_TAKEN_AT = "Mail that comes back is taken at"
"""What the listener for it says on standard error once it listens; who starts one waits for it."""


class _StandardError:
    """Standard error as it is at that moment, and never a reason to stop: its disk may be full."""

    def write(self, text: str) -> int:
        with contextlib.suppress(OSError):
            sys.stderr.write(text)
        return len(text)

    def flush(self) -> None:
        with contextlib.suppress(OSError):
            sys.stderr.flush()


def configure(level: str, form: str) -> None:
    """Send every log of this process to standard error, as JSON lines or as text."""
    number = logging.getLevelNamesMapping()[level.upper()]
    renderer: Any = (
        structlog.processors.JSONRenderer() if form == "json" else structlog.dev.ConsoleRenderer()
    )
    shared: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info,
    ]
    stream = cast(TextIO, _StandardError())
    structlog.configure(
        processors=[*shared, renderer],
        wrapper_class=structlog.make_filtering_bound_logger(number),
        logger_factory=structlog.PrintLoggerFactory(stream),
    )
    handler = logging.StreamHandler(stream)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, renderer],
            foreign_pre_chain=shared,
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(max(number, logging.WARNING))


def get(name: str) -> Any:
    """A logger that writes events with key=value pairs."""
    return structlog.get_logger(name)
