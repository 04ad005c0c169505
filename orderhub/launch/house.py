"""The running house: database, sandbox, web server, worker and beat, each started once and ended exactly."""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from pathlib import Path

from orderhub.launch import databases, environment, processes, venv
from orderhub.launch.cluster import Cluster
from orderhub.launch.places import ROOT, VAR, Stop, checkout_key, make_folders, say
from orderhub.launch.processes import Child

#: The demo's orders: how many, and each source's part.
DEMO_ORDERS, DEMO_MIX = "2040", "taobao=40,own_shop=24,pinduoduo=18,douyin=18"
CHILDREN = ("beat", "worker", "web", "sandbox")  # in the order in which they end


def given_database() -> str:
    """The address of a PostgreSQL of the person's own, when one is given."""
    return os.environ.get("DATABASE_URL", "")


def database(name: str = "orderhub", renew: bool = False, cluster: str = "postgres") -> dict[str, str]:
    """Start the embedded cluster unless a server is given; the addresses of a database and its broker."""
    make_folders()
    url = given_database()
    if url:
        if name != "orderhub":
            url = databases.with_database(url, name.replace("orderhub", databases.name_of(url)))
    else:
        server = Cluster(cluster, throw_away=cluster != "postgres")
        if server.start():
            say(f"PostgreSQL is running on port {server.port} (data in {server.home})")
        url = server.url(name)
    broker = os.environ.get("BROKER_URL") or databases.broker_url(url)
    command = [venv.python(), "-m", "orderhub.launch.databases", "renew" if renew else "prepare", url, broker]
    if os.environ.get("FRESH") == "1":
        command.append("force")
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    if done.returncode:
        raise Stop(done.stderr.strip() or "the database could not be prepared")
    return {"DATABASE_URL": url, "BROKER_URL": broker}


def main_database(renew: bool = False) -> dict[str, str]:
    """The house's own database, with its address written to var/env; the complete environment of children."""
    addresses = database(renew=renew)
    return environment.for_children(environment.complete(**addresses), **addresses)


def side_database(purpose: str) -> dict[str, str]:
    """A fresh database of its own for measurements or drills; the environment for it (var/env stays)."""
    values = environment.complete()
    addresses = database(f"orderhub_{purpose}", renew=True)
    return environment.for_children(values, **addresses)


def manage(env: dict[str, str], *arguments: str, quiet: bool = False) -> int:
    """Run a Django command to its end."""
    command = [venv.python(), "manage.py", *arguments]
    if not quiet:
        return subprocess.run(command, cwd=ROOT, env=env).returncode
    done = subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True)
    if done.returncode:
        raise Stop(f"manage.py {' '.join(arguments)} failed:\n{(done.stdout + done.stderr).strip()}")
    return 0


def prepare_tables(env: dict[str, str]) -> None:
    """Every table, as the migrations make it."""
    started = time.monotonic()
    manage(env, "migrate", "--noinput", "-v", "0", quiet=True)
    say(f"tables made ({time.monotonic() - started:.1f} s)")


def prepare(env: dict[str, str]) -> None:
    """Tables, schedules and static files."""
    prepare_tables(env)
    manage(env, "seed_schedule", quiet=True)
    manage(env, "seed_rules", quiet=True)
    manage(env, "collectstatic", "--noinput", "-v", "0", quiet=True)


def take_ports(*names: str) -> None:
    """Keep each port of var/env when it is free, else take another one and write it down."""
    values = environment.complete()
    for name in names:
        key = f"{name.upper()}_PORT"
        port = processes.free_port(int(values[key]))
        if str(port) != values[key]:
            say(f"port {values[key]} is taken, {name} uses {port}")
            values[key] = str(port)
    environment.complete(**values)


