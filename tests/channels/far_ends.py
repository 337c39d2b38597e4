"""Far ends of the SMTP wire for tests: a scripted server, aiosmtpd, and the sink as a process."""

from __future__ import annotations

import asyncio
import resource
import ssl
import subprocess
import sys
import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from aiosmtpd.smtp import SMTP, AuthResult

HANG_UP = b"(hang up)"
SILENCE = b"(silence)"


@dataclass
class ScriptedServer:
    """Answers each verb from a table; `b"."` is the answer to the final dot.

    An answer may be a list: one for each time it is asked, the last one for all that follow.
    """

    answers: dict[bytes, bytes | list[bytes]] = field(default_factory=dict)
    pipelining: bool = True
    features: tuple[bytes, ...] = ()
    connections: int = 0
    commands: list[bytes] = field(default_factory=list)
    port: int = 0

    async def __aenter__(self) -> ScriptedServer:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self._writers: set[asyncio.StreamWriter] = set()
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.close()
        for writer in tuple(self._writers):
            writer.transport.abort()
        await asyncio.sleep(0)
        await self._server.wait_closed()

    def _answer(self, verb: bytes, default: bytes) -> bytes:
        answer = self.answers.get(verb, default)
        if isinstance(answer, list):
            return answer.pop(0) if len(answer) > 1 else answer[0]
        return answer

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        self._writers.add(writer)
        try:
            await self._dialogue(reader, writer)
        except ConnectionError:
            pass
        finally:
            self._writers.discard(writer)
            writer.close()

    async def _dialogue(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        features = (b"PIPELINING", *self.features) if self.pipelining else self.features
        ehlo = b"".join(b"250-%b\r\n" % word for word in features) + b"250 HELP"
        defaults = {b"EHLO": b"250-me\r\n" + ehlo, b"DATA": b"354 go on", b"QUIT": b"221 bye"}
        verb = b"GREETING"
        default = b"220 scripted"
        while True:
            answer = self._answer(verb, default)
            if answer == HANG_UP:
                return
            if answer == SILENCE:
                await reader.read()
                return
            writer.write(answer + b"\r\n")
            await writer.drain()
            if verb == b"DATA" and answer.startswith(b"354"):
                while (line := await reader.readline()) != b".\r\n":
                    if not line:
                        return
                verb, default = b".", b"250 2.0.0 taken"
                continue
            command = await reader.readline()
            if not command:
                return
            self.commands.append(command)
            verb = command.split()[0].partition(b":")[0].upper()
            default = defaults.get(verb, b"250 ok")


@dataclass
class Letter:
    """What aiosmtpd took."""

    sender: str
    recipients: list[str]
    content: bytes
    user: bytes | None


class IndependentServer:
    """aiosmtpd: a server that is not ours, without PIPELINING, with STARTTLS and AUTH."""

    def __init__(
        self,
        *,
        server_context: ssl.SSLContext | None = None,
        implicit_tls: bool = False,
        account: tuple[str, str] | None = None,
        exclude: tuple[str, ...] = (),
    ) -> None:
        self.letters: list[Letter] = []
        self.port = 0
        self._implicit = server_context if implicit_tls else None
        self._options: dict[str, Any] = {
            "enable_SMTPUTF8": True,
            "hostname": "independent",
            "tls_context": None if implicit_tls else server_context,
            "auth_exclude_mechanism": exclude,
        }
        if account is not None:
            login, password = (part.encode() for part in account)
            self._options["auth_required"] = True
            self._options["auth_require_tls"] = server_context is not None and not implicit_tls
            self._options["authenticator"] = lambda *args: AuthResult(
                success=(args[-1].login, args[-1].password) == (login, password),
                handled=False,
                auth_data=args[-1].login,
            )

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:
        user = session.auth_data if session.authenticated else None
        self.letters.append(
            Letter(envelope.mail_from, envelope.rcpt_tos, envelope.original_content, user)
        )
        return "250 2.0.0 taken"

    def _session(self) -> SMTP:
        with warnings.catch_warnings():
            # Signing in without TLS is what some of the tests are about.
            warnings.filterwarnings("ignore", message="Requiring AUTH while not requiring TLS")
            return SMTP(self, loop=asyncio.get_running_loop(), **self._options)

    async def __aenter__(self) -> IndependentServer:
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(self._session, "127.0.0.1", 0, ssl=self._implicit)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.close()
        await self._server.wait_closed()


@dataclass
class SinkProcess:
    process: subprocess.Popen[str]
    port: int


@contextmanager
def sink_process(
    folder: Path, *arguments: str, largest_file: int | None = None
) -> Iterator[SinkProcess]:
    """The sink as its own process; `largest_file` in bytes makes its disk look full."""

    def limit() -> None:
        if largest_file is not None:
            resource.setrlimit(resource.RLIMIT_FSIZE, (largest_file, largest_file))

    port_file = folder.with_suffix(".port")
    port_file.unlink(missing_ok=True)
    command = [sys.executable, "-m", "digital_cs.channels.sink", "--folder", str(folder)]
    process = subprocess.Popen(
        [*command, "--port-file", str(port_file), *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        preexec_fn=limit,
    )
    try:
        deadline = time.monotonic() + 30
        while not port_file.exists():
            assert process.poll() is None, process.communicate()[0]
            assert time.monotonic() < deadline, "the sink did not start"
            time.sleep(0.01)
        yield SinkProcess(process, int(port_file.read_text()))
    finally:
        process.kill()
        process.communicate()
