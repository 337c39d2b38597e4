"""CSV files: good rows come out, bad ones are told by line and column, nothing is lost silently."""

from __future__ import annotations

import csv
import gzip
import tracemalloc
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from digital_cs.errors import NotFoundError, UsageError
from digital_cs.ingest.files.csv_cells import typed
from digital_cs.ingest.files.csv_files import Format, Remark, read
from digital_cs.ingest.files.csv_formats import ACCOUNTS, CONTACTS, EVENTS, USAGE, UsageRow
from digital_cs.store.people.accounts import AccountRecord
from digital_cs.store.people.contacts import ContactRecord
from digital_cs.store.product.events import EventRecord

NOW = datetime(2026, 3, 2, 9, tzinfo=UTC)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "some.csv"


def load(
    file: Path, text: str | bytes, form: Format[Any], size: int = 1000
) -> tuple[list[Any], list[Remark]]:
    """(records, remarks) of a file with this text."""
    file.write_bytes(text.encode() if isinstance(text, str) else text)
    batches = list(read(file, form, NOW, size))
    return (
        [record for batch in batches for _, record in batch.rows],
        [remark for batch in batches for remark in batch.remarks],
    )


def test_an_account_has_its_columns_and_every_other_one_is_a_typed_trait(file: Path) -> None:
    text = (
        "id,name,stage,managed,zone,country,plan,seats,mrr,beta,renewal_on,sku,empty\n"
        "acme,Acme,trial,yes,Europe/Berlin,DE,pro,12,19.90,TRUE,2026-12-01,007,\n"
    )

    records, remarks = load(file, text, ACCOUNTS)

    traits = {"plan": "pro", "seats": 12, "mrr": 19.9, "beta": True, "renewal_on": "2026-12-01",
              "sku": "007"}  # fmt: skip
    assert records == [AccountRecord("acme", "Acme", "trial", True, "Europe/Berlin", "DE", traits)]
    assert remarks == []


def test_empty_cells_of_an_account_leave_what_is_known(file: Path) -> None:
    records, _ = load(file, "id,name,stage,managed,zone,country\nacme,,,,,\n", ACCOUNTS)

    assert records == [AccountRecord("acme", None, None, None, None, None, {})]


def test_a_contact_an_event_and_usage_are_read(file: Path) -> None:
    contacts, _ = load(
        file,
        "id,account_id,email,first_name,full_name,roles,zone,language,active\n"
        "c1,acme,ada@x.test,Ada,Ada L,champion; admin,Europe/London,en,no\n",
        CONTACTS,
    )
    events, _ = load(
        file, "id,account_id,name,at\ne1,acme,login,2026-03-02T10:30:00+02:00\n", EVENTS
    )
    usage, _ = load(file, "account_id,day,event,n,users\nacme,2026-03-01,login,7,2\n", USAGE)

    roles = ("champion", "admin")
    assert contacts == [
        ContactRecord("c1", "acme", "ada@x.test", "Ada", "Ada L", roles, "Europe/London", "en",
                      False)
    ]  # fmt: skip
    assert events == [EventRecord("e1", "acme", "login", datetime(2026, 3, 2, 8, 30, tzinfo=UTC))]
    assert usage == [UsageRow(date(2026, 3, 1), "login", 7, 2, account_id="acme")]


