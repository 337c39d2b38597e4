"""Identity by hand: who a contact is, two ids that are one person, and a person who moves."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from digital_cs.store.product.usage_sums import user_key
from tests.cli.conftest import Cli

Rows = Callable[..., list[Any]]


def memberships(cli: Cli, contact: str) -> list[tuple[str, list[str], bool]]:
    """(account, roles, whether it is over) from the first on."""
    found = cli("contact", "show", contact, "--json").json["memberships"]
    return [(each["account"], each["roles"], each["left_at"] is not None) for each in found]


def test_a_contact_is_shown_with_where_they_belong(company: Cli) -> None:
    shown = company("contact", "show", "ada").out
    assert shown.startswith("Ada Lovelace  (ada)\nada@acme.test")
    assert "acme" in shown
    assert "champion" in shown
    assert "Other ids" not in shown


def test_a_move_ends_one_membership_and_begins_another_and_keeps_the_first(
    company: Cli, rows: Rows
) -> None:
    done = company("contact", "move", "ada", "--from", "acme", "--to", "globex")
    assert done.out == "ada left acme and joined globex.\n"
    assert memberships(company, "ada") == [
        ("acme", ["champion"], True), ("globex", ["champion"], False)
    ]  # fmt: skip
    again = company("contact", "move", "ada", "--from", "acme", "--to", "globex")
    assert "is not in acme: nothing was changed" in again.out
    people = company("account", "show", "globex", "--json").json["contacts"]
    assert {each["id"] for each in people} == {"ada", "grace"}
    assert company("account", "show", "acme", "--json").json["contacts"] == []


def test_who_is_in_the_other_account_already_only_leaves(company: Cli, tmp_path: Path) -> None:
    file = tmp_path / "more.csv"
    file.write_text("id,account_id,email,roles\nada,initech,ada@acme.test,billing\n")
    assert company("load", "contacts", file).code == 0
    done = company("contact", "move", "ada", "--from", "acme", "--to", "initech", "--json").json
    assert done == {"left": True, "joined": False}
    assert memberships(company, "ada") == [
        ("acme", ["champion"], True), ("initech", ["billing"], False)
    ]  # fmt: skip


def test_a_program_that_listens_to_contacts_hears_of_a_move(
    company: Cli, content: Path, rows: Rows
) -> None:
    program = content / "programs" / "welcome.yaml"
    program.write_text(program.read_text() + "exits:\n  - when: {stage: active}\n")
    company("program", "publish")
    company("enroll", "welcome", "acme", "--yes")
    rows("update program_versions set listens = listens || '{contacts}'")
    rows("delete from outbox")
    company("contact", "move", "ada", "--from", "acme", "--to", "globex")
    assert rows("select kind from outbox") == [("wake",)]


def test_a_merge_keeps_history_and_the_former_id_finds_who_stayed(
    company: Cli, tmp_path: Path, rows: Rows
) -> None:
    file = tmp_path / "more.csv"
    file.write_text("id,account_id,email,first_name,roles\nada-old,initech,ada@old.test,A,admin\n")
    company("load", "contacts", file)
    rows("insert into usage_days (account_id, event, day, n, users, user_keys) values"
         " ('acme', 'sent', '2026-02-01', 4, 2, %s)",
         sorted([user_key("ada"), user_key("ada-old")]))  # fmt: skip

    refused = company("contact", "merge", "ada-old", "--into", "ada")
    assert refused.code == 5
    assert "say --yes" in refused.err
    done = company("contact", "merge", "ada-old", "--into", "ada", "--yes", "--json").json
    assert done == {"contact": "ada", "changed": True, "accounts": ["acme", "initech"], "events": 0}

    found = company("contact", "show", "ada-old", "--json").json
    assert (found["id"], found["email"], found["name"]) == ("ada", "ada@acme.test", "Ada Lovelace")
    assert [(each["alias"], each["kind"]) for each in found["aliases"]] == [("ada-old", "merged")]
    assert {each[:2] for each in rows("select account_id, roles[1] from memberships"
                                      " where contact_id = 'ada' and left_at is null")} == {
        ("acme", "champion"), ("initech", "admin")
    }  # fmt: skip
    assert rows("select account_id from memberships where contact_id = 'ada-old'"
                " and left_at is not null") == [("initech",)]  # fmt: skip
    assert rows("select users, user_keys from usage_days") == [(1, [user_key("ada")])]

    again = company("contact", "merge", "ada-old", "--into", "ada", "--yes")
    assert "nothing was changed" in again.out


def test_a_merge_of_two_in_one_account_keeps_the_roles_of_both(
    company: Cli, tmp_path: Path, rows: Rows
) -> None:
    file = tmp_path / "twice.csv"
    file.write_text("id,account_id,email,roles\nada-2,acme,ada@2.test,billing;champion\n")
    company("load", "contacts", file)
    (before,) = rows("select roles from memberships where contact_id = 'ada' and left_at is null")

    company("contact", "merge", "ada-2", "--into", "ada", "--yes")

    assert before[0] == ["champion"]
    assert rows("select account_id, roles from memberships"
                " where contact_id = 'ada' and left_at is null") == [
        ("acme", ["champion", "billing"])
    ]  # fmt: skip


def test_what_a_visitor_did_counts_when_somebody_says_who_it_was(
    company: Cli, content: Path, rows: Rows
) -> None:
    (content / "milestones.yaml").write_text(
        "milestones:\n- {milestone: priced, title: Priced, reached_by: {event: pricing_seen}}\n"
    )
    company("milestone", "publish")
    rows("create table product_events_20260220 partition of product_events"
         " for values from ('2026-02-20') to ('2026-02-21')")  # fmt: skip
    rows("insert into product_events (id, day, at, received_at, anonymous_id, kind, name, source)"
         " values ('e1', '2026-02-20', '2026-02-20 08:00Z', now(), 'v-1', 'track', 'pricing_seen',"
         " 'api')")  # fmt: skip
    done = company("contact", "merge", "v-1", "--into", "ada", "--yes")
    assert done.out == (
        "v-1 is another id of ada from now on. In acme."
        " 1 event that had waited for their account now count.\n"
    )
    assert rows("select account_id, n, users from usage_days") == [("acme", 1, 1)]
    assert rows("select account_id, name from milestones") == [("acme", "priced")]
    assert "a visitor" in company("contact", "show", "ada").out


@pytest.mark.parametrize(
    ("words", "code", "sentence"),
    [
        (("show", "adda"), 4, "There is no contact with the id 'adda'."),
        (("show", "ADA@acme.test"), 4, "With that address there is: ada."),
        (("merge", "typo", "--into", "ada", "--yes"), 4, "nobody did anything under that id"),
        (("merge", "ada", "--into", "nobody", "--yes"), 4, "There is no contact"),
        (("merge", "ada", "--into", "ada", "--yes"), 2, "is that contact already"),
        (("move", "ada", "--from", "acme", "--to", "acmee"), 4, "There is no account 'acmee'."),
        (("move", "ada", "--from", "acme", "--to", "acme"), 2, "the same account twice"),
    ],
)
def test_what_cannot_be_is_said(
    company: Cli, words: tuple[str, ...], code: int, sentence: str
) -> None:
    done = company("contact", *words)
    assert (done.code, sentence in done.err) == (code, True), done.err


def test_an_id_is_merged_once(company: Cli, rows: Rows) -> None:
    rows("insert into identities (alias, contact_id, kind, at) values"
         " ('v-1', 'grace', 'anonymous', now())")  # fmt: skip
    done = company("contact", "merge", "v-1", "--into", "ada", "--yes")
    assert done.code == 2
    assert "'v-1' is another id of 'grace' already" in done.err
    company("contact", "merge", "grace", "--into", "ada", "--yes")
    aliases = company("contact", "show", "v-1", "--json").json
    assert aliases["id"] == "ada"
    assert {each["alias"] for each in aliases["aliases"]} == {"v-1", "grace"}
    circle = company("contact", "merge", "ada", "--into", "grace", "--yes")
    assert circle.code == 2
