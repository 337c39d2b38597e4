"""What the broadcast workflow and its activities tell each other: ids and small numbers only."""

from __future__ import annotations

from dataclasses import dataclass

BROADCAST_WORKFLOW = "broadcast"
LOOK_ACTIVITY = "look-at-broadcast"
SEND_CHUNK_ACTIVITY = "send-broadcast-chunk"
WAKE_SIGNAL = "wake"


@dataclass(frozen=True)
class BroadcastRun:
    """Input of the workflow; `label` is what it does, for those who look at Temporal's pages."""

    broadcast_id: str
    label: str = "look"


@dataclass(frozen=True)
class LookRequest:
    """Ask what a broadcast needs next, and have done what one activity can do."""

    broadcast_id: str


@dataclass(frozen=True)
class LookReply:
    """Send these chunks, or rest for `sleep_seconds` of real time (None: until woken), or
    `ended`. `label` says why."""

    ended: bool = False
    chunks: tuple[int, ...] = ()
    sleep_seconds: float | None = None
    label: str = ""


@dataclass(frozen=True)
class ChunkRequest:
    """Send those of a chunk that are due."""

    broadcast_id: str
    chunk: int


@dataclass(frozen=True)
class ChunkReply:
    """How many were handed over, and how many put off or left out.

    `rest_seconds` is real time after which it is worth asking for this chunk again: the mail
    server, or a rate, would not let it go on.
    """

    handed_over: int = 0
    put_off: int = 0
    rest_seconds: float = 0.0


def queue_of(task_queue: str) -> str:
    """The task queue of broadcasts beside the engine's own: no touch waits behind a bulk send."""
    return f"{task_queue}-broadcast"


def workflow_id(workspace: str, broadcast_id: str) -> str:
    """The workflow of a broadcast: the same each time, so that starting twice is harmless."""
    return f"{workspace}/broadcast/{broadcast_id}"
