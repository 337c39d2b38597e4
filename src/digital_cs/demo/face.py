"""What a person sees of a demo: a screen on a terminal, plain lines anywhere else."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.live import Live

from digital_cs.demo.snapshot import Snapshot
from digital_cs.demo.summary import Summary
from digital_cs.demo.summary_words import in_words
from digital_cs.demo.view import Frame, line, screen

REFRESH_SECONDS = 0.5
LINE_SECONDS = 5.0


class Face:
    """Speaks to the terminal. With `as_json`, standard output is the summary's alone."""

    def __init__(self, *, as_json: bool = False) -> None:
        self._as_json = as_json
        self._console = Console(stderr=as_json, highlight=False, soft_wrap=True)
        self._live: Live | None = None
        self._last_line = 0.0
        self._has_screen = self._console.is_terminal and not self._console.is_dumb_terminal
        self.pause = REFRESH_SECONDS if self._has_screen else 2 * REFRESH_SECONDS

    def progress(self, part: str, detail: str) -> None:
        """One line on the way to the start, or to the end."""
        self._console.print(f"  {part:<16} {detail}", markup=False)

    def say(self, text: str) -> None:
        """One line of its own."""
        self._console.print(text, markup=False)

    @contextmanager
    def live(self) -> Iterator[None]:
        """While this lasts, `show` has the whole screen of a terminal."""
        if not self._has_screen:
            yield
            return
        with Live(console=self._console, screen=True, auto_refresh=False) as live:
            self._live = live
            try:
                yield
            finally:
                self._live = None

    def show(self, snapshot: Snapshot, frame: Frame) -> None:
        """Show where everything stands; in plain lines only now and then."""
        if self._live is not None:
            width, height = self._console.size
            self._live.update(screen(snapshot, frame, width, height), refresh=True)
        elif time.monotonic() - self._last_line >= LINE_SECONDS:
            self._last_line = time.monotonic()
            self.say(line(snapshot, frame))

    def tell(self, summary: Summary) -> None:
        """The summary: as JSON on standard output, or in words."""
        if self._as_json:
            Console(soft_wrap=True, highlight=False).print(
                json.dumps(summary.as_json(), indent=2, ensure_ascii=False), markup=False
            )
            return
        self._console.print()
        for text in in_words(summary):
            self._console.print(text, markup=False)
