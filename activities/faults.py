"""What the workflow and the logs are told of a fault: its kind and place, never its words."""

from __future__ import annotations

import traceback
from pathlib import Path

from temporalio.exceptions import ApplicationError

_HOUSE = Path(__file__).resolve().parent.parent


def without_words(error: Exception) -> ApplicationError:
    """The error that goes into the history in place of this one.

    The words of a fault may quote what it stumbled over: Postgres shows the failing row, a mail
    library the address. A history and a log must not (they are kept long and read by many).
    """
    kind = type(error).__name__
    code = getattr(error, "sqlstate", None)
    words = f"SQLSTATE {code}, at {_place(error)}" if code else f"at {_place(error)}"
    return ApplicationError(words, type=kind)


def _place(error: Exception) -> str:
    """The innermost line of ours that it passed: "activities/mailing.py:120"."""
    for frame in reversed(traceback.extract_tb(error.__traceback__)):
        path = Path(frame.filename)
        if path.is_relative_to(_HOUSE) and "site-packages" not in path.parts:
            return f"{path.relative_to(_HOUSE)}:{frame.lineno}"
    return "an unknown place"
