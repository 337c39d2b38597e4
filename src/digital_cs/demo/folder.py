"""The state folder of a demo, which every start empties."""

from __future__ import annotations

import shutil
from pathlib import Path

from digital_cs.errors import UsageError
from digital_cs.stack.lock import Lease, StateLock

MAIL = "mail"
SINK_PORT = "sink.port"

_LOCK = "lock"
_OURS = {
    _LOCK, "stack.json", "postgres", "temporal", "logs", MAIL, SINK_PORT, "signing.key",
    "write.key",
}  # fmt: skip
_PATIENCE = 15.0


def empty_folder(state_dir: Path) -> None:
    """Delete what the last demo left, once the last of its servers has ended; make the folder.

    Raises StateLockedError while a demo runs on it, and UsageError if there is anything in it
    that no demo has made: then nothing is deleted.
    """
    if not state_dir.exists():
        state_dir.mkdir(parents=True)
        # Others may pass through, as the user of Postgres must, but not look around.
        state_dir.chmod(0o711)
        return
    strangers = sorted(path.name for path in state_dir.iterdir() if path.name not in _OURS)
    if strangers:
        raise UsageError(
            f"{state_dir} holds {strangers[0]}, which no demo has made, so it is not emptied."
            " Move that elsewhere, or name another folder with STATE_DIR."
        )
    with StateLock(state_dir):
        for lease in state_dir.glob("*/lease"):
            Lease(lease, lease.parent.name).await_end(_PATIENCE)
        for path in state_dir.iterdir():
            if path.is_dir() and not path.is_symlink():
                shutil.rmtree(path)
            elif path.name != _LOCK:
                path.unlink()
