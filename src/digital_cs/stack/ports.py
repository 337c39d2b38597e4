"""Loopback ports for the embedded servers: one that is free, or a clear word about who wants it."""

from __future__ import annotations

import secrets
import socket

from digital_cs.errors import DigitalCsError

LOOPBACK = "127.0.0.1"

# Below the range from which Linux (32768+) and macOS (49152+) take the local port of outgoing
# connections. Inside it, a client that keeps dialling a server that is down can be given that very
# port and connect to itself, and the server can never come back.
_LOWEST, _HIGHEST = 20_000, 32_000


class PortTakenError(DigitalCsError):
    """A port that a server needs is already taken. Stop what uses it, or choose another port."""


def is_free(port: int) -> bool:
    """Whether a server could listen on this loopback port now."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        # As servers do it: connections of a server that has just ended do not count as taken.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOOPBACK, port))
        except OSError:
            return False
        return True


def free_port() -> int:
    """A loopback port that nobody listens on. It is not held: use it soon."""
    for _ in range(200):
        port = _LOWEST + secrets.randbelow(_HIGHEST - _LOWEST)
        if is_free(port):
            return port
    raise PortTakenError(
        f"No free port was found on {LOOPBACK} between {_LOWEST} and {_HIGHEST}. "
        "Stop some of the servers on this machine and start again."
    )


def require_free(port: int, what: str, instead: str) -> int:
    """Return `port`, or raise `PortTakenError` that names what wanted it and what to do.

    `instead` is the option or setting that chooses another one, for example "--ui-port".
    """
    if not is_free(port):
        raise PortTakenError(
            f"Port {port} is already taken ({what}). "
            f"Stop what uses it, or choose another port with {instead}."
        )
    return port
