"""Columns and fields: by name or as an operator maps them; every misfit is told in a sentence."""

from __future__ import annotations

import pytest

from digital_cs.errors import UsageError
from digital_cs.ingest.files.csv_columns import Fields, Plan, plan
from digital_cs.ingest.files.csv_reading import Reading, reading_of

USAGE = Fields(
    "usage", ("day", "event", "n"), ("id", "users"), (("account_id", "subscription_id"),)
)
ACCOUNTS = Fields("accounts", ("id",), ("name", "stage", "zone", "country"), traits="any")
SUBSCRIPTIONS = Fields("subscriptions", ("id", "account_id"), ("plan",), traits="named")


def fit(header: str, fields: Fields, **said: object) -> Plan:
    return plan(header.split(","), fields, reading_of(**said), "f.csv")  # type: ignore[arg-type]


def row(header: str, cells: str, fields: Fields, **said: object) -> dict[str, str]:
    return fit(header, fields, **said).row(cells.split(","))


def test_columns_feed_the_fields_of_their_names_whatever_their_case() -> None:
    assert row("Account ID,DAY,Event,n", "a,d,e,1", USAGE) == {
        "account_id": "a", "day": "d", "event": "e", "n": "1"
    }  # fmt: skip


def test_a_column_that_is_mapped_is_no_longer_the_field_of_its_own_name() -> None:
    found = row("id,day,event,n", "a,d,e,1", USAGE, maps=["account_id=id"])

    assert found == {"account_id": "a", "day": "d", "event": "e", "n": "1"}


def test_a_column_may_feed_another_field_beside_the_one_it_is_needed_for() -> None:
    assert row("id", "a", ACCOUNTS, maps=["name=id"]) == {"id": "a", "name": "a"}


def test_several_columns_make_an_id_that_no_others_can_make() -> None:
    def id_of(a: str, b: str) -> str:
        return row("a,b,account_id", f"{a},{b},x", SUBSCRIPTIONS, id_from="a,b", ignored="*")["id"]

    assert id_of("1", "2") == "1/2"
    assert id_of("1/2", "3") != id_of("1", "2/3")
    assert id_of("1", "") == ""  # which an id may not be


def test_a_column_whose_name_has_a_plus_in_it_is_one_column() -> None:
    assert row("a+b,account_id", "1,x", SUBSCRIPTIONS, maps=["id=a+b"])["id"] == "1"


def test_constants_values_and_ignored_columns_are_heeded() -> None:
    found = fit(
        "id,country,Junk", ACCOUNTS, sets=["stage=trial", "region=EU"],
        values=["country:UK=GB", "country:=DE"], ignored=["junk"],
    )  # fmt: skip

    assert found.row(["a", " UK ", "x"]) == {
        "id": "a", "country": "GB", "stage": "trial", "region": "EU"
    }  # fmt: skip
    assert found.row(["a", "", "x"])["country"] == "DE"
    assert found.traits == {"region"}


def test_other_columns_are_traits_of_accounts_and_only_if_mapped_of_subscriptions() -> None:
    assert fit("id,seats", ACCOUNTS).traits == {"seats"}
    assert fit("id,account_id,x", SUBSCRIPTIONS, maps=["seat_price=x"]).traits == {"seat_price"}
    with pytest.raises(UsageError, match="or keep it as a trait with --map 'x=x'"):
        fit("id,account_id,x", SUBSCRIPTIONS)


def test_what_a_file_of_refused_rows_has_before_its_columns_is_passed_over() -> None:
    found = fit("line,column,problem,id,seats", ACCOUNTS)

    assert found.row(["7", "id", "It is empty.", "a", "3"]) == {"id": "a", "seats": "3"}
    assert found.own(["7", "", "This is not CSV."]) == []


@pytest.mark.parametrize(
    ("header", "fields", "said", "words"),
    [
        ("day,event,n", USAGE, {},
         "f.csv has no column 'account_id' or 'subscription_id'. A file of usage has day, event, n,"
         " account_id or subscription_id, and may have id, users. It has day, event, n: say which"
         " one it is with --map account_id=COLUMN."),
        ("acount_id,day,event,n", USAGE, {}, "--map account_id=acount_id"),
        ("id,naem", ACCOUNTS, {"maps": ["name=nmae"]},
         "no column 'nmae', which --map name=nmae asks for. Did you mean 'naem'?"),
        ("account_id,x", ACCOUNTS, {"maps": ["account_id=id"]},
         "It is FIELD=COLUMN: did you mean --map id=account_id?"),
        ("id,name,title", ACCOUNTS, {"maps": ["name=title"]},
         "Both the column 'name' of f.csv and --map name=title would be its name. Leave one out:"
         " --ignore 'name'."),
        ("id,stage", ACCOUNTS, {"sets": ["stage=trial"]}, "and --set stage=trial would be its"),
        ("id,a,b", ACCOUNTS, {"maps": ["name=a"], "sets": ["name=x"]}, "by --map and by --set"),
        ("id,Plan,plan", ACCOUNTS, {}, "'Plan' twice in its first line"),
        ("id,,plan", ACCOUNTS, {}, "no name over column 2"),
        ("id", ACCOUNTS, {"ignored": ["plan"]}, "no column 'plan', which --ignore asks for"),
        ("account_id,day,event,n", USAGE, {"maps": ["color=n"]},
         "Usage have no field 'color'. Known are"),
        ("account_id,day,event,n", USAGE, {"values": ["evnt:a=b"]}, "Did you mean 'event'?"),
        ("account_id,day,event,n,usrs", USAGE, {},
         "a column 'usrs' that is not known. Did you mean 'users'?"),
        ("account_id,day,event,n,shoe", USAGE, {}, "leave it out with --ignore 'shoe'"),
    ],
)  # fmt: skip
def test_every_misfit_is_told_with_what_to_do(
    header: str, fields: Fields, said: dict[str, list[str]], words: str
) -> None:
    with pytest.raises(UsageError) as told:
        fit(header, fields, **said)

    assert words in str(told.value)


def test_what_is_said_now_wins_over_what_was_remembered() -> None:
    remembered = reading_of(
        maps=["id=a", "name=b", "zone=z"], sets=["stage=trial"], ignored=["x"], dates="DD-MM-YYYY"
    )
    kept = Reading.from_json(remembered.columns, remembered.to_json())
    now = reading_of(maps=["name=c", "stage=d"], sets=["zone=UTC"], ignored=["y"], zone="UTC")

    found = now.over(kept)

    assert kept == remembered
    assert found.columns == {"id": "a", "name": "c", "stage": "d"}
    assert found.constants == {"zone": "UTC"}
    assert (found.ignored, found.dates, found.zone) == (("x", "y"), "DD-MM-YYYY", "UTC")
