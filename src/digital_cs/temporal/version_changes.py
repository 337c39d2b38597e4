"""Those inside a program that was changed: who is where, and what becomes of them (P20)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from enum import StrEnum
from typing import Any

from digital_cs.catalog.programs import program_from_json
from digital_cs.domain.programs.enrollment import Effect, Facts
from digital_cs.domain.programs.program import Program
from digital_cs.domain.programs.program_graph import Graph, compile_program
from digital_cs.domain.programs.step_story import describe
from digital_cs.domain.programs.version_move import moved, restarted
from digital_cs.domain.programs.version_twins import twins
from digital_cs.domain.sending.reason import Reason
from digital_cs.domain.timing.business_calendar import BusinessCalendar
from digital_cs.store.programs import effects, programs, touch_facts, version_moves
from digital_cs.temporal.gateway import Connection, Gateway

SPREAD = timedelta(days=3)
"""Over so long those begin, or go on, whom a change would let loose all at once."""

PAGE = 500


class Wish(StrEnum):
    """What becomes of those inside at an older version."""

    STAY = "stay"
    MOVE = "move"
    RESTART = "restart"


@dataclass(frozen=True, slots=True)
class Standing:
    """Accounts at one step of an older version. `becomes` is what the step is in the new one, in
    words; None: it is gone, and a move leaves them where they are."""

    version: int
    step: str
    says: str
    accounts: int
    becomes: str | None


@dataclass(frozen=True, slots=True)
class Brought:
    """How many moved, began anew, and stay because there is no such step any more. `spread` of
    them go on, or begin, at a moment of their own."""

    moved: int = 0
    restarted: int = 0
    stay: int = 0
    spread: int = 0


async def standing(
    gateway: Gateway, program_id: str, changed: Program | None = None
) -> list[Standing]:
    """Who stands where at older versions, and what their step has become in the newest, or would
    in a `changed` program that is not published yet. Raises NotFoundError."""
    async with gateway.pool.connection() as connection:
        graphs = await _Graphs.of(gateway, connection, program_id, changed)
        found = []
        for version, step, accounts in await programs.who_is_where(connection, program_id):
            if version >= graphs.newest.version:
                continue
            old, become = await graphs.at(connection, version)
            twin = become.get(step)
            found.append(
                Standing(
                    version, step, describe(old.nodes.get(step)), accounts,
                    describe(graphs.newest.nodes[twin]) if twin is not None else None,
                )
            )  # fmt: skip
    return found


async def bring(
    gateway: Gateway, program_id: str, wish: Wish, *, spread: timedelta = SPREAD,
    told: Callable[[int], None] = lambda _: None,
) -> Brought:  # fmt: skip
    """Bring those inside at older versions to the newest: moved to the step that theirs has
    become, or to the first one. Raises NotFoundError.

    Each is a transaction of its own: when it is interrupted, the same call does the rest. `told`
    gets how many are done, page by page.
    """
    async with gateway.pool.connection() as connection:
        graphs = await _Graphs.of(gateway, connection, program_id)
    if wish is Wish.STAY:
        return Brought()
    bringing = _Bringing(gateway, graphs, await gateway.entries.calendar(), wish, spread)
    done, after = Brought(), ""
    while True:
        async with gateway.pool.connection() as connection:
            page = await version_moves.before(
                connection, program_id, graphs.newest.version, after, PAGE
            )
            for id in page:
                async with connection.transaction():
                    done = await bringing.bring(connection, id, done)
        if not page:
            return done
        after = page[-1]
        told(len(page))


class _Graphs:
    """The versions of a program, each with what its steps have become in the newest one."""

    def __init__(self, program_id: str, newest: Graph) -> None:
        self._program_id = program_id
        self.newest = newest
        self._known: dict[int, tuple[Graph, Mapping[str, str]]] = {}

    @classmethod
    async def of(
        cls, gateway: Gateway, connection: Connection, program_id: str,
        changed: Program | None = None,
    ) -> _Graphs:  # fmt: skip
        """Of a published program, or with a `changed` one as its next version."""
        rows = await programs.list_programs(connection, [program_id])
        if not rows:
            raise await gateway.no_program(connection, program_id)
        (row,) = rows
        if changed is None:
            return cls(program_id, _compiled(row.spec, row.version))
        return cls(program_id, compile_program(changed, row.version + 1)[0])

    async def at(self, connection: Connection, version: int) -> tuple[Graph, Mapping[str, str]]:
        """An older version, and the twin of each of its steps."""
        found = self._known.get(version)
        if found is None:
            spec = await programs.version_spec(connection, self._program_id, version)
            assert spec is not None, "who is inside is at a version that was published"
            old = _compiled(spec, version)
            found = self._known[version] = (old, twins(old, self.newest))
        return found


def _compiled(spec: Mapping[str, Any], version: int) -> Graph:
    return compile_program(program_from_json(spec), version)[0]


@dataclass(frozen=True, slots=True)
class _Bringing:
    """Brings one enrollment after the other to the newest version."""

    gateway: Gateway
    graphs: _Graphs
    calendar: BusinessCalendar
    wish: Wish
    spread: timedelta

    async def bring(self, connection: Connection, id: str, done: Brought) -> Brought:
        """Bring this one, in the caller's transaction; what was done by then and this."""
        held = await version_moves.hold(connection, id)
        if held is None or held[0] >= self.graphs.newest.version:
            return done
        old, become = await self.graphs.at(connection, held[0])
        if self.wish is Wish.MOVE and held[1] not in become:
            return replace(done, stay=done.stay + 1)
        new, now = self.graphs.newest, self.gateway.clock.now()
        await version_moves.pin(connection, id, new.version)
        # Read by the new version: what it asks for may be more than what the old one did.
        loaded = await touch_facts.load(connection, id, now, self.calendar)
        assert loaded is not None
        facts = self._facts(id, loaded)
        left: tuple[Effect, ...] = ()
        started_at = None
        if self.wish is Wish.MOVE:
            position = moved(old, new, become[held[1]], loaded.position, facts, now, self.spread)
            did, done = "goes on with", replace(done, moved=done.moved + 1)
        else:
            position, left = restarted(old, new, loaded.position, facts, now, self.spread)
            did, done = "begins anew with", replace(done, restarted=done.restarted + 1)
            started_at = position.entered_at
        await effects.apply(
            connection, left, enrollment_id=id, program_id=loaded.program_id, version=old.version,
            account_id=loaded.account.id, now=now,
        )  # fmt: skip
        words = Reason.VERSION.sentence(did=did, version=new.version)
        await version_moves.place(connection, id, position, words, now, started_at=started_at)
        return replace(done, spread=done.spread + (position.rests_until is not None))

    def _facts(self, id: str, loaded: touch_facts.Loaded) -> Facts:
        return Facts(
            enrollment_id=id, account=loaded.account, started_at=loaded.started_at,
            calendar=self.calendar, workspace_zone=self.gateway.entries.workspace_zone,
            controls=loaded.controls, messages=loaded.messages, tasks=loaded.tasks,
            calls=loaded.calls,
        )  # fmt: skip
