"""The embedded PostgreSQL cluster: made, started, tested and stopped without touching any other.

Decision: `postgres` itself is the child (no pg_ctl in between), it listens on the loopback address only, and
what decides whether it runs is the process that its own postmaster.pid names, checked to be alive and ours.
"""

from __future__ import annotations

import contextlib
import locale
import os
import random
import secrets
import shutil
import signal
import socket
import subprocess
import time
from pathlib import Path
from urllib.parse import quote, unquote, urlsplit

from orderhub.launch import accounts
from orderhub.launch.places import LOG, VAR, Stop, only_one, say
from orderhub.launch.processes import PROC, detach, identity, port_is_free, reap, tail

OWNER = "orderhub"
NOBODYS_PID = "4194304"  # above every pid that Linux gives out

SETTINGS = """
# Written by OrderHub when the cluster was made.
listen_addresses = '127.0.0.1'
unix_socket_directories = ''
max_connections = 200
dynamic_shared_memory_type = mmap
shared_preload_libraries = 'pg_stat_statements'
shared_buffers = 256MB
max_wal_size = 2GB
checkpoint_timeout = 15min
random_page_cost = 1.1
jit = off
timezone = 'UTC'
log_timezone = 'UTC'
log_line_prefix = '%m [%p] %d '
"""
THROW_AWAY = """
# The test cluster may lose everything in a crash.
fsync = off
synchronous_commit = off
full_page_writes = off
wal_level = minimal
max_wal_senders = 0
"""


