"""CSV files of all that can be loaded: good rows out, bad ones told by line and column."""

from __future__ import annotations

import contextlib
import csv
import gzip
import io
import re
import zlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import chain, islice
from pathlib import Path
from typing import BinaryIO, Generic, TypeVar

from digital_cs.errors import NotFoundError, UsageError
from digital_cs.ingest.files.csv_cells import CellError, Cells
from digital_cs.ingest.files.csv_columns import Fields, Plan, plan
from digital_cs.ingest.files.csv_dates import looks_like_dates, suspect
from digital_cs.ingest.files.csv_reading import Reading
from digital_cs.ingest.files.csv_seen import Seen

T = TypeVar("T")

BATCH = 1000
SAMPLE = 5000
"""Rows that are looked at before the first one is taken, to see how dates are written."""
MOST_CELL = 1_000_000
"""Characters a cell may have. A quote that is never closed makes one of all the rest."""
_GZIP = b"\x1f\x8b"
_NO_CSV = re.compile("[\x00-\x08\x0e-\x1f\udc80-\udcff]")
_DAMAGED = (EOFError, gzip.BadGzipFile, zlib.error)


@dataclass(frozen=True, slots=True)
class Remark:
    """Something about a line (counted from 1) that its sender should know.

    `left_out`: the row was not taken. `column` is None when the whole row is meant.
    """

    line: int
    column: str | None
    message: str
    left_out: bool = True
    repeat: bool = False

    def __str__(self) -> str:
        place = f"line {self.line}, {self.column}" if self.column else f"line {self.line}"
        return f"{place}: {self.message}"


@dataclass(frozen=True, slots=True)
class Format(Generic[T]):
    """One kind of file. `dates` are the fields that hold a day or a moment.

    `key` tells what a row is about. Of two rows about the same, the last one counts; where
    `all_count`, each does. Where `first_counts` says so, the first one does, and a later one that
    says something else is left out: one of the two is wrong. `bare` names the columns of a file
    whose first line, as it looks, is a row already; () takes it as their names.
    """

    fields: Fields
    parse: Callable[[Cells], T]
    key: Callable[[T], str]
    dates: tuple[str, ...] = ()
    first_counts: Callable[[T], bool] = lambda _: False
    all_count: bool = False
    bare: Callable[[Sequence[str]], Sequence[str]] = lambda _: ()

    @property
    def noun(self) -> str:
        """What its rows are, in the plural."""
        return self.fields.noun


@dataclass(slots=True)
class Batch(Generic[T]):
    """Some rows, each with its line. `done` is how many bytes of the file have been read.

    `cells` has every line of the batch as it was written. Of the `read` rows, `repeats` are about
    something that came before; `again` are the lines of those of which that was in
    an earlier batch.
    """

    rows: list[tuple[int, T]] = field(default_factory=list)
    remarks: list[Remark] = field(default_factory=list)
    done: int = 0
    cells: dict[int, Sequence[str]] = field(default_factory=dict)
    read: int = 0
    repeats: int = 0
    again: set[int] = field(default_factory=set)


def read(
    path: Path, form: Format[T], now: datetime, size: int = BATCH, reading: Reading | None = None
) -> Reader[T]:
    """Open a file, gzip-packed or not. `now` is what a date may not lie after.

    Raises NotFoundError or UsageError, before the first batch, when the file cannot be read at
    all, its columns do not fit the format, or its dates are not of the form that was stated.
    """
    try:
        raw = path.open("rb")
    except FileNotFoundError as error:
        raise NotFoundError(f"There is no file {path}. Check the name.") from error
    except OSError as error:
        raise UsageError(f"{path} cannot be read: {error.strerror}.") from error
    try:
        return Reader(path, raw, form, now, reading or Reading(), size)
    except _DAMAGED as error:
        raw.close()
        raise UsageError(f"{path} is damaged: it cannot be unpacked ({error}).") from error
    except BaseException:
        raw.close()
        raise