@pytest.mark.parametrize(
    ("form", "text", "line", "column", "words"),
    [
        (ACCOUNTS, "id,name\n,Acme\n", 2, "id", "empty"),
        (ACCOUNTS, "id,name,zone\na,A,Europe/Berln\n", 2, "zone", "Europe/Berlin"),
        (ACCOUNTS, "id,name,zone\na,A,+02:00\n", 2, "zone", "offset"),
        (ACCOUNTS, "id,name,country\na,A,Germany\n", 2, "country", "'DE'"),
        (ACCOUNTS, "id,name,managed\na,A,perhaps\n", 2, "managed", "neither true nor false"),
        (ACCOUNTS, f"id,name\n{'a' * 201},A\n", 2, "id", "200"),
        (ACCOUNTS, "id,name\na,A\x07\n", 2, "name", "control characters"),
        (ACCOUNTS, b"id,name\na,\xff\xfe\n", 2, "name", "UTF-8"),
        (ACCOUNTS, "id,name,plan\na,A\n", 2, None, "2 cells, the first line has 3"),
        (ACCOUNTS, "id,name\na,A,more\n", 2, None, "3 cells, the first line has 2"),
        (ACCOUNTS, 'id,name\na,"A\nb,B\nc,C\n', 2, "name", "line 4: is a quote"),
        (CONTACTS, "id,account_id,email\nc,a,no-address\n", 2, "email", "name@domain"),
        (EVENTS, "id,account_id,name,at\ne,a,n,yesterday\n", 2, "at", "not a moment"),
        (EVENTS, "id,account_id,name,at\ne,a,n,0001-01-01T00:00Z\n", 2, "at", "year 1"),
        (USAGE, "account_id,day,event,n\na,2026-3-1,n,1\n", 2, "day", "not a day"),
        (USAGE, "account_id,day,event,n\na,2036-03-01,n,1\n", 2, "day", "not come yet"),
        (USAGE, "account_id,day,event,n\na,2026-03-01,n,-1\n", 2, "n", "0 or more"),
        (
            USAGE,
            "account_id,day,event,n\na,2026-03-01,n,99999999999999\n",
            2,
            "n",
            "the most allowed",
        ),
        (USAGE, "account_id,day,event,n\na,2026-03-01,n,1.0\n", 2, "n", "whole number"),
        (USAGE, "account_id,day,event,n\na,2026-03-01,n,\n", 2, "n", "It is empty."),
    ],
)
def test_a_bad_row_is_told_by_line_and_column(
    file: Path, form: Format[Any], text: str | bytes, line: int, column: str | None, words: str
) -> None:
    records, [remark] = load(file, text, form)

    assert records == []
    assert (remark.line, remark.column, remark.left_out) == (line, column, True)
    assert words in remark.message


def test_a_complaint_about_an_address_does_not_repeat_it(file: Path) -> None:
    _, [remark] = load(file, "id,account_id,email\nc,a,secret at x.test\n", CONTACTS)

    assert "secret" not in str(remark)


def test_good_rows_around_bad_ones_are_taken(file: Path) -> None:
    text = 'id,name\na,A\n,B\n\n"c","C\nwith a break"\nd,D\n'

    records, remarks = load(file, text, ACCOUNTS)

    assert [record.id for record in records] == ["a", "d"]
    assert [(remark.line, remark.column) for remark in remarks] == [(3, "id"), (5, "name")]


@pytest.mark.parametrize("size", [1, 2, 1000])
def test_of_two_rows_about_the_same_account_the_last_one_counts_and_that_is_said(
    file: Path, size: int
) -> None:
    records, [remark] = load(file, "id,name\na,Old\nb,B\na,New\n", ACCOUNTS, size)

    last = {record.id: record.name for record in records}
    assert last == {"a": "New", "b": "B"}
    assert (remark.line, remark.left_out) == (4, False)
    assert "line 2" in remark.message


def test_a_repeated_event_counts_once_and_one_that_says_something_else_is_refused(
    file: Path,
) -> None:
    text = (
        "id,account_id,name,at\ne,a,one,2026-03-01T00:00Z\ne,a,one,2026-03-01T00:00Z\n"
        "e,a,two,2026-03-01T00:00Z\n"
    )

    [record], [repeat, other] = load(file, text, EVENTS)

    assert record.name == "one"
    assert (repeat.line, repeat.left_out) == (3, False)
    assert (other.line, other.left_out) == (4, True)
    assert "line 2 already, where the row says something else" in other.message


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
@pytest.mark.parametrize("start", ["", "\ufeff"])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_what_spreadsheets_write_is_read(file: Path, delimiter: str, start: str, end: str) -> None:
    lines = [["Id", " NAME ", "Managed", "", ""], ["a", "A", "TRUE", "", ""]]
    text = start + "".join(delimiter.join(cells) + end for cells in lines)

    assert load(file, text, ACCOUNTS)[0] == [AccountRecord("a", "A", managed=True)]


@pytest.mark.parametrize(
    ("form", "text", "words"),
    [
        (ACCOUNTS, "", "is empty"),
        (ACCOUNTS, "name\nA\n", "no column 'id'"),
        (ACCOUNTS, "id,name,plan,plan\n", "'plan' twice"),
        (ACCOUNTS, "id,,name\n", "no name over column 2"),
        (CONTACTS, "id,account_id,email,first_nmae\n", "Did you mean 'first_name'?"),
        (CONTACTS, "id,account_id,email,shoe\n", "Known are"),
    ],
)
def test_columns_that_are_not_those_of_the_format_stop_the_load(
    file: Path, form: Format[Any], text: str, words: str
) -> None:
    with pytest.raises(UsageError, match=words.replace("?", r"\?")):
        load(file, text, form)


