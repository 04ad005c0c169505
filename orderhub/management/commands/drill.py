"""``manage.py drill NAME``: one failure drill on a database of its own; one JSON line says what came of it."""

from __future__ import annotations

import argparse
import json
import logging
import time
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from orderhub.dotted import resolve
from orderhub.drills.aside import elsewhere

DRILLS = {
    "pull": "orderhub.drills.pull.run",
    "oversell": "orderhub.drills.oversell.run",
    "push": "orderhub.drills.push.run",
    "poison": "orderhub.drills.poison.run",
    "broker": "orderhub.drills.broker.run",
    "token": "orderhub.drills.token.run",
    "fuzz": "orderhub.drills.fuzz.run",
    "tracking": "orderhub.drills.tracking.run",
    "callback": "orderhub.drills.callback.run",
    "storm": "orderhub.drills.storm.run",
    "stock": "orderhub.drills.stock.run",
    "api": "orderhub.drills.api.run",
    "clients": "orderhub.drills.clients.run",
}


class Command(BaseCommand):
    help = "Break something on purpose and count what came of it, on a fresh database beside the one in use."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument("names", nargs="*", metavar="NAME", help=", ".join(DRILLS) + " (default: all)")
        parser.add_argument("--json", action="store_true", help="one JSON line and nothing else")
        parser.add_argument("--long", action="store_true", help="the full size")
        parser.add_argument(
            "--verbose", action="store_true", help="show the log of what is broken on purpose"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        names = options["names"] or list(DRILLS)
        unknown = [name for name in names if name not in DRILLS]
        if unknown:
            raise CommandError(f"no such drill: {', '.join(unknown)}; there are {', '.join(DRILLS)}")
        flags = [f"--{flag}" for flag in ("json", "long", "verbose") if options[flag]]
        failed = [name for name in names if not self._one(name, flags, options)]
        if failed:
            raise SystemExit(1)

    def _one(self, name: str, flags: list[str], options: dict[str, Any]) -> bool:
        code = elsewhere("drill", [name, *flags])
        if code is not None:
            return code == 0
        if not options["verbose"]:
            logging.disable(logging.CRITICAL)
        settings.NUDGE = False
        started = time.monotonic()
        try:
            said: dict[str, Any] = {"name": name, **resolve(DRILLS[name])(long=options["long"])}
        finally:
            logging.disable(logging.NOTSET)
        said["seconds"] = round(time.monotonic() - started, 1)
        if options["json"]:
            self.stdout.write(json.dumps(said, ensure_ascii=False, default=str))
        else:
            self.stdout.write(f"{name}: {'ok' if said['ok'] else 'NOT OK'}")
            for key, value in said.items():
                if key not in ("name", "ok"):
                    self.stdout.write(f"  {key}: {value}")
        return bool(said["ok"])
