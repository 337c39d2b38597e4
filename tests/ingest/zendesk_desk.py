"""A Zendesk for tests: the far end of the wire, with pages, limits, and a bad day where asked."""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qs, urlsplit

EMAIL, TOKEN = "agent@company.example", "a-token-of-this-test"
BREAK = "break"
"""A fault: the connection ends in the middle of the answer."""

Row = dict[str, Any]


@dataclass
class Desk:
    """Serves tickets by cursor, and lists by pages. `faults`: what happens to the next requests.

    A fault is BREAK, None for none, or (status, headers, body).
    """

    tickets: list[Row] = field(default_factory=list)
    users: list[Row] = field(default_factory=list)
    organizations: list[Row] = field(default_factory=list)
    metrics: list[Row] = field(default_factory=list)
    page: int = 100
    side_loads: bool = True
    numbered_pages: bool = False
    faults: list[Any] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)
    url: str = ""
    next_host: str | None = None

    async def __aenter__(self) -> Desk:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.url = f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}"
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.close()
        self._server.close_clients() if hasattr(self._server, "close_clients") else None
        await self._server.wait_closed()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        target = head.split(" ", 2)[1]
        self.asked.append(target)
        fault = self.faults.pop(0) if self.faults else None
        given = f"Basic {base64.b64encode(f'{EMAIL}/token:{TOKEN}'.encode()).decode()}"
        if fault not in (None, BREAK):
            status, headers, body = fault
        elif f"authorization: {given}".casefold() not in head.casefold():
            status, headers, body = 401, {}, b"{}"
        else:
            status, headers, body = self._answer(target)
        lines = [f"HTTP/1.1 {status} X", f"content-length: {len(body)}", "connection: close"]
        lines += [f"{name}: {value}" for name, value in headers.items()]
        writer.write("\r\n".join([*lines, "", ""]).encode())
        writer.write(body[: len(body) // 2] if fault == BREAK else body)
        await writer.drain()
        writer.close()

    def _answer(self, target: str) -> tuple[int, dict[str, str], bytes]:
        parts = urlsplit(target)
        query = {name: values[0] for name, values in parse_qs(parts.query).items()}
        lists = {
            "/api/v2/users.json": ("users", self.users),
            "/api/v2/organizations.json": ("organizations", self.organizations),
            "/api/v2/ticket_metrics.json": ("ticket_metrics", self.metrics),
        }
        if parts.path == "/api/v2/incremental/tickets/cursor.json":
            found: Row = self._export(query)
        elif parts.path in lists:
            found = self._list(parts.path, query, *lists[parts.path])
        else:
            return 404, {}, b'{"error": "InvalidEndpoint"}'
        return 200, {"content-type": "application/json"}, json.dumps(found).encode()

    def _export(self, query: dict[str, str]) -> Row:
        rows = sorted(self.tickets, key=lambda t: (t["updated_at"], t["id"]))
        if "cursor" in query:
            moment, _, id = base64.b64decode(query["cursor"]).decode().partition("|")
            rows = [t for t in rows if (t["updated_at"], t["id"]) > (moment, int(id))]
        else:
            since = datetime.fromtimestamp(int(query["start_time"]), UTC)
            rows = [t for t in rows if datetime.fromisoformat(t["updated_at"]) >= since]
        size = min(self.page, int(query.get("per_page", 1000)))
        page, rest = rows[:size], rows[size:]
        last = f"{page[-1]['updated_at']}|{page[-1]['id']}" if page else None
        cursor = base64.b64encode(last.encode()).decode() if last else query.get("cursor")
        found: Row = {
            "tickets": page, "after_cursor": cursor, "before_cursor": None,
            "after_url": f"{self.url}/api/v2/incremental/tickets/cursor.json?cursor={cursor}",
            "end_of_stream": not rest,
        }  # fmt: skip
        if self.side_loads and "include" in query:
            ids = {t["requester_id"] for t in page}
            found["users"] = [u for u in self.users if u["id"] in ids]
            ids = {t["organization_id"] for t in page}
            found["organizations"] = [o for o in self.organizations if o["id"] in ids]
            sets = {m["ticket_id"]: m for m in self.metrics}
            found["tickets"] = [{**t, "metric_set": sets.get(t["id"])} for t in page]
        return found

    def _list(self, path: str, query: dict[str, str], name: str, rows: Sequence[Row]) -> Row:
        host = self.next_host or self.url
        if self.numbered_pages:
            number = int(query.get("page", 1))
            rest = rows[number * self.page :]
            following = f"{host}{path}?page={number + 1}" if rest else None
            page = rows[(number - 1) * self.page : number * self.page]
            return {name: page, "count": len(rows), "next_page": following}
        size = min(self.page, int(query["page[size]"]))
        start = int(query.get("page[after]", 0))
        page = rows[start : start + size]
        more = start + size < len(rows)
        after = f"page%5Bafter%5D={start + size}&page%5Bsize%5D={size}"
        return {
            name: page, "meta": {"has_more": more, "after_cursor": str(start + size)},
            "links": {"next": f"{host}{path}?{after}" if more else None},
        }  # fmt: skip


def ticket(id: int, updated_at: str = "2026-03-01T09:00:00Z", **parts: Any) -> Row:
    """A ticket as the API writes it."""
    return {
        "id": id, "status": "open", "priority": "normal", "created_at": "2026-02-28T09:00:00Z",
        "updated_at": updated_at, "requester_id": 1, "organization_id": None, "tags": [],
        "subject": "Help", "description": "It does not work.", **parts,
    }  # fmt: skip
