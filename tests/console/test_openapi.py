"""Schemathesis against the API's own OpenAPI: no 5xx, and no answer that it does not announce."""

from __future__ import annotations

import asyncio
import json
import sys
import urllib.request
from pathlib import Path

import pytest

from tests.console.client import KEY
from tests.console.fetching import fetch
from tests.console.serving import served

WRITE_KEY = "a-write-key-of-this-test"
MOST_EXAMPLES = 25
"""Of each route and phase. Before a release, raise it: 200 take three minutes."""

CONFIG = f"""
[auth.openapi.apiKey]
bearer = "{KEY}"

[auth.openapi.writeKey]
username = "{WRITE_KEY}"
password = ""

# Whether an id is known, or a moment is too old, no schema can say.
[checks.positive_data_acceptance]
enabled = false

# An SDK drops the whole batch on a 400: the answer names the bad messages, and is a 200.
[[operations]]
include-tag = "segment"
checks.negative_data_rejection.enabled = false

[[operations]]
include-path = "/v1/programs/{{program}}/enrollments"
parameters = {{ "path.program" = "welcome" }}
"""


@pytest.mark.timeout(300)
async def test_every_route_keeps_to_its_openapi_whatever_is_sent(
    database: str, accounts: list[str], tmp_path: Path
) -> None:
    async with served(database, write_keys=WRITE_KEY, log_level="error") as url:
        asked = urllib.request.Request(
            f"{url}/v1/openapi.json", headers={"Authorization": f"Bearer {KEY}"}
        )
        status, schema = await asyncio.to_thread(fetch, asked)
        assert status == 200
        (tmp_path / "openapi.json").write_bytes(schema)
        (tmp_path / "schemathesis.toml").write_text(CONFIG)
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-c", "from schemathesis.cli import schemathesis; schemathesis()",
            "--config-file", "schemathesis.toml", "run", "openapi.json", "--url", url,
            "--max-examples", str(MOST_EXAMPLES), "--generation-database", "none", "--no-color",
            "--continue-on-failure",
            cwd=tmp_path, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
        )  # fmt: skip
        said, _ = await process.communicate()

    report = "\n".join(line[:400] for line in said.decode().splitlines())
    assert process.returncode == 0, report
    routes = sum(len(methods) for methods in json.loads(schema)["paths"].values())
    assert f"Tested: {routes}" in report
