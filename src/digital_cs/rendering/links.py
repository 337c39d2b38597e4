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
_HIDDEN_LINK = (
    '<div aria-hidden="true" style="display:none;width:0;height:0;max-height:0;overflow:hidden;'
    'font-size:0;line-height:0;mso-hide:all"><a href="{}" tabindex="-1" aria-hidden="true"'
    ' rel="nofollow" style="display:none"></a></div>'
)
_PICTURE = (
    '<img src="{}" width="1" height="1" alt="" style="display:block;width:1px;height:1px;border:0"'
    " />"
)


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
    led = tracker.lead(message_id, rendered.html_pieces[1::2])
    if not led.more:
        return rendered
    pieces = [*rendered.html_pieces]
    for place, url in zip(range(1, len(pieces), 2), led.urls, strict=True):
        pieces[place] = pieces[place] if url is None else url
    html = "".join(pieces)
    end = html.rindex(BODY_END)
    html = f"{html[:end]}{led.more}{html[end:]}"
    return replace(rendered, text=led.text(rendered.text_pieces), html=html)


@dataclass(frozen=True, slots=True)
class Led:
    """The marked links of one message, in order: where they lead now, None for those left alone.

    `more` is HTML that goes to the end of the body.
    """

    urls: Sequence[str | None]
    more: str
    _destinations: Sequence[str | None]

    def text(self, pieces: Sequence[str]) -> str:
        """The text with the same links: the second to one address there is its second here, too."""
        ours: dict[str, list[str]] = {}
        for url, address in zip(self.urls, self._destinations, strict=True):
            if url is not None and address is not None:
                ours.setdefault(address, []).append(url)
        said = [*pieces]
        for place in range(1, len(said), 2):
            urls = ours.get(said[place], ())
            if urls:
                said[place] = urls.pop(0) if len(urls) > 1 else urls[0]
        return "".join(said)


class Tracker:
    """Leads the links of messages over our address; see `tracked`."""

    def __init__(self, signer: LinkSigner, public_url: str, *, clicks: bool, opens: bool) -> None:
        self._signer = signer
        self._public_url = public_url
        self._clicks = clicks
        self._opens = opens

    def lead(self, message_id: str, addresses: Sequence[str]) -> Led:
        """What becomes of these marked addresses of a message's HTML, written as HTML."""
        message = message_id.strip("<>").partition("@")[0]
        destinations = _destinations(addresses) if self._clicks else [None] * len(addresses)
        led = [address for address in destinations if address is not None]
        urls: list[str | None] = [None] * len(destinations)
        more = ""
        if led:
            hidden, *tokens = self._signer.sign_all(message, led)
            signed = iter(tokens)
            for place, address in enumerate(destinations):
                if address is not None:
                    urls[place] = f"{self._public_url}/c/{next(signed)}"
            more += _HIDDEN_LINK.format(f"{self._public_url}/c/{hidden}")
        if self._opens:
            more += _PICTURE.format(
                f"{self._public_url}/o/{self._signer.sign_picture(message)}.gif"
            )
        return Led(urls, more, destinations)


def _destinations(addresses: Sequence[str]) -> Sequence[str | None]:
    """The addresses that we can lead to, None for others."""
    found: list[str | None] = []
    room = MOST_LINKS
    for address in addresses:
        found.append(_destination(address) if room else None)
        room -= found[-1] is not None
    return found


@lru_cache(maxsize=1024)  # one message after the other leads to the same few
def _destination(address: str) -> str | None:
    plain = unescape(address)
    return plain if followable(plain) else None
