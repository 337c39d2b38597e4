"""Loading CSV files as an operator does it: good rows in, bad ones told, repeats harmless."""

from __future__ import annotations

import gzip
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from digital_cs.ingest.files.csv_loads import Load
from tests.cli.conftest import Cli

Rows = Callable[..., list[Any]]


def write(folder: Path, text: str, name: str = "rows.csv") -> Path:
    file = folder / name
    file.write_text(text)
    return file


def test_good_rows_are_loaded_and_bad_ones_told_by_line(
    cli: Cli, tmp_path: Path, rows: Rows
) -> None:
    file = write(tmp_path, "id,name,zone\na,A,Europe/Berlin\nb,B,Mars/Base\na,A again,\n")

    done = cli("load", "accounts", file)
    as_json = cli("load", "accounts", file, "--json")

    assert done.code == as_json.code == 1
    assert f"{file}: line 3, zone: 'Mars/Base'" in done.err
    assert "line 4: About the same as line 2; this one counts." in done.err
    assert "1 row of accounts taken: 1 new." in done.out
    assert "1 about the same as an earlier row of the file" in done.out
    assert "1 row of 3 left out" in done.out
    assert (as_json.json["taken"], as_json.json["same"], as_json.json["left_out"]) == (1, 1, 1)
    assert [r["line"] for r in as_json.json["remarks"]] == [3, 4]
    assert rows("select id, name, zone from accounts") == [("a", "A again", None)]


def test_an_account_keeps_what_a_file_says_nothing_of(
    company: Cli, tmp_path: Path, rows: Rows
) -> None:
    assert company("load", "accounts", write(tmp_path, "id,seats\nacme,13\nnew,1\n")).code == 0

    assert rows("select name, stage, traits->'seats' from accounts where id = 'acme'") == [
        ("Acme", "trial", 13)
    ]
    assert rows("select name from accounts where id = 'new'") == [("new",)]


def test_rows_about_unknown_accounts_are_told(company: Cli, tmp_path: Path, rows: Rows) -> None:
    contacts = write(tmp_path, "id,account_id,email\nx,nobody,x@x.test\ny,acme,y@x.test\n")
    done = company("load", "contacts", contacts)
    assert done.code == 1
    assert "line 2, account_id: There is no account 'nobody'" in done.err

    usage = write(
        tmp_path, "account_id,day,event,n\nnobody,2026-03-01,login,1\nacme,2026-03-01,login,2\n"
    )
    assert company("load", "usage", usage).code == 1
    assert rows("select account_id, n from usage_days") == [("acme", 2)]


def test_a_contact_may_have_a_row_for_each_of_several_accounts(
    company: Cli, tmp_path: Path, rows: Rows
) -> None:
    file = write(
        tmp_path,
        "id,account_id,email,roles\nlin,acme,lin@x.test,admin\nlin,globex,lin@x.test,champion\n",
    )

    done = company("load", "contacts", file, "--json")

    assert (done.code, done.json["new"], done.json["repeated"]) == (0, 2, 0)
    assert rows(
        "select account_id, roles, source from memberships where contact_id = 'lin' order by 1"
    ) == [("acme", ["admin"], "csv:contacts"), ("globex", ["champion"], "csv:contacts")]


def test_events_bring_accounts_in_and_a_second_load_changes_nothing(
    company: Cli, content: Path, tmp_path: Path
) -> None:
    program = content / "programs" / "welcome.yaml"
    program.write_text(program.read_text() + "enter: {when: [{event: trial_started}]}\n")
    company("program", "publish")
    file = write(tmp_path, "id,account_id,name,at\ne1,acme,trial_started,2026-03-02T08:00Z\n")

    first, again = (
        company("load", "events", file, "--json"),
        company("load", "events", file, "--json"),
    )

    assert (first.code, again.code) == (0, 0)
    assert (first.json["new"], first.json["notes"]) == (1, {"enrollments through them": 1})
    assert (again.json["new"], again.json["same"]) == (0, 1)
    assert again.json["notes"] == {"enrollments through them": 0}


