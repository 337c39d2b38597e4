"""The company's own days off and freezes, as `content/holidays.yaml` states them."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import NoReturn

import yaml

from digital_cs.catalog.countries import UnknownCountryError, check_country
from digital_cs.domain.timing.business_calendar import EVERYWHERE, Freeze
from digital_cs.errors import DigitalCsError

_DATE = re.compile(r"(?:(\d{4})-)?(\d{2})-(\d{2})")
_NO_LEAP_YEAR = 2001  # so that 02-29 wants its year
_NOTHING = ("", "~", "null")


class HolidaysFileError(DigitalCsError):
    """The company's holidays file cannot be used. Correct the line that is named."""

    exit_code = 2


@dataclass(frozen=True, slots=True)
class OwnDay:
    """A day that the file adds to, or removes from, a country or EVERYWHERE.

    `where` is the file and line, for complaints.
    """

    country: str
    day: date
    where: str


@dataclass(frozen=True, slots=True)
class CompanyDays:
    """What the file states, with days of every year written out."""

    added: tuple[OwnDay, ...] = ()
    removed: tuple[OwnDay, ...] = ()
    freezes: tuple[Freeze, ...] = ()


def read_company_days(path: Path, years: range) -> CompanyDays:
    """Read the file; a day without a year is meant for each of `years`.

    Raises HolidaysFileError, naming the file and the line.
    """
    try:
        # Nodes keep their lines, and their text as it was written: `NO` stays Norway.
        root = yaml.compose(path.read_text(encoding="utf-8"), Loader=yaml.SafeLoader)
    except (OSError, UnicodeDecodeError) as error:
        raise HolidaysFileError(f"{path} cannot be read: {error}.") from error
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        raise HolidaysFileError(f"{path}:{line}: this is not YAML: {error.problem}.") from error
    except yaml.YAMLError as error:
        raise HolidaysFileError(f"{path} is not YAML: {error}.") from error
    if root is None:
        return CompanyDays()
    return _File(path, years).read(root)


@dataclass(frozen=True, slots=True)
class _WrittenDay:
    year: int | None
    month: int
    day: int

    def of(self, year: int) -> date:
        return date(year if self.year is None else self.year, self.month, self.day)


class _File:
    """The nodes of one file, read with the file and line in every complaint."""

    def __init__(self, path: Path, years: range) -> None:
        self._path = path
        self._years = years

    def read(self, root: yaml.Node) -> CompanyDays:
        parts = self._mapping(root, ("add", "remove", "freezes"))
        return CompanyDays(
            added=tuple(self._own_days(parts.get("add"))),
            removed=tuple(self._own_days(parts.get("remove"))),
            freezes=tuple(
                freeze
                for node in self._sequence(parts.get("freezes"))
                for freeze in self._freezes(node)
            ),
        )

    def _own_days(self, node: yaml.Node | None) -> Iterator[OwnDay]:
        for key, days in self._entries(node):
            country = self._country(key)
            for entry in self._sequence(days):
                on = self._day(entry)
                for year in self._years if on.year is None else (on.year,):
                    yield OwnDay(country, on.of(year), self._where(entry))

    def _freezes(self, node: yaml.Node) -> Iterator[Freeze]:
        fields = self._mapping(node, ("name", "from", "to", "account"))
        for wanted in ("name", "from", "to"):
            if wanted not in fields:
                self._fail(node, f"this freeze has no '{wanted}'.")
        name = self._text(fields["name"])
        account = self._text(fields["account"]) if "account" in fields else None
        begins, ends = self._day(fields["from"]), self._day(fields["to"])
        if (begins.year is None) is not (ends.year is None):
            self._fail(node, f"the freeze '{name}' names the year of one end only.")
        if begins.year is not None:
            first, last = begins.of(begins.year), ends.of(begins.year)  # both know their year
            if last < first:
                self._fail(node, f"the freeze '{name}' ends on {last}, before it begins.")
            yield Freeze(name, first, last, account)
            return
        # From the year before, for a freeze over New Year reaches into the first of the years.
        for year in range(self._years.start - 1, self._years.stop):
            first, last = begins.of(year), ends.of(year)
            yield Freeze(name, first, last if last >= first else ends.of(year + 1), account)

    def _day(self, node: yaml.Node) -> _WrittenDay:
        text = self._text(node)
        written = _DATE.fullmatch(text)
        try:
            if written is None:
                raise ValueError(text)
            day = _WrittenDay(
                int(written[1]) if written[1] else None, *map(int, written.group(2, 3))
            )
            day.of(_NO_LEAP_YEAR)
        except ValueError:
            self._fail(
                node,
                f"'{text}' is not a day: write it as 2026-12-24, or as 12-24 for every year.",
            )
        return day

    def _country(self, key: yaml.Node) -> str:
        written = self._text(key)
        if written == "everywhere":
            return EVERYWHERE
        try:
            return check_country(written)
        except UnknownCountryError as unknown:
            self._fail(key, f"{unknown} For all countries write 'everywhere'.")

    def _mapping(self, node: yaml.Node | None, known: Sequence[str]) -> Mapping[str, yaml.Node]:
        return {self._text(key): value for key, value in self._entries(node, known)}

    def _entries(
        self, node: yaml.Node | None, known: Sequence[str] = ()
    ) -> Sequence[tuple[yaml.Node, yaml.Node]]:
        """Keys and values, each key once; any key will do if none is `known`."""
        if node is None or self._is_nothing(node):
            return ()
        if not isinstance(node, yaml.MappingNode):
            self._fail(node, f"here should be entries ({', '.join(known) or 'country: days'}).")
        found: set[str] = set()
        for key_node, _ in node.value:
            key = self._text(key_node)
            if known and key not in known:
                near = difflib.get_close_matches(key, known, n=1)
                hint = f"did you mean '{near[0]}'?" if near else f"known are {', '.join(known)}."
                self._fail(key_node, f"'{key}' is not known here: {hint}")
            if key in found:
                self._fail(key_node, f"'{key}' stands here twice; the first would be lost.")
            found.add(key)
        return list(node.value)

    def _sequence(self, node: yaml.Node | None) -> Sequence[yaml.Node]:
        if node is None or self._is_nothing(node):
            return ()
        if not isinstance(node, yaml.SequenceNode):
            self._fail(node, "here should be a list, each entry with a dash before it.")
        return list(node.value)

    def _text(self, node: yaml.Node) -> str:
        if not isinstance(node, yaml.ScalarNode) or self._is_nothing(node):
            self._fail(node, "here should be a single value.")
        return str(node.value)

    @staticmethod
    def _is_nothing(node: yaml.Node) -> bool:
        return isinstance(node, yaml.ScalarNode) and node.value in _NOTHING

    def _where(self, node: yaml.Node) -> str:
        return f"{self._path}:{node.start_mark.line + 1}"

    def _fail(self, node: yaml.Node, message: str) -> NoReturn:
        raise HolidaysFileError(f"{self._where(node)}: {message}")
