"""Rows that a load refused: written to a file that is corrected and loaded until none is left."""

from __future__ import annotations

import signal
from pathlib import Path
from typing import Any

import pytest

from digital_cs.ingest.files import csv_loading
from digital_cs.ingest.files.csv_loads import AccountLoad
from tests.cli.conftest import Cli
from tests.cli.test_load import Rows, write

HEADER = "line,column,problem,id,name,country\n"
REFUSED = HEADER + "2,country,Not known.,a,A,XX\n3,country,Not known.,b,B,YY\n"


def test_refused_rows_are_written_to_a_file_that_is_corrected_and_loaded_again(
    company: Cli, tmp_path: Path, rows: Rows
) -> None:
    file = write(
        tmp_path,
        "account_id;day;event;n;note\nacme;2026-02-01;login;1;\n"
        'acme;02-02-2026;login;2;"a; b"\nnobody;2026-02-03;login;3;\nacme;2026-02-04;login\n',
    )
    errors = tmp_path / "refused.csv"
    options = ("--ignore", "note", "--errors", errors)

    done = company("load", "usage", file, *options)

    assert done.code == 1
    assert f"{errors} has them, each with its problem." in done.out
    assert errors.read_text().splitlines() == [
        "line;column;problem;account_id;day;event;n;note",
        "3;day;'02-02-2026' is not a day: write 2026-03-02.;acme;02-02-2026;login;2;\"a; b\"",
        "4;account_id;There is no account 'nobody'. Load it first.;nobody;2026-02-03;login;3;",
        "5;;It has 3 cells, the first line has 5.;acme;2026-02-04;login",
    ]

    corrected = errors.read_text().replace("02-02-2026;", "2026-02-02;").replace("nobody;", "acme;")
    errors.write_text(corrected)
    again = company("load", "usage", errors, *options)

    assert again.code == 1  # into the very file that it is read from
    assert errors.read_text().count("\n") == 2
    assert [n for (n,) in rows("select n from usage_days order by day")] == [1, 2, 3]


def test_the_file_of_refused_rows_is_loaded_again_until_none_is_left(
    company: Cli, tmp_path: Path, rows: Rows
) -> None:
    refused = write(tmp_path, REFUSED.replace("XX", "DE"), "refused.csv")
    counted: list[int] = []
    for wrong, right in (("YY", "ZZ"), ("ZZ", "FR"), ("none", "none")):
        done = company("load", "accounts", refused, "--errors", refused, "--json").json
        counted.append(done["left_out"])
        assert refused.read_text().startswith(HEADER)
        refused.write_text(refused.read_text().replace(f",{wrong}\n", f",{right}\n"))

    assert counted == [1, 1, 0]
    assert refused.read_text().strip() == HEADER.strip()
    assert rows("select id, country, traits from accounts where id in ('a', 'b') order by 1") == [
        ("a", "DE", {}), ("b", "FR", {}),
    ]  # fmt: skip


def test_an_interrupted_load_leaves_the_file_that_it_reads_as_it_was(
    company: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    refused = write(tmp_path, REFUSED + "4,country,Not known.,c,C,FR\n", "refused.csv")
    before = refused.read_text()
    whole = csv_loading._take

    async def interrupted(*given: Any) -> None:
        await whole(*given)
        signal.raise_signal(signal.SIGINT)

    with monkeypatch.context() as patched:
        patched.setattr(AccountLoad, "batch", 1)
        patched.setattr(csv_loading, "_take", interrupted)
        stopped = company("load", "accounts", refused, "--errors", refused)

    assert stopped.code == 130
    assert refused.read_text() == before
    assert [file.name for file in tmp_path.glob("refused*")] == ["refused.csv"]


@pytest.mark.parametrize(
    ("text", "options", "words"),
    [
        (REFUSED, ["--dry-run"], "a dry run takes none of the others. Name another file."),
        ("id,country\na,XX\nb,DE\n", [], "in the place of the file itself. Name another file."),
    ],
    ids=["a dry run", "the file itself"],
)
def test_no_row_is_lost_that_nobody_has_taken(
    company: Cli, tmp_path: Path, text: str, options: list[str], words: str
) -> None:
    file = write(tmp_path, text)

    done = company("load", "accounts", file, "--errors", file, *options)

    assert (done.code, done.err.strip().endswith(words)) == (2, True)
    assert file.read_text() == text


@pytest.mark.parametrize("place", ["", "nowhere/refused.csv"])
def test_where_no_file_can_be_written_is_told_before_a_row_is_taken(
    company: Cli, tmp_path: Path, rows: Rows, place: str
) -> None:
    file = write(tmp_path, "id,country\na,XX\nb,DE\n")

    done = company("load", "accounts", file, "--errors", tmp_path / place)

    assert done.code == 2
    assert done.err.endswith("cannot be written. Name a file in a folder that is there.\n")
    assert rows("select * from accounts where id = 'b'") == []