def test_subscriptions_milestones_and_tickets_are_loaded_twice_without_harm(
    company: Cli, tmp_path: Path, rows: Rows
) -> None:
    files = {
        "subscriptions": "id,account_id,starts_on,ends_on,product,plan,mrr,seats,trial\n"
        "s1,acme,2026-01-01,,core,pro,120.50,12,no\n"
        "s2,globex,2026-02-01,2026-03-01,core,,,,yes\n",
        "milestones": "account_id,name,reached_at\nacme,first_email,2026-02-03\n"
        "acme,first_email,2026-02-01\nacme,invited,2026-02-05T10:00:00+01:00\n",
        "tickets": "id,account_id,requester_email,opened_at,solved_at,severity,tags\n"
        "1,acme,,2026-02-01T08:00Z,2026-02-02T08:00Z,critical,a;b\n"
        "2,,grace@globex.test,2026-02-03T08:00Z,,,\n",
    }

    for noun, text in files.items():
        file = write(tmp_path, text)
        first = company("load", noun, file, "--json")
        again = company("load", noun, file, "--json")
        assert first.err == ""
        assert first.json["new"] == again.json["taken"] - again.json["repeated"] == 2
        assert (again.json["new"], again.json["changed"]) == (0, 0)

    assert rows("select id, mrr::text, seats, trial, source from subscriptions order by 1") == [
        ("s1", "120.50", 12, False, "csv:subscriptions"),
        ("s2", None, None, True, "csv:subscriptions"),
    ]
    assert [
        (name, f"{at:%m-%d %H}")
        for name, at in rows(
            "select name, reached_at at time zone 'UTC' from milestones order by 1"
        )
    ] == [("first_email", "02-01 00"), ("invited", "02-05 09")]
    assert rows("select id, account_id, matched_by, status, severity, tags from tickets") == [
        ("csv:tickets:1", "acme", "given", "solved", "urgent", ["a", "b"]),
        ("csv:tickets:2", "globex", "address", "open", None, []),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("noun", "text", "words"),
    [
        ("subscriptions", "id,account_id,starts_on,ends_on\ns,acme,2026-02-01,2026-01-01\n",
         "line 2, ends_on: It ends on 2026-01-01, before it starts"),
        ("subscriptions", 'id,account_id,starts_on,mrr\ns,acme,2026-02-01,"1,200"\n',
         "line 2, mrr: '1,200' is not a number such as 1250.50."),
        ("milestones", "account_id,name,reached_at\nacme,x,2026-05-01\n", "has not come yet"),
        ("tickets", "id,account_id,opened_at,status\n1,acme,2026-02-01,odd\n",
         "line 2, status: 'odd' is not known here. Write new, open,"),
        ("tickets", "id,account_id,opened_at,solved_at\n1,acme,2026-02-02,2026-02-01\n",
         "solved before it was opened"),
        ("events", "id,account_id,name,at\n1,acme,x,2026-02-02 10:00\n",
         "line 2, at: '2026-02-02 10:00' has no UTC offset"),
    ],
)  # fmt: skip
def test_a_cell_that_cannot_be_is_told_by_line_and_column(
    company: Cli, tmp_path: Path, noun: str, text: str, words: str
) -> None:
    done = company("load", noun, write(tmp_path, text))

    assert done.code == 1
    assert words in done.err


def test_moments_without_an_offset_are_of_the_zone_that_was_stated(
    company: Cli, tmp_path: Path, rows: Rows
) -> None:
    file = write(tmp_path, "id,account_id,name,at\n1,acme,x,2026-02-02 10:00\n")

    assert company("load", "events", file, "--zone", "Europe/Berlin").code == 0
    assert company("load", "events", file, "--zone", "Berln").code == 2

    [(at,)] = rows("select at at time zone 'UTC' from product_events")
    assert str(at) == "2026-02-02 09:00:00"


def test_a_dry_run_shows_what_would_come_of_a_file_and_changes_nothing(
    company: Cli, tmp_path: Path, rows: Rows
) -> None:
    text = "id,name,plan\nacme,Acme,trial\nglobex,Globe,trial\nnew,New,pro\nbad\n"
    file = write(tmp_path, text)

    def everything() -> list[Any]:
        return rows("select * from accounts order by id") + rows("select * from sources")

    before = everything()

    done = company("load", "accounts", file, "--dry-run", "--save-mapping", "x")
    as_json = company("load", "accounts", file, "--dry-run", "--json").json
    real = company("load", "accounts", file, "--json").json

    assert done.code == 1
    assert "3 rows of accounts would be taken: 1 new, 1 changed, 1 as known already." in done.out
    assert "1 row of 4 would be left out" in done.out
    assert done.out.endswith("Nothing was changed.\n")
    assert "line 5: It has 1 cells, the first line has 3." in done.err
    assert as_json["preview"][2] == {"id": "new", "name": "New", "plan": "pro"}
    counts = ("taken", "new", "changed", "same", "repeated", "left_out")
    assert {name: as_json[name] for name in counts} == {name: real[name] for name in counts}
    assert rows("select * from csv_mappings") == []
    assert len(before) + 1 == len(everything())  # only by the real one


