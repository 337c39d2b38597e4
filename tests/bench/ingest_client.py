"""Clients of the bench in a process of their own: blocking sockets, one request after another."""

from __future__ import annotations

import json
import pickle
import socket
import sys
import threading
import time
from pathlib import Path
from queue import Empty, SimpleQueue


def send(sock: socket.socket, request: bytes) -> bool:
    """Send one request and read its answer; whether it was a 200."""
    sock.sendall(request)
    answer = b""
    while b"\r\n\r\n" not in answer:
        more = sock.recv(65536)
        if not more:
            return False
        answer += more
    head, _, body = answer.partition(b"\r\n\r\n")
    length = next(
        int(line.partition(b":")[2]) for line in head.lower().split(b"\r\n")
        if line.startswith(b"content-length")
    )  # fmt: skip
    while len(body) < length:
        more = sock.recv(65536)
        if not more:
            return False
        body += more
    return head.startswith(b"HTTP/1.1 200") and b'"refused":[]' in body.replace(b" ", b"")


def client(port: int, requests: SimpleQueue[tuple[int, bytes]], kept: list[int]) -> None:
    """Send until nothing is left, or nobody answers; `kept` gets the numbers of the 200s."""
    try:
        with socket.create_connection(("127.0.0.1", port)) as sock:
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            while True:
                number, request = requests.get_nowait()
                if send(sock, request):
                    kept.append(number)
    except (Empty, OSError):
        return


def main() -> None:
    """Arguments: port, clients, file of requests. Says ready, waits for a line, says the result."""
    port, clients = int(sys.argv[1]), int(sys.argv[2])
    requests: SimpleQueue[tuple[int, bytes]] = SimpleQueue()
    for numbered in enumerate(pickle.loads(Path(sys.argv[3]).read_bytes())):
        requests.put(numbered)
    kept: list[int] = []
    threads = [threading.Thread(target=client, args=(port, requests, kept)) for _ in range(clients)]
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    sys.stdin.readline()
    started = time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    seconds = time.perf_counter() - started
    sys.stdout.write(json.dumps({"seconds": seconds, "kept": kept}) + "\n")


if __name__ == "__main__":
    main()
