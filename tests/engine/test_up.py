"""`digital-cs up` on the starter playbook, as a newcomer starts it: all of it comes to life."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg

from digital_cs.config import Settings
from tests.rig import ROOT
from tests.stack.processes import eventually

PATIENCE = 60.0


@contextmanager
def up(state_dir: Path) -> Iterator[dict[str, Any]]:
    """What the command says when everything runs; then Ctrl-C, at which it must end in order."""
    said = state_dir.parent / "up.said"
    ours = {name.upper() for name in Settings.model_fields}
    env = {name: value for name, value in os.environ.items() if name not in ours}
    env |= {"STATE_DIR": str(state_dir), "CONTENT_DIR": str(ROOT / "content")}
    with (
        said.open("w") as complaints,
        subprocess.Popen(
            [sys.executable, "-m", "digital_cs", "up", "--no-ui", "--json"], cwd=ROOT, env=env,
            stdout=subprocess.PIPE, stderr=complaints, text=True,
        ) as process,
    ):  # fmt: skip
        try:
            assert process.stdout is not None
            told = process.stdout.readline()
            assert told == "{\n", said.read_text()
            told += "".join(iter(process.stdout.readline, "}\n")) + "}"
            yield {**json.loads(told), "said": said.read_text()}
            process.send_signal(signal.SIGINT)
            assert process.wait(PATIENCE) == 0, said.read_text()
        finally:
            process.kill()


def test_up_publishes_the_newsletters_of_the_playbook_and_their_issues_come_to_life(
    server_dir: Path,
) -> None:
    with up(server_dir / "whole-up") as running:
        assert " 1 newsletter" in running["said"]
        with psycopg.connect(running["database_url"], autocommit=True) as connection:

            def told() -> bool:
                """The worker's keeper has started the workflow of the issue that was planned, and
                that has looked at it."""
                rows = connection.execute(
                    "select relayed >= revision and next_at is not null from newsletter_issues"
                ).fetchall()
                return bool(rows) and all(row == (True,) for row in rows)

            assert eventually(told, PATIENCE)
