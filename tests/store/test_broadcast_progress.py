"""How far a broadcast is, and when it ends: an estimate that is right from its first seconds on."""

from __future__ import annotations

from datetime import timedelta

import pytest

from digital_cs.store.broadcasts import broadcast_progress
from digital_cs.store.broadcasts.broadcast_progress import Connection
from tests.rig import MONDAY

_ROWS = """
insert into messages (key, broadcast_id, account_id, contact_id, email, kind, priority, state,
                      due_at, useful_until, claimed_at, settled_at, attempts)
select 'spring/' || n, 'spring', 'a', 'c', 'e', 'marketing', 'normal',
       case when n <= %(sent)s then 'accepted' else 'planned' end, %(now)s, %(until)s, %(now)s,
       case when n <= %(sent)s then %(now)s - make_interval(secs => %(apart)s * (n - 1)) end, 0
  from generate_series(1, %(all)s) n
"""


@pytest.mark.parametrize(
    ("sent", "apart", "minutes"),
    [
        (11, 1.0, 989 / 66),  # one a second, and begun ten seconds ago
        (101, 1.0, 899 / (60 * 60 / 59)),  # the same, later: what went in the last minute
        (2, 1.0, 998 / 2),  # of two nobody can tell how fast it is
    ],
)
async def test_the_end_is_told_by_how_fast_it_goes_and_not_by_when_it_began(
    connection: Connection, sent: int, apart: float, minutes: float
) -> None:
    values = {
        "now": MONDAY, "until": MONDAY + timedelta(days=3), "sent": sent, "apart": apart,
        "all": 1000,
    }  # fmt: skip
    await connection.execute(_ROWS, values)
    found = await broadcast_progress.read(connection, "spring", MONDAY)
    assert (found.sent, found.left) == (sent, 1000 - sent)
    assert found.ends_at is not None
    assert (found.ends_at - MONDAY) / timedelta(minutes=1) == pytest.approx(minutes)


async def test_it_does_not_end_before_those_have_their_turn_who_were_put_off(
    connection: Connection,
) -> None:
    later = MONDAY + timedelta(days=1)
    values = {"now": MONDAY, "until": later, "sent": 60, "apart": 1.0, "all": 63}
    await connection.execute(_ROWS, values)
    await connection.execute(
        "update messages set retry_at = %s, reason = 'budget_person' where key = 'spring/63'",
        (later,),
    )
    found = await broadcast_progress.read(connection, "spring", MONDAY)
    assert (found.left, found.ends_at, found.next_due) == (3, later, MONDAY)
