"""What a contact wants to get, as somebody told an operator."""

from __future__ import annotations

from tests.cli.conftest import Cli


def test_what_a_contact_wants_is_shown_and_changed(company: Cli) -> None:
    before = company("contact", "preferences", "ada", "--json").json
    assert set(before["topics"].values()) == {True}
    assert (before["fewer"], before["paused_until"], before["suppressed"]) == (False, None, None)

    done = company(
        "contact", "preferences", "ada", "--off", "tips", "--off", "events", "--pause", "10",
        "--fewer",
    )  # fmt: skip
    after = company("contact", "preferences", "ada", "--json").json

    assert done.code == 0
    assert "Fewer e-mails: yes." in done.out
    assert "Paused until Thu 12 Mar 2026" in done.out
    assert after["topics"] == {"newsletter": True, "events": False, "tips": False, "product": True}

    company("contact", "preferences", "ada", "--on", "tips", "--pause", "0", "--not-fewer")
    last = company("contact", "preferences", "ada", "--json").json
    assert (last["topics"]["tips"], last["topics"]["events"]) == (True, False)
    assert (last["fewer"], last["paused_until"]) == (False, None)


def test_what_cannot_be_meant_is_refused(company: Cli) -> None:
    unknown = company("contact", "preferences", "ada", "--off", "weather")
    assert unknown.code == 2
    assert "There is no topic 'weather'. There are: " in unknown.err
    assert company("contact", "preferences", "ada", "--off", "tips", "--on", "tips").code == 2
    assert company("contact", "preferences", "nobody").code == 4


def test_who_is_not_written_to_at_all_is_told_so(company: Cli) -> None:
    company("suppress", "ada@acme.test")

    assert "Not written to at all: manual." in company("contact", "preferences", "ada").out
