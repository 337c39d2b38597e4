"""Signed tokens for links: they name a contact by id, never by address."""

from __future__ import annotations

from itsdangerous import BadSignature, URLSafeSerializer


class Signer:
    """Signs with the first key and accepts any, so that keys can be rotated."""

    def __init__(self, *keys: str) -> None:
        self._contacts = URLSafeSerializer(list(reversed(keys)), salt="contact")

    def sign_contact(self, contact_id: str) -> str:
        """A token for this contact, safe in a URL."""
        token = self._contacts.dumps(contact_id)
        return token if isinstance(token, str) else token.decode()

    def contact_of(self, token: str) -> str | None:
        """The contact that a token names, or None when it is not ours."""
        try:
            found = self._contacts.loads(token)
        except BadSignature:
            return None
        return found if isinstance(found, str) else None
