"""How the sink misbehaves when it is told to, through a file that any process may write."""

from __future__ import annotations

import json
import os
import random
from dataclasses import asdict, dataclass
from enum import StrEnum
from pathlib import Path

import structlog

FAULTS_FILE = "faults.json"
_log = structlog.get_logger(__name__)


class FaultMode(StrEnum):
    """One way to misbehave, and what a client should make of it."""

    NONE = "none"
    REFUSE_4XX = "refuse_4xx"
    """451 4.7.1 to RCPT, as greylisting does."""
    REFUSE_5XX = "refuse_5xx"
    """554 5.7.1 after the final dot; the message is not stored."""
    REFUSE_RCPT_UNKNOWN = "refuse_rcpt_unknown"
    """550 5.1.1 to RCPT: no such mailbox."""
    STALL = "stall"
    """No answer to DATA, for ever."""
    STALL_AFTER_DATA = "stall_after_data"
    """No answer to the final dot, for ever; the message *is* stored."""
    DROP_BEFORE_DATA = "drop_before_data"
    """Hangs up instead of answering DATA."""
    DROP_AFTER_DATA = "drop_after_data"
    """Hangs up instead of answering the final dot; the message *is* stored."""
    DROP_AFTER_DATA_UNSTORED = "drop_after_data_unstored"
    """The same, and the message is *not* stored."""
    DELAY = "delay"
    """Stores the message, and answers the final dot `seconds` later."""


@dataclass(frozen=True, slots=True)
class Faults:
    """What to do to which share (0 to 1) of the messages, drawn by chance from `seed`."""

    mode: FaultMode = FaultMode.NONE
    share: float = 1.0
    seconds: float = 0.0
    seed: int = 0

    def __post_init__(self) -> None:
        if not 0 <= self.share <= 1:
            raise ValueError("The share of messages is a number from 0 to 1.")
        if self.seconds < 0:
            raise ValueError("A delay cannot be negative.")

    def write(self, folder: Path) -> None:
        """Tell the sink of this folder, from its next message on."""
        temporary = folder / f".{FAULTS_FILE}.{os.getpid()}"
        temporary.write_text(json.dumps(asdict(self)), encoding="utf-8")
        temporary.replace(folder / FAULTS_FILE)

    @classmethod
    def read(cls, path: Path) -> Faults:
        """Read a control file. Raises `ValueError` or `TypeError` for what it does not know."""
        values = json.loads(path.read_text(encoding="utf-8"))
        return cls(**{**values, "mode": FaultMode(values.get("mode", FaultMode.NONE))})


class FaultControl:
    """Follows the control file of one folder; costs one `stat` a message."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / FAULTS_FILE
        self._seen: tuple[int, ...] | None = None
        self._faults = Faults()
        self._random = random.Random(0)  # noqa: S311 - a repeatable choice is the point

    def draw(self) -> Faults:
        """What to do to the next message: the faults in force, or none if it is spared."""
        self._follow()
        faults = self._faults
        if faults.mode is FaultMode.NONE or self._random.random() >= faults.share:
            return Faults()
        return faults

    def _follow(self) -> None:
        try:
            status = os.stat(self._path)
        except OSError:
            self._seen, self._faults = None, Faults()
            return
        seen = (status.st_mtime_ns, status.st_ctime_ns, status.st_ino, status.st_size)
        if seen == self._seen:
            return
        self._seen = seen
        try:
            self._faults = Faults.read(self._path)
        except (OSError, ValueError, TypeError, AttributeError) as error:
            _log.warning("sink.faults_unreadable", file=str(self._path), error=str(error))
            return
        self._random.seed(self._faults.seed)
