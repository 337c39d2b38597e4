"""The text part of messages that differ in their values only.

Where the lines of a paragraph end depends on the lengths of its words, and on nothing else. So it
is laid out once for values of such lengths, by the function that lays out all others, and then its
lines are the same for everybody whose values are as long.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import NamedTuple

from digital_cs.rendering.link_marks import CUT
from digital_cs.rendering.links import Led
from digital_cs.rendering.mass_frame import Draft, Filled, Frame, Slots, has_places, picker, place
from digital_cs.rendering.plain_text import Laid, blocks_of, finish, is_row, lay_out

_SHAPES_KEPT = 256
# Letters of values that are not there yet. Two, so that values side by side can be told apart.
_LETTERS = "\x02\x03"
_WORD = re.compile("(\x02+|\x03+)")

Shape = int | tuple[int, ...] | None
"""The lengths of the words of a value; None where it is not words with one space between them."""


class _Piece(NamedTuple):
    """Some of the text: a frame, what takes from all that is known what is in its gaps, and which
    of these are marked addresses."""

    frame: Frame
    pick: Callable[[Sequence[str]], tuple[str, ...]]
    links: Sequence[int]


class TextBody:
    """The text part, whose gaps are values, marked addresses, or a block as a whole."""

    def __init__(self, whole: str, values: int) -> None:
        """`values` is how many there are."""
        self._nothing = values
        # What else there is in gaps, numbered from `values` on: nothing, and addresses.
        self._same = [*dict.fromkeys(("", *whole.split(CUT)[1::2]))]
        self._blocks: list[_Block] = []
        blocks = blocks_of(whole)
        if any(map(is_row, blocks)):  # a table is laid out with all its rows
            self._blocks.append(_Block("", whole, self, _finished))
            self._last = self.piece("\n")
        else:
            self._last = self.piece(self._together(blocks).rstrip("\n") + "\n")

    def _together(self, blocks: Sequence[str]) -> str:
        """As `plain_text.together` does it, where no block with values is empty. Gives the text
        behind the last of these."""
        said = ""
        for block in blocks:
            gap, body = lay_out(block)
            if body is None:
                continue
            if said or self._blocks:
                said += "\n" + (gap[1:].rstrip() + "\n" if gap else "")
            if has_places(block):
                self._blocks.append(_Block(said, block, self, lay_out))
                said = ""
            else:
                said = said + body if self._blocks else (said + body).lstrip("\n")
        return said

    def piece(self, text: str) -> _Piece:
        """Text that is laid out, with places for values."""
        draft = Draft()
        links: list[int] = []
        for nth, part in enumerate(text.split(CUT)):
            if nth % 2:
                links.append(len(draft.gaps))
                draft.leave(self._nothing + self._same.index(part))
            else:
                draft.say(part)
        return _Piece(Frame(draft.texts), picker([*draft.gaps, self._nothing]), links)

    def approved(self, values: Sequence[str]) -> tuple[Filled, list[int]] | None:
        """The text as it was approved, and which gaps are marked addresses; None where a block is
        not as blocks are."""
        shapes = [
            len(value) if value.isprintable() and value and " " not in value else _shape(value)
            for value in values
        ]
        known = [*values, *self._same]
        frames: list[Frame] = []
        gaps: list[str] = []
        links: list[int] = []
        for block in self._blocks:
            piece = block.of(block.pick(shapes)) or block.laid(values)
            if piece is None:
                return None
            frame, pick, marked = piece
            if marked:
                links += [len(gaps) + gap for gap in marked]
            frames.append(frame)
            gaps += pick(known)
        frame, pick, marked = self._last
        links += [len(gaps) + gap for gap in marked]
        frames.append(frame)
        gaps += pick(known)
        return Filled(frames, gaps), links


def led_text(approved: Filled, links: Sequence[int], led: Led) -> Filled:
    """The text as it is sent, its links led over our address."""
    if not links:
        return approved
    gaps = [*approved.gaps]
    for gap, url in zip(links, led.twins([gaps[gap] for gap in links]), strict=True):
        if url is not None:
            gaps[gap] = url
    return Filled(approved.frames, gaps)


class _Block:
    """A block with values, and the text before it.

    `pick` takes the shapes of its values from those of all, and `of` gives the block for these;
    None where it depends on more.
    """

    __slots__ = ("_before", "_body", "_cuts", "_lay", "_numbers", "_slots", "of", "pick")

    def __init__(self, before: str, text: str, body: TextBody, lay: Callable[[str], Laid]) -> None:
        self._before = before
        self._slots = Slots(text)
        self._body = body
        self._lay = lay
        self._numbers = self._slots.numbers
        self._cuts = text.count(CUT)
        self.pick: Callable[[Sequence[Shape]], tuple[Shape, ...]] = picker(self._numbers)
        self.of = lru_cache(maxsize=_SHAPES_KEPT)(self._of)

    def _of(self, shapes: tuple[Shape, ...]) -> _Piece | None:
        if self._lay is not lay_out:  # a table may depend on anything
            return None
        words: list[list[str]] = []
        for nth, shape in enumerate(shapes):
            if shape is None:
                return None
            lengths = (shape,) if isinstance(shape, int) else shape
            words.append([_LETTERS[nth % 2] * length for length in lengths])
        body = self._laid_out(self._slots.said(" ".join(each) for each in words))
        return None if body is None else self._with_places(body, [len(each) for each in words])

    def _with_places(self, body: str, words: Sequence[int]) -> _Piece | None:
        """None if a value is not on one line, or part of a marked address."""
        pieces = _WORD.split(body)
        text, at = pieces[0], 1
        for number, count in zip(self._numbers, words, strict=True):
            behind = at + 2 * count
            if any(between != " " for between in pieces[at + 1 : behind - 1 : 2]):
                return None
            text += place(number) + pieces[behind - 1]
            at = behind
        if any(map(has_places, text.split(CUT)[1::2])):
            return None
        return self._body.piece(self._before + text)

    def laid(self, values: Sequence[str]) -> _Piece | None:
        """The block for these values alone; None where it is not as blocks are."""
        body = self._laid_out(self._slots.filled(values))
        if body is None:
            return None
        pieces = (self._before + body).split(CUT)
        return _Piece(_bare(len(pieces)), lambda _: tuple(pieces), range(1, len(pieces), 2))

    def _laid_out(self, text: str) -> str | None:
        """The block's lines. The ends of the whole text are cleared of empty ones: of such a block
        it is not known what it is among the others."""
        body = self._lay(text)[1]
        if not body or body[0] == "\n" or body[-1] == "\n" or body.count(CUT) != self._cuts:
            return None
        return body


def _shape(value: str) -> Shape:
    words = value.split()
    return tuple(map(len, words)) if words and " ".join(words) == value else None


@lru_cache(maxsize=64)
def _bare(gaps: int) -> Frame:
    """Gaps and nothing else."""
    return Frame(("",) * gaps)


def _finished(raw: str) -> Laid:
    return "", finish(raw)[:-1]