@pytest.mark.parametrize("batch", [2, 1000])
def test_a_dry_run_counts_repeats_as_the_load_will(
    company: Cli, tmp_path: Path, rows: Rows, monkeypatch: pytest.MonkeyPatch, batch: int
) -> None:
    monkeypatch.setattr(Load, "batch", batch)
    file = write(tmp_path, "id,name\na,A\nb,B\nc,C\nb,Bee\na,A\nacme,Acme\na,Aye\n")
    counts = ("rows", "taken", "new", "changed", "same", "repeated", "left_out")

    dry = company("load", "accounts", file, "--dry-run", "--json").json
    real = company("load", "accounts", file, "--json").json

    assert [dry[name] for name in counts] == [real[name] for name in counts]
    assert [real[name] for name in counts] == [7, 4, 3, 0, 1, 3, 0]
    assert rows("select name from accounts where id in ('a', 'b') order by 1") == [
        ("Aye",), ("Bee",),
    ]  # fmt: skip


def test_how_a_file_is_read_is_remembered_by_name(company: Cli, tmp_path: Path, rows: Rows) -> None:
    text = "Customer;Tier;Since;Junk\nacme;Gold;31/01/2024;x\n"
    file = write(tmp_path, text)

    first = company(
        "load", "accounts", file, "--map", "id=customer", "--map", "plan=Tier", "--ignore", "junk",
        "--set", "region=EU", "--value", "plan:Gold=gold", "--dates", "DD/MM/YYYY",
        "--save-mapping", "crm",
    )  # fmt: skip
    again = company("load", "accounts", file, "--mapping", "crm", "--set", "region=US")

    assert (first.code, again.code) == (0, 0)
    assert "--mapping crm reads the next file like this one" in first.out
    [(traits,)] = rows("select traits from accounts where id = 'acme'")
    assert traits == {
        "plan": "gold", "region": "US", "Since": "2024-01-31", "seats": 12
    }  # fmt: skip
    assert "crm" in company("load", "mappings").out
    wrong = company("load", "accounts", file, "--mapping", "crn")
    assert (wrong.code, wrong.err) == (4, "There is no mapping 'crn'. Did you mean 'crm'?\n")
    other = company("load", "usage", file, "--mapping", "crm")
    assert (other.code, other.err) == (2, "The mapping 'crm' is for accounts, not for usage.\n")
    assert company("load", "mappings", "--forget", "crm", "--json").json == []
    assert company("load", "mappings", "--forget", "crm").code == 4


def test_a_file_packed_with_gzip_is_read_as_it_is(company: Cli, tmp_path: Path, rows: Rows) -> None:
    file = tmp_path / "usage.csv.gz"
    file.write_bytes(gzip.compress(b"account_id,day,event,n\nacme,2026-02-01,login,3\n"))
    damaged = tmp_path / "damaged.csv.gz"
    damaged.write_bytes(file.read_bytes()[:-12])

    assert company("load", "usage", file).code == 0
    assert rows("select n from usage_days") == [(3,)]
    broken = company("load", "usage", damaged)
    assert broken.code in (1, 2)
    assert "damaged" in broken.err


def test_the_domains_of_an_account_are_taken_without_those_where_anybody_has_an_address(
    company: Cli, tmp_path: Path, rows: Rows
) -> None:
    accounts = write(tmp_path, "id,domains\nacme, @ACME.test;gmail.com ; acme.example\nglobex,\n")
    tickets = write(
        tmp_path, "id,requester_email,opened_at\n1,new@acme.example,2026-02-01\n", "tickets.csv"
    )

    first, again = (company("load", "accounts", accounts, "--json").json for _ in range(2))
    company("load", "tickets", tickets)

    assert (first["changed"], again["same"]) == (1, 2)
    assert rows("select domains from accounts where id = 'acme'") == [
        (["acme.example", "acme.test"],)
    ]
    assert rows("select account_id, matched_by from tickets") == [("acme", "domain")]


