"""A step in a few words, for the stories that Temporal's UI and the live view tell."""

from __future__ import annotations

from digital_cs.domain.programs.program_graph import (
    Node,
    SendNode,
    TaskNode,
    WaitDateNode,
    WaitForNode,
    WaitNode,
    WaitWeekdayNode,
    WebhookNode,
)


def describe(node: Node | None) -> str:
    """A step in a few words: the story that Temporal's UI and the live view tell."""
    match node:
        case SendNode():
            return f"send {node.email}"
        case WaitNode():
            return f"wait {node.span.words()}"
        case WaitWeekdayNode():
            return f"wait until {node.at:%H:%M}"
        case WaitDateNode():
            shift = f"{node.shift.span.words()} {node.shift.direction} " if node.shift else ""
            return f"wait until {shift}{node.trait}"
        case WaitForNode():
            return f"wait for {node.condition.words()}"
        case TaskNode():
            return f"task {node.title}"
        case WebhookNode():
            return f"webhook {node.id}"
        case None:
            return "end"
    return node.id
