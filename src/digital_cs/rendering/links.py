"""The links of a message as it is sent: led over our address, so that clicks are known."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from html import unescape

from digital_cs.rendering.render import Rendered
from digital_cs.signing_links import MOST_LINKS, LinkSigner, followable

BODY_END = "</body>"
# No text in it, and all of it gone for people, screen readers and dark mode alike. Only what
# collects every address of the source without drawing the page finds it.
HIDDEN = (
    '<div aria-hidden="true" style="display:none;width:0;height:0;max-height:0;overflow:hidden;'
    'font-size:0;line-height:0;mso-hide:all"><a href="',
    '" tabindex="-1" aria-hidden="true" rel="nofollow" style="display:none"></a></div>',
)
"""What stands around the address of the link that people do not see."""
PICTURE = (
    '<img src="',
    '" width="1" height="1" alt="" style="display:block;width:1px;height:1px;border:0" />',
)
"""What stands around the address of the picture that tells of a message's being opened."""


def tracked(
    rendered: Rendered, message_id: str, signer: LinkSigner, public_url: str, *, clicks: bool,
    opens: bool,
) -> Rendered:  # fmt: skip
    """The message as it is sent: its marked links lead over `public_url`, signed for `message_id`.

    `clicks` says whether, `opens` whether a picture tells of the message's being opened. What was
    approved stays what it was, and so does `content_hash` (P21): these addresses are others in
    every message, and the same words would never have the same hash again.
    """
    tracker = Tracker(signer, public_url, clicks=clicks, opens=opens)
    return tracker.tracked(rendered, message_id)


@dataclass(slots=True)
class Led:
    """The marked links of one message, in order: where they lead now, None for those left alone.

    `hidden` is the link that people do not see and `picture` the picture, where there is one.
    """

    urls: Sequence[str | None]
    hidden: str
    picture: str
    _destinations: tuple[str | None, ...]

    @property
    def more(self) -> str:
        """HTML that goes to the end of the body."""
        hidden = self.hidden.join(HIDDEN) if self.hidden else ""
        return hidden + (self.picture.join(PICTURE) if self.picture else "")

    def twins(self, addresses: Sequence[str]) -> list[str | None]:
        """Where the marked links of the text lead: the second to one address there is its second
        here, too."""
        twins = _twins(self._destinations, tuple(addresses))
        return [None if place is None else self.urls[place] for place in twins]

    def text(self, pieces: Sequence[str]) -> str:
        """The text with the same links."""
        said = [*pieces]
        for place, url in enumerate(self.twins(pieces[1::2])):
            if url is not None:
                said[2 * place + 1] = url
        return "".join(said)


class Tracker:
    """Leads the links of messages over our address; see `tracked`."""

    def __init__(self, signer: LinkSigner, public_url: str, *, clicks: bool, opens: bool) -> None:
        self._signer = signer
        self._click = f"{public_url}/c/"
        self._open = f"{public_url}/o/"
        self._clicks = clicks
        self._opens = opens

    def tracked(self, rendered: Rendered, message_id: str) -> Rendered:
        """The message as it is sent."""
        led = self.lead(message_id, rendered.html_pieces[1::2])
        if not led.more:
            return rendered
        pieces = [*rendered.html_pieces]
        for place, url in zip(range(1, len(pieces), 2), led.urls, strict=True):
            pieces[place] = pieces[place] if url is None else url
        html = "".join(pieces)
        end = html.rindex(BODY_END)
        html = f"{html[:end]}{led.more}{html[end:]}"
        return replace(rendered, text=led.text(rendered.text_pieces), html=html)

    def lead(self, message_id: str, addresses: Sequence[str]) -> Led:
        """What becomes of these marked addresses of a message's HTML, written as HTML."""
        message = message_id.strip("<>").partition("@")[0]
        destinations, led = _destinations(tuple(addresses)) if self._clicks else _nowhere(addresses)
        urls: list[str | None] = [None] * len(destinations)
        hidden = picture = ""
        if led:
            unseen, *tokens = self._signer.sign_all(message, led)
            hidden = self._click + unseen
            signed = iter(tokens)
            for place, address in enumerate(destinations):
                if address is not None:
                    urls[place] = self._click + next(signed)
        if self._opens:
            picture = f"{self._open}{self._signer.sign_picture(message)}.gif"
        return Led(urls, hidden, picture, destinations)


# One message after the other leads to the same few.
@lru_cache(maxsize=1024)
def _destinations(addresses: tuple[str, ...]) -> tuple[tuple[str | None, ...], tuple[str, ...]]:
    """The addresses that we can lead to, None for others; and without the others."""
    found: list[str | None] = []
    room = MOST_LINKS
    for address in addresses:
        found.append(_destination(address) if room else None)
        room -= found[-1] is not None
    return tuple(found), tuple(address for address in found if address is not None)


def _nowhere(addresses: Sequence[str]) -> tuple[tuple[None, ...], tuple[str, ...]]:
    return (None,) * len(addresses), ()


def _destination(address: str) -> str | None:
    plain = unescape(address)
    return plain if followable(plain) else None


@lru_cache(maxsize=1024)
def _twins(
    destinations: tuple[str | None, ...], addresses: tuple[str, ...]
) -> tuple[int | None, ...]:
    """For each address the place of the destination that goes with it."""
    ours: dict[str, list[int]] = {}
    for place, destination in enumerate(destinations):
        if destination is not None:
            ours.setdefault(destination, []).append(place)
    found: list[int | None] = []
    for address in addresses:
        places = ours.get(address)
        found.append((places.pop(0) if len(places) > 1 else places[0]) if places else None)
    return tuple(found)
