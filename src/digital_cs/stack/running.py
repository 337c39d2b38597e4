"""What a running stack tells other processes: `<state>/stack.json`, true while its lock is held."""

from __future__ import annotations

import os
from datetime import datetime
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError

from digital_cs.errors import DigitalCsError
from digital_cs.stack.lock import lock_holder

# Facts about the process, not settings that another one could take over.
_OWN = {"pid", "temporal_ui_url"}


class StackFileError(DigitalCsError):
    """The stack's description cannot be read or written. Look at the permissions of stack.json."""


class RunningStack(BaseModel):
    """Where the parts of a stack are. Fields named as in `Settings` mean the same there.

    `publish` may add keys that have no field here; they are in `model_extra`.
    """

    model_config = ConfigDict(frozen=True, extra="allow")

    pid: int
    database_url: str
    temporal_address: str
    temporal_namespace: str
    temporal_ui_url: str | None = None
    smtp_host: str | None = None
    smtp_port: int | None = None
    clock_speed: float | None = None
    clock_origin: datetime | None = None
    clock_started: datetime | None = None

    @property
    def temporal_port(self) -> int:
        return int(self.temporal_address.rpartition(":")[2])

    @property
    def ui_port(self) -> int | None:
        url = self.temporal_ui_url
        return int(url.rpartition(":")[2]) if url else None

    def settings(self) -> dict[str, Any]:
        """What is known of the stack, as overrides for `load_settings`."""
        return self.model_dump(exclude=_OWN, exclude_none=True)


def read_running(state_dir: Path) -> RunningStack | None:
    """The stack that runs on this state folder; None if none does or it is still starting."""
    holder = lock_holder(state_dir)
    if holder is None:
        return None
    running = read_last(state_dir)
    return running if running is not None and running.pid == holder else None


def read_last(state_dir: Path) -> RunningStack | None:
    """What the last stack on this folder published, whether it runs or not; None if unreadable."""
    try:
        return RunningStack.model_validate_json(_path(state_dir).read_bytes())
    except (FileNotFoundError, ValidationError):
        return None
    except OSError as error:
        raise StackFileError(
            f"{_path(state_dir)} cannot be read: {error.strerror}. "
            "Run this as the user that started the stack."
        ) from error


def write_running(state_dir: Path, running: RunningStack) -> None:
    """Replace the description at once, so that no reader sees half of it. Only we may read it."""
    path = _path(state_dir)
    unfinished = path.with_suffix(".unfinished")
    try:
        descriptor = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(running.model_dump_json(indent=2, exclude_none=True) + "\n")
        unfinished.replace(path)
    except OSError as error:
        raise StackFileError(f"{path} cannot be written: {error.strerror}.") from error


def _path(state_dir: Path) -> Path:
    return state_dir / "stack.json"
