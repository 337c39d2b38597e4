"""Records histories of this release for the replay tests: `python -m tests.workflows.record`.

Run it when a workflow takes a new way, with the names of its stories, and add what it writes;
histories of earlier releases stay, as workflows of that age may still be asleep somewhere.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
import tempfile
from collections.abc import Awaitable, Callable
from datetime import timedelta
from importlib.metadata import version
from pathlib import Path
from typing import Any

from temporalio.client import Client, WorkflowHistory

from digital_cs.messages.converter import CONVERTER
from digital_cs.messages.enrollment import WAKE_SIGNAL
from digital_cs.stack.temporal_server import TemporalServer
from digital_cs.temporal.client import quiet_runtime
from tests.workflows import broadcast_stories, issue_stories, review_stories
from tests.workflows.scripted import Script, played, rest
from tests.workflows.short_history import short_history_server

HISTORIES = Path(__file__).parent / "histories"
MOMENT = timedelta(seconds=0.1)


async def drip(client: Client) -> WorkflowHistory:
    """Three touches with waits in between, undisturbed."""
    script = Script(
        [
            rest(MOMENT, "wait 3 days", "send welcome-2"),
            rest(MOMENT, "until Monday 09:00", "send welcome-3"),
        ]
    )
    async with played(client, script) as handle:
        await handle.result()
        return await handle.fetch_history()


async def woken(client: Client) -> WorkflowHistory:
    """Started awake; woken in a timed wait, and in one without a moment."""
    script = Script(
        [
            rest(timedelta(days=14), "wait for login, up to 14 days", "send nudge"),
            rest(None, "paused", "send nudge"),
            rest(MOMENT, "wait 1 day", "send nudge"),
        ]
    )
    async with played(client, script, start_signal=WAKE_SIGNAL) as handle:
        for times in (1, 2):
            await script.was_asked(times)
            await asyncio.sleep(0.5)  # the rest has begun when the wake comes
            await handle.signal(WAKE_SIGNAL)
        await handle.result()
        return await handle.fetch_history()


async def retried(client: Client) -> WorkflowHistory:
    """Faults, until the waits between tries become timers; then it goes on."""
    faults = [ConnectionError("the database is away")] * 5
    script = Script([rest(MOMENT, "wait 1 day", "send welcome-2"), *faults])
    async with played(client, script) as handle:
        await handle.result()
        return await handle.fetch_history()


async def continued(client: Client) -> WorkflowHistory:
    """The first of two runs: it ends by continuing as new."""
    script = Script([rest(MOMENT, f"wait {day} days", f"send tip-{day}") for day in (1, 2, 3)])
    async with played(client, script) as handle:
        await handle.result()
        first = client.get_workflow_handle(handle.id, run_id=handle.first_execution_run_id)
        return await first.fetch_history()


Story = Callable[[Client], Awaitable[WorkflowHistory]]
ON_A_PLAIN_SERVER: list[Story] = [
    drip, woken, retried, review_stories.case, review_stories.case_retried, review_stories.digests,
    issue_stories.issue, broadcast_stories.sent, broadcast_stories.sent_to_a_wall,
]  # fmt: skip
ON_A_FORGETFUL_SERVER: list[Story] = [
    continued, review_stories.case_continued, review_stories.digests_continued,
    issue_stories.issue_continued, broadcast_stories.sent_continued,
]  # fmt: skip
STORIES = [*ON_A_PLAIN_SERVER, *ON_A_FORGETFUL_SERVER]


async def record(address: str, stories: list[Story]) -> None:
    """Record without a trace of the machine it is done on: its name, its paths."""
    client = await Client.connect(
        address, data_converter=CONVERTER, identity="recorder", runtime=quiet_runtime()
    )
    for story in stories:
        history = (await story(client)).to_json_dict()
        started = history["events"][0]["workflowExecutionStartedEventAttributes"]
        kind = started["workflowType"]["name"]
        path = HISTORIES / f"{version('digital-cs')}-{kind}-{story.__name__}.json"
        path.write_text(json.dumps(_without_traces(history), indent=1) + "\n", encoding="utf-8")
        sys.stdout.write(f"{path.name}: {len(history['events'])} events\n")


def _without_traces(part: Any) -> Any:
    """Without stack traces, which say where the code lay."""
    if isinstance(part, dict):
        return {key: _without_traces(each) for key, each in part.items() if key != "stackTrace"}
    return [_without_traces(each) for each in part] if isinstance(part, list) else part


async def main(names: list[str]) -> None:
    """Record the stories of these names on a real server, all of them if none is given."""

    def wanted(stories: list[Story]) -> list[Story]:
        return [story for story in stories if not names or story.__name__ in names]

    with tempfile.TemporaryDirectory(prefix="dcs-", dir="/tmp") as folder:
        with TemporalServer(Path(folder) / "plain", ui=False, in_memory=True) as server:
            await record(server.address, wanted(ON_A_PLAIN_SERVER))
        with short_history_server(Path(folder) / "forgetful") as server:
            await record(server.address, wanted(ON_A_FORGETFUL_SERVER))


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1:]))
    sys.stdout.flush()
    os._exit(0)  # the SDK may abort at interpreter exit, after the work is done
