"""One request to a server that may be hostile: bounded in time and size, and never inside."""

from __future__ import annotations

import asyncio
import ssl
import zlib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import httpcore2
import httpx2

from digital_cs.channels.public_address import (
    ReservedNameError,
    Resolve,
    is_public,
    may_call_port,
    resolve,
)
from digital_cs.domain.links.link_health import Finding
from digital_cs.errors import DigitalCsError

_TRIED_ADDRESSES = 2
_CONNECT = 10.0
_KEPT = 200
"""Connections that are kept open for the next link of their server."""
_KEPT_SECONDS = 15.0
_CHUNK = 65_536


class WireError(DigitalCsError):
    """No answer came from a server. Try again later."""

    def __init__(self, finding: Finding, detail: str) -> None:
        """`finding` says why; `detail` is the clause for people."""
        super().__init__(detail)
        self.finding = finding
        self.detail = detail


class PrivateAddressError(DigitalCsError):
    """The name leads into a private network, or the port is no web server's. It is not called."""


class UnknownNameError(DigitalCsError):
    """No server has this name. Check how it is written."""


@dataclass(frozen=True, slots=True)
class Limits:
    """How much of our time and memory one answer may take.

    `seconds` is for the whole answer, so that a drip of bytes gains nothing. `body` is in bytes
    after decompression; what is beyond is not read.
    """

    seconds: float = 20.0
    body: int = 1_000_000
    redirects: int = 10


@dataclass(frozen=True, slots=True)
class Answer:
    """What a server said. `headers` by lower-case name, of several the first."""

    status: int
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""


class CheckedBackend(httpcore2.AsyncNetworkBackend):
    """Opens connections only to addresses that may be called.

    Here and nowhere else a name becomes an address, so the one that was checked is the one that is
    called: a name that answers differently the second time (DNS rebinding) gains nothing. TLS goes
    on by the name.
    """

    def __init__(self, resolve: Resolve, may_call: Callable[[str], bool]) -> None:
        self._resolve = resolve
        self._may_call = may_call
        self._wire = httpcore2.AnyIOBackend()

    async def connect_tcp(
        self, host: str, port: int, timeout: float | None = None,
        local_address: str | None = None, socket_options: Iterable[Any] | None = None,
    ) -> httpcore2.AsyncNetworkStream:  # fmt: skip
        """Raises PrivateAddressError, ReservedNameError, UnknownNameError, or httpcore2's own."""
        try:
            found = await self._resolve(host, port)
        except (OSError, UnicodeError) as error:
            raise UnknownNameError from error
        allowed = [address for address in found if self._may_call(address)][:_TRIED_ADDRESSES]
        if not allowed or not may_call_port(port):
            raise PrivateAddressError
        for address in allowed:
            try:
                return await self._wire.connect_tcp(
                    address, port, timeout, local_address, socket_options
                )
            except (httpcore2.ConnectError, httpcore2.ConnectTimeout):
                if address == allowed[-1]:
                    raise
        raise AssertionError("the last address either answers or raises")

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)


