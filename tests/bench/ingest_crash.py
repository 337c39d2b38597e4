"""kill -9 of the API at full load: what it said is kept is there, once, and counted once."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from tests.bench.ingest_rig import Rig, answers
from tests.bench.ingest_traffic import Event, message

BATCH = 100

DIFFERENCES = """
with raw as (select account_id, name as event, day, count(*) as n, count(distinct user_id) as users,
                    min(at) as first_at, max(at) as last_at
               from product_events where account_id is not null group by 1, 2, 3)
select count(*) from raw full join usage_days u using (account_id, event, day)
 where (raw.n, raw.users, raw.first_at, raw.last_at)
       is distinct from (u.n, u.users, u.first_at, u.last_at)
"""
"""How many rollups are not what the raw rows come to."""


@dataclass(frozen=True)
class Crash:
    """What was found after kills: events that were sent, that were answered 200 before a kill, and
    of the latter those that are missing; events more than once; rollups that are wrong."""

    kills: int
    sent: int
    answered: int
    lost: int
    twice: int
    wrong_rollups: int

    @property
    def holds(self) -> bool:
        """Whether nothing was lost or doubled, and something could have been."""
        return 0 < self.answered < self.sent and not (self.lost or self.twice or self.wrong_rollups)


def crash(rig: Rig, rounds: Sequence[Sequence[Event]], clients: int, after: float) -> Crash:
    """In each round: send, kill the API `after` seconds, look, start it, send all again, look."""
    sent = answered = lost = 0
    for events in rounds:
        groups = [events[at : at + BATCH] for at in range(0, len(events), BATCH)]
        batches: list[list[dict[str, Any]]] = [[message(e) for e in group] for group in groups]
        with rig.sending(batches, clients) as process:
            time.sleep(after)
            rig.api.kill()
            _, kept = answers(process)
        said = {event.id for number in kept for event in groups[number]}
        sent += len(events)
        answered += len(said)
        lost += len(said) - _count(rig, said)
        rig.start_api()
        _, kept = rig.send(batches, clients)  # as an SDK does, whatever had been answered
        lost += len(events) - _count(rig, {event.id for event in events})
        assert len(kept) == len(batches), "The API does not take what is sent again."
    with rig.connect() as connection:
        twice = connection.execute(
            "select count(*) from (select id from product_events group by id having count(*) > 1) x"
        ).fetchone()
        wrong = connection.execute(DIFFERENCES).fetchone()
    assert twice is not None
    assert wrong is not None
    return Crash(len(rounds), sent, answered, lost, int(twice[0]), int(wrong[0]))


def _count(rig: Rig, ids: set[str]) -> int:
    with rig.connect() as connection:
        row = connection.execute(
            "select count(distinct id) from product_events where id = any(%s)", (list(ids),)
        ).fetchone()
    assert row is not None
    return int(row[0])
