"""A batch: the messages of several calls, made ready to be kept in one transaction."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from itertools import repeat

from digital_cs.ingest.events.incoming import Alias, Group, Identify, Incoming, Taken, Track
from digital_cs.store.database import packing
from digital_cs.store.database.packing import (
    EIGHT,
    JSONB_VERSION,
    LENGTHS,
    MOMENTS_A_DAY,
    MOST_LENGTHS,
    NULL,
)
from digital_cs.store.product import events
from digital_cs.store.product.events import ROW_HEAD
from digital_cs.store.product.usage_sums import Sum, Sums

People = Identify | Group | Alias


class Call:
    """One call's messages, and what becomes of them."""

    __slots__ = ("done", "messages", "newest", "refused", "repeated", "source")

    def __init__(self, source: str, messages: Sequence[Incoming]) -> None:
        self.source = source
        self.messages = messages
        self.newest: datetime | None = None
        self.refused: dict[int, str] = {}
        self.repeated: set[int] = set()
        self.done: asyncio.Future[Taken] = asyncio.get_running_loop().create_future()

    def taken(self) -> Taken:
        """What became of it, once that is durable."""
        kept = len(self.messages) - len(self.repeated) - len(self.refused)
        return Taken(kept, len(self.repeated), sorted(self.refused.items()))


