"""Renames as the history of a checkout tells them."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from digital_cs.catalog.git_moves import moves_since, revision_of

pytestmark = pytest.mark.skipif(shutil.which("git") is None, reason="git is not installed")


class Checkout:
    """A git repository that a test writes into."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir()
        self.git("init", "-q", "-b", "main")

    def git(self, *arguments: str) -> None:
        who = ("-c", "user.name=T", "-c", "user.email=t@t.test", "-c", "commit.gpgsign=false")
        subprocess.run(["git", "-C", self.folder, *who, *arguments], check=True, timeout=30)

    def commit(self) -> str:
        self.git("add", "-A")
        self.git("commit", "-q", "-m", "A change")
        found = revision_of(self.folder)
        assert found is not None
        return found

    def write(self, name: str, text: str) -> None:
        (self.folder / name).parent.mkdir(parents=True, exist_ok=True)
        (self.folder / name).write_text(text)

    def move(self, old: str, new: str) -> None:
        (self.folder / new).parent.mkdir(parents=True, exist_ok=True)
        (self.folder / old).rename(self.folder / new)


@pytest.fixture
def checkout(tmp_path: Path) -> Checkout:
    return Checkout(tmp_path / "docs")


def text(name: str) -> str:
    return "".join(f"Line {n} of {name}.\n" for n in range(20))


def test_moves_are_followed_from_commit_to_commit_through_rewriting(checkout: Checkout) -> None:
    checkout.write("a.md", text("a"))
    checkout.write("é b.md", text("b"))
    first = checkout.commit()
    checkout.move("a.md", "deep/a.md")
    checkout.commit()
    checkout.write("deep/a.md", "Rewritten\n")
    checkout.commit()
    checkout.move("é b.md", "deep/é c.md")
    checkout.move("deep/a.md", "deep/z.md")
    last = checkout.commit()

    assert moves_since(checkout.folder, first, last) == {
        "a.md": "deep/z.md", "é b.md": "deep/é c.md",
    }  # fmt: skip
    assert moves_since(checkout.folder, last, last) == {}


def test_paths_are_those_below_the_folder(checkout: Checkout) -> None:
    checkout.write("docs/a.md", text("a"))
    checkout.write("other/x.md", text("x"))
    first = checkout.commit()
    checkout.move("docs/a.md", "docs/deep/a.md")
    checkout.move("other/x.md", "other/y.md")
    last = checkout.commit()

    found = moves_since(checkout.folder / "docs", first, last)
    assert found == {"a.md": "deep/a.md"}


def test_a_file_that_came_back_did_not_move(checkout: Checkout) -> None:
    checkout.write("a.md", text("a"))
    first = checkout.commit()
    checkout.move("a.md", "b.md")
    checkout.commit()
    checkout.move("b.md", "a.md")

    assert moves_since(checkout.folder, first, checkout.commit()) == {}


def test_what_is_no_checkout_or_no_commit_has_no_history(
    checkout: Checkout, tmp_path: Path
) -> None:
    checkout.write("a.md", "A\n")
    last = checkout.commit()
    gone = "0" * 40
    assert moves_since(checkout.folder, gone, last) == {}
    assert moves_since(checkout.folder, "--output=/tmp/x", last) == {}


def test_settings_of_the_checkout_run_nothing(checkout: Checkout, tmp_path: Path) -> None:
    trap = tmp_path / "ran"
    program = tmp_path / "trap.sh"
    program.write_text(f"#!/bin/sh\ntouch {trap}\n")
    program.chmod(0o755)
    checkout.write("a.md", text("a"))
    first = checkout.commit()
    checkout.move("a.md", "b.md")
    last = checkout.commit()
    for setting in ("core.fsmonitor", "diff.external", "core.pager", "gpg.program"):
        checkout.git("config", setting, str(program))
    checkout.git("config", "log.showSignature", "true")

    assert revision_of(checkout.folder) == last
    assert moves_since(checkout.folder, first, last) == {"a.md": "b.md"}
    assert not trap.exists()
