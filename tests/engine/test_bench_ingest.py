"""What bench-ingest does, by its own functions, on a run too small to be timed."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

import pytest

from tests.bench import ingest
from tests.bench.ingest_crash import crash
from tests.bench.ingest_rig import Rig, rig
from tests.bench.ingest_traffic import Traffic

CLIENTS = 4


@pytest.fixture(scope="module")
def running() -> Iterator[Rig]:
    with rig(durable=False) as found:
        yield found


def test_everything_sent_is_kept_once_and_counted_also_when_the_api_is_killed(
    running: Rig,
) -> None:
    """kill -9 at full load: what was answered is there, and what is sent again counts once."""
    now = datetime.now(UTC)
    traffic = Traffic(1, now)
    running.send(ingest.batched(list(traffic.memberships())), CLIENTS)
    events = traffic.events(1000)
    assert ingest.api_events(running, events, CLIENTS) > 0
    assert ingest.bare_copy(running, events, now) > 0
    assert ingest.formatted_copy(running, events, now) > 0
    ingest.check(running, len(events))
    found = crash(running, [traffic.events(20_000)], CLIENTS, after=0.4)
    assert found.holds, found
