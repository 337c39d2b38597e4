"""The keys that `digital-cs up` and the demo make up, and keep, where nobody gave one."""

from __future__ import annotations

import os
import secrets
from pathlib import Path

from digital_cs.errors import SettingsError


def kept_key(state_dir: Path, what: str) -> Path:
    """The file of a key ("api", "signing", "write") in this folder, for its owner alone to read.

    Made at the first call, and the same from then on. Raises SettingsError when it cannot be.
    """
    path = state_dir / f"{what}.key"
    unfinished = path.with_suffix(".unfinished")
    try:
        if not path.exists() or not path.read_text(encoding="ascii").strip():
            unfinished.unlink(missing_ok=True)
            descriptor = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(descriptor, "w", encoding="ascii") as file:
                file.write(secrets.token_urlsafe(32) + "\n")
            unfinished.replace(path)
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(
            f"A key cannot be kept in {path}: {error}. Correct that, or set the key yourself"
            f" ({what.upper()}_KEY{'S' if what == 'write' else ''})."
        ) from error
    return path
