"""Processes for the tests: another Python of ours, and waiting for something to come true."""

from __future__ import annotations

import subprocess
import sys
import textwrap
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).parents[2]


def eventually(condition: Callable[[], bool], within: float = 30.0) -> bool:
    """Whether `condition` comes true within so many seconds."""
    deadline = time.monotonic() + within
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True


@contextmanager
def python(script: str, *args: object) -> Iterator[subprocess.Popen[str]]:
    """Another process of ours, killed at the end if it still runs; see `read_line`."""
    process = subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(script), *map(str, args)],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def kill(process: subprocess.Popen[str]) -> None:
    """kill -9, as the machine would when it is out of memory."""
    process.kill()
    process.wait()


def read_line(process: subprocess.Popen[str]) -> str:
    """The next line that the process prints: how a script says where it is."""
    assert process.stdout is not None
    line = process.stdout.readline().strip()
    assert line, f"the process ended with {process.wait()} before it said anything"
    return line
