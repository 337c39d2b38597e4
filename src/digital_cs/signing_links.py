"""Signed tokens for the links of a message: where one leads is in it, and only we can write it."""

from __future__ import annotations

import hmac
import re
from collections.abc import Sequence
from dataclasses import dataclass

from itsdangerous.encoding import base64_decode

from digital_cs.signing import Mac, url_base64

MOST_LINKS = 255
"""Links of one message that can be told apart: the number is one byte of the token."""
MOST_DESTINATION = 1500
"""Characters of a destination. A token is some 40 % longer, and browsers still take it."""

_MESSAGE = re.compile(r"[0-9a-f]{40}")
_BEFORE_DESTINATION = 22
_MOST_TOKEN = 2200

# Plain ASCII, so that nothing of it can end a header. No @ before the path: that would be
# credentials, or a host that only looks like one. No backslash: browsers take it for a slash.
_FOLLOWABLE = re.compile(
    r"https?://(?:(?![\"'<>\\/?#@])[!-~])+(?:[/?#](?:(?![\"<>\\])[!-~])*)?", re.IGNORECASE
)


@dataclass(frozen=True, slots=True)
class Link:
    """One link of one message.

    `message` is the local part of its Message-ID, 40 hexadecimal digits: a hash, where the key
    of the ledger would tell every proxy on the way whose link it is. `nth` counts from 1, of
    `of` in this message; the one that people do not see has the number 0 and leads to "".
    """

    message: str
    nth: int
    of: int
    destination: str


def followable(destination: str) -> bool:
    """Whether we send people there: an http(s) address without credentials, in plain ASCII."""
    return len(destination) <= MOST_DESTINATION and bool(_FOLLOWABLE.fullmatch(destination))


class LinkSigner:
    """Signs with the first key and accepts any, so that keys can be rotated.

    The destination is part of what is signed: a token leads where the message led, or nowhere.
    """

    def __init__(self, *keys: str) -> None:
        self._links = [Mac(key, "link") for key in keys]
        self._pictures = [Mac(key, "picture") for key in keys]

    def sign(self, link: Link) -> str:
        """A token for this link, safe in a path. Raises ValueError for what `read` would refuse."""
        if not _MESSAGE.fullmatch(link.message) or not _sound(link):
            raise ValueError("this is no link that a message of ours may have")
        return self._signed(bytes.fromhex(link.message), link.nth, link.of, link.destination)

    def sign_all(self, message: str, destinations: Sequence[str]) -> list[str]:
        """Tokens for the one link of a message that people do not see, and for all the others, in
        order. Raises ValueError like `sign`, but the destinations must be known to be followable:
        looking at them costs as much as signing, and messages share them.
        """
        of = len(destinations)
        if not _MESSAGE.fullmatch(message) or of > MOST_LINKS:
            raise ValueError("this is no message of ours")
        packed = bytes.fromhex(message)
        return [self._signed(packed, nth, of, to) for nth, to in enumerate(("", *destinations))]

    def _signed(self, message: bytes, nth: int, of: int, destination: str) -> str:
        packed = message + bytes((nth, of)) + destination.encode()
        return self._links[0].sign(url_base64(packed)).decode()

    def read(self, token: str) -> Link | None:
        """The link that a token stands for, or None when it is not ours."""
        packed = _signed(self._links, token)
        if packed is None or len(packed) < _BEFORE_DESTINATION:
            return None
        message, (nth, of), destination = packed[:20].hex(), packed[20:22], packed[22:]
        link = Link(message, nth, of, destination.decode("ascii", "replace"))
        return link if _sound(link) else None

    def sign_picture(self, message: str) -> str:
        """A token for the picture of a message that tells of its opening."""
        return self._pictures[0].sign(url_base64(bytes.fromhex(message))).decode()

    def read_picture(self, token: str) -> str | None:
        """The message that a picture's token names, or None when it is not ours."""
        packed = _signed(self._pictures, token)
        return packed.hex() if packed is not None else None


def _sound(link: Link) -> bool:
    """The last look before somebody is sent somewhere, whatever was signed once."""
    if link.nth == 0:
        return not link.destination
    return 0 < link.nth <= link.of <= MOST_LINKS and followable(link.destination)


def _signed(signers: Sequence[Mac], token: str) -> bytes | None:
    """What a token says, if one of these signed it. It is signed again and compared as a whole:
    the library's own reading of base64 would take several spellings of one token."""
    if len(token) > _MOST_TOKEN or not token.isascii():
        return None
    payload = token.partition(".")[0].encode()
    found = [hmac.compare_digest(each.sign(payload), token.encode()) for each in signers]
    return base64_decode(payload) if any(found) else None