class Cluster:
    """One embedded cluster under var/<name>."""

    def __init__(self, name: str = "postgres", throw_away: bool = False, under: Path = VAR) -> None:
        self.name, self.throw_away = name, throw_away
        self.account = accounts.choose(under / name)
        self.home = self.account.home
        self.data = self.home / "data"
        self.log = LOG / f"{name}.log"

    @property
    def port(self) -> int:
        """The port kept between starts (0 before the first start)."""
        with contextlib.suppress(FileNotFoundError, ValueError):
            return int((self.home / "port").read_text())
        return 0

    @property
    def password(self) -> str:
        """The password of the cluster's owner, generated when the cluster was made."""
        return (self.home / "password").read_text().strip()

    def url(self, database: str = OWNER, scheme: str = "postgresql") -> str:
        """The address of a database of this cluster."""
        return f"{scheme}://{OWNER}:{quote(self.password)}@127.0.0.1:{self.port}/{database}"

    def pid(self) -> int:
        """The pid of the running server; 0 when it does not run (a stale pid file does not count)."""
        try:
            pid = int((self.data / "postmaster.pid").read_text().split("\n", 1)[0])
        except (FileNotFoundError, ValueError):
            return 0
        if pid <= 0 or not identity(pid):
            return 0
        if PROC.joinpath("self/stat").exists():
            try:
                return pid if Path(os.readlink(PROC / str(pid) / "cwd")) == self.data else 0
            except OSError:
                return 0
        shown = subprocess.run(
            ["ps", "-o", "command=", "-p", str(pid)], capture_output=True, text=True
        ).stdout
        return pid if str(self.data) in shown else 0

    def answers(self) -> bool:
        """Whether the server takes connections."""
        if self.account.programs == accounts.ABSENT:
            return False
        return self._psql("select 1", "postgres").returncode == 0

    def start(self) -> bool:
        """Make the cluster when there is none, start it when it is not running; True when started now."""
        accounts.demand_programs(self.account)
        with only_one(self.name):
            if self.pid():
                self._wait(None)
                return False
            if not (self.data / "PG_VERSION").exists():
                self._make()
            self._check_version()
            self.account.own(self.data)
            for attempt in range(3):
                self._forget_stale_pid()
                self._choose_port(again=attempt > 0)
                if self._spawn():
                    break
            else:
                raise Stop(f"PostgreSQL did not start. The end of {self.log}:\n{tail(self.log)}")
            self._self_test()
            return True

    def _make(self) -> None:
        say(f"making the PostgreSQL cluster in {self.home}")
        shutil.rmtree(self.data, ignore_errors=True)
        self.account.own(self.home)
        password = secrets.token_urlsafe(24)
        kept, handed = self.home / "password", self.home / ".initial-password"
        for path in (kept, handed):
            path.unlink(missing_ok=True)
            with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as out:
                out.write(password + "\n")
        if os.geteuid() == 0:
            os.chown(handed, self.account.uid, -1)
        try:
            self.account.run(
                *(
                    "initdb",
                    "-D",
                    str(self.data),
                    "-U",
                    OWNER,
                    "--pwfile",
                    str(handed),
                    "-A",
                    "scram-sha-256",
                ),
                *("-E", "UTF8", "--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--lc-collate=C"),
                *(f"--lc-ctype={_unicode_ctype()}", "--lc-messages=C", "--no-sync"),
            )
        except Stop:
            shutil.rmtree(self.data, ignore_errors=True)
            raise
        finally:
            handed.unlink(missing_ok=True)
        with (self.data / "postgresql.conf").open("a") as conf:
            conf.write(SETTINGS + (THROW_AWAY if self.throw_away else ""))

    def _check_version(self) -> None:
        held = (self.data / "PG_VERSION").read_text().strip()
        done = subprocess.run([self.account.programs / "postgres", "-V"], capture_output=True, text=True)
        ours = done.stdout.split()[-1].split(".")[0] if done.stdout else "?"
        if held != ours:
            raise Stop(
                f"{self.data} was made by PostgreSQL {held}, the programs here are {ours}. Keep the data by "
                f"pg_upgrade, or remove {self.home} to begin anew"
            )

    def _choose_port(self, again: bool) -> None:
        port = 0 if again else self.port
        while not port or not port_is_free(port):
            port = random.randint(20000, 29999)  # below the range that outgoing connections use
        (self.home / "port").write_text(f"{port}\n")

    def _forget_stale_pid(self) -> None:
        """A pid file that names a dead, foreign or unreaped process would block the start; its other lines
        stay: they let PostgreSQL see whether an old server's children still hold its shared memory."""
        lock = self.data / "postmaster.pid"
        with contextlib.suppress(FileNotFoundError):
            lines = lock.read_text().split("\n")
            if lines[0] and lines[0] != NOBODYS_PID:
                lock.write_text("\n".join([NOBODYS_PID, *lines[1:]]))

    def _spawn(self) -> bool:
        deadline = time.monotonic() + 20
        while True:
            command = [*self.account.prefix, str(self.account.programs / "postgres"), "-D", str(self.data)]
            where = {"cwd": "/", "env": accounts.environment(), **self.account.options}
            server = detach([*command, "-p", str(self.port)], self.log, **where)
            if self._wait(server):
                return True
            if not port_is_free(self.port):
                return False  # somebody else took the port in between
            if time.monotonic() > deadline:  # until then: children of a killed server may still be leaving
                return False
            time.sleep(0.5)

    def _wait(self, server: subprocess.Popen[bytes] | None) -> bool:
        """Wait until the server takes connections; False when it ended instead."""
        deadline = time.monotonic() + 120  # crash recovery may take a while
        while time.monotonic() < deadline:
            if server is not None and server.poll() is not None:
                return False
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self.port), 1):
                if self.pid() and self.answers():
                    return True
            time.sleep(0.05)
        raise Stop(f"PostgreSQL takes no connections. The end of {self.log}:\n{tail(self.log)}")

    def _self_test(self) -> None:
        """Searching Chinese names needs trigrams, which a wrong locale leaves out silently."""
        shown = self.sql(
            "set client_min_messages=warning; create extension if not exists pg_trgm; "
            "select similarity('上海市浦东新区', '上海浦东新区') > 0.3 and show_trgm('上海') <> '{}'",
            "postgres",
        )
        if shown != "t":
            raise Stop(
                "this PostgreSQL does not see Chinese text in pg_trgm (the locale C.UTF-8 is missing?)"
            )

    def _psql(self, sql: str, database: str) -> subprocess.CompletedProcess[str]:
        return psql(self.account.programs, self.url(database), sql)

    def sql(self, sql: str, database: str = "postgres") -> str:
        """Run SQL as the owner and return what it shows."""
        done = self._psql(sql, database)
        if done.returncode:
            raise Stop(f"PostgreSQL answered: {done.stderr.strip()}")
        return done.stdout.strip()

    def others_connected(self) -> int:
        """How many other programs hold a connection."""
        clients = "from pg_stat_activity where backend_type = 'client backend' and pid <> pg_backend_pid()"
        return int(self.sql(f"select count(*) {clients}"))

    def stop(self, *, at_once: bool = False) -> bool:
        """Stop the server (fast, then immediate); False when it was not running.

        `at_once`: without a last checkpoint, as a power cut would; what was committed comes back from the log.
        """
        pid = self.pid()
        if not pid:
            return False
        born = identity(pid)
        ways = ((signal.SIGINT, 30), (signal.SIGQUIT, 10))
        for how, patience in ways[1:] if at_once else ways:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, how)
            deadline = time.monotonic() + patience
            while time.monotonic() < deadline:
                reap()
                if identity(pid) != born:
                    return True
                time.sleep(0.05)
        raise Stop(f"PostgreSQL (pid {pid}) does not end; see {self.log}")

    def remove(self) -> None:
        """Delete the stopped cluster."""
        if self.pid():
            raise Stop(f"the cluster {self.name} is running and is not removed")
        shutil.rmtree(self.home, ignore_errors=True)


def psql(programs: Path, url: str, sql: str) -> subprocess.CompletedProcess[str]:
    """Run SQL through psql; the password travels in the environment, not on the command line."""
    parts = urlsplit(url)
    env = {**accounts.environment(), "PGCONNECT_TIMEOUT": "10", "PGCLIENTENCODING": "UTF8"}
    command = [str(programs / "psql"), "-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-d", url, "-c", sql]
    if parts.password is not None:
        env["PGPASSWORD"] = unquote(parts.password)
        bare = parts.netloc.replace(f":{parts.password}@", "@", 1)
        command[command.index(url)] = parts._replace(netloc=bare).geturl()
    return subprocess.run(command, cwd="/", env=env, capture_output=True, text=True)


def _unicode_ctype() -> str:
    """A UTF-8 LC_CTYPE of this machine: pg_trgm takes letters from it, and is blind to Chinese with C."""
    before = locale.setlocale(locale.LC_CTYPE)
    try:
        for name in ("C.UTF-8", "C.utf8", "en_US.UTF-8", "zh_CN.UTF-8"):
            with contextlib.suppress(locale.Error):
                return locale.setlocale(locale.LC_CTYPE, name)
    finally:
        locale.setlocale(locale.LC_CTYPE, before)
    raise Stop("this machine has no UTF-8 locale (C.UTF-8, en_US.UTF-8 or zh_CN.UTF-8); PostgreSQL needs one")
