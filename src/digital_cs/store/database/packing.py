"""Rows and arrays in the binary form of Postgres, put together by hand because of the time.

To read it costs Postgres half of what text costs. It is put together as text all the same, each
character of which stands for a byte (latin-1): Python joins nothing faster than short texts.
"""

from __future__ import annotations

import struct
import sys
from array import array
from collections.abc import Collection, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import NamedTuple

import psycopg
from psycopg.adapt import Dumper
from psycopg.pq import Format

BEGINNING = datetime(2000, 1, 1, tzinfo=UTC)
MOMENTS_A_DAY = 86_400_000_000
MOST_REMEMBERED = 100_000

_COPY_HEAD = "PGCOPY\n\xff\r\n\x00" + "\x00" * 8
_COPY_END = "\xff\xff"
JSONB_VERSION = "\x01"
_MICROSECOND = timedelta(microseconds=1)
_TEXT, _INT, _BIGINT, _FLOAT, _DATE, _TIMESTAMPTZ = 25, 23, 20, 701, 1082, 1184  # as in pg_type


def moment_of(moment: datetime) -> int:
    """A moment as Postgres counts: in microseconds since 2000 began, UTC."""
    return (moment - BEGINNING) // _MICROSECOND


def moments_of(moments: Sequence[datetime]) -> list[int]:
    """`moment_of` of many, in two thirds of the time."""
    return [
        (since.days * 86_400 + since.seconds) * 1_000_000 + since.microseconds
        for since in [moment - BEGINNING for moment in moments]
    ]


def datetime_of(moment: int) -> datetime:
    """What `moment_of` made a number of."""
    return BEGINNING + timedelta(microseconds=moment)


def packed(form: str, *values: float) -> str:
    """Numbers as `struct` writes them, big end first."""
    return struct.pack(f"!{form}", *values).decode("latin-1")


MOST_LENGTHS = 512
LENGTHS = tuple(packed("i", size) for size in range(MOST_LENGTHS))
"""What stands before a field of so many bytes; see `length`."""
EIGHT = LENGTHS[8]
NULL = packed("i", -1)


def length(size: int) -> str:
    """What stands before a field of so many bytes."""
    return LENGTHS[size] if size < MOST_LENGTHS else packed("i", size)


def text_field(text: str) -> str:
    """A text as a field."""
    if not text.isascii():
        text = text.encode().decode("latin-1")
    return length(len(text)) + text


def jsonb_field(json: bytes) -> str:
    """JSON in UTF-8 as a field of jsonb."""
    return f"{length(len(json) + 1)}{JSONB_VERSION}{json.decode('latin-1')}"


def float_field(value: float | None) -> str:
    """A float8 as a field."""
    return NULL if value is None else packed("id", 8, value)


def eights(numbers: Sequence[int]) -> list[str]:
    """Fields of bigints, or of moments, without the `EIGHT` before each."""
    written = packed(f"{len(numbers)}q", *numbers)
    return [written[at : at + 8] for at in range(0, len(written), 8)]


class TextFields(dict[str | None, str]):
    """The fields of texts, which remembers them: most come again and again."""

    def __missing__(self, text: str | None) -> str:
        if len(self) >= MOST_REMEMBERED:
            self.clear()
        found = self[text] = NULL if text is None else text_field(text)
        return found


class Day(NamedTuple):
    """A UTC day: as ISO writes it, and as a field."""

    iso: str
    field: str


class Days(dict[int, Day]):
    """Days by their number since 2000 began, which is a moment // MOMENTS_A_DAY."""

    def __missing__(self, number: int) -> Day:
        day = BEGINNING.date() + timedelta(days=number)
        found = self[number] = Day(day.isoformat(), packed("ii", 4, number))
        return found


fields = TextFields()
days = Days()


def row_head(columns: int) -> str:
    """What stands before the fields of each row."""
    return packed("h", columns)


def first_text(row: str) -> str:
    """The first field of a row, which is a text."""
    (size,) = struct.unpack("!i", row[2:6].encode("latin-1"))
    return row[6 : 6 + size].encode("latin-1").decode()


def copy_bytes(rows: Collection[str]) -> bytes:
    """Rows, each a head and fields, for `copy ... (format binary)`."""
    return f"{_COPY_HEAD}{''.join(rows)}{_COPY_END}".encode("latin-1")


class Packed(bytes):
    """A parameter that is in this form already. The statement has to say of which type it is."""


class _PackedDumper(Dumper):
    format = Format.BINARY

    def dump(self, obj: Packed) -> bytes:
        return obj


psycopg.adapters.register_dumper(Packed, _PackedDumper)


def texts(given: Sequence[str]) -> Packed:
    """An array of text."""
    items = "".join([fields[text] for text in given])
    return _array(_TEXT, len(given), items.encode("latin-1"))


def isodays(given: Sequence[str]) -> Packed:
    """An array of date, of days as ISO writes them."""
    found = {day: (date.fromisoformat(day) - BEGINNING.date()).days for day in {*given}}
    return _array(_DATE, len(given), _spaced("i", [found[day] for day in given]))


def ints(given: Sequence[int]) -> Packed:
    """An array of int."""
    return _array(_INT, len(given), _spaced("i", given))


def bigints(given: Sequence[int]) -> Packed:
    """An array of bigint."""
    return _array(_BIGINT, len(given), _spaced("q", given))


def moments(given: Sequence[int]) -> Packed:
    """An array of timestamptz, of what `moment_of` makes."""
    return _array(_TIMESTAMPTZ, len(given), _spaced("q", given))


def floats(given: Sequence[float]) -> Packed:
    """An array of float8."""
    return _array(_FLOAT, len(given), _spaced("d", given))


def _spaced(form: str, given: Sequence[float]) -> bytes:
    """Numbers with their lengths between them, all at once and without a loop in Python."""
    numbers = array(form, given)
    if sys.byteorder == "little":
        numbers.byteswap()
    words = array("i", numbers.tobytes())
    width = numbers.itemsize // words.itemsize
    size = struct.unpack("=i", struct.pack("!i", numbers.itemsize))
    spaced = array("i", size * (len(given) * (width + 1)))
    for word in range(width):
        spaced[word + 1 :: width + 1] = words[word::width]
    return spaced.tobytes()


def _array(type_: int, count: int, items: bytes) -> Packed:
    head = (
        struct.pack("!iiiii", 1, 0, type_, count, 1) if count else struct.pack("!iii", 0, 0, type_)
    )
    return Packed(head + items)