def test_an_event_of_a_day_whose_events_were_dropped_is_refused(
    company: Cli, tmp_path: Path, rows: Rows
) -> None:
    rows("insert into event_days values ('2025-01-01', 'dropped', '2025-01-02')")
    file = write(tmp_path, "id,account_id,name,at\n1,acme,x,2025-01-01\n2,acme,x,2025-01-02\n")

    for extra in ("--dry-run", "--json"):
        done = company("load", "events", file, extra, "--json").json
        assert (done["taken"], done["left_out"]) == (1, 1)
        assert "The events of 2025-01-01 were dropped already" in done["remarks"][0]["message"]
    assert rows("select n from usage_days") == [(1,)]


def test_options_that_say_nothing_sensible_are_refused(company: Cli, tmp_path: Path) -> None:
    file = write(tmp_path, "id,name\nacme,Acme\n")

    for options, words in (
        (("--map", "id"), "--map id is not of the form FIELD=COLUMN."),
        (("--map", "id=a", "--map", "id=b"), "--map says 'id' twice: id=a and id=b."),
        (("--value", "plan=x"), "--value plan=x is not of the form FIELD:TEXT=OTHER."),
        (("--dates", "EU"), "'EU' does not say how dates are written."),
        (("--compare", "plan=x"), "--compare is for events and milestones, not for accounts."),
        (("--map", "id=name", "--id-from", "name"), "The id is given by --map and by --id-from."),
    ):
        done = company("load", "accounts", file, *options)
        assert (done.code, done.out) == (2, "")
        assert words in done.err


def test_what_contradicts_the_flags_of_accounts_is_counted(company: Cli, tmp_path: Path) -> None:
    accounts = write(
        tmp_path, "id,stage,gone\nacme,churned,true\nglobex,active,true\ninitech,active,false\n"
    )
    company("load", "accounts", accounts)
    subscriptions = write(
        tmp_path,
        "id,account_id,starts_on,ends_on\ns1,acme,2026-01-01,\n"
        "s2,globex,2026-01-01,2026-02-01\ns3,initech,2026-01-01,\n",
        "subscriptions.csv",
    )
    events = write(
        tmp_path,
        "id,account_id,name,at\n1,acme,churned,2026-02-01\n2,initech,churned,2026-02-01\n",
        "events.csv",
    )

    bought = company("load", "subscriptions", subscriptions)
    by_stage = company("load", "events", events)
    by_trait = company("load", "events", events, "--compare", "gone=TRUE")

    assert (bought.code, by_stage.code, by_trait.code) == (0, 0, 0)
    assert "1 account has the stage churned, suspended or deleted, but a subscription that" in (
        bought.err
    )
    assert "1 account has another stage, but no subscription that still runs (globex)." in (
        bought.err
    )
    assert by_stage.err == (
        "Mind: 1 account has the event churned, but not stage churned (initech).\n"
    )
    assert "1 account has gone TRUE, but no event churned (globex)." in by_trait.err
    assert "1 account has the event churned, but not gone TRUE (initech)." in by_trait.err


def test_what_looks_like_sql_is_kept_as_it_stands(company: Cli, tmp_path: Path, rows: Rows) -> None:
    nasty = "a'); drop table accounts; --%s{}\\"
    texts = {
        "accounts": f"id,stage,{nasty}\n{nasty},{nasty},{nasty}\n",
        "subscriptions": f"id,account_id,starts_on,plan\n{nasty},{nasty},2026-01-01,{nasty}\n",
        "milestones": f"account_id,name,reached_at\n{nasty},{nasty},2026-01-01\n",
        "events": f"id,account_id,name,at\n{nasty},{nasty},{nasty},2026-01-01\n",
        "usage": f"id,account_id,day,event,n\n{nasty},{nasty},2026-01-01,{nasty},1\n",
    }

    for noun, text in texts.items():
        more = ("--source", nasty) + (("--compare", f"{nasty}={nasty}") if noun == "events" else ())
        done = company(
            "load", noun, write(tmp_path, text), "--json", "--save-mapping", nasty, *more
        )
        assert (done.code, done.json["taken"]) == (0, 1), done.err

    assert rows("select id, stage, traits from accounts where id = %s", nasty) == [
        (nasty, nasty, {nasty: nasty})
    ]
    assert rows("select name from sources where name = %s", nasty) == [(nasty,)]
    assert rows("select event from usage_rows") == [(nasty,)]
