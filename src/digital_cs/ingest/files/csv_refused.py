"""The file of the rows that a load refused, to be corrected and loaded again."""

from __future__ import annotations

import contextlib
import csv
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from digital_cs.errors import UsageError
from digital_cs.ingest.files.csv_columns import ERROR_COLUMNS
from digital_cs.ingest.files.csv_files import Reader, Remark


class RefusedRows:
    """The refused rows of one load, as they were, each after its line, column and problem.

    Those three are passed over when the file is loaded itself, also into the same file again.
    """

    def __init__(self, path: Path, file: Path, reader: Reader[Any], *, dry: bool = False) -> None:
        """Write to `path` what is refused of `file`, which `reader` reads.

        Raises UsageError where no file can be written, or where it would lose rows that nobody
        has taken.
        """
        if path.is_dir() or not os.access(path.parent, os.W_OK):
            raise UsageError(
                f"--errors {path} cannot be written. Name a file in a folder that is there."
            )
        self.path = path
        self.count = 0
        self._reader = reader
        self._read_now = path.exists() and path.samefile(file)
        if self._read_now and (dry or not reader.plan.own_from):
            why = (
                "leave only the refused rows in the file, and a dry run takes none of the others"
                if dry
                else "put the refused rows in the place of the file itself"
            )
            raise UsageError(f"--errors {path} would {why}. Name another file.")
        self._part = path.with_name(path.name + ".part")
        self._stack = contextlib.ExitStack()
        self._rows: Any = None

    def write(self, remark: Remark, cells: Sequence[str]) -> None:
        """Add a row. The file is begun with the first one."""
        if self._rows is None:
            self._begin()
        own = self._reader.plan.own(cells)
        self._rows.writerow([remark.line, remark.column or "", remark.message, *own])
        self.count += 1

    def _begin(self) -> None:
        out = self._stack.enter_context(
            self._part.open("w", encoding="utf-8", errors="surrogateescape", newline="")
        )
        self._rows = csv.writer(out, delimiter=self._reader.delimiter)
        self._rows.writerow([*ERROR_COLUMNS, *self._reader.plan.own(self._reader.header)])

    def close(self, *, whole: bool) -> None:
        """Put the file in its place: only now, for it may be the one that is being read.

        `whole`: all rows were seen. If they were, the file of an earlier load has none left in it;
        if not, the one that is being read stays, for it has rows that nobody has taken.
        """
        if whole and self._rows is None and self.path.exists():
            self._begin()
        self._stack.close()
        if self._rows is None:
            return
        if self._read_now and not whole:
            self._part.unlink()
        else:
            os.replace(self._part, self.path)
