"""Signed tokens for links: they name a contact by id, never by address."""

from __future__ import annotations

import hashlib
import hmac

import itsdangerous
from itsdangerous.encoding import base64_decode, base64_encode

MOST_TOKEN = 1200
"""Characters of the longest token: an id has at most 200, each of at most 4 bytes."""


class Signer:
    """Signs with the first key and accepts any, so that keys can be rotated.

    A token is the id and an HMAC of 256 bits over it: ids may be guessed, tokens may not.
    """

    def __init__(self, *keys: str) -> None:
        self._macs = [
            itsdangerous.Signer(
                key, salt="contact", key_derivation="hmac", digest_method=hashlib.sha256
            )
            for key in keys
        ]

    def sign_contact(self, contact_id: str) -> str:
        """A token for this contact, safe in a URL."""
        return self._macs[0].sign(base64_encode(contact_id)).decode()

    def contact_of(self, token: str) -> str | None:
        """The contact that a token names, or None when it is not ours.

        It is made again and compared as a whole, in constant time: the library's own reading of
        base64 would take several spellings of the same token.
        """
        if len(token) > MOST_TOKEN or not token.isascii():
            return None
        payload = token.partition(".")[0].encode()
        found = [hmac.compare_digest(mac.sign(payload), token.encode()) for mac in self._macs]
        return base64_decode(payload).decode() if any(found) else None
