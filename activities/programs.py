"""Program versions as graphs, read once each: a version never changes."""

from __future__ import annotations

from typing import Any

from psycopg_pool import AsyncConnectionPool

from digital_cs.catalog.programs import program_from_json
from digital_cs.domain.programs.program_graph import Graph, compile_program
from digital_cs.errors import NotFoundError
from digital_cs.store.programs import programs


class ProgramShelf:
    """Graphs by (program, version)."""

    def __init__(self, pool: AsyncConnectionPool[Any]) -> None:
        self._pool = pool
        self._graphs: dict[tuple[str, int], Graph] = {}

    async def graph(self, program_id: str, version: int) -> Graph:
        """The graph of a published version. Raises NotFoundError if it was never published."""
        found = self._graphs.get((program_id, version))
        if found is not None:
            return found
        async with self._pool.connection() as connection:
            spec = await programs.version_spec(connection, program_id, version)
        if spec is None:
            raise NotFoundError(f"Version {version} of the program {program_id} is not published.")
        graph, complaints = compile_program(program_from_json(spec), version)
        if complaints:
            raise ValueError(f"{program_id} v{version} was published although {complaints[0]}")
        self._graphs[program_id, version] = graph
        return graph
