"""bench-ingest: events a second through the HTTP API over rows a second of a bare COPY."""

from __future__ import annotations

import contextlib
import json
import os
import pickle
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psycopg

from digital_cs.stack.children import Child
from digital_cs.stack.ports import free_port
from digital_cs.stack.postgres import PostgresServer
from digital_cs.store.migrate import migrate
from tests.bench import ingest_traffic as traffic
from tests.rig import say

GOAL = 0.25
EVENTS = int(os.environ.get("BENCH_EVENTS", "100000"))
ROUNDS = int(os.environ.get("BENCH_ROUNDS", "5"))
CLIENTS = int(os.environ.get("BENCH_CLIENTS", "32"))


@dataclass
class Bench:
    folder: Path
    postgres: PostgresServer
    port: int
    api: Child

    def send(self, requests: Sequence[bytes]) -> tuple[float, list[int]]:
        path = self.folder / "requests"
        path.write_bytes(pickle.dumps(list(requests)))
        argv = [sys.executable, "-m", "tests.bench.ingest_client", str(self.port), str(CLIENTS), str(path)]
        with subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
            assert process.stdin and process.stdout
            process.stdout.readline()
            process.stdin.write("go\n"); process.stdin.flush()
            result = json.loads(process.stdout.readline())
        return result["seconds"], result["kept"]


def start_api(folder: Path, database: str, port: int) -> Child:
    env = {
        **os.environ, "DATABASE_URL": database, "API_PORT": str(port),
        "WRITE_KEYS": f"{traffic.SOURCE}={traffic.WRITE_KEY}", "WRITE_RATE": "1000000000",
        "SIGNING_KEY": "bench-signing-key-of-32-letters!!", "LOG_LEVEL": "warning",
        "STATE_DIR": str(folder),
    }
    argv = [sys.executable, *( ["-m","cProfile","-o",os.environ["BENCH_PROFILE"],"-m","digital_cs"] if "BENCH_PROFILE" in os.environ else ["-m", "digital_cs"]), "api"]
    child = Child("api", argv, log=folder / "logs" / "api.log", env=env, cwd=Path.cwd())
    child.start()
    def answers() -> bool:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/healthz", timeout=1) as r: return True
        except urllib.error.HTTPError: return True
        except OSError: return False
    child.wait_ready(answers, 30)
    return child

def main() -> int:
    folder = Path(tempfile.mkdtemp(prefix="dcs-bench-", dir="/tmp")); folder.chmod(0o711)
    now = datetime.now(UTC)
    source = traffic.Traffic(1, now)
    with PostgresServer(folder) as postgres:
        migrate(postgres.url)
        port = free_port()
        api = start_api(folder, postgres.url, port)
        bench = Bench(folder, postgres, port, api)
        members = list(source.memberships())
        s, kept = bench.send([traffic.request(members[i:i+100], port) for i in range(0, len(members), 100)])
        say(f"memberships {len(members)} {len(members)/s:.0f}/s kept {len(kept)}")
        db = psycopg.connect(postgres.url, autocommit=True)
        db.execute("set synchronous_commit=on")
        sent = 0
        ratios=[]
        for number in range(ROUNDS+1):
            events = source.events(EVENTS)
            rows = [r.encode() for r in traffic.rows(events, now)]
            blocks = [b"".join(rows[i:i+500]) for i in range(0, len(rows), 500)]
            db.execute("drop table if exists bare")
            db.execute("create table bare (id text, day date, at timestamptz, received_at timestamptz, account_id text, user_id text, anonymous_id text, kind text, name text, value float8, properties jsonb, source text)")
            t=time.perf_counter()
            with db.cursor().copy("copy bare from stdin") as c:
                for b in blocks: c.write(b)
            bare = EVENTS/(time.perf_counter()-t)
            from psycopg.types.json import Jsonb
            db.execute("truncate bare")
            t=time.perf_counter()
            with db.cursor().copy("copy bare from stdin") as c:
                for e in events[:EVENTS//2]: c.write_row((e.id,e.at.date(),e.at,now,e.account,e.user,None,"track",e.name,None,Jsonb(e.properties),"bench"))
            bare2 = EVENTS/2/(time.perf_counter()-t)
            reqs=[traffic.request([traffic.message(e) for e in events[i:i+100]], port) for i in range(0, len(events), 100)]
            s, kept = bench.send(reqs)
            sent += EVENTS
            rate=EVENTS/s
            ratios.append(rate/bare)
            say(f"round {number} bare {bare:.0f} write_row {bare2:.0f} api {rate:.0f} ratio {rate/bare:.3f} / {rate/bare2:.3f} kept {len(kept)} of {len(reqs)}")
        say(str(db.execute("select count(*), (select sum(n) from usage_days), (select count(*) from usage_days) from product_events").fetchone()), )
        say(f"sent {sent}")
        db.close()
        api.stop()
    shutil.rmtree(folder)
    return 0

if __name__ == "__main__":
    main()