def test_a_trait_that_looks_like_a_known_column_is_pointed_out(file: Path) -> None:
    [record], [remark] = load(file, "id,name,contry\na,A,DE\n", ACCOUNTS)

    assert record.traits == {"contry": "DE"}
    assert (remark.line, remark.column, remark.left_out) == (1, "contry", False)
    assert "'country'" in remark.message


def test_a_file_that_is_not_there_or_not_a_file_is_told(tmp_path: Path) -> None:
    with pytest.raises(NotFoundError, match="There is no file"):
        read(tmp_path / "nothing.csv", ACCOUNTS, NOW)
    with pytest.raises(UsageError, match="cannot be read"):
        read(tmp_path, ACCOUNTS, NOW)


@pytest.mark.parametrize(
    "content",
    ["id,name\n".encode("utf-16"), b"PK\x03\x04\x14\x00\x06\x00\n", "id,Größe\n".encode("latin-1")],
)
def test_a_workbook_or_another_encoding_is_told_before_anything_is_read(
    file: Path, content: bytes
) -> None:
    file.write_bytes(content)

    with pytest.raises(UsageError, match=r"is not CSV in UTF-8\. Save it as 'CSV UTF-8' first\."):
        read(file, ACCOUNTS, NOW)


def test_batches_are_of_the_size_asked_for_and_tell_how_far_they_got(file: Path) -> None:
    file.write_text("id,name\n" + "".join(f"a{n},A\n" for n in range(25)))

    batches = list(read(file, ACCOUNTS, NOW, size=10))

    assert [len(batch.rows) for batch in batches] == [10, 10, 5]
    assert batches[-1].done == file.stat().st_size


NAMES = st.text(st.characters(codec="utf-8", exclude_categories=("Cc", "Cs")), min_size=1).filter(
    lambda text: text.strip()
)


@given(st.lists(st.tuples(NAMES, NAMES), min_size=1, max_size=20, unique_by=lambda row: row[0]))
def test_whatever_a_csv_writer_writes_comes_back(rows: list[tuple[str, str]]) -> None:
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "some.csv"
        with file.open("w", encoding="utf-8", newline="") as out:
            csv.writer(out).writerows([("account_id", "day", "event", "n")])
            csv.writer(out).writerows(
                (id[:150], "2026-03-01", name[:150], "1") for id, name in rows
            )
        batches = list(read(file, USAGE, NOW))

    found = {(r.account_id, r.event) for batch in batches for _, r in batch.rows}
    wanted = {(id[:150].strip(), name[:150].strip()) for id, name in rows}
    assert found == {pair for pair in wanted if all(pair)}


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("12", 12), ("-3", -3), ("0", 0), ("1.5", 1.5), ("true", True), ("False", False),
        ("007", "007"), ("1e5", "1e5"), ("NaN", "NaN"), ("2026-03-01", "2026-03-01"),
        ("12345678901234567890", "12345678901234567890"), ("+49 30", "+49 30"), ("yes", "yes"),
    ],
)  # fmt: skip
def test_only_what_plainly_is_a_number_or_a_truth_value_becomes_one(
    text: str, value: object
) -> None:
    assert typed(text) == value
    assert type(typed(text)) is type(value)


def test_a_file_is_read_in_memory_that_hardly_grows_with_it(file: Path) -> None:
    """A dict of keys would take as much as the file; what is kept of a row is 16 bytes."""
    rows = (f"a{n % 997},2025-01-{1 + n % 28:02},event-{n // 28},{n % 50}\n" for n in range(25_000))
    with file.open("w") as out:
        out.writelines(("account_id,day,event,n\n", *rows))

    tracemalloc.start()
    try:
        count = sum(len(batch.rows) for batch in read(file, USAGE, NOW))
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert count == 25_000
    assert peak < 5_000_000


@pytest.mark.parametrize("cut", [0, 9])
def test_a_packed_file_is_read_and_a_damaged_one_told(file: Path, cut: int) -> None:
    text = "id,name\n" + "".join(f"a{n},A\n" for n in range(20_000))
    packed = gzip.compress(text.encode())
    file.write_bytes(packed[: len(packed) - cut])

    batches = list(read(file, ACCOUNTS, NOW))

    remarks = [remark for batch in batches for remark in batch.remarks]
    assert batches[-1].done > 0
    if cut:
        assert "damaged from here on" in remarks[-1].message
    else:
        assert (sum(len(batch.rows) for batch in batches), remarks) == (20_000, [])
