"""The cells of one CSV row, read as what they should be; a bad one is told in a sentence."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Collection, Mapping
from datetime import date, datetime
from decimal import Decimal
from typing import Any, TypeVar

from digital_cs.catalog.countries import check_country
from digital_cs.channels.mail import MailError, wire_address
from digital_cs.domain.account import REAL_YEARS
from digital_cs.domain.timing.zone import UnknownZoneError, load_zone
from digital_cs.errors import DigitalCsError
from digital_cs.ingest.files.csv_dates import DateError, DateForm, NoOffsetError

T = TypeVar("T")

MOST_ID = 200
MOST_NUMBER = 2**31 - 1
_YES = ("true", "yes", "1")
_NO = ("false", "no", "0")
_UNFIT = re.compile(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff]")
# "007" is a name, not a number; more digits than a float holds are one too.
_INTEGER = re.compile(r"-?(0|[1-9]\d{0,14})")
_DECIMAL = re.compile(r"-?(0|[1-9]\d{0,14})\.\d{1,15}")
_AMOUNT = re.compile(r"-?\d{1,15}(\.\d{1,20})?")


class CellError(DigitalCsError, ValueError):
    """A cell does not hold what its column wants. Correct it and load the file again."""

    def __init__(self, column: str, message: str) -> None:
        self.column = column
        super().__init__(message)


class Cells:
    """One row by field; an absent field reads as an empty cell. Everything raises CellError."""

    def __init__(
        self,
        cells: Mapping[str, str],
        traits: Collection[str],
        now: datetime,
        dates: DateForm = DateForm(),  # noqa: B008 - frozen
        dated: Collection[str] = (),
    ) -> None:
        self._cells = cells
        self._traits = traits
        self._now = now
        self._dates = dates
        self._dated = dated

    def text(self, column: str) -> str:
        """The cell without the blanks around it."""
        found = self._cells.get(column, "").strip()
        if not found.isprintable() and _UNFIT.search(found):
            raise CellError(column, "It is not UTF-8 text, or has control characters in it.")
        return found

    def long_text(self, column: str) -> str | None:
        """A text of several lines; None where the cell is empty."""
        found = self._cells.get(column, "").strip()
        if _UNFIT.search(re.sub(r"[\r\n\t]", "", found)):
            raise CellError(column, "It is not UTF-8 text, or has control characters in it.")
        return found or None

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

    def maybe_id(self, column: str) -> str | None:
        """An id, None where the cell is empty."""
        return self.id(column) if self.text(column) else None

    def flag(self, column: str) -> bool | None:
        """true or false, None where the cell is empty."""
        found = self.text(column).casefold()
        if found in _YES or found in _NO:
            return found in _YES
        if found:
            raise CellError(column, f"'{found}' is neither true nor false.")
        return None

    def zone(self, column: str) -> str | None:
        """A time zone of the IANA list, None where the cell is empty."""
        found = self.maybe(column)
        if found is not None:
            try:
                load_zone(found)
            except UnknownZoneError as error:
                raise CellError(column, str(error)) from error
        return found

    def country(self, column: str) -> str | None:
        """A country code, None where the cell is empty."""
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

    def maybe_address(self, column: str) -> str | None:
        """An e-mail address, None where the cell is empty."""
        return self.address(column) if self.text(column) else None

    def words(self, column: str) -> tuple[str, ...]:
        """Several words with semicolons between them."""
        return tuple(word.strip() for word in self.text(column).split(";") if word.strip())

    def word_of(self, column: str, read: Callable[[str], T | None], example: str) -> T | None:
        """A word that `read` understands, None where the cell is empty."""
        found = self.maybe(column)
        if found is None:
            return None
        meant = read(found)
        if meant is None:
            raise CellError(column, f"'{found}' is not known here. Write {example}.")
        return meant

    def moment(self, column: str) -> datetime:
        """A moment in UTC; a day alone is its midnight."""
        found = self.text(column)
        if not found:
            raise CellError(column, "It is empty.")
        try:
            moment = self._dates.moment(found)
        except NoOffsetError as error:
            raise CellError(
                column,
                f"'{found}' has no UTC offset: write {found}+00:00, or say whose time it is"
                " with --zone UTC.",
            ) from error
        except DateError as error:
            raise CellError(column, self._no_date(found, "moment")) from error
        except OverflowError as error:
            raise CellError(column, f"'{found}' is not in a real year.") from error
        if moment.year not in REAL_YEARS:
            raise CellError(column, f"The year {moment.year} is not a real one.")
        return moment

    def maybe_moment(self, column: str) -> datetime | None:
        """A moment in UTC, None where the cell is empty."""
        return self.moment(column) if self.text(column) else None

    def past_moment(self, column: str) -> datetime:
        """A moment that has come, give or take a day for clocks and zones."""
        moment = self.moment(column)
        if (moment - self._now).total_seconds() > 86_400:
            raise CellError(column, f"{moment:%Y-%m-%d %H:%M} has not come yet.")
        return moment

    def day(self, column: str) -> date:
        """A day."""
        found = self.text(column)
        if not found:
            raise CellError(column, "It is empty.")
        try:
            day = self._dates.day(found)
        except DateError as error:
            raise CellError(column, self._no_date(found, "day")) from error
        if day.year not in REAL_YEARS:
            raise CellError(column, f"The year {day.year} is not a real one.")
        return day

    def maybe_day(self, column: str) -> date | None:
        """A day, None where the cell is empty."""
        return self.day(column) if self.text(column) else None

    def past_day(self, column: str) -> date:
        """A day that has begun somewhere on earth."""
        day = self.day(column)
        if (day - self._now.date()).days > 1:
            raise CellError(column, f"{day} has not come yet.")
        return day

    def _no_date(self, found: str, what: str) -> str:
        if self._dates.stated:
            return f"'{found}' is not a {what} of the form {self._dates.stated}, which was stated."
        example = "2026-03-02" if what == "day" else "2026-03-02T09:30:00+01:00"
        return f"'{found}' is not a {what}: write {example}."

    def count(self, column: str) -> int:
        """A whole number of 0 or more."""
        found = self.text(column)
        if not found:
            raise CellError(column, "It is empty.")
        if not found.isascii() or not found.isdecimal():
            raise CellError(column, f"'{found}' is not a whole number of 0 or more.")
        if int(found[:12]) > MOST_NUMBER:
            raise CellError(column, f"'{found}' is more than {MOST_NUMBER}, the most allowed.")
        return int(found)

    def maybe_count(self, column: str) -> int | None:
        """A whole number of 0 or more, None where the cell is empty."""
        return self.count(column) if self.text(column) else None

    def amount(self, column: str) -> Decimal | None:
        """A number with a point, None where the cell is empty."""
        found = self.maybe(column)
        if found is None:
            return None
        if not found.isascii() or not _AMOUNT.fullmatch(found):
            raise CellError(column, f"'{found}' is not a number such as 1250.50.")
        return Decimal(found)

    def traits(self) -> dict[str, Any]:
        """The columns that are traits, empty ones left out; dates among them in ISO form."""
        found: dict[str, Any] = {}
        for column in sorted(self._traits):
            text = self.maybe(column)
            if text is not None:
                found[column] = self._dated_trait(column, text)
        return found

    def _dated_trait(self, column: str, text: str) -> Any:
        if column not in self._dated:
            return typed(text)
        try:
            return self._dates.day(text).isoformat()
        except DateError:
            try:
                return self._dates.moment(text).isoformat()
            except DateError as error:
                raise CellError(column, self._no_date(text, "day")) from error


def typed(text: str) -> str | int | float | bool:
    """A trait's value: true, false and numbers as such; dates and all else stay text."""
    if text.casefold() in ("true", "false"):
        return text.casefold() == "true"
    if _INTEGER.fullmatch(text):
        return int(text)
    if _DECIMAL.fullmatch(text) and math.isfinite(float(text)):
        return float(text)
    return text
