"""CSV files of accounts, contacts, events and usage: good rows out, bad ones told by line."""

from __future__ import annotations

import csv
import difflib
import io
from collections.abc import Callable, Hashable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import BinaryIO, Generic, TypeVar

from digital_cs.errors import NotFoundError, UsageError
from digital_cs.ingest.csv_cells import CellError, Cells

T = TypeVar("T")

BATCH = 1000
MOST_CELL = 1_000_000
"""Characters a cell may have. A quote that is never closed makes one of all the rest."""


@dataclass(frozen=True, slots=True)
class Remark:
    """Something about a line (counted from 1) that its sender should know.

    `left_out`: the row was not taken. `column` is None when the whole row is meant.
    """

    line: int
    column: str | None
    message: str
    left_out: bool = True

    def __str__(self) -> str:
        place = f"line {self.line}, {self.column}" if self.column else f"line {self.line}"
        return f"{place}: {self.message}"


@dataclass(frozen=True, slots=True)
class Format(Generic[T]):
    """One kind of file. With `traits`, a column that is not known is a trait of the account.

    `key` tells what a row is about. Of two rows about the same, the last one counts, or the
    first one where `first_counts`.
    """

    noun: str
    required: tuple[str, ...]
    optional: tuple[str, ...]
    parse: Callable[[Cells], T]
    key: Callable[[T], Hashable]
    traits: bool = False
    first_counts: bool = False

    @property
    def columns(self) -> tuple[str, ...]:
        """Every column that it knows."""
        return self.required + self.optional


@dataclass(slots=True)
class Batch(Generic[T]):
    """Some rows, each with its line. `done` is how many bytes of the file have been read."""

    rows: list[tuple[int, T]] = field(default_factory=list)
    remarks: list[Remark] = field(default_factory=list)
    done: int = 0


def read(path: Path, form: Format[T], now: datetime, size: int = BATCH) -> Iterator[Batch[T]]:
    """The rows of a file, about `size` at a time. `now` is what a date may not lie after.

    Raises NotFoundError or UsageError, before the first batch, when the file cannot be read at
    all or its columns are not those of the format.
    """
    try:
        raw = path.open("rb")
    except FileNotFoundError as error:
        raise NotFoundError(f"There is no file {path}. Check the name.") from error
    except OSError as error:
        raise UsageError(f"{path} cannot be read: {error.strerror}.") from error
    return _Reader(path, raw, form, now).batches(size)


class _Reader(Generic[T]):
    def __init__(self, path: Path, raw: BinaryIO, form: Format[T], now: datetime) -> None:
        self._path = path
        self._raw = raw
        self._form = form
        self._now = now
        self._seen: dict[Hashable, int] = {}
        self._end = 0  # last line of the row read last
        # What is not UTF-8 survives reading, so that only its own row is refused.
        self._text = io.TextIOWrapper(
            raw, encoding="utf-8-sig", errors="surrogateescape", newline=""
        )
        self._remarks: list[Remark] = []
        try:
            self._rows = self._open()
            self._header = self._columns()
        except BaseException:
            raw.close()
            raise

    def _open(self) -> Iterator[list[str]]:
        first = self._text.readline()
        if not first.strip():
            raise UsageError(f"{self._path} is empty. Its first line names the columns.")
        delimiter = max(",;\t", key=first.count)  # Excel writes semicolons in half of the world
        self._text.seek(0)
        csv.field_size_limit(MOST_CELL)
        self._reader = csv.reader(self._text, delimiter=delimiter)
        return self._reader

    def _columns(self) -> list[str]:
        form, written = self._form, [cell.strip() for cell in next(self._rows)]
        self._end = self._reader.line_num
        while written and not written[-1]:
            written.pop()
        known = {name.casefold(): name for name in form.columns}
        header = [known.get(cell.casefold().replace(" ", "_"), cell) for cell in written]
        for name in form.required:
            if name not in header:
                raise UsageError(
                    f"{self._path} has no column '{name}'. A file of {form.noun} has"
                    f" {', '.join(form.required)}, and may have {', '.join(form.optional)}."
                )
        for position, name in enumerate(header, start=1):
            if not name or header.count(name) > 1:
                fault = f"'{name}' twice" if name else f"no name over column {position}"
                raise UsageError(f"{self._path} has {fault} in its first line. Correct it.")
            self._check_name(name)
        return header

    def _check_name(self, name: str) -> None:
        if name in self._form.columns:
            return
        near = difflib.get_close_matches(name, self._form.columns, n=1, cutoff=0.8)
        hint = f"Did you mean '{near[0]}'?" if near else ""
        if not self._form.traits:
            hint = hint or f"Known are {', '.join(self._form.columns)}."
            raise UsageError(f"{self._path} has a column '{name}' that is not known. {hint}")
        if near:
            message = f"Taken as a trait of that name. {hint}"
            self._remarks.append(Remark(1, name, message, left_out=False))

    def batches(self, size: int) -> Iterator[Batch[T]]:
        with self._text:
            rows: dict[Hashable, tuple[int, T]] = {}
            for line, cells in self._numbered():
                self._take(line, cells, rows)
                if len(rows) >= size or len(self._remarks) >= size:
                    yield self._batch(rows)
                    rows = {}
            yield self._batch(rows)

    def _batch(self, rows: dict[Hashable, tuple[int, T]]) -> Batch[T]:
        remarks, self._remarks = self._remarks, []
        return Batch(list(rows.values()), remarks, self._raw.tell())

    def _numbered(self) -> Iterator[tuple[int, list[str]]]:
        """Every row that is not empty, with the line on which it begins."""
        while True:
            line = self._end + 1
            try:
                cells = next(self._rows)
            except StopIteration:
                return
            except csv.Error as error:
                self._remarks.append(Remark(line, None, f"This is not CSV: {error}."))
                self._end = self._reader.line_num
                continue
            self._end = self._reader.line_num
            if any(cell.strip() for cell in cells):
                yield line, cells

    def _take(self, line: int, cells: Sequence[str], rows: dict[Hashable, tuple[int, T]]) -> None:
        header = self._header
        extra = [cell for cell in cells[len(header) :] if cell.strip()]
        if len(cells) < len(header) or extra:
            message = f"It has {len(cells)} cells, the first line has {len(header)}."
            self._remarks.append(Remark(line, None, message + self._hint(line)))
            return
        named = dict(zip(header, cells, strict=False))
        traits = set(header) - set(self._form.columns)
        try:
            record = self._form.parse(Cells(named, traits, self._now))
        except CellError as error:
            self._remarks.append(Remark(line, error.column, str(error) + self._hint(line)))
            return
        key = self._form.key(record)
        before = self._seen.get(key)
        if before is not None and self._form.first_counts:
            self._remarks.append(Remark(line, None, f"The same as line {before}, which counts."))
            return
        if before is not None:
            message = f"About the same as line {before}; this one counts."
            self._remarks.append(Remark(line, None, message, left_out=False))
        self._seen[key] = line
        rows.pop(key, None)
        rows[key] = (line, record)

    def _hint(self, line: int) -> str:
        """What may be behind a bad row that goes over several lines."""
        return f" It ends on line {self._end}: is a quote left open?" if self._end > line else ""
