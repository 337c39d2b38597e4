"""Which column of a file feeds which field: as it is named, or as an operator says."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from digital_cs.errors import UsageError
from digital_cs.ingest.files.csv_reading import OTHERS, Reading

ERROR_COLUMNS = ("line", "column", "problem")
"""What a file of refused rows has before the columns of the file that they are from."""

JOINED_BY = "/"


@dataclass(frozen=True, slots=True)
class Fields:
    """The fields of one kind of file.

    Of each tuple in `one_of`, there must be one. A column that is no field: a trait of its name
    where `traits` is "any", one only if it was mapped where it is "named", else an error.
    """

    noun: str
    required: tuple[str, ...]
    optional: tuple[str, ...] = ()
    one_of: tuple[tuple[str, ...], ...] = ()
    traits: str = ""

    @property
    def all(self) -> tuple[str, ...]:
        """Every field, in the order in which people are told of them."""
        extra = tuple(name for names in self.one_of for name in names)
        return tuple(dict.fromkeys((*self.required, *extra, *self.optional)))


@dataclass(frozen=True, slots=True)
class Plan:
    """What to take from each row: `(field, positions of its columns)`, joined where several."""

    takes: tuple[tuple[str, tuple[int, ...]], ...]
    constants: Mapping[str, str]
    values: Mapping[str, Mapping[str, str]]
    traits: frozenset[str]
    used: frozenset[int]
    column_of: Mapping[str, str]
    doubts: tuple[tuple[str, str], ...] = ()

    own_from: int = 0

    def own(self, cells: Sequence[str]) -> Sequence[str]:
        """The cells of the row itself, without what a file of refused rows put before them."""
        return cells[self.own_from :]

    def row(self, cells: Sequence[str]) -> dict[str, str]:
        """One row by field."""
        found = dict(self.constants)
        for name, positions in self.takes:
            if len(positions) == 1:
                found[name] = cells[positions[0]]
            else:
                parts = [cells[each].strip().replace(JOINED_BY, "%2F") for each in positions]
                found[name] = JOINED_BY.join(parts) if all(parts) else ""
        for name, texts in self.values.items():
            text = found.get(name, "").strip()
            found[name] = texts.get(text, text)
        return found


def plan(written: Sequence[str], fields: Fields, reading: Reading, file: str) -> Plan:
    """Fit the first line of a file to the fields. Raises UsageError, in a sentence."""
    return _Fitting(written, fields, reading, file).plan()


class _Fitting:
    def __init__(self, written: Sequence[str], fields: Fields, reading: Reading, file: str) -> None:
        self._fields = fields
        self._reading = reading
        self._file = file
        self._written = list(written)
        if tuple(name.casefold() for name in written[:3]) == ERROR_COLUMNS:
            self._given = {number: name for number, name in enumerate(written) if number > 2}
        else:
            self._given = dict(enumerate(written))
        self._places: dict[str, int] = {}
        for number, name in self._given.items():
            self._places.setdefault(_plain(name), number)

    def plan(self) -> Plan:
        self._check_first_line()
        takes = {
            name: self._positions(name, column) for name, column in self._reading.columns.items()
        }
        mapped = {place for places in takes.values() for place in places}
        ignored = {
            self._place(name, "--ignore") for name in self._reading.ignored if name != OTHERS
        }
        self._by_own_name(takes, mapped, ignored)
        self._check_constants(takes)
        self._check_complete(takes)
        used = {place for places in takes.values() for place in places}
        rest = [n for n in self._given if n not in used | ignored]
        doubts = () if OTHERS in self._reading.ignored else self._rest(rest, takes)
        known = self._fields.all
        traits = {name for name in (*takes, *self._reading.constants) if name not in known}
        if traits and not self._fields.traits:
            self._unknown_field(min(traits))
        used = {place for places in takes.values() for place in places}
        return Plan(
            takes=tuple(takes.items()),
            constants=dict(self._reading.constants),
            values=dict(self._reading.values),
            traits=frozenset(traits),
            used=frozenset(used),
            column_of={
                name: "+".join(self._given[place] for place in places)
                for name, places in takes.items()
            },
            doubts=doubts,
            own_from=len(self._written) - len(self._given),
        )

    def _check_first_line(self) -> None:
        names = list(self._given.values())
        plain = [_plain(name) for name in names]
        for position, name in enumerate(names, start=1):
            if not name or plain.count(_plain(name)) > 1:
                fault = f"'{name}' twice" if name else f"no name over column {position}"
                raise UsageError(f"{self._file} has {fault} in its first line. Correct it.")

    def _positions(self, name: str, column: str) -> tuple[int, ...]:
        if _plain(column) in self._places:  # a name may have a "+" in it
            return (self._places[_plain(column)],)
        parts = column.split("+")
        option = f"--map {name}={column}"
        if len(parts) == 1 and _plain(name) in self._places and column in self._fields.all:
            raise UsageError(
                f"{self._file} has no column '{column}', which {option} asks for. It is"
                f" FIELD=COLUMN: did you mean --map {column}={name}?"
            )
        return tuple(self._place(part, option) for part in parts)

    def _place(self, column: str, option: str) -> int:
        place = self._places.get(_plain(column))
        if place is None:
            raise UsageError(
                f"{self._file} has no column '{column.strip()}', which {option} asks for."
                f" {_hint(column, self._given.values())}"
            )
        return place

    def _by_own_name(
        self, takes: dict[str, tuple[int, ...]], mapped: set[int], ignored: set[int]
    ) -> None:
        """Fields that nobody mapped are fed by the column of their name.

        A column that was mapped to something else is no longer itself, unless the file could not
        be read without it: `--map name=id` does not take the id away.
        """
        for name in self._fields.all:
            place = self._places.get(_plain(name))
            if place is None or place in ignored:
                continue
            if name in takes or name in self._reading.constants:
                if place not in mapped:
                    said = (
                        f"--map {name}={self._reading.columns[name]}"
                        if name in takes
                        else f"--set {name}={self._reading.constants[name]}"
                    )
                    raise UsageError(
                        f"Both the column '{self._given[place]}' of {self._file} and {said} would"
                        f" be its {name}. Leave one out: --ignore '{self._given[place]}'."
                    )
                continue
            if place not in mapped or name in self._fields.required:
                takes[name] = (place,)

    def _check_constants(self, takes: Mapping[str, object]) -> None:
        for name in self._reading.constants:
            if name in self._reading.columns:
                raise UsageError(f"'{name}' is given by --map and by --set. Leave one out.")
        for name in self._reading.values:
            if name not in takes and name not in self._fields.all:
                self._unknown_field(name)

    def _check_complete(self, takes: Mapping[str, object]) -> None:
        has = {*takes, *self._reading.constants}
        fields = self._fields
        wanted = [(name,) for name in fields.required] + list(fields.one_of)
        for names in wanted:
            if not has.intersection(names):
                self._missing(names)

    def _missing(self, names: tuple[str, ...]) -> None:
        fields, columns = self._fields, list(self._given.values())
        near = next((n for name in names for n in _near(name, columns)), None)
        asked = " or ".join(f"'{name}'" for name in names)
        required = ", ".join([*fields.required, *(" or ".join(names) for names in fields.one_of)])
        optional = ", ".join(name for name in fields.optional)
        map_it = f"--map {names[0]}={near or 'COLUMN'}"
        raise UsageError(
            f"{self._file} has no column {asked}. A file of {fields.noun} has {required}"
            + (f", and may have {optional}" if optional else "")
            + f". It has {', '.join(columns)}: say which one it is with {map_it}."
        )

    def _rest(
        self, rest: Iterable[int], takes: dict[str, tuple[int, ...]]
    ) -> tuple[tuple[str, str], ...]:
        """Columns that feed no field become traits, where there are any; raises UsageError."""
        doubts = []
        for place in rest:
            name = self._given[place]
            near = _near(name, self._fields.all)
            if self._fields.traits == "any":
                takes[name] = (place,)
                if near:
                    doubts.append(
                        (name, f"Taken as a trait of that name. Did you mean '{near[0]}'?")
                    )
                continue
            way = f"--ignore '{name}'"
            if self._fields.traits:
                way += f", or keep it as a trait with --map '{name}={name}'"
            hint = f"Did you mean '{near[0]}'?" if near else (
                f"Known are {', '.join(self._fields.all)}."
            )  # fmt: skip
            raise UsageError(
                f"{self._file} has a column '{name}' that is not known. {hint} Map it to a field"
                f" with --map FIELD='{name}', or leave it out with {way}."
            )
        return tuple(doubts)

    def _unknown_field(self, name: str) -> None:
        raise UsageError(
            f"{self._fields.noun.capitalize()} have no field '{name}'."
            f" {_hint(name, self._fields.all, 'Known are')}"
        )


def _plain(name: str) -> str:
    return name.strip().casefold().replace(" ", "_")


def _near(name: str, among: Iterable[str]) -> list[str]:
    return difflib.get_close_matches(name, list(among), n=1, cutoff=0.8)


def _hint(name: str, among: Iterable[str], intro: str = "It has") -> str:
    near = difflib.get_close_matches(name.strip(), list(among), n=1, cutoff=0.6)
    return f"Did you mean '{near[0]}'?" if near else f"{intro} {', '.join(among)}."
