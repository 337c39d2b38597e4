"""The links of a message as it is sent: led over our address, so that clicks are known."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from html import unescape
from itertools import islice

from digital_cs.domain.click import HIDDEN
from digital_cs.rendering.render import Rendered
from digital_cs.signing_links import MOST_LINKS, Link, LinkSigner, followable

_BODY_END = "</body>"
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
    message = message_id.strip("<>").partition("@")[0]
    html, text, more = rendered.html, rendered.text, ""
    places = _places(rendered.html_pieces) if clicks else {}
    if places:
        ours: dict[str, list[str]] = {}
        pieces = [*rendered.html_pieces]
        for nth, (place, address) in enumerate(places.items(), 1):
            token = signer.sign(Link(message, nth, len(places), address))
            pieces[place] = f"{public_url}/c/{token}"
            ours.setdefault(address, []).append(pieces[place])
        html, text = "".join(pieces), _text(rendered.text_pieces, ours)
        hidden = signer.sign(Link(message, HIDDEN, len(places), ""))
        more += _HIDDEN_LINK.format(f"{public_url}/c/{hidden}")
    if opens:
        more += _PICTURE.format(f"{public_url}/o/{signer.sign_picture(message)}.gif")
    if not more:
        return rendered
    end = html.rindex(_BODY_END)
    return replace(rendered, text=text, html=f"{html[:end]}{more}{html[end:]}")


def _places(pieces: Sequence[str]) -> Mapping[int, str]:
    """Which pieces of the HTML are addresses that we can lead to, and those addresses."""
    found = ((place, unescape(pieces[place])) for place in range(1, len(pieces), 2))
    return dict(islice((each for each in found if followable(each[1])), MOST_LINKS))


def _text(pieces: Sequence[str], ours: Mapping[str, list[str]]) -> str:
    """The text with the same links: the second to one address there is its second here, too."""
    said = [*pieces]
    for place in range(1, len(said), 2):
        urls = ours.get(said[place], ())
        if urls:
            said[place] = urls.pop(0) if len(urls) > 1 else urls[0]
    return "".join(said)
