"""The door for mail that comes back: a listener that speaks SMTP and LMTP with whoever calls.

A protocol of our own, like the sink's: aiosmtpd answers an LMTP client once where RFC 2033 wants
an answer for each recipient, holds whole mails in memory, and closes a slow client only by command.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from types import TracebackType

from digital_cs import logs
from digital_cs.channels.mail_door_session import Conversation, Limits, Mail
from digital_cs.errors import UnavailableError

__all__ = ["Limits", "Mail", "MailDoor"]

log = logs.get(__name__)

READ_AHEAD = 64 * 1024


class MailDoor:
    """Listens on `host` and `port` (0: any free one), as an async context manager.

    `take` keeps a mail, and returns what to tell its sender; it is never called for a recipient
    whom `wants` refuses. Raises `UnavailableError` on entering if the port cannot be had.
    """

    def __init__(
        self, take: Callable[[Mail], Awaitable[bytes]], wants: Callable[[str], bool], *,
        host: str = "127.0.0.1", port: int = 0, limits: Limits | None = None,
    ) -> None:  # fmt: skip
        self.host = host
        self.port = port
        self._take = take
        self._wants = wants
        self._limits = limits or Limits()
        self._open: dict[asyncio.Task[None], Conversation] = {}
        self._closing = asyncio.Event()

    async def __aenter__(self) -> MailDoor:
        try:
            self._server = await asyncio.start_server(
                self._greet, self.host, self.port, limit=READ_AHEAD, backlog=512
            )
        except OSError as error:
            raise UnavailableError(
                f"The listener for returned mail cannot listen on {self.host}:{self.port}:"
                f" {error.strerror}. Correct RETURNED_HOST or RETURNED_PORT."
            ) from error
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    @property
    def conversations(self) -> list[Conversation]:
        """Those that are going on."""
        return list(self._open.values())

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._server.close()
        self._closing.set()
        keeping = [task for task, each in self._open.items() if each.busy]
        if keeping:  # a mail that is being kept gets its answer
            await asyncio.wait(keeping, timeout=self._limits.farewell)
        left = tuple(self._open)
        for task in left:
            task.cancel()
        await asyncio.gather(*left, return_exceptions=True)
        await self._server.wait_closed()

    async def _greet(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        try:
            if len(self._open) >= self._limits.connections or self._closing.is_set():
                writer.write(b"421 4.3.2 too many connections, come again\r\n")
                return
            self._open[task] = Conversation(
                reader, writer, self._take, self._wants, self._limits, self._closing
            )
            await self._open[task].hold()
        except (ConnectionError, TimeoutError, EOFError):
            pass  # they are gone; what was not answered is sent again
        except asyncio.CancelledError:
            pass  # at the end only; raising it would make asyncio complain of a lost task
        except Exception as error:  # the listener lives on, whatever one client makes of it
            log.error("mail_door.fault", kind=type(error).__name__)
        finally:
            self._open.pop(task, None)
            writer.close()
