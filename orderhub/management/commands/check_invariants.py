"""Ask whether states, timeline, stock and money agree; one JSON line with --json, exit code 1 where something is broken."""

import json
import sys
import time
from argparse import ArgumentParser
from dataclasses import asdict
from typing import Any

from django.core.management.base import BaseCommand

from orderhub.invariants import check, invariants


class Command(BaseCommand):
    help = "Check that what is stored agrees with itself: states, timeline, stock, places and money."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("codes", nargs="*", help="only these invariants")
        parser.add_argument("--json", action="store_true", help="one line of JSON")

    def handle(self, *args: Any, **options: Any) -> None:
        asked = [one for one in invariants() if not options["codes"] or one.code in options["codes"]]
        began = time.monotonic()
        broken = check(options["codes"])
        took = round(time.monotonic() - began, 2)
        if options["json"]:
            told = {
                "ok": not broken,
                "asked": len(asked),
                "seconds": took,
                "broken": [asdict(one) for one in broken],
            }
            self.stdout.write(json.dumps(told, ensure_ascii=False))
        else:
            for one in broken:
                self.stdout.write(f"BROKEN  {one.code}: {one.label} ({one.count})")
                for subject, fault in one.first:
                    self.stdout.write(f"        {subject}: {fault}")
            self.stdout.write(f"{len(asked) - len(broken)} of {len(asked)} invariants hold ({took} s)")
        if broken:
            sys.exit(1)
