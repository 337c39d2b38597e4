"""The embedded Postgres: data that is kept, ends that are clean, refusals that help."""

from __future__ import annotations

import os
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import psycopg
import pytest
from sqlalchemy import create_engine, text

from digital_cs.stack import binaries
from digital_cs.stack.binaries import NotInstalledError, PostgresBinaries, find_postgres
from digital_cs.stack.children import ChildStartError
from digital_cs.stack.lock import Lease, StillRunningError
from digital_cs.stack.os_user import UnreachableError, unprivileged_user
from digital_cs.stack.ports import PortTakenError
from digital_cs.stack.postgres import PostgresServer
from digital_cs.stack.postgres_data import PostgresData, PostgresDataError
from tests.stack.processes import eventually, kill, python, read_line

COUNT = "SELECT count(*) FROM line"

as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root changes the user")


def ask(url: str, query: str) -> object:
    with psycopg.connect(url) as connection:
        row = connection.execute(query).fetchone()
        return row[0] if row else None


def write_rows(url: str, count: int) -> None:
    with psycopg.connect(url) as connection:
        connection.execute("CREATE TABLE IF NOT EXISTS line (id int)")
        connection.execute("INSERT INTO line SELECT generate_series(1, %s)", [count])


def is_held(state_dir: Path) -> bool:
    try:
        Lease(state_dir / "postgres" / "lease", "Postgres").await_end(wait=0)
    except StillRunningError:
        return True
    return False


@pytest.fixture
def server(state_dir: Path) -> Iterator[PostgresServer]:
    """A running server of the test's own."""
    with PostgresServer(state_dir, durable=False) as running:
        yield running


def test_the_first_start_makes_a_utf8_database_on_utc_that_sorts_alike_everywhere(
    postgres: PostgresServer,
) -> None:
    assert ask(postgres.url, "SELECT current_database()") == "digital_cs"
    assert ask(postgres.url, "SHOW server_encoding") == "UTF8"
    assert ask(postgres.url, "SHOW timezone") == "UTC"
    assert ask(postgres.url, "SHOW max_connections") == "120"
    assert ask(postgres.url, "SELECT lower('ÄÖ')") == "äö"


def test_its_url_serves_sqlalchemy_too(postgres: PostgresServer) -> None:
    engine = create_engine(postgres.url.replace("postgresql://", "postgresql+psycopg://"))
    with engine.connect() as connection:
        assert connection.execute(text("SELECT current_database()")).scalar_one() == "digital_cs"
    engine.dispose()


