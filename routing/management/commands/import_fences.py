"""`manage.py import_fences FILE --datum gcj02`: fences from a GeoJSON file, with a preview."""

from __future__ import annotations

import argparse
import datetime as dt
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from orderhub.geo import DATUMS
from routing.operations.import_fences import BadFile, preview, take_in


class Command(BaseCommand):
    help = "Take fences in from a GeoJSON FeatureCollection whose features name their outlet's code."

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument("file", type=Path)
        parser.add_argument(
            "--datum", required=True, choices=DATUMS, help="which system the coordinates are in"
        )
        parser.add_argument(
            "--from", dest="since", type=dt.date.fromisoformat, help="first day (default: today)"
        )
        parser.add_argument("--preview", action="store_true", help="say what would be done and write nothing")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            seen = preview(options["file"].read_bytes(), options["datum"], options["since"])
        except (OSError, BadFile) as error:
            raise CommandError(str(error)) from error
        for row in seen.rows:
            words = row.error or "; ".join(row.notices)
            self.stdout.write(f"{row.number:5} {row.action:8} {row.code:24} {words}".rstrip())
        if options["preview"]:
            self.stdout.write(f"preview: {seen.counts}")
            return
        self.stdout.write(f"{take_in(seen)}")