class PageWire:
    """Asks servers, one request at a time, over connections that are kept for the next one.

    `may_call` decides about each address; only tests, whose servers are on loopback, give another
    than `is_public`. No cookies, no proxies of the environment, no credentials.
    """

    def __init__(
        self, *, agent: str, limits: Limits = Limits(), resolve: Resolve = resolve,
        may_call: Callable[[str], bool] = is_public, context: ssl.SSLContext | None = None,
    ) -> None:  # fmt: skip
        self.limits = limits
        self._headers = [
            (b"user-agent", agent.encode("ascii", "replace")), (b"accept", b"text/html, */*;q=0.5"),
            (b"accept-encoding", b"gzip"),
        ]  # fmt: skip
        self._pool = httpcore2.AsyncConnectionPool(
            ssl_context=context or httpx2.create_ssl_context(), max_connections=1_000,
            max_keepalive_connections=_KEPT, keepalive_expiry=_KEPT_SECONDS,
            network_backend=CheckedBackend(resolve, may_call),
        )  # fmt: skip

    async def close(self) -> None:
        """Close every connection."""
        await self._pool.aclose()

    async def ask(self, method: str, url: str, *, body: bool = False) -> Answer:
        """One request, no redirects followed. `body`: read the text as far as the limit goes.

        Raises WireError.
        """
        try:
            async with asyncio.timeout(self.limits.seconds):
                return await self._ask(method, url, body)
        except (TimeoutError, httpcore2.TimeoutException):
            slow = f"no whole answer came in {self.limits.seconds:g} seconds"
            raise WireError(Finding.TOO_SLOW, slow) from None
        except PrivateAddressError:
            private = "the address is inside a private network, or no web server's"
            raise WireError(Finding.PRIVATE, private) from None
        except ReservedNameError:
            reserved = "the name is kept for examples: no server has it"
            raise WireError(Finding.RESERVED, reserved) from None
        except UnknownNameError:
            raise WireError(Finding.NO_SERVER, "no server has this name") from None
        except httpcore2.ConnectError as error:
            raise _not_connected(error) from error
        except (httpcore2.NetworkError, OSError) as error:
            raise WireError(Finding.NO_ANSWER, "the server hung up") from error
        except (httpcore2.ProtocolError, zlib.error, ValueError) as error:
            raise WireError(Finding.BAD_ANSWER, "the server does not speak HTTP") from error

    async def _ask(self, method: str, url: str, body: bool) -> Answer:
        timeouts = {"connect": min(_CONNECT, self.limits.seconds)}
        host = httpcore2.URL(url)
        headers = [(b"host", _host_header(host)), *self._headers]
        async with self._pool.stream(
            method, host, headers=headers, extensions={"timeout": timeouts}
        ) as response:
            found: dict[str, str] = {}
            for name, value in response.headers:
                found.setdefault(name.decode("latin-1").lower(), _readable(value))
            read = b""
            # A short body is read even where nobody wants it: the connection can be kept then.
            if method != "HEAD" and (body or _is_short(found)):
                read = await self._read(response, found)
            return Answer(response.status, found, read)

    async def _read(self, response: httpcore2.Response, headers: Mapping[str, str]) -> bytes:
        encoding = headers.get("content-encoding", "").strip().lower()
        unpack = zlib.decompressobj(47) if encoding in ("gzip", "x-gzip", "deflate") else None
        read = bytearray()
        async for chunk in response.aiter_stream():
            left = self.limits.body - len(read)
            read += unpack.decompress(chunk, left) if unpack else chunk[:left]
            if len(read) >= self.limits.body:
                break
        return bytes(read)


def _readable(value: bytes) -> str:
    """A header as browsers read it: addresses in it are often UTF-8 as it is."""
    try:
        return value.decode("utf-8")
    except UnicodeDecodeError:
        return value.decode("latin-1")


def _host_header(url: httpcore2.URL) -> bytes:
    usual = {b"http": 80, b"https": 443}[url.scheme]
    host = b"[%b]" % url.host if b":" in url.host else url.host
    return host if url.port in (None, usual) else b"%b:%d" % (host, url.port)


def _is_short(headers: Mapping[str, str]) -> bool:
    length = headers.get("content-length", "")
    return len(length) < 7 and length.isdigit() and int(length) <= _CHUNK


def _not_connected(error: BaseException) -> WireError:
    """A certificate that is not theirs is told from a server that is away."""
    seen: BaseException | None = error
    while seen is not None:
        if isinstance(seen, ssl.SSLError):
            reason = getattr(seen, "verify_message", "") or "TLS does not come about"
            return WireError(Finding.BAD_CERTIFICATE, f"its certificate is refused: {reason}")
        seen = seen.__cause__ or seen.__context__
    return WireError(Finding.NO_ANSWER, "the server takes no connection")