def start_sandbox(env: dict[str, str]) -> Child:
    """The platforms' sandbox, with a ledger of its own that begins empty."""
    for old in VAR.glob("sandbox.sqlite3*"):
        old.unlink()
    ledger, port = VAR / "sandbox.sqlite3", env["SANDBOX_PORT"]
    options = [
        "--port",
        port,
        "--ledger",
        str(ledger),
        "--seed",
        env.get("DEMO_SEED", "1"),
        "--target",
        env["PUBLIC_URL"],
        "--orders",
        env.get("DEMO_ORDERS") or DEMO_ORDERS,
        "--mix",
        DEMO_MIX,
    ]
    child = processes.start("sandbox", [venv.python(), "manage.py", "sandbox", *options], env, int(port))
    processes.wait_for_http(child, f"{env['SANDBOX_URL']}/_sandbox/health", 120)
    say(f"the sandbox answers on port {port}")
    return child


def start_site(env: dict[str, str]) -> None:
    """Web server, worker and beat."""
    port = env["WEB_PORT"]
    serve = [
        venv.tool("granian"),
        "--interface",
        "wsgi",
        "--host",
        "127.0.0.1",
        "--port",
        port,
        "--workers",
        "2",
    ]
    serve += ["--blocking-threads", "4", "--respawn-failed-workers", "--no-ws", "orderhub.wsgi:application"]
    web = processes.start("web", serve, env, int(port))
    celery = [venv.tool("celery"), "-A", "orderhub.celery"]
    work = ["worker", "--without-gossip", "--without-mingle", "--without-heartbeat", "--concurrency", "2"]
    processes.start("worker", [*celery, *work, "--pool", "prefork", "--loglevel", "INFO"], env)
    beat = [
        "beat",
        "-S",
        "django_celery_beat.schedulers:DatabaseScheduler",
        "--pidfile=",
        "--loglevel",
        "INFO",
    ]
    processes.start("beat", [*celery, *beat], env)
    processes.wait_for_http(web, f"{env['PUBLIC_URL']}/", 90)
    say(f"the site answers on {env['PUBLIC_URL']}")
    for name in ("worker", "beat"):
        child = processes.recorded(name)
        if child is None or not child.alive:
            log = VAR / "log" / f"{name}.log"
            raise Stop(f"the {name} ended at once. The end of {log}:\n{processes.tail(log)}")


def stop_children() -> list[str]:
    """End what was started from this checkout; the names of those that were running."""
    ended = []
    for name in CHILDREN:
        child = processes.recorded(name)
        if child is not None and processes.end(child):
            ended.append(name)
    return ended


def stop_cluster(name: str = "postgres") -> str:
    """Stop an embedded cluster unless other programs are using it; a word about what happened."""
    if not cluster_exists(name):
        return ""
    cluster = Cluster(name)
    if not cluster.pid():
        return ""
    others = cluster.others_connected() if cluster.answers() else 0
    if others and os.environ.get("FORCE") != "1":
        return f"PostgreSQL goes on running: {others} other connection(s) use it (FORCE=1 make stop ends it)"
    cluster.stop()
    return "PostgreSQL"


def cluster_exists(name: str) -> bool:
    """Whether this embedded cluster was ever made from this checkout."""
    if (VAR / name / "data").exists():
        return True
    outside = Path("/var/lib/orderhub")
    return os.geteuid() == 0 and outside.exists() and any(outside.glob(f"{checkout_key()}-*/{name}/data"))


def compile_messages() -> int:
    """Compile every .po beside it; Babel does it, so that gettext need not be installed."""
    for po in sorted(ROOT.glob("*/locale/*/LC_MESSAGES/django.po")):
        command = [
            venv.tool("pybabel"),
            "compile",
            "-i",
            str(po),
            "-o",
            str(po.with_suffix(".mo")),
            "-l",
            po.parts[-3],
        ]
        if subprocess.run(command, cwd=ROOT).returncode:
            return 1
    return 0


def forget_demo() -> None:
    """Remove what the last demonstration left beside the database."""
    (VAR / "demo.json").unlink(missing_ok=True)
    shutil.rmtree(VAR / "media", ignore_errors=True)
