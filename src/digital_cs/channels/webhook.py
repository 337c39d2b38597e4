"""Calling other systems: signed, with an idempotency key, and never inside our own network."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import ipaddress
import json
import socket
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import httpx2


@dataclass(frozen=True, slots=True)
class CallResult:
    """What became of one call. `again` says whether trying later can help."""

    delivered: bool
    again: bool
    status: int | None
    detail: str


def sign(key: str, timestamp: int, body: bytes) -> str:
    """The value of the signature header: HMAC-SHA256 over "timestamp.body", in hex."""
    return hmac.new(key.encode(), b"%d." % timestamp + body, hashlib.sha256).hexdigest()


class WebhookChannel:
    """Posts JSON. Private and loopback addresses are refused unless `allow_private`."""

    def __init__(
        self, *, signing_key: str, timeout: float = 10.0, allow_private: bool = False
    ) -> None:
        self._key = signing_key
        self._allow_private = allow_private
        self._client = httpx2.AsyncClient(
            timeout=timeout, follow_redirects=False, trust_env=False,
            headers={"user-agent": "digital-cs"},
        )  # fmt: skip

    async def close(self) -> None:
        await self._client.aclose()

    async def call(
        self, url: str, idempotency_key: str, payload: Mapping[str, Any], timestamp: int
    ) -> CallResult:
        """Post once. 2xx is delivered; 408, 425, 429, 5xx and network faults may be tried again.

        `timestamp` is in seconds since 1970 and part of the signature.
        """
        refusal = await self._refusal(url)
        if refusal is not None:
            return CallResult(False, False, None, refusal)
        body = json.dumps(payload, separators=(",", ":"), sort_keys=True).encode()
        headers = {
            "content-type": "application/json",
            "idempotency-key": idempotency_key,
            "digital-cs-timestamp": str(timestamp),
            "digital-cs-signature": f"v1={sign(self._key, timestamp, body)}",
        }
        try:
            response = await self._client.post(url, content=body, headers=headers)
        except httpx2.HTTPError as error:
            return CallResult(False, True, None, f"{type(error).__name__}: no answer.")
        if response.is_success:
            return CallResult(True, False, response.status_code, "")
        again = response.status_code >= 500 or response.status_code in (408, 425, 429)
        return CallResult(False, again, response.status_code, f"HTTP {response.status_code}")

    async def _refusal(self, url: str) -> str | None:
        """Why this address must not be called, or None. Names are resolved first."""
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            return "Only http and https addresses can be called."
        if self._allow_private:
            return None
        port = parts.port or (443 if parts.scheme == "https" else 80)
        try:
            found = await asyncio.get_running_loop().getaddrinfo(
                parts.hostname, port, type=socket.SOCK_STREAM
            )
        except OSError:
            return None  # the call itself will say so, and may be tried again
        for *_, address in found:
            if not ipaddress.ip_address(address[0]).is_global:
                return "The address is inside a private network."
        return None