class Reader(Generic[T]):
    """The rows of a file, about `size` at a time. `header` and `delimiter` are as written."""

    def __init__(
        self, path: Path, raw: BinaryIO, form: Format[T], now: datetime, reading: Reading, size: int
    ) -> None:
        self._path = path
        self._raw = raw
        self._form = form
        self._now = now
        self._size = size
        self._dates = reading.form()
        self._seen = Seen()
        self._end = 0  # last line of the row read last
        self._batch: Batch[T] = Batch()
        self._open()
        self.header = self._first_line()
        self.plan: Plan = plan(self.header, form.fields, reading, str(path))
        doubts = list(self.plan.doubts)
        self._dated = self._check_dates(doubts)
        self._text.detach()
        self._open()
        self._first_line()
        self._batch = Batch([], [Remark(1, name, words, left_out=False) for name, words in doubts])

    def close(self) -> None:
        """Close the file, also again. Who reads all of it need not."""
        self._text.close()
        self._raw.close()  # which a packed one's text leaves open

    def __iter__(self) -> Iterator[Batch[T]]:
        with contextlib.closing(self):
            rows: dict[object, tuple[int, T]] = {}
            try:
                for line, cells in self._numbered():
                    self._take(line, cells, rows)
                    if len(rows) >= self._size or len(self._batch.remarks) >= self._size:
                        yield self._whole(rows)
                        rows = {}
            except _DAMAGED as error:
                message = f"The file is damaged from here on: it cannot be unpacked ({error})."
                self._batch.remarks.append(Remark(self._end + 1, None, message))
            yield self._whole(rows)

    def _whole(self, rows: dict[object, tuple[int, T]]) -> Batch[T]:
        batch, self._batch = self._batch, Batch()
        batch.rows = list(rows.values())
        batch.done = self._raw.tell()
        return batch

    def _open(self) -> None:
        """Begin with the first line, for the first time or again."""
        try:
            self._raw.seek(0)
            packed = self._raw.read(2) == _GZIP
            self._raw.seek(0)
        except io.UnsupportedOperation as error:
            raise UsageError(
                f"{self._path} can be read only once. Save it as a file first."
            ) from error
        plain = io.BufferedReader(gzip.GzipFile(fileobj=self._raw), 1 << 16) if packed else None
        # What is not UTF-8 survives reading, so that only its own row is refused.
        self._text = io.TextIOWrapper(
            plain or self._raw, encoding="utf-8-sig", errors="surrogateescape", newline=""
        )

    def _first_line(self) -> list[str]:
        first = self._text.readline()
        if not first.strip():
            raise UsageError(f"{self._path} is empty. Its first line names the columns.")
        if _NO_CSV.search(first):  # UTF-16, a workbook of Excel, or letters of another encoding
            raise UsageError(f"{self._path} is not CSV in UTF-8. Save it as 'CSV UTF-8' first.")
        # Excel writes semicolons in half of the world.
        self.delimiter = max(",;\t", key=first.count)
        csv.field_size_limit(MOST_CELL)
        self._rows = csv.reader(chain((first,), self._text), delimiter=self.delimiter)
        written = [cell.strip() for cell in next(self._rows)]
        if columns := self._form.bare(written):
            self._rows = csv.reader(chain((first,), self._text), delimiter=self.delimiter)
            self._end = 0
            return list(columns)
        self._end = self._rows.line_num
        while written and not written[-1]:
            written.pop()
        return written

    def _check_dates(self, doubts: list[tuple[str, str]]) -> frozenset[str]:
        """Look at the first rows; returns the traits that hold dates of the stated form.

        Raises UsageError when a column of dates is of another form than was stated.
        """
        sample: dict[str, list[tuple[int, str]]] = {}
        for line, cells in islice(self._numbered(), SAMPLE):
            if len(cells) >= len(self.header):
                for name, text in self.plan.row(cells).items():
                    if text.strip():
                        sample.setdefault(name, []).append((line, text.strip()))
        dated = set()
        for name, found in sample.items():
            trait = name in self.plan.traits and looks_like_dates(text for _, text in found)
            if name not in self._form.dates and not trait:
                continue
            dated.add(name)
            suspicion = suspect(found, self._dates)
            if suspicion is None:
                continue
            column = self.plan.column_of.get(name, name)
            words = suspicion.words(column, self._dates)
            if not trait or self._dates.stated:
                raise UsageError(f"{self._path}, line {suspicion.line}: {words} Nothing was taken.")
            doubts.append((column, f"Kept as text, which is no date to any rule. {words}"))
        return frozenset(dated) & self.plan.traits if self._dates.stated else frozenset()

    def _numbered(self) -> Iterator[tuple[int, list[str]]]:
        """Every row that is not empty, with the line on which it begins."""
        while True:
            line = self._end + 1
            try:
                cells = next(self._rows)
            except StopIteration:
                return
            except csv.Error as error:
                self._batch.read += 1
                self._refuse(line, (), None, f"This is not CSV: {error}.")
                self._end = self._rows.line_num
                continue
            self._end = self._rows.line_num
            if any(cells) and any(cell.strip() for cell in self.plan.own(cells)):
                yield line, cells

    def _refuse(self, line: int, cells: Sequence[str], column: str | None, message: str) -> None:
        self._batch.remarks.append(Remark(line, column, message))
        self._batch.cells[line] = cells

    def _take(self, line: int, cells: list[str], rows: dict[object, tuple[int, T]]) -> None:
        self._batch.read += 1
        width = len(self.header)
        if len(cells) < width or any(cell.strip() for cell in cells[width:]):
            message = f"It has {len(cells)} cells, the first line has {width}."
            self._refuse(line, cells, None, message + self._hint(line))
            return
        try:
            record = self._form.parse(
                Cells(self.plan.row(cells), self.plan.traits, self._now, self._dates, self._dated)
            )
        except CellError as error:
            column = self.plan.column_of.get(error.column, error.column)
            self._refuse(line, cells, column, str(error) + self._hint(line))
            return
        key = self._form.key(record)
        if self._counts(line, cells, record, key, rows):
            rows[line if self._form.all_count else key] = (line, record)
            self._batch.cells[line] = cells

    def _counts(
        self, line: int, cells: list[str], record: T, key: str,
        rows: dict[object, tuple[int, T]],
    ) -> bool:  # fmt: skip
        """Whether this row counts; a remark where something before was about the same."""
        first_counts = self._form.first_counts(record)
        said = repr(record) if first_counts else ""
        before = self._seen.put(key, said, line, keep_first=first_counts)
        if before is None:
            return True
        if first_counts and not before.same:
            self._refuse(
                line, cells, None,
                f"Its id stands on line {before.line} already, where the row says something else."
                " That one counts: correct the id of this one, or leave it out.",
            )  # fmt: skip
            return False
        batch = self._batch
        batch.repeats += 1
        if before.line not in batch.cells or before.line in batch.again:
            batch.again.add(line)
        if self._form.all_count:
            return True
        if first_counts:
            words = f"The same as line {before.line}, which counts."
        else:
            words = f"About the same as line {before.line}; this one counts."
            earlier = rows.pop(key, None)  # and now at the end, in the order of the file
            if earlier is not None:
                batch.cells.pop(earlier[0], None)
        batch.remarks.append(Remark(line, None, words, left_out=False, repeat=True))
        return not first_counts

    def _hint(self, line: int) -> str:
        """What may be behind a bad row that goes over several lines."""
        return f" It ends on line {self._end}: is a quote left open?" if self._end > line else ""
