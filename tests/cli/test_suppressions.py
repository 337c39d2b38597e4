"""Who is not written to, as an operator says it: by hand, by lists, and taken back."""

from __future__ import annotations

import csv
import gzip
import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.cli.conftest import Cli

Rows = Callable[..., list[Any]]
IN_FORCE = "select subject, reason from suppressions order by 1"


def write(folder: Path, text: str, name: str = "list.csv") -> Path:
    file = folder / name
    file.write_text(text)
    return file


def test_the_short_form_suppresses_an_address_for_good(company: Cli, rows: Rows) -> None:
    done = company("suppress", "ADA@acme.test", "--because", "asked by phone")

    assert done.code == 0
    assert "It is not written to any more. Contacts with this address: ada." in done.out
    shown = company("suppression", "show", "ada@acme.test")
    assert "Not written to: manual." in shown.out
    assert "asked by phone" in shown.out
    assert rows(IN_FORCE) == [("address:ada@acme.test", "manual")]


def test_domains_accounts_reasons_and_ends_can_be_named(company: Cli, rows: Rows) -> None:
    company("suppression", "add", "--domain", "@Globex.test", "--reason", "complaint")
    company("suppression", "add", "--account", "acme", "--until", "2026-03-31")
    again = company("suppression", "add", "--account", "acme", "--until", "2026-06-30")

    assert "that lasts longer now" in again.out
    assert rows(IN_FORCE) == [("account:acme", "manual"), ("domain:globex.test", "complaint")]
    listed = company("suppression", "list").out
    assert "domain globex.test" in listed
    assert "2026-06-30" in listed
    (about_her,) = company("suppression", "show", "ada@acme.test", "--json").json
    assert (about_her["kind"], about_her["name"]) == ("account", "acme")


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (("add",), 2), (("add", "no-address"), 2), (("add", "--domain", "two words"), 2),
        (("add", "a@b.test", "--domain", "b.test"), 2), (("add", "--account", "nobody"), 4),
        (("add", "a@b.test", "--until", "2020-01-01"), 2),
        (("add", "a@b.test", "--reason", "mood"), 2), (("import", "no-file.csv"), 4),
    ],
)  # fmt: skip
def test_what_cannot_be_meant_is_refused(
    company: Cli, rows: Rows, words: tuple[str, ...], code: int
) -> None:
    assert company("suppression", *words).code == code
    assert rows(IN_FORCE) == []


def test_lifting_says_what_was_lifted_and_what_is_left(company: Cli, rows: Rows) -> None:
    company("suppression", "add", "ada@acme.test")
    company("suppression", "add", "ada@acme.test", "--reason", "hard bounce")
    company("suppression", "add", "--domain", "acme.test")

    first = company("suppression", "lift", "ada@acme.test", "--reason", "hard bounce")
    second = company("suppression", "lift", "ada@acme.test", "--because", "mended")

    assert "Taken back: hard bounce." in first.out
    assert "Still not written to:" in second.out
    assert "domain acme.test" in second.out
    assert rows(IN_FORCE) == [("domain:acme.test", "manual")]
    lifted = "select reason, lifted_by from suppression_entries where lifted_at is not null"
    assert rows(f"{lifted} order by id desc") == [
        ("hard bounce", "operator"), ("manual", "operator: mended")
    ]  # fmt: skip
    assert "nothing to take back" in company("suppression", "lift", "ada@acme.test").out


@pytest.mark.parametrize("reason", ["unsubscribed", "complaint"])
def test_to_go_against_what_people_said_themselves_wants_a_yes(
    company: Cli, rows: Rows, reason: str
) -> None:
    company("suppression", "add", "ada@acme.test", "--reason", reason)

    asked = company("suppression", "lift", "ada@acme.test")
    assert asked.code == 5
    assert "They said themselves" in asked.err
    assert len(rows(IN_FORCE)) == 1

    assert company("suppression", "lift", "ada@acme.test", "--yes").code == 0
    assert rows(IN_FORCE) == []


