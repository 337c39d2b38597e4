"""What the SDKs do with our answers: come again after 429 and 503, and stop after 400, 401, 413."""

from __future__ import annotations

import time
from collections import Counter
from datetime import timedelta
from typing import Any

import psycopg
import pytest

from tests import rig
from tests.sdks.door import SOURCE, WRITE_KEY, Door, Mishap
from tests.sdks.sdks import Sdk, segment_python
from tests.sdks.story import ANN

YESTERDAY = rig.MONDAY - timedelta(days=1)
USES: list[dict[str, Any]] = [
    {"call": "track", "userId": ANN, "event": "Feature Used", "properties": {"i": number},
     "timestamp": YESTERDAY.isoformat()}
    for number in range(10)
]  # fmt: skip


def test_an_sdk_comes_again_and_what_was_kept_already_counts_once(
    sdk: Sdk, door: Door, rows: psycopg.Connection[dict[str, Any]]
) -> None:
    """The first answer gets lost after all was kept; then the rate is over, then all is well."""
    door.mishaps.extend([Mishap(503, reached=True), Mishap(429), Mishap(503)])
    errors = sdk.tell(door.url, WRITE_KEY, USES, True)

    assert errors == []
    assert [seen.status for seen in door.seen[:3]] == [503, 429, 503]
    assert {seen.status for seen in door.seen[3:]} == {200}
    sent = Counter(id for seen in door.seen for id in seen.ids)
    assert len(sent) == len(USES), "a retry has the ids of the first time"
    assert max(sent.values()) == 4
    events = rows.execute("select id from product_events").fetchall()
    assert sorted(row["id"] for row in events) == sorted(sent)


@pytest.mark.parametrize("status", [400, 413])
def test_an_sdk_gives_up_what_is_refused_for_good(sdk: Sdk, door: Door, status: int) -> None:
    door.mishaps.extend([Mishap(status)] * 10)
    errors = sdk.tell(door.url, WRITE_KEY, USES[:1], True)

    assert [seen.status for seen in door.seen] == [status]
    assert len(errors) == 1


def test_an_sdk_with_a_wrong_key_gives_up(sdk: Sdk, door: Door) -> None:
    errors = sdk.tell(door.url, f"{WRITE_KEY}x", USES[:1], True)

    assert [seen.status for seen in door.seen] == [401]
    assert len(errors) == 1


def test_what_an_sdk_sent_in_vain_stands_beside_its_source(
    door: Door, rows: psycopg.Connection[dict[str, Any]]
) -> None:
    """The answer to a batch is a 200, and few SDKs tell anybody what was in it."""
    long_ago = {**USES[0], "timestamp": "2020-01-01T00:00:00+00:00"}
    unreadable = {**USES[1], "event": "x" * 201}
    segment_python(door.url, WRITE_KEY, [long_ago, unreadable, *USES[2:]], True)

    deadline = time.monotonic() + 20
    found: list[dict[str, Any]] = []
    while not found and time.monotonic() < deadline:
        found = rows.execute(
            "select received, refused, last_error from sources where name = %s and received > 0",
            (SOURCE,),
        ).fetchall()
        time.sleep(0.1)
    (source,) = found
    assert (source["received"], source["refused"]) == (len(USES) - 2, 2)
    assert source["last_error"] in (
        "event: it is longer than 200 characters.",
        "timestamp: it is longer ago than 400 days, the oldest allowed.",
    )
