"""The skeleton of messages that differ in their values only, and how values are put into it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache

from markupsafe import escape

from digital_cs.rendering.context import RenderContext
from digital_cs.rendering.filters import outgoing
from digital_cs.rendering.link_marks import CUT
from digital_cs.rendering.links import BODY_END, Led
from digital_cs.rendering.mass_program import Print, Read, UnknownStepError
from digital_cs.rendering.plain_text import Laid, blocks_of, finish, is_row, lay_out, together

# Neither a template nor a value holds these (tags.tokenize, filters.one_line).
_OPEN, _CLOSE = "\x02", "\x03"
_LAID_KEPT = 256
_PLACE = re.compile(f"{_OPEN}([0-9]+){_CLOSE}")


class Fixed:
    """Text of the template, the very same object in many messages.

    `wire` is for whoever puts messages into another form: what this piece of them is there.
    """

    __slots__ = ("text", "wire")

    def __init__(self, text: str) -> None:
        self.text = text
        self.wire: bytes | None = None


Pieces = Sequence[Fixed | str]
"""A body in pieces: of the template, and of one message."""


@dataclass(frozen=True, slots=True)
class Values:
    """What one message prints, by place: as plain text, and as HTML."""

    plain: Sequence[str]
    html: Sequence[str]


class Skeleton:
    """The three parts of an e-mail along one way through its questions."""

    def __init__(
        self, subject: Iterable[str | Print], text: Iterable[str | Print],
        html: Iterable[str | Print],
    ) -> None:  # fmt: skip
        """Raises `UnknownStepError` if the HTML has not one end of its body."""
        self._reads: dict[str, Read] = {}
        places: dict[str, int] = {}

        def placed(steps: Iterable[str | Print]) -> str:
            """Text in which values are numbers."""
            said = ""
            for step in steps:
                if isinstance(step, str):
                    said += step
                else:
                    self._reads.setdefault(step.name, step.read)
                    said += f"{_OPEN}{places.setdefault(step.name, len(places))}{_CLOSE}"
            return said

        self._subject = _Slots(placed(subject))
        whole = placed(text)
        self._raw = _Slots(whole)
        # Who signs, and many a name, are the same in message after message.
        self._lay_out = lru_cache(maxsize=_LAID_KEPT)(lay_out)
        blocks = blocks_of(whole)
        self._tables = any(map(is_row, blocks))
        self._blocks: list[Laid | _Slots] = []
        if not self._tables:
            self._blocks = [_Slots(b) if _OPEN in b else lay_out(b) for b in blocks]
        self._every = tuple(self._reads.values())
        self._set_html(placed(html))

    def _set_html(self, text: str) -> None:
        before, end, after = text.partition(BODY_END)
        if not end or BODY_END in after:
            raise UnknownStepError
        self.cuts = text.count(CUT)
        self._said: list[str] = []
        self._wire: list[Fixed | str] = []
        self._slots: list[tuple[int, int]] = []
        self._spans: list[tuple[int, int]] = []
        self._add_html(before)
        self._end = len(self._said)
        self._add("")
        self._add_html(BODY_END + after)

    def _add_html(self, text: str) -> None:
        for number, piece in enumerate(text.split(CUT)):
            first = len(self._said)
            for nth, each in enumerate(_PLACE.split(piece)):
                if nth % 2:
                    self._slots.append((len(self._said), int(each)))
                    self._add("")
                else:
                    self._add(each)
            if number % 2:
                self._spans.append((first, len(self._said)))

    def _add(self, text: str) -> None:
        self._said.append(text)
        self._wire.append(Fixed(text) if text else "")

    def values(self, context: RenderContext) -> Values:
        """What is printed for this contact. Raises whatever a value does that cannot be."""
        plain = [str(outgoing(read(context))) for read in self._every]
        return Values(plain, [str(escape(value)) for value in plain])

    def subject(self, values: Values) -> str:
        return self._subject.filled(values.plain)

    def raw_text(self, values: Values) -> str:
        """The text before it is laid out."""
        return self._raw.filled(values.plain)

    def text(self, raw: str, values: Values) -> str:
        """The text laid out, as `plain_text.finish` does it."""
        if self._tables:
            return finish(raw)
        plain = values.plain
        return together(
            [
                self._lay_out(block.filled(plain)) if isinstance(block, _Slots) else block
                for block in self._blocks
            ]
        )

    def html(self, values: Values) -> list[str]:
        """The pieces of the HTML as they were approved."""
        said, html = self._said.copy(), values.html
        for index, place in self._slots:
            said[index] = html[place]
        return said

    def addresses(self, said: Sequence[str]) -> list[str]:
        """Those of its marked links, in order."""
        return ["".join(said[first:last]) for first, last in self._spans]

    def led(self, said: Sequence[str], led: Led) -> Pieces:
        """The pieces of the HTML as it is sent, its links led over our address."""
        wire = self._wire.copy()
        for index, _ in self._slots:
            wire[index] = said[index]
        if led.more:
            for (first, last), url in zip(self._spans, led.urls, strict=True):
                if url is not None:
                    wire[first:last] = (url, *[""] * (last - first - 1))
            wire[self._end] = led.more
        return wire


class _Slots:
    """Text with places for values."""

    __slots__ = ("_pieces", "_places")

    def __init__(self, text: str) -> None:
        self._pieces = _PLACE.split(text)
        self._places = [(n, int(self._pieces[n])) for n in range(1, len(self._pieces), 2)]

    def filled(self, values: Sequence[str]) -> str:
        """The text with these values in it."""
        pieces = self._pieces.copy()
        for index, place in self._places:
            pieces[index] = values[place]
        return "".join(pieces)