def test_a_csv_is_imported_and_its_bad_lines_are_told_by_line_and_column(
    company: Cli, rows: Rows, tmp_path: Path
) -> None:
    file = write(
        tmp_path,
        "address,domain,account,reason,note,until\n"
        "Ada@acme.test,,,HARD_BOUNCE,from the old system,\n"
        ",,acme,,,2026-12-31\n"
        "x@,,,,,\n"
        ",,,manual,nobody is named,\n"
        "a@b.test,b.test,,,,\n"
        "a@b.test,,,mood,,\n"
        "a@b.test,,,,,2026-01-01\n"
        ",@Globex.test,,,,2026-06-01T12:30:00+02:00\n",
    )

    dry = company("suppression", "import", file, "--dry-run")
    assert rows(IN_FORCE) == []
    done = company("suppression", "import", file, "--errors", tmp_path / "bad.csv")

    assert (dry.code, done.code) == (1, 1)
    for complaint in (
        "line 4, address: It is not of the form name@domain.",
        "line 5, address: Name an address, a domain or an account.",
        "line 6, domain: Name an address, a domain or an account, and only one.",
        "line 7, reason: 'mood' is not known here.",
        "line 8, until: It was over with 2026-01-01.",
    ):
        assert complaint in done.err
        assert complaint in dry.err
    assert "3 rows of suppressions taken: 3 new." in done.out
    assert rows(IN_FORCE) == [
        ("account:acme", "manual"), ("address:ada@acme.test", "hard bounce"),
        ("domain:globex.test", "manual"),
    ]  # fmt: skip
    assert len((tmp_path / "bad.csv").read_text().splitlines()) == 6


def test_importing_again_changes_nothing(company: Cli, rows: Rows, tmp_path: Path) -> None:
    file = write(tmp_path, "address,until\na@b.test,2026-05-01\nc@d.test,\n")
    assert company("suppression", "import", file).code == 0
    before = rows("select * from suppression_entries order by id")

    again = company("suppression", "import", file, "--json").json

    assert (again["new"], again["changed"], again["same"]) == (0, 0, 2)
    assert rows("select * from suppression_entries order by id") == before


@pytest.mark.parametrize("packed", [False, True])
def test_a_plain_list_of_addresses_is_imported_from_its_first_line_on(
    company: Cli, rows: Rows, tmp_path: Path, packed: bool
) -> None:
    file = write(tmp_path, "\ufeffa@b.test\r\n\r\nC@d.test\r\nnobody\r\n", "list.txt")
    if packed:
        file.write_bytes(gzip.compress(file.read_bytes()))

    done = company("suppression", "import", file, "--reason", "unsubscribed")

    assert done.code == 1
    assert "line 4, address: It is not of the form name@domain." in done.err
    assert rows(IN_FORCE) == [
        ("address:a@b.test", "unsubscribed"), ("address:c@d.test", "unsubscribed")
    ]  # fmt: skip


def test_columns_of_another_system_can_be_mapped(company: Cli, rows: Rows, tmp_path: Path) -> None:
    file = write(tmp_path, "email,type,when\na@b.test,Bounce,2026-01-01\n")

    done = company(
        "suppression", "import", file, "--map", "address=email", "--map", "reason=type",
        "--value", "reason:Bounce=hard bounce", "--ignore", "when",
    )  # fmt: skip

    assert done.code == 0, done.err
    assert rows(IN_FORCE) == [("address:a@b.test", "hard bounce")]


def test_what_is_exported_can_be_imported_and_is_the_same(
    company: Cli, rows: Rows, tmp_path: Path
) -> None:
    company("suppression", "add", "ada@acme.test", "--because", 'said: "no, never"\nby phone')
    company("suppression", "add", "ada@acme.test", "--reason", "unsubscribed")
    company("suppression", "add", "ünal@acme.test", "--until", "2026-04-30")
    company("suppression", "add", "--domain", "b.test", "--reason", "soft bounces")
    company("suppression", "add", "--account", "acme")
    company("suppression", "add", "gone@acme.test")
    company("suppression", "lift", "gone@acme.test")
    rows(
        "update suppression_entries set expires_at = '2026-05-01T10:30Z'"
        " where reason = 'soft bounces'"
    )
    kept = (
        "select subject, reason, note, expires_at from suppression_entries where lifted_at is null"
    )
    before = rows(kept)
    out = company("suppression", "export").out

    file = tmp_path / "all.csv"
    assert "5 entries written" in company("suppression", "export", file).out
    rows("truncate suppression_entries, suppressions")
    done = company("suppression", "import", file)

    assert file.read_text() == out
    assert next(csv.reader(io.StringIO(out)))[:3] == ["address", "domain", "account"]
    assert done.code == 0, done.err
    assert sorted(rows(kept), key=str) == sorted(before, key=str)
    assert len(json.loads(company("suppression", "export", "--json").out)) == 5


def test_many_are_listed_a_page_at_a_time(company: Cli, tmp_path: Path) -> None:
    file = write(tmp_path, "\n".join(f"p{n}@x.test" for n in range(2500)))
    assert company("suppression", "import", file, "--json").json["new"] == 2500

    first = company("suppression", "list", "--most", "3")
    assert "p2499@x.test" in first.out
    before = first.out.rsplit("--before ", 1)[1].split()[0]
    rest = company("suppression", "list", "--most", "5000", "--before", before, "--json").json
    assert len(rest) == 2497
    assert len(company("suppression", "export").out.splitlines()) == 2501
