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
from urllib.parse import SplitResult, urlsplit, urlunsplit

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
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            return CallResult(False, False, None, "Only http and https addresses can be called.")
        try:
            address = await self._address(parts)
        except OSError:
            return CallResult(False, True, None, "The name of the server is not known.")
        if address is None:
            return CallResult(False, False, None, "The address is inside a private network.")
        body = json.dumps(payload, separators=(",", ":"), sort_keys=True).encode()
        headers = {
            "host": parts.netloc.rpartition("@")[2],
            "content-type": "application/json",
            "idempotency-key": idempotency_key,
            "digital-cs-timestamp": str(timestamp),
            "digital-cs-signature": f"v1={sign(self._key, timestamp, body)}",
        }
        # The address that was checked is the one that is called: a name could answer twice.
        host = f"[{address}]" if ":" in address else address
        port = f":{parts.port}" if parts.port else ""
        target = urlunsplit((parts.scheme, f"{host}{port}", parts.path or "/", parts.query, ""))
        try:
            response = await self._client.post(
                target, content=body, headers=headers,
                extensions={"sni_hostname": parts.hostname},
            )  # fmt: skip
        except httpx2.HTTPError as error:
            return CallResult(False, True, None, f"{type(error).__name__}: no answer.")
        if response.is_success:
            return CallResult(True, False, response.status_code, "")
        again = response.status_code >= 500 or response.status_code in (408, 425, 429)
        return CallResult(False, again, response.status_code, f"HTTP {response.status_code}")

    async def _address(self, parts: SplitResult) -> str | None:
        """An address of the server that may be called; None: only private ones."""
        port = parts.port or (443 if parts.scheme == "https" else 80)
        found = await asyncio.get_running_loop().getaddrinfo(
            parts.hostname, port, type=socket.SOCK_STREAM
        )
        addresses = [str(address[0]) for *_, address in found]
        if not self._allow_private:
            addresses = [a for a in addresses if ipaddress.ip_address(a).is_global]
        return addresses[0] if addresses else None
