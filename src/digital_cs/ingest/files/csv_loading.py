"""Loading a CSV file, from its first batch to the last: counts, remarks, and what was refused."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any, TypeVar

from digital_cs.ingest.files.csv_files import Batch, Reader, Remark
from digital_cs.ingest.files.csv_loads import Load
from digital_cs.ingest.files.csv_refused import RefusedRows

T = TypeVar("T")

MOST_REMARKS = 1000
"""Remarks that are kept to be told; later ones are only counted, and go to the file of errors."""
PREVIEWED = 5


@dataclass
class Loaded:
    """What became of a file, or would, in a dry run.

    `taken` rows are `new`, `changed` or the `same` as what is known; `repeated` ones are about
    something that stands in the file before, and are not among them; `left_out` ones have a remark
    that says so.
    `through`: the moment up to which the source is complete now. `preview`: the first rows as
    they are understood.
    """

    file: str
    noun: str
    source: str
    dry_run: bool = False
    rows: int = 0
    taken: int = 0
    new: int = 0
    changed: int = 0
    same: int = 0
    repeated: int = 0
    left_out: int = 0
    through: datetime | None = None
    remarks: list[Remark] = field(default_factory=list)
    more_remarks: int = 0
    notes: dict[str, int] = field(default_factory=dict)
    warnings: list[str] = field(default_factory=list)
    preview: list[dict[str, Any]] = field(default_factory=list)
    errors_file: str | None = None

    def remark(self, remarks: Sequence[Remark]) -> None:
        """Keep remarks, as many as anybody reads."""
        room = max(0, MOST_REMARKS - len(self.remarks))
        self.remarks += remarks[:room]
        self.more_remarks += len(remarks[room:])


async def load(
    reader: Reader[T], load: Load[T], loaded: Loaded, errors: RefusedRows | None,
    progress: Callable[[int], None],
) -> None:  # fmt: skip
    """Take a file batch by batch, and fill `loaded`; what was taken stays when this is stopped.

    `progress` is told how many bytes of the file have been read.
    """
    whole = False
    try:
        for batch in reader:
            await _take(batch, load, loaded, errors)
            progress(batch.done)
        whole = True
    finally:
        if errors is not None:
            errors.close(whole=whole)
            loaded.errors_file = str(errors.path) if errors.count else None
    ending = await load.end(loaded.taken, loaded.left_out)
    loaded.warnings += ending.warnings
    loaded.through = ending.through
    if not loaded.dry_run:
        await load.note(0, 0, ending.through)


async def _take(batch: Batch[T], load: Load[T], loaded: Loaded, errors: RefusedRows | None) -> None:
    taken = await load.take(batch.rows, batch.again)
    remarks = sorted([*batch.remarks, *taken.remarks], key=lambda remark: remark.line)
    refused = [remark for remark in remarks if remark.left_out]
    if errors is not None:
        for remark in refused:
            errors.write(remark, batch.cells.get(remark.line, ()))
    for _, record in batch.rows[: PREVIEWED - len(loaded.preview)]:
        loaded.preview.append(_shown(asdict(record)))  # type: ignore[call-overload]
    loaded.taken += taken.rows
    loaded.new += taken.difference.new
    loaded.changed += taken.difference.changed
    loaded.same += taken.difference.same
    loaded.repeated += batch.repeats
    loaded.left_out += len(refused)
    loaded.rows += batch.read
    loaded.remark(remarks)
    for what, count in taken.notes.items():
        loaded.notes[what] = loaded.notes.get(what, 0) + count
    if not loaded.dry_run:
        await load.note(taken.rows, len(refused), None)


def _shown(record: Mapping[str, Any]) -> dict[str, Any]:
    """What a record has, with its traits among it."""
    flat = {name: value for name, value in record.items() if name != "traits"}
    flat.update(record.get("traits", {}))
    return {
        name: float(value) if isinstance(value, Decimal) else value
        for name, value in flat.items()
        if value not in (None, "", (), {})
    }
