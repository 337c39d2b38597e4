"""Programs with every kind of step, and accounts whose names could be told anywhere again."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

from prometheus_client import REGISTRY

from digital_cs.domain.programs.program import STEP_KINDS, Program
from digital_cs.store.people.accounts import AccountRecord
from digital_cs.store.people.contacts import ContactRecord
from digital_cs.store.product.events import EventRecord
from digital_cs.store.programs.enrollments import complete_task
from tests import rig
from tests.engine.house import Visit

BIG, SMALL, EMPTY = "acct-big", "acct-small", "acct-empty"
PERSONAL = (
    "Quillfeather", "Zenobia", "Oddlings", "Bartholomew", "Marmaduke", "Vantablack",
    "quillfeather.example", "oddlings.example", "z.quill", "marmaduke",
)  # fmt: skip
"""Parts of every name and address below, none of which occurs anywhere else."""

ACCOUNTS = [
    AccountRecord(BIG, "Vantablack Oddlings", stage="trial", zone="Asia/Tokyo", country="JP",
                  traits={"seats": 50, "plan": "trial"}),
    AccountRecord(SMALL, "Bartholomew Works", stage="trial", zone="Mars/Olympus_Mons",
                  traits={"seats": 3, "plan": "trial"}),
    AccountRecord(EMPTY, "Vantablack Empty", stage="trial", traits={"seats": 3}),
]  # fmt: skip
CONTACTS = [
    ContactRecord("c-zenobia", BIG, "z.quill@quillfeather.example", "Zenobia",
                  "Zenobia Quillfeather", ("champion",)),
    ContactRecord("c-marmaduke", SMALL, "marmaduke@oddlings.example", "Marmaduke",
                  "Marmaduke Bartholomew", ("admin",), zone="Nowhere/Here"),
]  # fmt: skip
ADDRESS = {BIG: "z.quill@quillfeather.example", SMALL: "marmaduke@oddlings.example"}


def mail(step: str, **parts: Any) -> dict[str, Any]:
    """A send that waits a day for somebody to write to."""
    return {"send": "welcome-trial-1", "id": step,
            "if_nobody": {"hold_for": "1 day", "then": "skip"}, **parts}  # fmt: skip


def programs(webhook: str) -> list[Program]:
    """The main program, and one that it starts and ends."""
    for_the_big = {
        "task": "Call them",
        "id": "call",
        "assign_to": "csm",
        "due_in": "100 days",
        "when_done": [mail("after-the-call")],
        "when_expired": [mail("never")],
    }
    for_the_small = {
        "task": "Say hello",
        "id": "say-hello",
        "assign_to": "csm",
        "due_in": "1 day",
        "when_done": [mail("never-too")],
        "when_expired": [mail("sorry")],
    }
    steps: list[dict[str, Any]] = [
        {"set": {"stage": "onboarding", "traits": {"greeted": True}}},
        mail("hello"),
        {"wait": "1 day"},
        {"split": [{"name": "one", "share": 1, "do": [mail("arm-one")]},
                   {"name": "two", "share": 1, "do": [mail("arm-two")]}]},
        {"webhook": webhook, "id": "tell-crm", "with": {"reason": "greeted"}},
        {"enroll": "side"},
        {"branch": [{"when": {"trait": "seats", "at_least": 10}, "do": [for_the_big]}],
         "otherwise": [for_the_small]},
        {"wait_for": {"event": "connected"}, "for_up_to": "1 day",
         "if_it_happens": [mail("well-done")], "if_not": [mail("need-help")]},
        {"wait_until": {"weekday": "monday", "at": "09:00"}},
        {"leave": "side"},
        {"branch": [{"when": {"stage": "onboarding"}, "do": [{"go_to": "finish"}]}],
         "otherwise": [mail("never-at-all")]},
        {"end": "all done", "id": "finish"},
    ]  # fmt: skip
    side = [mail("side-hello"), {"wait": "3 years"}, mail("side-later")]
    return [rig.program("everything", steps), rig.program("side", side)]


def kinds_in(part: Any) -> set[str]:
    """Which kinds of step a program has, as written."""
    if isinstance(part, dict):
        found = set(STEP_KINDS) & part.keys()
        return found.union(*(kinds_in(each) for each in part.values()))
    return set().union(*(kinds_in(each) for each in part)) if isinstance(part, list) else set()


@dataclass
class Receiver:
    """Another system that takes webhooks: the headers and the body of each call."""

    url: str = ""
    calls: list[tuple[dict[str, str], dict[str, Any]]] = field(default_factory=list)

    async def answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Take one call and close."""
        head = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
        headers = dict(line.lower().split(": ", 1) for line in head[1:] if line)
        body = await reader.readexactly(int(headers["content-length"]))
        self.calls.append((headers, json.loads(body)))
        writer.write(b"HTTP/1.1 204 No Content\r\nconnection: close\r\n\r\n")
        await writer.drain()
        writer.close()


@contextlib.asynccontextmanager
async def receiver() -> AsyncIterator[Receiver]:
    """A receiver that listens on loopback."""
    system = Receiver()
    server = await asyncio.start_server(system.answer, "127.0.0.1", 0)
    system.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/hook"
    async with server:
        yield system


Counters = dict[tuple[str, tuple[tuple[str, str], ...]], float]


def counters() -> Counters:
    """Every value that Prometheus would be given now: name and labels to number."""
    return {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in REGISTRY.collect()
        if family.name.startswith("digital_cs")
        for sample in family.samples
    }


@dataclass
class Travelled:
    """An engine that all three accounts have been through."""

    visit: Visit
    system: Receiver
    counted_before: Counters


async def travel(visit: Visit, system: Receiver) -> None:
    """Take all three accounts through, with one task done and one event that happens."""
    await visit.publish(*programs(system.url))
    await visit.intake.save_accounts(ACCOUNTS)
    await visit.intake.save_contacts(CONTACTS)
    ids = await visit.enroll("everything", BIG, SMALL, EMPTY)
    await visit.intake.record_events([EventRecord("e-1", BIG, "connected", visit.now)])
    [(key,)] = await visit.sees("select key from tasks where account_id = %s", BIG)
    async with visit.engine.pool.connection() as connection:
        await complete_task(connection, key, by="maya", now=visit.now)
    await visit.ended(*ids, *(f"side:{account}:1" for account in (BIG, SMALL, EMPTY)))
