"""Write keys: which source a sender of events is, by the key that its SDK was given."""

from __future__ import annotations

import base64
import binascii
import hashlib
from collections.abc import Mapping

from digital_cs.errors import DigitalCsError


class WriteKeyError(DigitalCsError):
    """The write key is not known here. Correct it, or add it to WRITE_KEYS and start again."""


class WriteKeys:
    """The keys of the settings. They are compared by hash: how long that takes tells nothing."""

    def __init__(self, sources: Mapping[str, str]) -> None:
        """`sources`: the name of a source by its key."""
        self._sources = {_digest(key): name for key, name in sources.items()}

    def of_header(self, authorization: str) -> str | None:
        """The source whose key is the user of Basic credentials; None where there are none.

        The password is not looked at: SDKs leave it empty. Raises WriteKeyError.
        """
        if not self._sources:
            raise WriteKeyError(
                "Nothing is taken, because there is no write key. Set WRITE_KEYS and start again."
            )
        scheme, _, encoded = authorization.partition(" ")
        if scheme.lower() != "basic":
            return None
        try:
            user = base64.b64decode(encoded.strip(), validate=True).partition(b":")[0]
            return self._source(user.decode())
        except (binascii.Error, ValueError):
            raise WriteKeyError("The header Authorization is not Basic credentials.") from None

    def agreed(self, by_header: str | None, in_body: object) -> str:
        """The source of a request, by header, body or both. Raises WriteKeyError.

        Where both are there they must be of the same source: else one of them is a mistake.
        """
        by_body = self._source(in_body) if isinstance(in_body, str) and in_body else None
        if in_body and by_body is None:
            raise WriteKeyError("The writeKey in the body is not a text.")
        if by_header and by_body and by_header != by_body:
            raise WriteKeyError("The write keys in the header and in the body are of two sources.")
        source = by_header or by_body
        if source is None:
            raise WriteKeyError(
                "There is no write key. Send it as the user of Basic credentials, or as writeKey in"
                " the body."
            )
        return source

    def _source(self, key: str) -> str:
        found = self._sources.get(_digest(key))
        if found is None:
            raise WriteKeyError
        return found


def _digest(key: str) -> bytes:
    return hashlib.blake2b(key.encode("utf-8", "surrogatepass"), digest_size=32).digest()
