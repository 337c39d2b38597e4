"""The cells of one CSV row, read as what they should be; a bad one is told in a sentence."""

from __future__ import annotations

import math
import re
from collections.abc import Collection, Mapping
from datetime import date, datetime
from typing import Any

from digital_cs.catalog.countries import check_country
from digital_cs.channels.mail import MailError, wire_address
from digital_cs.domain.account import REAL_YEARS
from digital_cs.domain.zone import UnknownZoneError, load_zone
from digital_cs.errors import DigitalCsError

MOST_ID = 200
MOST_NUMBER = 2**31 - 1
_YES = ("true", "yes", "1")
_NO = ("false", "no", "0")
_UNFIT = re.compile(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff]")
# "007" is a name, not a number; more digits than a float holds are one too.
_INTEGER = re.compile(r"-?(0|[1-9]\d{0,14})")
_DECIMAL = re.compile(r"-?(0|[1-9]\d{0,14})\.\d{1,15}")


class CellError(DigitalCsError, ValueError):
    """A cell does not hold what its column wants. Correct it and load the file again."""

    def __init__(self, column: str, message: str) -> None:
        self.column = column
        super().__init__(message)


class Cells:
    """One row by column; an absent column reads as an empty cell. Everything raises CellError."""

    def __init__(self, cells: Mapping[str, str], traits: Collection[str], now: datetime) -> None:
        self._cells = cells
        self._traits = traits
        self._now = now

    def text(self, column: str) -> str:
        """The cell without the blanks around it."""
        found = self._cells.get(column, "").strip()
        if _UNFIT.search(found):
            raise CellError(column, "It is not UTF-8 text, or has control characters in it.")
        return found

    def maybe(self, column: str) -> str | None:
        """The text, None where the cell is empty."""
        return self.text(column) or None

    def id(self, column: str) -> str:
        """An id: there must be one, of at most MOST_ID characters."""
        found = self.text(column)
        if not found:
            raise CellError(column, "It is empty.")
        if len(found) > MOST_ID:
            raise CellError(column, f"An id has at most {MOST_ID} characters.")
        return found

    def flag(self, column: str) -> bool | None:
        """true or false, None where the cell is empty."""
        found = self.text(column).casefold()
        if found in _YES or found in _NO:
            return found in _YES
        if found:
            raise CellError(column, f"'{found}' is neither true nor false.")
        return None

    def zone(self, column: str) -> str | None:
        found = self.maybe(column)
        if found is not None:
            try:
                load_zone(found)
            except UnknownZoneError as error:
                raise CellError(column, str(error)) from error
        return found

    def country(self, column: str) -> str | None:
        found = self.maybe(column)
        if found is not None:
            try:
                check_country(found)
            except DigitalCsError as error:
                raise CellError(column, str(error)) from error
        return found

    def address(self, column: str) -> str:
        """An e-mail address, which no complaint repeats."""
        found = self.text(column)
        try:
            wire_address(found)
        except MailError as error:
            raise CellError(column, "It is not of the form name@domain.") from error
        return found

    def words(self, column: str) -> tuple[str, ...]:
        """Several words with semicolons between them."""
        return tuple(word.strip() for word in self.text(column).split(";") if word.strip())

    def moment(self, column: str) -> datetime:
        found = self.text(column)
        try:
            moment = datetime.fromisoformat(found)
        except ValueError as error:
            raise CellError(
                column, f"'{found}' is not a moment: write 2026-03-02T09:30:00+01:00."
            ) from error
        if moment.tzinfo is None:
            raise CellError(column, f"'{found}' has no UTC offset: write {found}+00:00, or Z.")
        if moment.year not in REAL_YEARS:
            raise CellError(column, f"The year {moment.year} is not a real one.")
        return moment

    def past_day(self, column: str) -> date:
        """A day that has begun somewhere on earth."""
        found = self.text(column)
        try:
            day = date.fromisoformat(found)
        except ValueError as error:
            raise CellError(column, f"'{found}' is not a day: write 2026-03-02.") from error
        if day.year not in REAL_YEARS:
            raise CellError(column, f"The year {day.year} is not a real one.")
        if (day - self._now.date()).days > 1:
            raise CellError(column, f"{day} has not come yet.")
        return day

    def count(self, column: str) -> int:
        """A number of 0 or more; an empty cell is 0."""
        found = self.text(column) or "0"
        if not found.isascii() or not found.isdecimal() or int(found[:12]) > MOST_NUMBER:
            raise CellError(column, f"'{found}' is not a number of 0 or more.")
        return int(found)

    def traits(self) -> dict[str, Any]:
        """The columns that are traits, empty ones left out."""
        found = {}
        for column in sorted(self._traits):
            text = self.maybe(column)
            if text is not None:
                found[column] = typed(text)
        return found


def typed(text: str) -> str | int | float | bool:
    """A trait's value: true, false and numbers as such; dates and all else stay text."""
    if text.casefold() in ("true", "false"):
        return text.casefold() == "true"
    if _INTEGER.fullmatch(text):
        return int(text)
    if _DECIMAL.fullmatch(text) and math.isfinite(float(text)):
        return float(text)
    return text
