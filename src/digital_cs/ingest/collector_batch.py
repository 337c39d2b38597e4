"""A batch: the messages of several calls, made ready to be kept in one transaction."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime

from digital_cs.ingest.incoming import Alias, Group, Identify, Incoming, Taken, Track
from digital_cs.store.usage_sums import Sums

People = Identify | Group | Alias


class Call:
    """One call's messages, and what becomes of them."""

    __slots__ = ("done", "messages", "refused", "repeated", "source")

    def __init__(self, source: str, messages: Sequence[Incoming]) -> None:
        self.source = source
        self.messages = messages
        self.refused: dict[int, str] = {}
        self.repeated: set[int] = set()
        self.done: asyncio.Future[Taken] = asyncio.get_running_loop().create_future()

    def taken(self) -> Taken:
        """What became of it, once that is durable."""
        kept = len(self.messages) - len(self.repeated) - len(self.refused)
        return Taken(kept, len(self.repeated), sorted(self.refused.items()))


class Batch:
    """Calls that are kept together. Nearly all of the work is done as they arrive.

    `lines` (by id) and `sums` are of events whose account is given. Of the others, the homeless,
    it follows from who did them, which is only known in the transaction: see `settle`.
    """

    def __init__(self, received_at: datetime) -> None:
        self.received_at = received_at
        self.calls: list[Call] = []
        self.size = 0
        self.people: list[tuple[Call, int, People]] = []
        self._events: dict[str, tuple[Call, int, Track]] = {}
        self._received = received_at.astimezone(UTC).isoformat()
        self._clear()

    def only(self, call: Call) -> Batch:
        """A batch of one of its calls alone."""
        call.refused, call.repeated = {}, set()
        alone = Batch(self.received_at)
        alone.add(call)
        return alone

    def _clear(self) -> None:
        self.settled = False
        self.lines: dict[str, str] = {}
        self.sums = Sums()
        self.days: dict[str, list[str]] = {}
        self.accounts: set[str] = set()
        self.users: set[str] = set()
        self.undated: list[str] = []
        self.homeless: list[tuple[Track, str]] = []

    def add(self, call: Call) -> None:
        """Take up a call. An event that is in the batch already is repeated in it."""
        self.calls.append(call)
        self.size += len(call.messages)
        events = self._events
        for index, message in enumerate(call.messages):
            if not isinstance(message, Track):
                self.people.append((call, index, message))
            elif message.id in events:
                call.repeated.add(index)
            else:
                events[message.id] = call, index, message
                self._take(message, call.source)

    def again(self) -> None:
        """Make all events ready from the start, as they were before `settle`."""
        self._clear()
        for call, _, event in self._events.values():
            self._take(event, call.source)

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

    def settle(self, known_as: Mapping[str, str], homes: Mapping[str, str]) -> None:
        """Put the homeless where their user is at home. Without a home they wait, uncounted."""
        for event, source in self.homeless:
            user = _user_of(event)
            account = None if user is None else homes.get(known_as.get(user, user))
            self._put(event, source, user, account, self._moment(event))
        self.homeless, self.settled = [], True

    def _moment(self, event: Track) -> str:
        return self._received if event.at is None else event.at.isoformat()

    def _take(self, event: Track, source: str) -> None:
        moment = self._moment(event)
        if event.at is None:
            self.undated.append(event.id)
        user, account = _user_of(event), event.account_id
        if user is not None:
            self.users.add(user)
        self.days.setdefault(moment[:10], []).append(event.id)
        if account is None:
            self.homeless.append((event, source))
        else:
            self.accounts.add(account)
            self._put(event, source, user, account, moment)

    def _put(
        self, event: Track, source: str, user: str | None, account: str | None, moment: str
    ) -> None:
        value, day = event.value, moment[:10]
        # As store.events.line writes it: a call of that for each takes a tenth of all the time.
        self.lines[event.id] = (
            f"{event.id}\t{day}\t{moment}\t{self._received}\t{account or ''}\t"
            f"{event.user_id or ''}\t{event.anonymous_id or ''}\t{event.kind}\t{event.name}\t"
            f"{'' if value is None else value}\t{event.properties.decode()}\t{source}\n"
        )
        if account is not None:
            self.sums.count((account, event.name, day), moment, user, value)


def _user_of(event: Track) -> str | None:
    return event.user_id or event.anonymous_id
