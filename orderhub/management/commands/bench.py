"""``manage.py bench NAME``: one measurement on a database of its own; one JSON line with its figures."""

from __future__ import annotations

import argparse
import json
import logging
import time
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.db import connection

from orderhub.dotted import resolve
from orderhub.drills.aside import elsewhere, emptied

BENCHES = {
    "chain": "orderhub.benches.chain.run",
    "hot": "orderhub.benches.hot.run",
    "available": "orderhub.benches.available.run",
    "route": "routing.bench.run",
    "address": "routing.bench_address.run",
    "review": "routing.bench_review.run",
    "board": "orderhub.benches.board.run",
    "reports": "orderhub.benches.reports.run",
    "weight": "orderhub.benches.weight.run",
    "export": "orderhub.benches.export.run",
    "api": "orderhub.benches.api.run",
    "grow": "orderhub.benches.grow.run",
    "import": "orderhub.benches.imports.run",
    "simulate": "orderhub.benches.simulate.run",
}
BARE = ("address",)  # needs no database: it runs in this process and takes files


class Command(BaseCommand):
    help = "Measure a speed against a floor of raw SQL, on a fresh database beside the one in use."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument("names", nargs="*", metavar="NAME", help=", ".join(BENCHES) + " (default: all)")
        parser.add_argument(
            "--json", nargs="?", const=True, default=False, metavar="FILE",
            help="one JSON line and nothing else; address: the labelled file to score",
        )  # fmt: skip
        parser.add_argument("--pois", default="", metavar="POIS", help="address: the file of places")
        parser.add_argument("--long", action="store_true", help="the full size")
        parser.add_argument("--verbose", action="store_true", help="show the log")

    def handle(self, *args: Any, **options: Any) -> None:
        if options["json"] in BENCHES:  # bench --json chain
            options["names"], options["json"] = [*options["names"], options["json"]], True
        names = options["names"] or list(BENCHES)
        unknown = [name for name in names if name not in BENCHES]
        if unknown:
            raise CommandError(f"no such measurement: {', '.join(unknown)}; there are {', '.join(BENCHES)}")
        flags = [f"--{flag}" for flag in ("json", "long", "verbose") if options[flag]]
        failed = []
        for place, name in enumerate(names):
            if place and name not in BARE and str(connection.settings_dict["NAME"]).endswith("_bench"):
                emptied("bench")  # what the one before left is not this one's
            if not self._one(name, flags, options):
                failed.append(name)
        if failed:
            raise SystemExit(1)

    def _one(self, name: str, flags: list[str], options: dict[str, Any]) -> bool:
        code = None if name in BARE else elsewhere("bench", [name, *flags])
        if code is not None:
            return code == 0
        files = {}
        if name in BARE:
            files = {
                "file": options["json"] if isinstance(options["json"], str) else "",
                "pois": options["pois"],
            }
        if not options["verbose"]:
            logging.disable(logging.CRITICAL)
        settings.NUDGE = False
        started = time.monotonic()
        try:
            said: dict[str, Any] = {"name": name, **resolve(BENCHES[name])(long=options["long"], **files)}
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
