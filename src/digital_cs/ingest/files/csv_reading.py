"""How an operator says that a file is to be read, as it is typed and as it is kept by name."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from digital_cs.domain.timing.zone import UnknownZoneError, load_zone
from digital_cs.errors import UsageError
from digital_cs.ingest.files.csv_dates import DateForm

OTHERS = "*"


@dataclass(frozen=True, slots=True)
class Reading:
    """How an operator says that a file is to be read. Everything by field, as the docs name it.

    `columns`: field -> column, or several joined by "+"; `constants`: field -> text for every
    row; `values`: field -> {text in the file -> text to read instead}; `ignored`: columns that
    nobody wants, "*" for all that nothing else names; `dates` and `zone`: see DateForm.
    """

    columns: Mapping[str, str] = field(default_factory=dict)
    constants: Mapping[str, str] = field(default_factory=dict)
    values: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    ignored: tuple[str, ...] = ()
    dates: str | None = None
    zone: str | None = None

    def form(self) -> DateForm:
        """How dates are written. Raises UsageError."""
        try:
            return DateForm.of(self.dates, load_zone(self.zone) if self.zone else None)
        except UnknownZoneError as error:
            raise UsageError(str(error)) from error

    def over(self, other: Reading) -> Reading:
        """This reading, and of the other one whatever this one does not say."""
        return Reading(
            columns={
                name: column for name, column in other.columns.items()
                if name not in self.constants
            } | dict(self.columns),
            constants={
                name: text for name, text in other.constants.items() if name not in self.columns
            } | dict(self.constants),
            values={**other.values, **self.values},
            ignored=tuple(dict.fromkeys((*other.ignored, *self.ignored))),
            dates=self.dates or other.dates,
            zone=self.zone or other.zone,
        )  # fmt: skip

    def to_json(self) -> dict[str, Any]:
        """What is kept under a name beside the columns; `from_json` is the inverse."""
        return {
            "constants": dict(self.constants),
            "values": {name: dict(texts) for name, texts in self.values.items()},
            "ignored": list(self.ignored), "dates": self.dates, "zone": self.zone,
        }  # fmt: skip

    @classmethod
    def from_json(cls, columns: Mapping[str, str], options: Mapping[str, Any]) -> Reading:
        """The reading that was kept."""
        return cls(
            columns=dict(columns), constants=options.get("constants", {}),
            values=options.get("values", {}), ignored=tuple(options.get("ignored", ())),
            dates=options.get("dates"), zone=options.get("zone"),
        )  # fmt: skip


def reading_of(
    maps: Sequence[str] = (), sets: Sequence[str] = (), values: Sequence[str] = (),
    ignored: Sequence[str] = (), id_from: str | None = None, dates: str | None = None,
    zone: str | None = None,
) -> Reading:  # fmt: skip
    """The reading that options say: FIELD=COLUMN, FIELD=TEXT and FIELD:TEXT=OTHER, as typed.

    Raises UsageError for what is not of that form, or said twice.
    """
    columns = _pairs(maps, "--map", "FIELD=COLUMN")
    if id_from is not None:
        if "id" in columns:
            raise UsageError("The id is given by --map and by --id-from. Leave one out.")
        columns["id"] = "+".join(part.strip() for part in id_from.split(","))
    translated: dict[str, dict[str, str]] = {}
    for name, text in _pairs(values, "--value", "FIELD:TEXT=OTHER").items():
        field_, colon, found = name.partition(":")
        if not colon or not field_:
            raise UsageError(f"--value {name}={text} is not of the form FIELD:TEXT=OTHER.")
        translated.setdefault(field_.strip(), {})[found.strip()] = text
    reading = Reading(
        columns, _pairs(sets, "--set", "FIELD=TEXT"), translated, tuple(ignored), dates, zone
    )
    reading.form()
    return reading


def _pairs(texts: Iterable[str], option: str, form: str) -> dict[str, str]:
    pairs: dict[str, str] = {}
    for text in texts:
        name, equals, value = (part.strip() for part in text.partition("="))
        if not equals or not name or (not value and option == "--map"):
            raise UsageError(f"{option} {text} is not of the form {form}.")
        if name in pairs:
            raise UsageError(
                f"{option} says '{name}' twice: {name}={pairs[name]} and {text}. Leave one out."
            )
        pairs[name] = value
    return pairs
