"""`make demo`'s last step: set up the shop at the sandbox, feed it, wait until orders have gone as far as they can, report."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from dataclasses import asdict
from pathlib import Path
from typing import Any

import httpx
from django.conf import settings
from django.contrib.auth import get_user_model
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import connection

from orderhub.actors import person
from orderhub.celery import app
from orderhub.invariants import check, invariants
from orderhub.management import demo_crew, demo_setup
from orderhub.models import Message, Payload, Ticket
from orderhub.sandbox.credentials import OWN_SHOP
from orders.models import Event, Hold, Order

QUIET_SECONDS = 60
LONGEST_SECONDS = 420


class Command(BaseCommand):
    help = "Feed the running site from the running sandbox and report what happened (use `make demo`)."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--seed", type=int, default=int(os.environ.get("DEMO_SEED", "1")))
        parser.add_argument("--longest", type=int, default=LONGEST_SECONDS)

    def handle(self, *args: Any, **options: Any) -> None:
        begun = time.monotonic()
        if Order.objects.exists():
            raise CommandError("the database holds orders already; `make demo` starts with an empty one")
        sandbox, admin = os.environ["SANDBOX_URL"], os.environ.get("ADMIN_USER", "admin")
        password = os.environ["ADMIN_PASSWORD"]
        demo_setup.build(
            sandbox_url=sandbox, seed=options["seed"], admin=admin, password=password, say=self._say
        )
        for _code, channel, name in demo_setup.MARKETS:
            demo_setup.connect(f"{channel}-main")
            self._say(f"{name} connected by OAuth")
        self.crew = person(get_user_model().objects.get(username=admin))
        self._feed(sandbox)
        waited = self._wait(options["longest"])
        report = self._report()
        report["seconds"] = round(time.monotonic() - begun, 1)
        report["still_moving"] = not waited
        report["admin_url"] = f"{settings.PUBLIC_URL}/admin/"
        Path(settings.VAR_DIR, "demo.json").write_text(
            json.dumps(report, ensure_ascii=False, indent=1) + "\n", "utf-8"
        )
        self._print(report, admin, password)
        if report["lost"] or report["doubled"] or report["broken"]:
            raise CommandError("orders are lost or doubled, or an invariant is broken: see var/demo.json")

    def _say(self, text: str) -> None:
        self.stdout.write(f"  {text}")
        self.stdout.flush()

    def _feed(self, sandbox: str) -> None:
        app.send_task("orders.pull_all")
        app.send_task("orders.read_all_stock")
        order = {
            "what": "own_shop_orders",
            "target": settings.PUBLIC_URL,
            "token": OWN_SHOP["token"],
            "notify_path": "/callbacks/alipay/alipay-main",
            "wechatpay_path": "/callbacks/wechatpay/wechatpay-main",
            "wait": False,
        }
        httpx.post(f"{sandbox}/_sandbox/drive", json=order, timeout=30).raise_for_status()
        self._say("the marketplaces are pulled, the own shop sends its orders and the gateways their notices")

    def _wait(self, longest: int) -> bool:
        """Until nothing has moved for a while: orders, events, and messages in work."""
        last, quiet_since = (-1, -1, -1), time.monotonic()
        deadline = time.monotonic() + longest
        while time.monotonic() < deadline:
            demo_crew.work(self.crew)
            with connection.cursor() as cursor:
                cursor.execute(
                    "SELECT (SELECT count(*) FROM orders_order), (SELECT coalesce(max(id), 0) FROM orders_event)"
                )
                orders, events = cursor.fetchone()
            messages = Message.objects.filter(state="done").count()
            now = (orders, events, messages)
            if now != last:
                last, quiet_since = now, time.monotonic()
            waiting = Message.objects.filter(state__in=["new", "sending"], attempts=0).count()
            if time.monotonic() - quiet_since > QUIET_SECONDS and not waiting and orders:
                return True
            done = Order.objects.filter(state="closed").count()
            self._say(f"{orders} orders, {events} events, {messages} messages sent, {done} closed")
            time.sleep(6)
        return False

    def _report(self) -> dict[str, Any]:
        judge = subprocess.run(
            [
                sys.executable,
                "manage.py",
                "audit_sandbox",
                str(Path(settings.VAR_DIR, "sandbox.sqlite3")),
                "--json",
            ],
            capture_output=True,
            text=True,
            check=False,
            cwd=settings.BASE_DIR,
        )
        if judge.returncode not in (0, 1):
            raise CommandError(f"the audit failed: {judge.stderr[-800:]}")
        verdict = json.loads(judge.stdout.strip().splitlines()[-1])
        points = {
            f"C{n}": Event.objects.filter(point=n).values("order_id").distinct().count() for n in range(1, 12)
        }
        held: dict[str, int] = {}
        for kind in Hold.objects.filter(released_at=None).values_list("type", flat=True):
            held[kind] = held.get(kind, 0) + 1
        states: dict[str, int] = {}
        for state in Order.objects.values_list("state", flat=True):
            states[state] = states.get(state, 0) + 1
        return {
            "orders_in": Order.objects.count(),
            "touchpoints": points,
            "states": states,
            "held": held,
            "tickets": Ticket.objects.exclude(state="done").count(),
            "quarantined": Payload.objects.filter(state="set_aside").count(),
            "needs_person": Message.objects.filter(state="needs_person").count(),
            "address_changed": Event.objects.filter(code="address_changed")
            .values("order_id")
            .distinct()
            .count(),
            "broken": [asdict(one) for one in check()],
            **verdict,
        }

    def _print(self, report: dict[str, Any], admin: str, password: str) -> None:
        write = self.stdout.write
        write("")
        write(f"{report['orders_in']} orders came in; lost {report['lost']}, doubled {report['doubled']}.")
        asked = len(list(invariants()))
        write(f"{asked - len(report['broken'])} of {asked} invariants hold (manage.py check_invariants).")
        write("touchpoints  " + "  ".join(f"{k} {v}" for k, v in report["touchpoints"].items()))
        write("states       " + "  ".join(f"{k} {v}" for k, v in sorted(report["states"].items())))
        write("held         " + ("  ".join(f"{k} {v}" for k, v in sorted(report["held"].items())) or "none"))
        write(
            f"tickets {report['tickets']}, payloads set aside {report['quarantined']}, {report['seconds']} s"
        )
        write("")
        write(f"Open {report['admin_url']}   user {admin}   password {password}")
        write("`make stop` ends it.")
