"""A batch: the messages of several calls, made ready to be kept in one transaction."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime

from digital_cs.ingest.incoming import Alias, Group, Identify, Incoming, Taken, Track
from digital_cs.store.copying import texts_of
from digital_cs.store.usage_sums import Sum, Sums

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

    `lines` and `sums` are of events whose account is given. Of the others, the homeless, it
    follows from who did them, which is only known in the transaction: see `settle`.
    """

    def __init__(self, received_at: datetime) -> None:
        self.received_at = received_at.astimezone(UTC)
        self.calls: list[Call] = []
        self.size = 0
        self.people: list[tuple[Call, int, People]] = []
        self._events: dict[str, tuple[Call, int, Track]] = {}
        self._some_undated = False
        self._received = self.received_at.isoformat()
        self._clear()

    def only(self, call: Call) -> Batch:
        """A batch of one of its calls alone."""
        call.refused, call.repeated = {}, set()
        alone = Batch(self.received_at)
        alone.add(call)
        return alone

    def _clear(self) -> None:
        self.settled = False
        self.lines: list[str] = []
        self.sums = Sums()
        self.days: set[str] = set()
        self.accounts: set[str] = set()
        self.users: set[str] = set()
        self.homeless: list[tuple[Track, str, str]] = []

    def add(self, call: Call) -> None:
        """Take up a call. An event that is in the batch already is repeated in it."""
        self.calls.append(call)
        self.size += len(call.messages)
        events = self._events
        taken: list[Track] = []
        moments: list[datetime] = []
        for index, message in enumerate(call.messages):
            if not isinstance(message, Track):
                self.people.append((call, index, message))
            elif message.id in events:
                call.repeated.add(index)
            else:
                events[message.id] = call, index, message
                taken.append(message)
                moment = message.at
                if moment is None:
                    moment, self._some_undated = self.received_at, True
                moments.append(moment)
        if taken:
            call.newest = max(moments)
            for event, at in zip(taken, texts_of(moments), strict=True):
                self._take(event, at, call.source)

    def again(self) -> None:
        """Make all events ready from the start, as they were before `settle`."""
        self._clear()
        for call, _, event in self._events.values():
            self._take(event, (event.at or self.received_at).isoformat(), call.source)

    def ids_by_day(self) -> dict[str, list[str]]:
        """The ids of all events by their UTC day (ISO)."""
        found: dict[str, list[str]] = {}
        for id, (_, _, event) in self._events.items():
            found.setdefault((event.at or self.received_at).isoformat()[:10], []).append(id)
        return found

    def undated(self) -> list[str]:
        """The ids of events that do not say when they were."""
        if not self._some_undated:
            return []
        return [id for id, (_, _, event) in self._events.items() if event.at is None]

    def repeated(self, ids: Iterable[str]) -> None:
        """Leave out events that were kept already; see `again`."""
        for id in ids:
            call, index, _ = self._events.pop(id)
            call.repeated.add(index)

    def refuse(self, ids: Iterable[str], problem: str) -> None:
        """Leave out events that are not kept, and say why; see `again`."""
        for id in ids:
            call, index, _ = self._events.pop(id)
            call.refused[index] = problem

    def homeless_users(self) -> set[str]:
        """The users whose account has to be found out."""
        users = (event.user_id or event.anonymous_id for event, _, _ in self.homeless)
        return {user for user in users if user is not None}

    def settle(self, homes: Mapping[str, str]) -> None:
        """Put the homeless where their user is at home. Without a home they wait, uncounted."""
        for event, at, source in self.homeless:
            user = event.user_id or event.anonymous_id
            account = None if user is None else homes.get(user)
            self._put(event, at, source, user, account)
        self.homeless, self.settled = [], True

    def _take(self, event: Track, at: str, source: str) -> None:
        user, account = event.user_id or event.anonymous_id, event.account_id
        if user is not None:
            self.users.add(user)
        if account is None:
            self.days.add(at[:10])
            self.homeless.append((event, at, source))
        else:
            self.accounts.add(account)
            self._put(event, at, source, user, account)

    def _put(
        self, event: Track, at: str, source: str, user: str | None, account: str | None
    ) -> None:
        value, day = event.value, at[:10]
        # As store.events.line writes it: a call of that for each takes a tenth of all the time.
        self.lines.append(
            f"{event.id}\t{day}\t{at}\t{self._received}\t{account or ''}\t"
            f"{event.user_id or ''}\t{event.anonymous_id or ''}\t{event.kind}\t{event.name}\t"
            f"{'' if value is None else value}\t{event.properties.decode()}\t{source}\n"
        )
        self.days.add(day)
        if account is None:
            return
        # As Sums.count does it, for the same reason.
        key = account, event.name, day
        found = self.sums.get(key)
        if found is None:
            found = self.sums[key] = Sum(at, at)
        elif at < found.first_at:
            found.first_at = at
        elif at > found.last_at:
            found.last_at = at
        found.n += 1
        if user is not None:
            found.users.add(user)
        if value is not None:
            found.value += value
