"""The launcher: what it starts it ends, what it did not start it leaves alone, what is missing it says."""

from __future__ import annotations

import contextlib
import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from django.conf import settings

from orderhub import env as product_env
from orderhub.launch import accounts, checks, cluster, databases, environment, house, places, processes, venv

ROOT = places.ROOT


@pytest.fixture
def own_var(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A var folder of the test's own."""
    for module, names in {
        places: ("VAR", "LOG", "RUN"),
        processes: ("LOG", "RUN"),
        environment: ("VAR",),
        cluster: ("LOG",),
        house: ("VAR",),
    }.items():
        for name in names:
            monkeypatch.setattr(module, name, tmp_path if name == "VAR" else tmp_path / name.lower())
    places.make_folders()
    return tmp_path


def waited(condition, seconds: float = 60) -> bool:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if condition():
            return True
        time.sleep(0.05)
    return False


# ---- the launcher itself


def bare(*arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run the launcher with the standard library alone."""
    command = [sys.executable, "-I", "-S", str(ROOT / "orderhub/bootstrap.py"), *arguments]
    return subprocess.run(
        command, capture_output=True, text=True, env={"PATH": os.environ["PATH"], **variables}
    )


def test_that_the_launcher_runs_without_any_package(tmp_path: Path) -> None:
    listed = bare("help")
    assert listed.returncode == 0 and "demo" in listed.stdout
    assert bare("dance").returncode == 2
    told = bare("status", VAR_DIR=str(tmp_path))
    assert told.returncode == 0, told.stderr
    assert re.search(r"worker +stopped", told.stdout) and "not set up yet" in told.stdout


def test_that_a_python_without_venv_is_told_the_exact_apt_line(tmp_path: Path, monkeypatch, own_var) -> None:
    monkeypatch.setattr(venv, "VENV", tmp_path / "none")
    find = venv.importlib.util.find_spec
    monkeypatch.setattr(
        venv.importlib.util, "find_spec", lambda name: None if name == "ensurepip" else find(name)
    )
    with pytest.raises(places.Stop) as stopped:
        venv.setup()
    package = f"python{sys.version_info.major}.{sys.version_info.minor}-venv"
    assert f"apt-get install -y --no-install-recommends {package}" in str(stopped.value)


def test_that_every_requirement_is_pinned_with_its_hashes() -> None:
    for name in (venv.RUNTIME, venv.DEVELOPMENT):
        blocks = re.split(r"\n(?=[a-zA-Z0-9])", (ROOT / name).read_text())
        pinned = {
            re.sub("[-_.]+", "-", block.split("==")[0]).lower(): block for block in blocks if "==" in block
        }
        assert len(pinned) > 30
        assert [key for key, block in pinned.items() if "--hash=sha256:" not in block] == []
        for line in (ROOT / name.replace(".txt", ".in")).read_text().splitlines():
            if line and line[0].isalpha():
                wanted = re.sub("[-_.]+", "-", re.split(r"[\[<>=]", line)[0]).lower()
                assert wanted in pinned, f"{wanted} is asked for in {name} and not locked"


# ---- processes


def sleeper(own_var: Path, name: str = "worker") -> processes.Child:
    """A child with a child of its own, whose pid it prints."""
    script = (
        "import subprocess, sys; p = subprocess.Popen(['sleep', '60']); print(p.pid, flush=True); p.wait()"
    )
    return processes.start(name, [sys.executable, "-c", script], dict(os.environ))


def test_that_a_started_child_is_ended_with_its_children(own_var: Path) -> None:
    child = sleeper(own_var)
    assert waited(lambda: child.log.read_text().strip().isdigit())
    grandchild = int(child.log.read_text())
    assert child.alive and processes.identity(grandchild)
    assert house.stop_children() == ["worker"]
    assert waited(lambda: not processes.identity(grandchild)) and not child.alive
    assert house.stop_children() == [], "what was ended is forgotten"


def test_that_a_reused_pid_is_never_signalled(own_var: Path) -> None:
    stranger = subprocess.Popen(["sleep", "60"])
    try:
        record = {"name": "web", "pid": stranger.pid, "started": "another boot:1", "port": 0}
        (own_var / "run/web.json").write_text(json.dumps(record))
        assert house.stop_children() == []
        assert stranger.poll() is None
        assert not (own_var / "run/web.json").exists()
    finally:
        stranger.kill()
        stranger.wait()


def test_that_a_zombie_counts_as_ended() -> None:
    gone = subprocess.Popen(["true"])
    assert waited(lambda: not processes.identity(gone.pid))
    gone.wait()


def test_that_a_taken_port_is_left_and_a_free_one_found() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        found = processes.free_port(port)
        assert found != port
    assert processes.free_port(found) == found


def test_that_a_child_that_ends_at_once_shows_the_end_of_its_log(own_var: Path) -> None:
    child = processes.start(
        "web", [sys.executable, "-c", "raise SystemExit('no such key')"], dict(os.environ)
    )
    with pytest.raises(places.Stop, match="no such key"):
        processes.wait_for_http(child, "http://127.0.0.1:9/", 20)


# ---- var/env


def test_that_keys_are_generated_once_and_readable_by_their_owner_only(own_var: Path, monkeypatch) -> None:
    path = own_var / "env"
    monkeypatch.setattr(environment, "ENV_FILE", path)
    monkeypatch.setattr(environment.read, "__defaults__", (path,))
    monkeypatch.setattr(environment.write, "__defaults__", (path,))
    first = environment.complete(DATABASE_URL="postgresql://a:b@127.0.0.1:1/x")
    assert path.stat().st_mode & 0o777 == 0o600
    second = environment.complete(DATABASE_URL="postgresql://a:b@127.0.0.1:2/x", WEB_PORT="8123")
    for key in ("SECRET_KEY", "FIELD_KEYS", "HASH_KEY", "ADMIN_PASSWORD"):
        assert second[key] == first[key] and len(first[key]) >= 16
    assert second["PUBLIC_URL"] == "http://127.0.0.1:8123"
    monkeypatch.setenv("VAR_DIR", str(own_var))
    assert product_env._file() == second, "the product reads what the launcher writes"


def test_that_the_persons_variables_win_over_the_file(monkeypatch) -> None:
    monkeypatch.setenv("LOG_LEVEL", "DEBUG")
    monkeypatch.setenv("PYTHONPATH", "/nowhere")
    given = environment.for_children({"LOG_LEVEL": "INFO", "SANDBOX_PORT": "8"}, DATABASE_URL="u")
    assert (given["LOG_LEVEL"], given["SANDBOX_PORT"], given["DATABASE_URL"]) == ("DEBUG", "8", "u")
    assert "PYTHONPATH" not in given


# ---- what could not run


def test_that_skipped_tests_are_listed_by_name(tmp_path: Path) -> None:
    report = tmp_path / "report.xml"
    report.write_text(
        '<testsuites><testsuite><testcase classname="a.b" name="test_that_x">'
        '<skipped type="pytest.skip" message="Chromium is not installed"/></testcase>'
        '<testcase classname="a" name="y"/></testsuite></testsuites>'
    )
    assert checks.not_run(report) == ["a.b.test_that_x: Chromium is not installed"]


# ---- databases


def test_that_addresses_name_the_brokers_own_database() -> None:
    url = "postgresql://u:p%40@db.example:5433/shop?sslmode=require"
    assert (
        databases.with_database(url, "postgres")
        == "postgresql://u:p%40@db.example:5433/postgres?sslmode=require"
    )
    assert databases.broker_url(url) == "pgmq://u:p%40@db.example:5433/shop_broker"


@pytest.fixture
def scratch() -> Iterator[str]:
    """The address of a database that does not exist yet, on the server of the tests."""
    held = settings.DATABASES["default"]
    login = f"{held['USER']}:{held['PASSWORD']}@{held['HOST']}:{held['PORT']}"
    url = f"postgresql://{login}/test_launcher_{os.getpid()}"
    yield url
    with psycopg.connect(databases.with_database(url, "postgres"), autocommit=True) as server:
        server.execute(f"drop database if exists {databases.name_of(url)} with (force)")  # type: ignore[arg-type]


@pytest.mark.db
def test_that_a_database_with_somebodys_orders_is_not_dropped(scratch: str) -> None:
    assert databases.ensure(scratch) and not databases.ensure(scratch)
    with psycopg.connect(scratch, autocommit=True) as connection:
        connection.execute("create table orders_order (id int)")
        connection.execute("insert into orders_order values (1)")
    with pytest.raises(SystemExit, match="holds orders that no demonstration made"):
        databases.renew(scratch)
    databases.renew(scratch, force=True)
    with psycopg.connect(scratch, autocommit=True) as connection:
        connection.execute("create table orders_order (id int)")
        connection.execute("insert into orders_order values (1)")
    databases.renew(scratch)  # made for a demonstration now
    with psycopg.connect(scratch) as connection:
        assert connection.execute("select to_regclass('orders_order')").fetchone() == (None,)


@pytest.mark.db
def test_that_the_message_queue_is_installed_once(scratch: str) -> None:
    databases.ensure(scratch)
    databases.install_queue(scratch)
    databases.install_queue(scratch)
    with psycopg.connect(scratch) as connection:
        assert connection.execute("select count(*) from pgmq.list_queues()").fetchone() == (0,)


# ---- the embedded cluster


@pytest.fixture
def server(own_var: Path) -> Iterator[cluster.Cluster]:
    """A throw-away cluster of the test's own."""
    made = cluster.Cluster(f"postgres-{os.getpid()}", throw_away=True, under=own_var)
    yield made
    with contextlib.suppress(places.Stop):
        made.stop()
    made.remove()


@pytest.mark.slow
def test_that_the_cluster_survives_kills_and_stale_pid_files(server: cluster.Cluster) -> None:
    assert server.start() and not server.start()
    port, first = server.port, server.pid()
    assert server.sql("show listen_addresses") == "127.0.0.1"
    assert server.sql("show max_connections") == "200"
    assert server.sql("show dynamic_shared_memory_type") == "mmap"
    assert server.sql("select similarity('余杭区良渚街道', '余杭区良渚') > 0.5") == "t", (
        "Chinese is seen by pg_trgm"
    )
    server.sql("create table kept as select generate_series(1, 1000) as n")
    server.sql("checkpoint")

    os.kill(first, signal.SIGKILL)
    assert waited(lambda: not server.pid())
    assert server.start() and server.pid() != first and server.port == port
    assert server.sql("select count(*) from kept") == "1000"

    assert server.stop() and not server.stop()
    stranger = subprocess.Popen(["sleep", "60"])
    try:
        lines = [str(stranger.pid), str(server.data), "1", str(port), "", "127.0.0.1", "  1 1", "ready"]
        (server.data / "postmaster.pid").write_text("\n".join(lines))
        assert not server.pid(), "somebody else's process is not our server"
        assert server.start()
        assert stranger.poll() is None
    finally:
        stranger.kill()
        stranger.wait()
    assert server.stop()

    with socket.socket() as taken:
        taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        taken.bind(("127.0.0.1", port))
        taken.listen()
        assert server.start() and server.port != port
    with psycopg.connect(server.url("postgres")) as connection:
        assert server.others_connected() == 1
        connection.execute("select 1")
    refused = server.url("postgres").replace(server.password, "wrong")
    with pytest.raises(psycopg.OperationalError, match="password"):
        psycopg.connect(refused)


def test_that_variables_of_the_person_do_not_steer_the_server(monkeypatch) -> None:
    monkeypatch.setenv("PGPORT", "1")
    monkeypatch.setenv("PGDATA", "/nowhere")
    assert not [key for key in accounts.environment() if key.startswith("PG")]


@pytest.mark.db
def test_that_the_broker_uses_its_own_database_whatever_database_url_says(scratch: str) -> None:
    databases.ensure(scratch)
    databases.install_queue(scratch)
    script = (
        "from orderhub.celery import app\n"
        "with app.connection_for_write() as line:\n"
        "    queue = line.SimpleQueue('rung')\n"
        "    queue.put('once')\n"
        "    queue.close()\n"
    )
    broker = databases.with_database(scratch, databases.name_of(scratch), scheme="pgmq")
    elsewhere = databases.with_database(scratch, "postgres")
    given = {**os.environ, "BROKER_URL": broker, "DATABASE_URL": elsewhere}
    subprocess.run([sys.executable, "-c", script], cwd=ROOT, env=given, check=True, timeout=60)
    with psycopg.connect(scratch) as connection:
        assert connection.execute("select queue_length from pgmq.metrics('rung')").fetchone() == (1,)
