"""Recordings of real SDKs, played again as they were: every message arrives once."""

from __future__ import annotations

import gzip
import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import psycopg
import pytest

from tests.rig import ROOT
from tests.sdks.door import Door

SAMPLES = ROOT.parent / "shared" / "samples" / "segment-captures"
EVENTS = ("track", "page", "screen")


def recording(name: str) -> list[dict[str, Any]]:
    path: Path = SAMPLES / f"{name}.jsonl"
    if not path.exists():
        pytest.skip(f"no recordings of SDKs in {SAMPLES}")
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def body_of(request: dict[str, Any]) -> bytes:
    """The bytes as they were sent: Python's spaces or none, gzip where the headers say so."""
    sent = {key.lower(): value for key, value in request["headers"].items()}
    written = json.dumps(request["body"]).encode()
    if "node" in sent["user-agent"]:
        text = json.dumps(request["body"], separators=(",", ":"), ensure_ascii=False)
        written = text.encode()
    if sent.get("content-encoding") == "gzip":
        return gzip.compress(written)
    assert len(written) == int(sent["content-length"]), "it is played as it was recorded"
    return written


@pytest.mark.parametrize(
    "name", ["segment-python", "segment-python-gzip", "segment-node", "rudder-python"]
)
def test_a_recording_arrives_once_however_often_it_is_played(
    door: Door, database: str, name: str
) -> None:
    requests = recording(name)

    def play(request: dict[str, Any]) -> None:
        answer = door.send(request["path"], request["headers"], body_of(request))
        assert (answer["success"], answer["refused"]) == (True, [])

    with ThreadPoolExecutor(8) as senders:  # batches arrive side by side and out of order
        list(senders.map(play, [*reversed(requests)] * 3))

    sent = {
        message["messageId"]
        for request in requests
        for message in request["body"]["batch"]
        if message["type"] in EVENTS
    }
    with psycopg.connect(database) as connection:
        found = connection.execute("select id, source from product_events").fetchall()
        assert sorted(found) == sorted((id, "recorded") for id in sent)
        people = "select full_name, account_id from contacts join memberships on contact_id = id"
        assert connection.execute(people).fetchall() == [("Ann Zażółć", "acct-42")]
        (counted,) = connection.execute("select sum(n) from usage_days").fetchone() or (0,)
        (theirs,) = connection.execute(
            "select count(*) from product_events where account_id = 'acct-42'"
        ).fetchone() or (0,)
        assert counted == theirs > 0
