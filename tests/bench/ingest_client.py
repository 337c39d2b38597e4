"""Clients of the bench in one process of their own: each sends, waits for the answer, sends again.

One loop and no threads: what it costs to ask takes from the same cores as what it costs to answer.
"""

from __future__ import annotations

import contextlib
import json
import pickle
import selectors
import socket
import sys
import time
from collections import deque
from pathlib import Path
from selectors import EVENT_READ, EVENT_WRITE

SEND_BUFFER = 1 << 18
"""Bytes: a whole request, so that it is handed over at once."""


class Client:
    """One connection, with at most one request under way. `kept` gets the numbers of the 200s."""

    def __init__(
        self, sock: socket.socket, requests: deque[tuple[int, bytes]], kept: list[int]
    ) -> None:
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SEND_BUFFER)
        sock.setblocking(False)
        self.socket = sock
        self._requests = requests
        self._kept = kept
        self._number = -1
        self._left = memoryview(b"")
        self._answer = b""

    @property
    def wants(self) -> int:
        """What to wait for before the next `step`."""
        return EVENT_READ | EVENT_WRITE if self._left else EVENT_READ

    def begin(self) -> bool:
        """Send the next request; False: there is none, or nobody to send it to."""
        if not self._requests:
            return False
        self._number, request = self._requests.popleft()
        self._left, self._answer = memoryview(request), b""
        return self.step(EVENT_WRITE)

    def step(self, ready: int) -> bool:
        """Go on as far as that is possible; False: it is over."""
        try:
            if ready & EVENT_WRITE and self._left:
                with contextlib.suppress(BlockingIOError):
                    self._left = self._left[self.socket.send(self._left) :]
            return not ready & EVENT_READ or self._read()
        except OSError:
            return False

    def _read(self) -> bool:
        more = self.socket.recv(65536)
        self._answer += more
        head, end, body = self._answer.partition(b"\r\n\r\n")
        if not more or not end or len(body) < _length(head):
            return bool(more)
        if head.startswith(b"HTTP/1.1 200") and b'"refused":[]' in body.replace(b" ", b""):
            self._kept.append(self._number)
        return self.begin()


def _length(head: bytes) -> int:
    return next(
        int(line.partition(b":")[2]) for line in head.lower().split(b"\r\n")
        if line.startswith(b"content-length")
    )  # fmt: skip


def send_all(port: int, clients: int, requests: deque[tuple[int, bytes]]) -> list[int]:
    """Send until nothing is left, or nobody answers; the numbers of the batches kept whole."""
    kept: list[int] = []
    with selectors.DefaultSelector() as selector:
        for _ in range(clients):
            try:
                sock = socket.create_connection(("127.0.0.1", port))
            except OSError:
                break
            client = Client(sock, requests, kept)
            selector.register(sock, client.wants, client)
            _go_on(selector, client, client.begin())
        while selector.get_map():
            for key, ready in selector.select():
                _go_on(selector, key.data, key.data.step(ready))
    return kept


def _go_on(selector: selectors.BaseSelector, client: Client, going: bool) -> None:
    if not going:
        selector.unregister(client.socket)
        client.socket.close()
    elif selector.get_key(client.socket).events != client.wants:
        selector.modify(client.socket, client.wants, client)


def main() -> None:
    """Arguments: port, clients, file of requests. Says ready, waits for a line, says the result."""
    port, clients = int(sys.argv[1]), int(sys.argv[2])
    requests = deque(enumerate(pickle.loads(Path(sys.argv[3]).read_bytes())))
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    sys.stdin.readline()
    started = time.perf_counter()
    kept = send_all(port, clients, requests)
    seconds = time.perf_counter() - started
    sys.stdout.write(json.dumps({"seconds": seconds, "kept": kept}) + "\n")


if __name__ == "__main__":
    main()
