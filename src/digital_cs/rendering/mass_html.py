"""The HTML part of messages that differ in their values only."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from digital_cs.rendering.link_marks import CUT
from digital_cs.rendering.links import BODY_END, HIDDEN, PICTURE, Led
from digital_cs.rendering.mass_frame import Draft, Filled, Frame, Slots, has_places, picker
from digital_cs.rendering.mass_program import UnknownStepError

Pick = Callable[[Sequence[str]], tuple[str, ...]]


class HtmlBody:
    """The HTML part: its gaps are values, marked addresses, and what is sent at its end."""

    def __init__(self, whole: str, values: int) -> None:
        """`values` is how many there are. Raises `UnknownStepError` if the HTML has not one end
        of its body, outside of addresses."""
        self._before, end, after = whole.partition(BODY_END)
        if not end or BODY_END in after or self._before.count(CUT) % 2:
            raise UnknownStepError
        self._after = end + after
        self._values = values
        links = whole.split(CUT)[1::2]
        self._links = [Slots(link) for link in links]
        self._same = None if any(map(has_places, links)) else tuple(links)
        self._drawn: dict[tuple[bool, bool], tuple[tuple[Frame], Pick]] = {}

    @property
    def begin(self) -> str:
        """All before the first gap of what was approved."""
        return self._draw(hidden=False, picture=False)[0][0].texts[0]

    def links(self, values: Sequence[str]) -> Sequence[str]:
        """The marked addresses, in order."""
        if self._same is not None:
            return self._same
        return [link.filled(values) for link in self._links]

    def approved(self, values: Sequence[str], links: Sequence[str]) -> Filled:
        """The HTML as it was approved."""
        frames, pick = self._draw(hidden=False, picture=False)
        return Filled(frames, pick([*values, *links, "", "", ""]))

    def sent(self, values: Sequence[str], links: Sequence[str], led: Led) -> Filled:
        """The HTML as it is sent, its links led over our address."""
        frames, pick = self._draw(hidden=bool(led.hidden), picture=bool(led.picture))
        urls = [url or link for url, link in zip(led.urls, links, strict=True)]
        return Filled(frames, pick([*values, *urls, led.hidden, led.picture, ""]))

    def _draw(self, *, hidden: bool, picture: bool) -> tuple[tuple[Frame], Pick]:
        """The frame with or without what is sent at the end of the body, and what takes what is in
        its gaps from all that is known: values, then addresses, hidden link, picture, nothing."""
        found = self._drawn.get((hidden, picture))
        if found is None:
            draft = Draft()
            end = self._values + len(self._links)
            following = self._cut(draft, self._before, self._values)
            for nth, (wanted, around) in enumerate(((hidden, HIDDEN), (picture, PICTURE))):
                if wanted:
                    draft.say(around[0])
                    draft.leave(end + nth)
                    draft.say(around[1])
            self._cut(draft, self._after, following)
            found = ((Frame(draft.texts),), picker([*draft.gaps, end + 2]))
            self._drawn[hidden, picture] = found
        return found

    def _cut(self, draft: Draft, text: str, number: int) -> int:
        """Write down HTML whose marked addresses have numbers from this one on; the next one."""
        for nth, piece in enumerate(text.split(CUT)):
            if nth % 2:
                draft.leave(number)
                number += 1
            else:
                draft.say(piece)
        return number
