"""A Maildir, in which a mail server leaves what came back: each file is one mail."""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
import stat
from pathlib import Path

from digital_cs.errors import DigitalCsError, UnavailableError

_CHUNK = 256 * 1024
_DELIVERED_TO = re.compile(
    rb"(?:Delivered-To|X-Original-To|Envelope-To):[ \t]*<?([^\s<>]{3,320})>?[ \t]*", re.IGNORECASE
)
"""In which a server writes down whom the envelope named; it puts it before all other fields."""

ASIDE = ".aside"


class UnreadableError(DigitalCsError):
    """A file in the Maildir cannot be read. Give the user of this process the right to."""


class Maildir:
    """The folders `new` and `cur` of a Maildir; what is no mail goes to a subfolder, `.aside`.

    Raises UnavailableError when it is none, or cannot be written to.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        for name in ("new", "cur"):
            if not os.access(folder / name, os.R_OK | os.W_OK | os.X_OK):
                raise UnavailableError(
                    f"{folder} is no Maildir that this user may empty: its folder '{name}' is not"
                    " there, or not to be written to."
                )

    def new(self) -> list[Path]:
        """What nobody has taken yet, in the order of the names: they begin with the time."""
        entries = sorted((self._folder / "new").iterdir())
        return [each for each in entries if not each.name.startswith(".")]

    def read(self, path: Path, most: int) -> tuple[bytes, str, str | None]:
        """(the first `most` bytes, the SHA-256 of all in hex, whom the envelope named).

        Raises FileNotFoundError when it is gone, UnreadableError when it is no file to be read.
        """
        try:
            # Neither a link out of the folder nor a pipe that nobody writes to.
            number = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
        except FileNotFoundError:
            raise
        except OSError as error:
            raise UnreadableError(f"A file cannot be opened: {error.strerror}.") from error
        if not stat.S_ISREG(os.fstat(number).st_mode):
            os.close(number)
            raise UnreadableError("What lies there is no file.")
        with open(number, "rb") as file:
            beginning, digest = bytearray(), hashlib.sha256()
            try:
                while chunk := file.read(_CHUNK):
                    digest.update(chunk)
                    beginning += chunk[: max(0, most - len(beginning))]
            except OSError as error:
                raise UnreadableError(f"A file cannot be read: {error.strerror}.") from error
        return bytes(beginning), digest.hexdigest(), _envelope(bytes(beginning))

    def file(self, path: Path) -> None:
        """Put a mail that was taken among those that were seen."""
        name = path.name.partition(":2,")[0]
        with contextlib.suppress(FileNotFoundError):
            path.rename(self._folder / "cur" / f"{name}:2,S")

    def set_aside(self, path: Path) -> None:
        """Put what is no mail into a subfolder, where a mail program shows it; nothing is lost."""
        aside = self._folder / ASIDE
        for name in ("new", "cur", "tmp"):
            (aside / name).mkdir(mode=0o700, parents=True, exist_ok=True)
        with contextlib.suppress(FileNotFoundError):
            path.rename(aside / "new" / path.name)


def _envelope(beginning: bytes) -> str | None:
    """Whom the envelope named, by what the server wrote at the top; a token before the others."""
    found: list[str] = []
    for line in re.split(rb"\r?\n", beginning[:16_384], maxsplit=80)[:80]:
        if not line:
            break
        match = _DELIVERED_TO.fullmatch(line)
        if match:
            found.append(match[1].decode("ascii", "replace"))
    tokens = [each for each in found if each.lower().startswith("bounce+")]
    return next(iter([*tokens, *found]), None)
