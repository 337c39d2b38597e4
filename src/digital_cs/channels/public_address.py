"""Which addresses of the internet may be called on somebody's word: none that is inside."""

from __future__ import annotations

import asyncio
import ipaddress
import socket
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor

from digital_cs.errors import DigitalCsError


class ReservedNameError(DigitalCsError):
    """This name is kept for examples and tests (RFC 2606): no server of the internet has it."""


Resolve = Callable[[str, int], Awaitable[list[str]]]
"""The addresses of a server's name, the preferred one first. Raises OSError: the name is unknown.
"""

_NAT64 = ipaddress.ip_network("64:ff9b::/96")
_SITE_LOCAL = ipaddress.ip_network("fec0::/10")
_OF_CLOUDS = frozenset({ipaddress.ip_address("168.63.129.16")})
"""Public in form, and answered by the machine's own host (Azure)."""

_RESERVED = frozenset({"test", "example", "invalid", "example.com", "example.net", "example.org"})

_ASKING = 16
_resolving = ThreadPoolExecutor(_ASKING, thread_name_prefix="names")
"""Apart from the loop's own threads: names of slow servers would keep all of those waiting."""


def is_public(address: str) -> bool:
    """Whether an IP address is one of the open internet: not private, loopback, link-local (which
    clouds keep their secrets at), multicast, or an IPv6 address that wraps one of those."""
    try:
        found = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return False
    if isinstance(found, ipaddress.IPv6Address):
        inner = found.ipv4_mapped or found.sixtofour
        if inner is None and found in _NAT64:
            inner = ipaddress.IPv4Address(int(found) & 0xFFFFFFFF)
        if inner is not None:
            return is_public(str(inner))
        if found in _SITE_LOCAL or found.teredo is not None:
            return False
    return found.is_global and not found.is_multicast and found not in _OF_CLOUDS


def is_reserved(host: str) -> bool:
    """Whether a name is kept for examples and tests, so that nobody need ask who has it."""
    labels = host.rstrip(".").lower().split(".")
    return labels[-1] in _RESERVED or ".".join(labels[-2:]) in _RESERVED


def may_call_port(port: int) -> bool:
    """Whether a web server may listen there: not where mail, shells and databases of old do."""
    return port in (80, 443) or port >= 1024


async def resolve(host: str, port: int) -> list[str]:
    """The addresses of a name, as this machine knows them. Raises OSError, ReservedNameError."""
    if is_reserved(host):
        raise ReservedNameError
    found = await asyncio.get_running_loop().run_in_executor(
        _resolving, lambda: socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    )
    return list(dict.fromkeys(str(address[0]) for *_, address in found))
