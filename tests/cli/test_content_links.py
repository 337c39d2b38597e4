"""`digital-cs content links`: gathered from the library, told worst first, in words and JSON.

Nothing outside is asked: loopback and private addresses are refused before anybody connects.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.cli.conftest import Cli

INSIDE, LOOP = "http://10.0.0.1/wiki", "http://127.0.0.1:8080/admin"


@pytest.fixture
def imported(cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Cli:
    """Two pages of a handbook with links to three addresses, all of them inside."""
    monkeypatch.setenv("LINK_DELAY", "0")
    monkeypatch.setenv("COLUMNS", "200")
    folder = tmp_path / "handbook"
    folder.mkdir()
    (folder / "one.md").write_text(f"# One\n\nSee [it]({INSIDE}) and [that]({LOOP}).\n")
    (folder / "two.md").write_text(f"# Two\n\n[again]({INSIDE}) <http://[::1]:9999/x>\n[a](b.md)\n")
    assert cli("content", "import", folder).code == 0
    return cli


def test_nothing_is_known_before_the_first_check(imported: Cli) -> None:
    ran = imported("content", "links")
    assert (ran.code, ran.out) == (
        0, "No links are known yet. `digital-cs content links --check` gathers them.\n",
    )  # fmt: skip
    assert imported("content", "links", "--broken", "--json").json["links"] == []


def test_links_are_gathered_checked_and_told(imported: Cli) -> None:
    ran = imported("content", "links", "--check", "--json")
    found = ran.json
    assert (ran.code, found["checked"]["links"], found["counts"]) == (0, 3, {"refused": 3})
    first = found["links"][0]
    assert (first["url"], first["items"], first["line"], first["worth_telling"]) == (
        INSIDE, 2, 3, False,
    )  # fmt: skip
    assert first["words"] == "Not looked at: the address is inside a private network."

    again = imported("content", "links", "--check")
    assert "Looked at 0 links of 2 items." in again.out
    assert "10.0.0.1" in again.out
    assert "3 refused." in again.out
    assert "Looked at 3 links" in imported("content", "links", "--check", "--again").out


def test_links_of_one_item_or_server_can_be_asked_for(imported: Cli) -> None:
    imported("content", "links", "--check")
    of = imported("content", "links", "--of", "two.md", "--json").json["links"]
    assert {each["url"] for each in of} == {INSIDE, "http://[::1]:9999/x"}
    host = imported("content", "links", "--host", "127.0.0.1:8080", "--json").json["links"]
    assert [each["url"] for each in host] == [LOOP]
    assert imported("content", "links", "--of", "three.md").code == 4


def test_what_is_broken_is_told_with_its_looks(
    imported: Cli, rows: Callable[..., list[Any]]
) -> None:
    imported("content", "links", "--check")
    rows(
        "update link_states set state = 'broken', finding = 'not found', tries = 4, days = 3,"
        " since = '2026-03-02T09:00Z', detail = 'the server says 404, not found' where url = %s",
        INSIDE,
    )
    ran = imported("content", "links", "--broken")
    assert "Broken since 2 March 2026: the server says 404, not found, 4 times on 3" in ran.out
    assert "one.md:3 and 1 more" in ran.out
    assert LOOP not in ran.out
    shown = imported("content", "links", "show", INSIDE)
    assert "private address" in shown.out
    assert "Stands in one.md:3, two.md:3." in shown.out
    facts = imported("content", "links", "show", INSIDE, "--json").json
    assert (facts["state"], len(facts["places"]), len(facts["looks"])) == ("broken", 2, 1)
    assert imported("content", "links", "show", "http://10.0.0.1/other").code == 4


def test_asking_wrongly_is_said(imported: Cli) -> None:
    ran = imported("content", "links", "--again")
    assert (ran.code, ran.err) == (
        2, "--again goes with --check: it says which links that looks at.\n",
    )  # fmt: skip


def test_a_folder_is_checked_without_a_database(alone: Cli, tmp_path: Path) -> None:
    docs = tmp_path / "docs"
    docs.mkdir()
    (docs / "a.md").write_text(f"[fine]({LOOP})\n\n[wrong](https://docs.test:99999/)\n")
    ran = alone("content", "links", "check", docs)
    assert ran.code == 1
    assert ran.out.splitlines()[0] == f"{docs}/a.md:3: not-an-address: https://docs.test:99999/"
    assert ran.out.splitlines()[-1] == (
        "2 links in 1 document: 1 problem, 1 could not be looked at."
    )
    (problem,) = alone("content", "links", "check", docs, "--json").json["problems"]
    assert (problem["line"], problem["rule"]) == (3, "not-an-address")
    (docs / "a.md").write_text("No links.")
    assert alone("content", "links", "check", docs).code == 0