def test_its_url_wins_over_somebodys_pgport(
    postgres: PostgresServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PGPORT", "1")
    assert ask(postgres.url, "SELECT 1") == 1


def test_it_listens_on_no_tcp_port_unless_asked(postgres: PostgresServer) -> None:
    assert ask(postgres.url, "SHOW listen_addresses") == ""
    with pytest.raises(PostgresDataError, match="no TCP port"):
        _ = postgres.tcp_url


def test_databases_are_made_once_and_copied_from_a_template(postgres: PostgresServer) -> None:
    template = postgres.ensure_database("stack_template")
    write_rows(template, 3)
    assert postgres.ensure_database("stack_template") == template
    assert ask(postgres.createdb("stack_copy", template="stack_template"), COUNT) == 3
    with pytest.raises(psycopg.errors.DuplicateDatabase):
        postgres.createdb("stack_copy")


def test_a_restart_keeps_the_data(state_dir: Path) -> None:
    for durable in (True, False):
        with PostgresServer(state_dir, durable=durable) as server:
            write_rows(server.url, 10)
            url = server.url
    assert not server.is_running
    assert eventually(lambda: not is_held(state_dir))
    with PostgresServer(state_dir, durable=False) as server:
        assert server.url == url
        assert ask(url, COUNT) == 20


@pytest.mark.parametrize("durable", [True, False])
def test_a_kill_9_loses_no_committed_row(state_dir: Path, durable: bool) -> None:
    with PostgresServer(state_dir, durable=durable) as server:
        write_rows(server.url, 1000)
        with closing(psycopg.connect(server.url)) as open_transaction:
            open_transaction.execute("INSERT INTO line VALUES (1)")
            server.kill()
            assert not server.is_running
            server.start()
        assert ask(server.url, COUNT) == 1000


def test_a_kill_9_ends_backends_that_are_busy(server: PostgresServer, state_dir: Path) -> None:
    with closing(psycopg.connect(server.url)) as busy:
        # Busy in the processor, so that it would not notice for long that its parent is gone.
        busy.pgconn.send_query(b"SELECT count(*) FROM generate_series(1, 1000000000)")
        active = "SELECT count(*) FROM pg_stat_activity WHERE query LIKE '%1000000000%'"
        assert eventually(lambda: ask(server.url, active) == 2)
        server.kill()
        assert eventually(lambda: not is_held(state_dir), within=5)
    server.start()


PARENT = """
    import sys, time
    from pathlib import Path
    from digital_cs.stack.postgres import PostgresServer
    server = PostgresServer(Path(sys.argv[1]), durable=False)
    server.start()
    print(server.pid, flush=True)
    time.sleep(600)
"""


def test_a_kill_9_of_the_parent_leaves_no_server_behind(state_dir: Path) -> None:
    with python(PARENT, state_dir) as parent:
        os.kill(int(read_line(parent)), 0)
        assert is_held(state_dir)
        kill(parent)
        assert eventually(lambda: not is_held(state_dir))
    log = (state_dir / "logs" / "postgres.log").read_text()
    assert "database system is shut down" in log


def test_a_start_right_after_the_parent_was_killed_waits_for_the_old_server(
    state_dir: Path,
) -> None:
    with python(PARENT, state_dir) as parent:
        read_line(parent)
        kill(parent)
        with PostgresServer(state_dir, durable=False) as server:
            assert ask(server.url, "SELECT 1") == 1
    assert "not properly shut down" not in (state_dir / "logs" / "postgres.log").read_text()


def test_a_pidfile_whose_number_now_belongs_to_another_process_fools_nobody(
    state_dir: Path,
) -> None:
    with PostgresServer(state_dir, durable=False) as server:
        write_rows(server.url, 5)
        pidfile = (state_dir / "postgres" / "data" / "postmaster.pid").read_text()
        server.kill()
        # Of the same user, because Postgres ignores the processes of others.
        user = unprivileged_user(state_dir / "postgres")
        other = subprocess.Popen(["sleep", "600"], cwd="/", **(user.popen if user else {}))
        try:
            stale = "\n".join([str(other.pid), *pidfile.splitlines()[1:]])
            (state_dir / "postgres" / "data" / "postmaster.pid").write_text(stale + "\n")
            server.start()
            assert ask(server.url, COUNT) == 5
        finally:
            other.kill()
            other.wait()


def test_a_start_of_what_runs_changes_nothing(postgres: PostgresServer) -> None:
    pid = postgres.pid
    assert pid
    postgres.start()
    assert postgres.pid == pid


def test_a_path_too_long_for_a_socket_is_served_from_a_short_folder(state_dir: Path) -> None:
    deep = state_dir / ("long-" * 12) / ("path-" * 12)
    deep.mkdir(parents=True)
    with PostgresServer(deep, durable=False) as server:
        url = server.url
        assert ask(url, "SELECT 1") == 1
        socket_dir = Path(url.partition("host=")[2].partition("&")[0])
        assert deep not in socket_dir.parents
        assert socket_dir.stat().st_mode & 0o777 == 0o700
        server.kill()
        server.start()
        assert server.url == url
    assert not socket_dir.exists()


def test_no_folder_short_enough_for_a_socket_is_said(
    state_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(state_dir / ("t" * 90)))
    with pytest.raises(PostgresDataError, match=r"Set STATE_DIR or TMPDIR to a shorter path"):
        PostgresServer(state_dir / ("s" * 90))


def test_tcp_wants_the_password_that_only_we_can_read(state_dir: Path) -> None:
    with PostgresServer(state_dir, durable=False, tcp=True) as server:
        assert ask(server.tcp_url, "SELECT current_database()") == "digital_cs"
        assert ask(server.url, "SELECT 1") == 1
        password = state_dir / "postgres.password"
        assert password.stat().st_mode & 0o777 == 0o600
        with pytest.raises(psycopg.OperationalError, match="password"):
            psycopg.connect(server.tcp_url.replace(password.read_text(), "guess"))
        port = int(server.tcp_url.rpartition(":")[2].partition("/")[0])
        (state_dir / "second").mkdir()
        with pytest.raises(PortTakenError, match=f"Port {port} is already taken"):
            PostgresServer(state_dir / "second", tcp=True, tcp_port=port).start()


def test_the_error_of_a_failed_start_shows_the_end_of_the_log(state_dir: Path) -> None:
    server = PostgresServer(state_dir, durable=False, settings={"shared_buffers": "nonsense"})
    with pytest.raises(ChildStartError) as failed:
        server.start()
    assert "Postgres ended while starting" in str(failed.value)
    assert 'invalid value for parameter "shared_buffers"' in str(failed.value)
    assert str(state_dir / "logs" / "postgres.log") in str(failed.value)
    assert not server.is_running


def test_an_initdb_that_fails_leaves_no_data_and_says_why(state_dir: Path) -> None:
    programs = state_dir / "bin"
    programs.mkdir()
    (programs / "initdb").write_text("#!/bin/sh\necho no space left on device; exit 1\n")
    (programs / "initdb").chmod(0o755)
    data = PostgresData(state_dir / "data", PostgresBinaries(programs, 18), None, durable=True)
    with pytest.raises(PostgresDataError, match="no space left on device"):
        data.prepare(state_dir / "log")
    assert not data.path.exists()
    assert "no space left" in (state_dir / "log").read_text()


def test_data_of_another_version_is_refused(state_dir: Path) -> None:
    (state_dir / "postgres" / "data").mkdir(parents=True)
    (state_dir / "postgres" / "data" / "PG_VERSION").write_text("12\n")
    with pytest.raises(PostgresDataError, match=r"written by Postgres 12.*pg_upgrade"):
        PostgresServer(state_dir).start()


def test_a_data_folder_that_is_something_else_is_refused(state_dir: Path) -> None:
    server = PostgresServer(state_dir, durable=False)
    (state_dir / "postgres" / "data").mkdir(parents=True)
    with pytest.raises(PostgresDataError, match="no Postgres data folder"):
        server.start()


@as_root
def test_as_root_it_runs_as_nobody_and_changes_no_other_folder(
    postgres: PostgresServer, server_dir: Path
) -> None:
    assert (server_dir / "shared" / "postgres" / "data").owner() == "nobody"
    assert Path(f"/proc/{postgres.pid}").owner() == "nobody"
    assert (server_dir / "shared").owner() == "root"


@as_root
def test_as_root_a_state_folder_behind_a_closed_one_is_refused_by_name(state_dir: Path) -> None:
    closed = state_dir / "closed"
    closed.mkdir(mode=0o700)
    with pytest.raises(UnreachableError) as refused:
        PostgresServer(closed / "state").start()
    assert f"cannot get past {closed} to its data folder" in str(refused.value)
    assert f"chmod o+x {closed}" in str(refused.value)


@as_root
def test_as_root_a_program_behind_a_closed_folder_is_refused_by_name(
    state_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    closed = state_dir / "venv"
    closed.mkdir()
    (closed / "bin").symlink_to(find_postgres().folder)
    closed.chmod(0o700)
    found = PostgresBinaries(closed / "bin", find_postgres().major)
    monkeypatch.setattr("digital_cs.stack.postgres.find_postgres", lambda: found)
    with pytest.raises(UnreachableError, match=rf"cannot get past {closed} to its program"):
        PostgresServer(state_dir / "state").start()


def test_the_machines_own_postgres_is_used_without_the_wheel(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    wheel = find_postgres()
    monkeypatch.setattr(binaries, "_wheel_folder", lambda: None)
    monkeypatch.setattr(binaries, "_DEBIAN", tmp_path)
    monkeypatch.setenv("PATH", str(wheel.folder))
    assert find_postgres() == wheel
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(NotInstalledError, match=r"digital-cs\[embedded\].*DATABASE_URL"):
        find_postgres()
    for version in ("9", "17"):
        (tmp_path / version).mkdir()
        (tmp_path / version / "bin").symlink_to(wheel.folder)
    assert find_postgres().folder == tmp_path / "17" / "bin"
