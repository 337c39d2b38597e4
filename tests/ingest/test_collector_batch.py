"""A batch: what it makes of events by itself, in a hurry, is what the store would make of them."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

from digital_cs.ingest.events.collector_batch import Batch, Call
from digital_cs.ingest.events.incoming import Track
from digital_cs.store.database.packing import moment_of
from digital_cs.store.product import events
from digital_cs.store.product.usage_sums import Sums
from tests.ingest.collecting import NOON, track

TRACKS = (
    track("1", properties=b'{"a": 1}', value=1.5),
    track("2", user="bob", anonymous="browser", at=NOON - timedelta(days=1), value=-2.0),
    track("ünïque", name="Eksport \u017c\u00f3\u0142w", account="Zażółć", user="日本"),
    track("4", properties=b'{"a": "' + b"x" * 505 + b'"}'),
    track("5", properties=b'{"a": "' + "é".encode() * 300 + b'"}', at=None),
    track("6", account=None, user="carl"),
    track("7", account=None, user=None, anonymous="stranger"),
    track("8" * 200, user=None, account="beta", at=datetime(2026, 3, 4, 23, 59, 59, 999999, UTC)),
)
HOMES = {"carl": "acme"}


def _account(each: Track) -> str | None:
    return each.account_id or HOMES.get(each.user_id or "")


async def test_its_rows_are_those_of_the_store() -> None:
    batch = Batch(NOON)
    batch.add(Call("web", TRACKS))
    batch.settle(HOMES)
    assert sorted(batch.rows) == sorted(
        events.row(
            id=each.id, at=moment_of(each.at or NOON), received_at=moment_of(NOON),
            account_id=_account(each), user_id=each.user_id, anonymous_id=each.anonymous_id,
            kind=each.kind, name=each.name, value=each.value, properties=each.properties,
            source="web",
        )
        for each in TRACKS
    )  # fmt: skip


async def test_its_sums_are_those_of_the_store() -> None:
    batch, sums = Batch(NOON), Sums()
    batch.add(Call("web", TRACKS[:4]))
    batch.add(Call("web", TRACKS[4:]))
    batch.settle(HOMES)
    for each in TRACKS:
        at, account = each.at or NOON, _account(each)
        if account is not None:
            user = each.user_id or each.anonymous_id
            sums.count((account, each.name, at.date().isoformat()), moment_of(at), user, each.value)
    assert batch.sums == sums


async def test_events_that_come_again_are_in_it_once() -> None:
    batch = Batch(NOON)
    first, second = Call("web", [track("1"), track("2"), track("1")]), Call("web", [track("2")])
    batch.add(first)
    batch.add(second)
    assert (first.repeated, second.repeated) == ({2}, {0})
    assert len(batch.rows) == 2
    assert [each.n for each in batch.sums.values()] == [2]
    assert batch.days() == {date(2026, 3, 4).isoformat()}
