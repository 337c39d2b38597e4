"""The SDKs of others, unmodified, each told to tell the same messages."""

from __future__ import annotations

import contextlib
import json
import re
import shutil
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
import rudderstack.analytics.request
import segment.analytics.request
from rudderstack.analytics.client import Client as RudderClient
from segment.analytics.client import Client as SegmentClient

HERE = Path(__file__).parent
NPM_PATIENCE = 120
PATIENCE = 90

Messages = list[dict[str, Any]]


@dataclass(frozen=True)
class Sdk:
    """One SDK: `tell(url, key, messages, gzip)` returns once all is sent or given up, with a line
    for each thing that was given up."""

    name: str
    tell: Callable[[str, str, Messages, bool], list[str]]


def _python(client: Any, messages: Messages) -> None:
    """Tell the messages in Python's spelling, and wait until all are sent or given up."""
    for message in messages:
        words = {re.sub(r"[A-Z]", lambda m: f"_{m[0].lower()}", k): v for k, v in message.items()}
        words["timestamp"] = datetime.fromisoformat(words["timestamp"])
        getattr(client, words.pop("call"))(**words)
    client.flush()
    client.join()


def segment_python(url: str, key: str, messages: Messages, gzip: bool) -> list[str]:
    """segment-analytics-python."""
    errors: list[str] = []
    client = SegmentClient(
        key, host=url, gzip=gzip, max_retries=5, upload_interval=0.1,
        on_error=lambda error, items: errors.append(str(error)),
    )  # fmt: skip
    _python(client, messages)
    segment.analytics.request._session.close()
    return errors


def rudder_python(url: str, key: str, messages: Messages, gzip: bool) -> list[str]:
    """rudder-sdk-python."""
    errors: list[str] = []
    client = RudderClient(
        key, host=url, gzip=gzip, max_retries=5, upload_interval=0.1,
        on_error=lambda error, items: errors.append(str(error)),
    )  # fmt: skip
    _python(client, messages)
    rudderstack.analytics.request._session.close()
    return errors


def node_sdks(folder: Path) -> dict[str, Sdk]:
    """The two for Node, installed into a folder. Skips, with the reason, where that cannot be."""
    node, npm = shutil.which("node"), shutil.which("npm")
    if node is None or npm is None:
        pytest.skip("the SDKs for Node need node and npm, and they are not here")
    shutil.copytree(HERE / "node", folder, dirs_exist_ok=True)
    install = [npm, "install", "--no-package-lock", "--no-audit", "--no-fund", "--ignore-scripts"]
    try:
        subprocess.run(install, cwd=folder, check=True, capture_output=True, timeout=NPM_PATIENCE)
    except (subprocess.CalledProcessError, subprocess.TimeoutExpired) as error:
        pytest.skip(f"npm could not install the SDKs for Node: {error}")

    def sdk(name: str) -> Sdk:
        def tell(url: str, key: str, messages: Messages, gzip: bool) -> list[str]:
            asked = {"url": url, "key": key, "messages": messages, "gzip": gzip}
            done = subprocess.run(
                [node, f"{name}.js"], cwd=folder, input=json.dumps(asked), text=True,
                capture_output=True, timeout=PATIENCE, check=False,
            )  # fmt: skip
            assert done.returncode == 0, done.stderr
            told: list[str] = json.loads(done.stdout.splitlines()[-1])
            return told

        return Sdk(f"{name}-node", tell)

    return {"segment-node": sdk("segment"), "rudder-node": sdk("rudder")}


PYTHON_SDKS = {
    "segment-python": Sdk("segment-python", segment_python),
    "rudder-python": Sdk("rudder-python", rudder_python),
}
NAMES = (*PYTHON_SDKS, "segment-node", "rudder-node")


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """Nothing of the environment's proxies: everything here is on this machine."""
    with pytest.MonkeyPatch.context() as patch:
        for name in ("http_proxy", "https_proxy", "all_proxy"):
            patch.delenv(name, raising=False)
            patch.delenv(name.upper(), raising=False)
        patch.setenv("no_proxy", "127.0.0.1")
        yield
