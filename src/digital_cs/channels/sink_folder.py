"""The folder that the sink keeps messages in: one file a message, one index of what arrived."""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from email.errors import HeaderParseError
from email.header import decode_header, make_header
from pathlib import Path

INDEX_FILE = "index.jsonl"
_MESSAGE_ID = re.compile(r"(?im)^message-id:([^\r\n]*(?:\r\n[ \t][^\r\n]*)*)")
_SUBJECT = re.compile(r"(?im)^subject:([^\r\n]*(?:\r\n[ \t][^\r\n]*)*)")
_FOLD = re.compile(r"\r\n[ \t]+")


@dataclass(frozen=True, slots=True)
class SinkEntry:
    """One message for one recipient. `at` is an ISO moment in UTC, `file` a name in the folder."""

    at: str
    message_id: str
    to: str
    subject: str
    file: str


def read_index(folder: Path) -> list[SinkEntry]:
    """Everything that the sink of this folder has accepted, in order of arrival."""
    try:
        lines = (folder / INDEX_FILE).read_bytes().split(b"\n")
    except FileNotFoundError:
        return []
    return [SinkEntry(**json.loads(line)) for line in lines[:-1]]  # after the last \n: half a line


class SinkFolder:
    """Writes messages so that what was accepted can be read, whatever happens afterwards.

    A message is in place under its final name before the index mentions it, and in the index
    before it is acknowledged. So a file without an index line is a message that was never
    acknowledged. `durable` adds the fsyncs that outlast a loss of power.
    """

    def __init__(self, folder: Path, *, durable: bool = False) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._folder = os.fspath(folder)
        self._durable = durable
        self._sequence = 0
        for half_written in folder.glob("*.part"):
            half_written.unlink()
        self._index = os.open(folder / INDEX_FILE, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o644)
        self._end_of_index = _cut_half_line(self._index)

    def close(self) -> None:
        os.close(self._index)

    def store(self, mail: bytes, recipients: Sequence[str]) -> None:
        """Keep one message for these recipients. Raises `OSError`, and then nothing of it stays."""
        at = datetime.now(UTC)
        self._sequence += 1
        digest = hashlib.blake2b(mail, digest_size=4).hexdigest()
        file = f"{at:%Y%m%dT%H%M%S.%f}-{self._sequence:06d}-{digest}.eml"
        path = f"{self._folder}/{file}"
        temporary = f"{path}.part"
        try:
            self._write(temporary, mail)
            os.rename(temporary, path)
            self._append(_index_lines(at, mail, recipients, file))
        except OSError:
            for leftover in (temporary, path):
                with suppress(OSError):
                    os.unlink(leftover)
            raise

    def _write(self, path: str, mail: bytes) -> None:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o644)
        try:
            _write_all(descriptor, mail)
            if self._durable:
                os.fsync(descriptor)
        finally:
            os.close(descriptor)

    def _append(self, lines: bytes) -> None:
        try:
            _write_all(self._index, lines)
            if self._durable:
                os.fsync(self._index)
                _sync_folder(self._folder)
        except OSError:
            # A full disk takes the first half of a line; no reader may meet it.
            os.ftruncate(self._index, self._end_of_index)
            raise
        self._end_of_index += len(lines)


def _index_lines(at: datetime, mail: bytes, recipients: Sequence[str], file: str) -> bytes:
    head = mail[: mail.find(b"\r\n\r\n") + 2].decode(errors="replace")
    message_id, subject = _header(_MESSAGE_ID, head), _header(_SUBJECT, head)
    if "=?" in subject:
        with suppress(HeaderParseError, LookupError, ValueError):
            subject = str(make_header(decode_header(subject)))
    entries = (SinkEntry(at.isoformat(), message_id, to, subject, file) for to in recipients)
    return "".join(f"{json.dumps(asdict(entry))}\n" for entry in entries).encode()


def _header(pattern: re.Pattern[str], head: str) -> str:
    """The unfolded value of a header, or an empty string."""
    match = pattern.search(head)
    return _FOLD.sub(" ", match[1]).strip() if match else ""


def _write_all(descriptor: int, data: bytes) -> None:
    written = os.write(descriptor, data)
    while written < len(data):  # short on a nearly full disk; the next write then says why
        written += os.write(descriptor, data[written:])


def _cut_half_line(descriptor: int) -> int:
    """Cut off what a killed sink wrote of its last line; gives the end of the index in bytes."""
    end = os.fstat(descriptor).st_size
    tail = os.pread(descriptor, 65536, max(0, end - 65536))
    keep = end - len(tail) + tail.rfind(b"\n") + 1
    if keep != end:
        os.ftruncate(descriptor, keep)
    return keep


def _sync_folder(folder: str) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