class Batch:
    """Calls that are kept together. Nearly all of the work is done as they arrive.

    `rows` and `sums` are of events whose account is given. Of the others, the homeless, it
    follows from who did them, which is only known in the transaction: see `settle`.
    """

    def __init__(self, received_at: datetime) -> None:
        self.received_at = received_at.astimezone(UTC)
        self.calls: list[Call] = []
        self.size = 0
        self.people: list[tuple[Call, int, People]] = []
        self._ids: set[str] = set()
        self._some_undated = False
        self._received_at = packing.moment_of(self.received_at)
        (received,) = packing.eights([self._received_at])
        self._received = EIGHT + received
        self._clear()

    def only(self, call: Call) -> Batch:
        """A batch of one of its calls alone."""
        call.refused, call.repeated = {}, set()
        alone = Batch(self.received_at)
        alone.add(call)
        return alone

    def _clear(self) -> None:
        self.settled = False
        self.rows: list[str] = []
        self.sums = Sums()
        self.users: set[str] = set()
        self.homeless: list[tuple[Track, int, str, str]] = []

    def add(self, call: Call) -> None:
        """Take up a call. An event that is in the batch already is repeated in it."""
        self.calls.append(call)
        self.size += len(call.messages)
        ids, messages = self._ids, call.messages
        tracks = [message for message in messages if isinstance(message, Track)]
        new = {track.id for track in tracks}
        if len(new) < len(messages) or not ids.isdisjoint(new):
            tracks = self._sort_out(call)
        else:
            ids |= new
        self._take(call, tracks)

    def _sort_out(self, call: Call) -> list[Track]:
        """Note which messages of a call tell of people or are repeated; the others are returned."""
        ids, tracks = self._ids, []
        for index, message in enumerate(call.messages):
            if not isinstance(message, Track):
                self.people.append((call, index, message))
            elif message.id in ids:
                call.repeated.add(index)
            else:
                ids.add(message.id)
                tracks.append(message)
        return tracks

    def again(self) -> None:
        """Make all events ready from the start, as they were before `settle`."""
        self._clear()
        taken: dict[Call, list[Track]] = {}
        for call, _, event in self._events():
            taken.setdefault(call, []).append(event)
        for call, some in taken.items():
            self._take(call, some)

    def days(self) -> set[str]:
        """The UTC days (ISO) of all events."""
        return {day for _, _, day in self.sums} | {
            packing.days[number].iso
            for number in {at // MOMENTS_A_DAY for _, at, _, _ in self.homeless}
        }

    def accounts(self) -> set[str]:
        """The accounts of all events that have one by now."""
        return {account for account, _, _ in self.sums}

    def ids_by_day(self) -> dict[str, list[str]]:
        """The ids of all events by their UTC day (ISO)."""
        found: dict[str, list[str]] = {}
        for _, _, event in self._events():
            day = (event.at or self.received_at).astimezone(UTC).date().isoformat()
            found.setdefault(day, []).append(event.id)
        return found

    def undated(self) -> list[str]:
        """The ids of events that do not say when they were."""
        if not self._some_undated:
            return []
        return [event.id for _, _, event in self._events() if event.at is None]

    def repeated(self, ids: Collection[str]) -> None:
        """Leave out events that were kept already; see `again`."""
        for call, index, event in self._events():
            if event.id in ids:
                call.repeated.add(index)

    def refuse(self, ids: Collection[str], problem: str) -> None:
        """Leave out events that are not kept, and say why; see `again`."""
        for call, index, event in self._events():
            if event.id in ids:
                call.refused[index] = problem

    def _events(self) -> list[tuple[Call, int, Track]]:
        """All that are not left out. Looked up anew, because it is seldom asked for."""
        return [
            (call, index, message)
            for call in self.calls
            for index, message in enumerate(call.messages)
            if isinstance(message, Track)
            and index not in call.repeated
            and index not in call.refused
        ]

    def homeless_users(self) -> set[str]:
        """The users whose account has to be found out."""
        users = (event.user_id or event.anonymous_id for event, _, _, _ in self.homeless)
        return {user for user in users if user is not None}

    def settle(self, homes: Mapping[str, str]) -> None:
        """Put the homeless where their user is at home. Without a home they wait, uncounted."""
        homeless, self.homeless, self.settled = self.homeless, [], True
        self._put(
            (event, at, moment, source, homes.get(event.user_id or event.anonymous_id or ""))
            for event, at, moment, source in homeless
        )

    def _take(self, call: Call, tracks: Sequence[Track]) -> None:
        if not tracks:
            return
        told = [event.at for event in tracks]
        dated = [at for at in told if at is not None]
        if len(dated) < len(told):
            self._some_undated = True
            dated = [at or self.received_at for at in told]
        moments = packing.moments_of(dated)
        if call.newest is None:  # also of those that are left out later: they came
            call.newest = packing.datetime_of(max(moments))
        accounts = [event.account_id for event in tracks]
        sources = repeat(call.source)
        self._put(zip(tracks, moments, packing.eights(moments), sources, accounts, strict=False))

    def _put(self, given: Iterable[tuple[Track, int, str, str, str | None]]) -> None:
        """Each is an event, its moment, that as a field, its source, its account.

        In one loop, and without `store.events.row` and `Sums.count`, whose work this does as
        well: to call something for each event takes as long as the half of what is done here.
        """
        rows, sums, users, received = self.rows, self.sums, self.users, self._received
        fields, days = packing.fields, packing.days
        for event, at, moment, source, account in given:
            user = event.user_id or event.anonymous_id
            if user is not None:
                users.add(user)
            if account is None and not self.settled:
                self.homeless.append((event, at, moment, source))
                continue
            id, value, properties = event.id, event.value, event.properties
            day, dated = days[at // MOMENTS_A_DAY]
            size = len(properties) + 1
            if size < MOST_LENGTHS and id.isascii():
                rows.append(
                    f"{ROW_HEAD}{LENGTHS[len(id)]}{id}{dated}{EIGHT}{moment}{received}"
                    f"{fields[account]}{fields[event.user_id]}{fields[event.anonymous_id]}"
                    f"{fields[event.kind]}{fields[event.name]}"
                    f"{NULL if value is None else packing.float_field(value)}"
                    f"{LENGTHS[size]}{JSONB_VERSION}{properties.decode('latin-1')}{fields[source]}"
                )
            else:
                rows.append(events.row(
                    id=id, at=at, received_at=self._received_at, account_id=account,
                    user_id=event.user_id, anonymous_id=event.anonymous_id, kind=event.kind,
                    name=event.name, value=value, properties=properties, source=source,
                ))  # fmt: skip
            if account is None:
                continue
            key = account, event.name, day
            found = sums.get(key)
            if found is None:
                sums[key] = Sum(at, at, 1, value or 0.0, user)
                continue
            if at < found.first_at:
                found.first_at = at
            elif at > found.last_at:
                found.last_at = at
            found.n += 1
            if user != found.user:
                found.seen(user)
            if value is not None:
                found.value += value
