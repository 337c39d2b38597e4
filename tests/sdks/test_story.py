"""Every SDK tells the same story, and the same is known afterwards."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import psycopg
import pytest

from tests import rig
from tests.sdks.door import SOURCE, WRITE_KEY, Door
from tests.sdks.sdks import Sdk
from tests.sdks.story import ACME, ANN, BEFORE, USED, story

Rows = psycopg.Connection[dict[str, Any]]
YESTERDAY = rig.MONDAY - timedelta(days=1)


@pytest.mark.parametrize("gzip", [True, False], ids=["gzip", "plain"])
def test_people_accounts_and_events_arrive_as_they_were_told(
    sdk: Sdk, door: Door, rows: Rows, gzip: bool
) -> None:
    errors = sdk.tell(door.url, WRITE_KEY, story(YESTERDAY), gzip)

    assert errors == []
    assert {seen.status for seen in door.seen} == {200}
    assert {seen.path for seen in door.seen} == {"/v1/batch"}
    packed = {seen.headers.get("content-encoding") for seen in door.seen}
    assert packed == ({"gzip"} if gzip and sdk.name != "segment-node" else {None})
    _somebody_is_known(rows)
    _events_are_theirs(rows)
    _a_repeat_changes_nothing(door, rows)


def _somebody_is_known(rows: Rows) -> None:
    (ann,) = rows.execute("select * from contacts").fetchall()
    assert (ann["id"], ann["email"], ann["first_name"]) == (ANN, "ann@acme.example", "Ann")
    assert ann["full_name"] == "Ann Zażółć"
    assert ann["traits"]["plan"] == "pro"
    (acme,) = rows.execute("select * from accounts").fetchall()
    assert (acme["id"], acme["name"], acme["traits"]["employees"]) == (ACME, "Acme GmbH", 120)
    assert acme["last_active_on"] == YESTERDAY.date()
    (membership,) = rows.execute("select * from memberships").fetchall()
    assert (membership["contact_id"], membership["account_id"]) == (ANN, ACME)
    assert membership["left_at"] is None
    (alias,) = rows.execute("select * from identities").fetchall()
    assert (alias["alias"], alias["contact_id"]) == (BEFORE, ANN)


def _events_are_theirs(rows: Rows) -> None:
    events = rows.execute("select * from product_events order by at").fetchall()
    assert [(event["kind"], event["name"]) for event in events] == [
        ("track", "Signed Up"), ("track", "Report Exported"), ("page", "page"),
        ("screen", "screen"), *[("track", "Feature Used")] * USED,
    ]  # fmt: skip
    assert {event["source"] for event in events} == {SOURCE}
    assert {event["account_id"] for event in events} == {ACME}, "also those from before"
    first, exported, page, screen = events[:4]
    assert (first["anonymous_id"], first["user_id"], first["at"]) == (BEFORE, None, YESTERDAY)
    assert (exported["user_id"], exported["value"]) == (ANN, 12.5)
    assert page["properties"] == {
        "url": "https://app.acme.example/docs", "category": "Docs", "name": "Getting Started"
    }  # fmt: skip
    assert screen["properties"].items() >= {"name": "Home", "x": 1}.items()
    assert sorted(event["properties"]["i"] for event in events[4:]) == list(range(USED))
    days = rows.execute("select event, day, n, users, value from usage_days").fetchall()
    assert {(row["event"], row["n"], row["users"]) for row in days} == {
        ("Signed Up", 1, 1), ("Report Exported", 1, 1), ("page", 1, 1), ("screen", 1, 1),
        ("Feature Used", USED, 1),
    }  # fmt: skip


def _a_repeat_changes_nothing(door: Door, rows: Rows) -> None:
    """All requests once more, byte for byte, the last one first."""
    before = rows.execute("select account_id, event, day, n, users from usage_days").fetchall()
    requests = list(door.seen)
    for seen in reversed(requests):
        answer = door.send(seen.path, seen.headers, seen.body)
        assert (answer["success"], answer["refused"]) == (True, [])
    for table, count in (("product_events", USED + 4), ("contacts", 1), ("memberships", 1)):
        found = rows.execute(f"select count(*) as n from {table}").fetchall()
        assert found == [{"n": count}], table
    after = rows.execute("select account_id, event, day, n, users from usage_days").fetchall()
    assert sorted(after, key=str) == sorted(before, key=str)
