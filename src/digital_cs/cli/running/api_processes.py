"""Several processes that serve one address, each by a listener of its own; all end together."""

from __future__ import annotations

import os
import signal
import socket
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from types import FrameType

from digital_cs.errors import DigitalCsError


class ProcessEndedError(DigitalCsError):
    """A process of the API was killed, so the others were stopped as well. Start the API again."""

    exit_code = 3


@dataclass(frozen=True)
class Process:
    """One of them. `lifeline`: a pipe that ends when all have to; None: there is only this one."""

    number: int
    listener: socket.socket
    lifeline: int | None


def split(listeners: Sequence[socket.socket]) -> Process | None:
    """Become a process for each listener. Returns in each, and None in their parent afterwards.

    The first that ends ends the others, and so does the end of the parent, by kill -9 too. To be
    called before there is any thread or event loop. Raises ProcessEndedError in the parent when
    one was killed, and SystemExit with the code of one that failed and has said why.
    """
    if len(listeners) == 1:
        return Process(0, listeners[0], None)
    lifeline, held = os.pipe()
    children: set[int] = set()
    for number, own in enumerate(listeners):
        child = os.fork()
        if child == 0:
            os.close(held)
            _close(listener for listener in listeners if listener is not own)
            return Process(number, own, lifeline)
        children.add(child)
    os.close(lifeline)
    _close(listeners)
    _wait(children, held)
    return None


def _close(listeners: Iterable[socket.socket]) -> None:
    """Nobody would accept what comes to a listener that only a copy holds open."""
    for listener in listeners:
        listener.close()


def _wait(children: set[int], held: int) -> None:
    holding = True

    def end(number: int = 0, frame: FrameType | None = None) -> None:
        nonlocal holding
        if holding:
            holding = False
            os.close(held)
        elif number:  # told a second time: whoever is under way is not waited for
            for child in children:
                os.kill(child, signal.SIGTERM)

    for signum in (signal.SIGTERM, signal.SIGINT):
        signal.signal(signum, end)
    codes = []
    while children:
        child, status = os.wait()
        children.discard(child)
        codes.append(os.waitstatus_to_exitcode(status))
        end()
    if any(code < 0 for code in codes):
        raise ProcessEndedError
    if any(codes):
        raise SystemExit(max(codes))
