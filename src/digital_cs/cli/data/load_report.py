"""What `digital-cs load` says of a load: complaints by line, counts, a preview, what to do next."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import TYPE_CHECKING

from digital_cs.cli import output
from digital_cs.cli.output import count_of

if TYPE_CHECKING:
    from digital_cs.cli.data.load_options import Wanted
    from digital_cs.ingest.files.csv_loading import Loaded

SHOWN = 20
"""Complaints that are printed. All of them go into the file of --errors."""


def report(loaded: Loaded, wanted: Wanted) -> None:
    """Say what became of a file: complaints on standard error, what was done on the other."""
    # What was refused first: remarks about what is harmless must not hide it.
    told = sorted(loaded.remarks, key=lambda remark: not remark.left_out)[:SHOWN]
    for remark in sorted(told, key=lambda remark: remark.line):
        output.complain(f"{loaded.file}: {remark}")
    more = len(loaded.remarks) + loaded.more_remarks - len(told)
    if more:
        output.complain(f"… and {count_of(more, 'remark')} more.")
    if loaded.dry_run:
        _preview(loaded)
    for sentence in _sentences(loaded, wanted):
        output.say(sentence)
    for warning in loaded.warnings:
        output.complain(f"Mind: {warning}")


def stopped(loaded: Loaded) -> None:
    """Say that somebody interrupted a load, and what that means."""
    if not loaded.dry_run:
        output.complain(
            f"Stopped. {count_of(loaded.taken, 'row')} of {loaded.noun} taken, which stay. Run the"
            " same command again: it goes on without harm."
        )


def _preview(loaded: Loaded) -> None:
    names = list(dict.fromkeys(name for row in loaded.preview for name in row))
    if names:
        output.say("The first rows, as they are understood:")
        output.table(names, ([_cell(row.get(name)) for name in names] for row in loaded.preview))
        output.say("")


def _cell(value: object) -> object:
    return ";".join(map(str, value)) if isinstance(value, tuple | list) else value


def _sentences(loaded: Loaded, wanted: Wanted) -> Iterator[str]:
    would = "would be taken" if loaded.dry_run else "taken"
    kinds = [
        f"{count:,} {what}"
        for count, what in (
            (loaded.new, "new"), (loaded.changed, "changed"), (loaded.same, "as known already"),
        )
        if count
    ]  # fmt: skip
    of = f": {', '.join(kinds)}" if kinds else ""
    yield f"{count_of(loaded.taken, 'row')} of {loaded.noun} {would}{of}."
    for what, count in loaded.notes.items():
        if not count:
            continue
        yield f"  {count:,} {what}"
    if loaded.repeated:
        yield f"  {loaded.repeated:,} about the same as an earlier row of the file"
    if loaded.left_out:
        left = "would be left out" if loaded.dry_run else "left out"
        yield f"{count_of(loaded.left_out, 'row')} of {loaded.rows:,} {left}, as said above."
        if loaded.errors_file:
            yield (
                f"{loaded.errors_file} has them, each with its problem. Correct it, and load it"
                " with the same options."
            )
        else:
            yield (
                f"--errors {_errors_name(wanted)} writes them to a file that can be corrected and"
                " loaded with the same options."
            )
    if loaded.through:
        day = (loaded.through - timedelta(microseconds=1)).date()
        would = "would be" if loaded.dry_run else "is"
        yield f"The source {loaded.source} {would} complete up to {day}."
    if wanted.save_mapping:
        yield (
            f"The mapping {wanted.save_mapping} would be remembered."
            if loaded.dry_run
            else f"The mapping {wanted.save_mapping} is remembered: --mapping"
            f" {wanted.save_mapping} reads the next file like this one."
        )
    if loaded.dry_run:
        yield "Nothing was changed."


def _errors_name(wanted: Wanted) -> str:
    return wanted.file.name.removesuffix(".gz").removesuffix(".csv") + ".errors.csv"
