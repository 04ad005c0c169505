"""The broker loses every message and the worker is killed in mid-batch: the state is the queue, so work goes on.

Real Celery workers and a real beat on the broker's own database. While payloads stream in the worker's whole
process group is killed, all queues are emptied, and a new worker is started; nobody touches anything else.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import psycopg
from django.conf import settings
from django.db import connection

from orderhub import schedule
from orderhub.drills import payloads
from orderhub.drills.cast import Cast, scalar, set_up
from orderhub.env import ROOT
from orderhub.inbound import keeping

CELERY = [sys.executable, "-m", "celery", "-A", "orderhub.celery"]
WORK = ["worker", "--pool", "prefork", "--concurrency", "2", "--without-gossip", "--without-mingle",
        "--without-heartbeat", "--loglevel", "WARNING"]  # fmt: skip
BEAT = [
    "beat",
    "-S",
    "django_celery_beat.schedulers:DatabaseScheduler",
    "--pidfile=",
    "--loglevel",
    "WARNING",
]
LIMIT = 60.0


def run(*, long: bool) -> dict[str, Any]:
    if not settings.BROKER_URL.startswith("pgmq:"):
        return {
            "ok": False,
            "why": "this drill empties the broker's own PostgreSQL database; BROKER_URL is another",
        }
    rounds, each = (5, 4000) if long else (1, 1500)
    cast = set_up()
    schedule.seed()
    said: dict[str, Any] = {
        "orders": 0,
        "kills": 0,
        "killed_in_mid_batch": 0,
        "messages_thrown_away": 0,
        "resumed_after": [],
    }
    with tempfile.TemporaryDirectory() as folder:
        log = (Path(folder) / "celery.log").open("wb")
        beat = _start(BEAT, log)
        worker = _start(WORK, log)
        try:
            for number in range(rounds):
                worker = _round(cast, number, each, worker, log, said)
        finally:
            _kill(worker)
            _kill(beat)
            log.close()
        tail = (Path(folder) / "celery.log").read_text("utf-8", "replace")[-500:]
    reserved = int(scalar("SELECT count(*) FROM orders_order WHERE state <> 'claimed' AND state <> 'unpaid'"))
    doubled = int(scalar("SELECT count(*) - count(DISTINCT channel_number) FROM orders_order"))
    lost = said["orders"] - reserved
    held = int(scalar("SELECT count(*) FROM orders_hold WHERE type = 'broken'"))
    ok = (
        not lost
        and not doubled
        and not held
        and said["kills"] == rounds
        and max(said["resumed_after"]) <= LIMIT
    )
    return {
        "ok": ok,
        **said,
        "lost": lost,
        "doubled": doubled,
        "set_aside": held,
        **({} if ok else {"log": tail}),
    }


def _start(arguments: list[str], log: Any) -> subprocess.Popen[bytes]:
    env = {
        **os.environ,
        "NUDGE": "1",
        "PYTHONPATH": os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")]),
    }
    return subprocess.Popen(
        [*CELERY, *arguments], cwd=ROOT, env=env, stdout=log, stderr=log, start_new_session=True
    )


def _kill(child: subprocess.Popen[bytes]) -> bool:
    """kill -9 to the whole group: the worker and the processes of its pool."""
    alive = child.poll() is None
    if alive:
        os.killpg(child.pid, signal.SIGKILL)
    child.wait(10)
    return alive


def _round(
    cast: Cast, number: int, each: int, worker: subprocess.Popen[bytes], log: Any, said: dict[str, Any]
) -> subprocess.Popen[bytes]:
    rows = [
        keeping.Kept("order", raw.number, raw.version, raw.body)
        for raw in payloads.make(each, seed=900 + number, mix="t")
    ]
    for start in range(0, len(rows), 500):
        keeping.keep_many(cast.taobao.connection_id, rows[start : start + 500])
    said["orders"] += each
    goal = said["orders"]
    _wait(lambda: _in_hand() > 0 or _done() >= goal, 40)
    said["killed_in_mid_batch"] += _in_hand() > 0
    said["kills"] += _kill(worker)
    said["messages_thrown_away"] += _empty_the_broker()
    before = _done()
    started = time.monotonic()
    worker = _start(WORK, log)
    _wait(lambda: _done() > before or _done() >= goal, LIMIT)
    said["resumed_after"].append(round(time.monotonic() - started, 1))
    _wait(lambda: _done() >= goal, LIMIT)
    said["finished_after"] = round(time.monotonic() - started, 1)
    return worker


def _in_hand() -> int:
    return int(
        scalar(
            """SELECT (SELECT count(*) FROM orderhub_payload WHERE lease_until > now() AND state = 'new')
               + (SELECT count(*) FROM orders_order WHERE lease_until > now())"""
        )
    )


def _done() -> int:
    return int(scalar("SELECT count(*) FROM orders_order WHERE state NOT IN ('claimed', 'unpaid', 'paid')"))


def _wait(condition: Any, seconds: float) -> bool:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if condition():
            return True
        time.sleep(0.02)
    connection.close()
    return False


def _empty_the_broker() -> int:
    """Throw every message of every queue away; how many there were."""
    parts = urlsplit(settings.BROKER_URL)
    gone = 0
    with psycopg.connect(urlunsplit(("postgresql", *parts[1:])), autocommit=True) as broker:
        for (queue,) in broker.execute("SELECT queue_name FROM pgmq.list_queues()").fetchall():
            row = broker.execute("SELECT pgmq.purge_queue(%s)", [queue]).fetchone()
            gone += int(row[0]) if row else 0
    return gone
