"""Reads every text out of what Temporal keeps of a workflow."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from google.protobuf.message import Message
from temporalio.client import WorkflowHandle


def texts_in(part: Message) -> Iterator[str]:
    """Every string and every byte string of a message, however deep: payloads, failures, all."""
    for _, value in part.ListFields():
        yield from _texts(value)


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, bytes):
        yield value.decode("utf-8", errors="replace")
    elif isinstance(value, Message):
        yield from texts_in(value)
    elif hasattr(value, "items"):
        for key, each in value.items():
            yield from _texts(key)
            yield from _texts(each)
    elif hasattr(value, "__len__"):  # a repeated field, which has no __iter__
        for each in value:
            yield from _texts(each)


async def all_texts(handle: WorkflowHandle[Any, Any]) -> str:
    """What the history and the description of a workflow contain, in lower case."""
    history = await handle.fetch_history()
    description = await handle.describe()
    parts: list[Message] = [*history.events, description.raw_description]
    return "\n".join(text for part in parts for text in texts_in(part)).lower()
