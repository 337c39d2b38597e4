"""A collector in memory, which can be told to be busy, to be away or to refuse."""

from __future__ import annotations

from collections.abc import Sequence

from digital_cs.ingest.events.incoming import Incoming, Taken


class Shelf:
    """Keeps messages in a list: what the door does is seen without what comes after it."""

    def __init__(self) -> None:
        self.kept: list[tuple[str, Incoming]] = []
        self.fault: Exception | None = None
        self.refuses: dict[str, str] = {}
        self.turned_away: list[tuple[str, str]] = []

    async def take(self, source: str, messages: Sequence[Incoming]) -> Taken:
        """As the collector: by message id once, unless a fault or a refusal was asked for."""
        if self.fault is not None:
            raise self.fault
        refused = [
            (index, self.refuses[each.id])
            for index, each in enumerate(messages)
            if each.id in self.refuses
        ]
        known = {message.id for _, message in self.kept}
        fresh = {m.id: m for m in messages if m.id not in known and m.id not in self.refuses}
        self.kept += [(source, message) for message in fresh.values()]
        return Taken(len(fresh), len(messages) - len(fresh) - len(refused), refused)

    def turn_away(self, source: str, problems: Sequence[str]) -> None:
        """Only written down."""
        self.turned_away += [(source, problem) for problem in problems]

    @property
    def ids(self) -> list[str]:
        """The ids of what was kept, in order."""
        return [message.id for _, message in self.kept]
