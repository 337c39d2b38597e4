"""A real browser for the tests of pages: Debian's chromium, spoken to over its debugging pipe."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import itertools
import json
import os
import shutil
import signal
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

PATIENCE = 30
ENTER = {"key": "Enter", "code": "Enter", "windowsVirtualKeyCode": 13, "text": "\r"}
TAB = {"key": "Tab", "code": "Tab", "windowsVirtualKeyCode": 9}
SPACE = {"key": " ", "code": "Space", "windowsVirtualKeyCode": 32, "text": " "}


def chromium() -> str:
    """The browser of this machine; skips the test, and says why, where there is none."""
    found = shutil.which("chromium")
    if found is None:
        pytest.skip("there is no chromium here: apt-get install chromium to test pages in it")
    return found


class Tab:
    """One page of the browser. Every call raises RuntimeError when the browser refuses it."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer
        self._ids = itertools.count(1)
        self._session: str | None = None
        self._heard: list[str] = []
        self.asked_for: list[str] = []
        """Every address that the pages asked for."""
        self.complaints: list[str] = []
        """What the browser's console was told: refused by a policy, not found, deprecated."""

    async def attach(self) -> None:
        """Make a page, and listen to what happens in it."""
        target = await self.call("Target.createTarget", url="about:blank")
        attached = await self.call(
            "Target.attachToTarget", targetId=target["targetId"], flatten=True
        )
        self._session = attached["sessionId"]
        for domain in ("Page", "DOM", "Accessibility", "Network", "Log"):
            await self.call(f"{domain}.enable")

    async def call(self, method: str, **params: Any) -> dict[str, Any]:
        """Ask for something of the Chrome DevTools Protocol, and wait for its answer."""
        number = next(self._ids)
        asked: dict[str, Any] = {"id": number, "method": method, "params": params}
        if self._session is not None:
            asked["sessionId"] = self._session
        self._writer.write(json.dumps(asked).encode() + b"\0")
        while (told := await self._next()).get("id") != number:
            self._hear(told)
        if "error" in told:
            raise RuntimeError(f"{method}: {told['error']['message']}")
        result: dict[str, Any] = told["result"]
        return result

    def _hear(self, told: dict[str, Any]) -> None:
        self._heard.append(told.get("method", ""))
        match told.get("method"):
            case "Network.requestWillBeSent":
                self.asked_for.append(told["params"]["request"]["url"])
            case "Log.entryAdded":
                self.complaints.append(told["params"]["entry"]["text"])

    async def _next(self) -> dict[str, Any]:
        async with asyncio.timeout(PATIENCE):
            told: dict[str, Any] = json.loads((await self._reader.readuntil(b"\0"))[:-1])
        return told

    async def loaded(self) -> None:
        """Wait until the page that is being loaded is there."""
        while "Page.loadEventFired" not in self._heard:
            self._hear(await self._next())
        self._heard.clear()

    async def open(self, url: str, width: int, height: int = 800, **headers: str) -> None:
        """Open an address on a screen of this size; below 600 it is a phone."""
        await self.call(
            "Emulation.setDeviceMetricsOverride", width=width, height=height,
            deviceScaleFactor=2 if width < 600 else 1, mobile=width < 600,
        )  # fmt: skip
        await self.call("Network.setExtraHTTPHeaders", headers=headers)
        self._heard.clear()
        await self.call("Page.navigate", url=url)
        await self.loaded()

    async def ask(self, expression: str) -> Any:
        """The value of an expression in the page."""
        found = await self.call("Runtime.evaluate", expression=expression, returnByValue=True)
        return found["result"].get("value")

    async def press(self, key: dict[str, Any]) -> None:
        """Press a key, and let it go."""
        for kind in ("keyDown", "keyUp"):
            await self.call("Input.dispatchKeyEvent", type=kind, **key)

    async def controls(self) -> list[tuple[str, str, str]]:
        """What a screen reader finds: role, name and description of all that can be used or is
        said at once."""
        tree = await self.call("Accessibility.getFullAXTree")
        roles = ("checkbox", "button", "link", "group", "heading", "status")
        return [
            (node["role"]["value"], node.get("name", {}).get("value", ""),
             node.get("description", {}).get("value", ""))
            for node in tree["nodes"]
            if not node.get("ignored") and node["role"]["value"] in roles
        ]  # fmt: skip

    async def screenshot(self, path: Path) -> None:
        """A picture of the whole page."""
        shot = await self.call("Page.captureScreenshot", captureBeyondViewport=True)
        path.write_bytes(base64.b64decode(shot["data"]))


@contextlib.asynccontextmanager
async def browsing() -> AsyncIterator[Tab]:
    """A browser with one page; it and all that it kept are gone afterwards."""
    there, ours = os.pipe()
    back, theirs = os.pipe()
    folder = Path(tempfile.mkdtemp(prefix="dcs-browser-"))
    words = f'exec "$0" "$@" 3</dev/fd/{there} 4>/dev/fd/{theirs}'
    process = await asyncio.create_subprocess_exec(
        "sh", "-c", words, chromium(), "--headless=new", "--no-sandbox", "--disable-gpu",
        "--disable-dev-shm-usage", "--remote-debugging-pipe", f"--user-data-dir={folder}",
        "--disable-background-networking", "--disable-component-update", "--no-first-run",
        pass_fds=(there, theirs), stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.DEVNULL, start_new_session=True,
    )  # fmt: skip
    os.close(there)
    os.close(theirs)
    loop = asyncio.get_running_loop()
    reader = asyncio.StreamReader(limit=64 * 2**20)
    reading, _ = await loop.connect_read_pipe(
        lambda: asyncio.StreamReaderProtocol(reader), os.fdopen(back, "rb")
    )
    pipe, protocol = await loop.connect_write_pipe(
        lambda: asyncio.StreamReaderProtocol(asyncio.StreamReader()), os.fdopen(ours, "wb")
    )
    tab = Tab(reader, asyncio.StreamWriter(pipe, protocol, None, loop))
    try:
        await tab.attach()
        yield tab
    finally:
        # All of its processes, for those that are left would go on writing into the folder.
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        await process.wait()
        pipe.close()
        reading.close()
        while folder.exists():
            shutil.rmtree(folder, ignore_errors=True)
            await asyncio.sleep(0.05)
