"""``manage.py check_spreadsheets``: exports of this database opened in LibreOffice, each cell held against what was written."""

from __future__ import annotations

import argparse
import csv
import dataclasses
import json
import tempfile
import time
from pathlib import Path
from typing import Any

from django.conf import settings
from django.contrib.auth import get_user_model
from django.core.management.base import BaseCommand, CommandError
from django.utils import translation

from orderhub.dotted import resolve
from orderhub.exports import files, office
from orderhub.exports.columns import CODE, DAY, MOMENT, MONEY, TEXT, Column, select

#: What a buyer may write, and what a spreadsheet spoils.
NASTY = ("=1+1", "+1", "-1", "@SUM(1)", "\t=1", "\r=1", '=HYPERLINK("http://127.0.0.1","x")', "'=1", "王小明")
NUMBERS = ("690000000000001234", "6900000000000012345", "0012", "1.5E+10", "00000000000000000000", "-690000000000001234",
           "2026-01-02", "TRUE", "12")  # fmt: skip


class Command(BaseCommand):
    """Prints what LibreOffice found; exit 1 on a difference, 2 where LibreOffice or a superuser is missing."""

    help = "Open a CSV and an XLSX export in LibreOffice: types, long numbers as text, dates as dates, no formulas."

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument(
            "--query", default="", help="the order list's query string (default: every order)"
        )
        parser.add_argument("--json", action="store_true", help="one JSON line and nothing else")

    def handle(self, *args: Any, **options: Any) -> None:
        if office.program() is None:
            raise CommandError(
                "LibreOffice is not installed (Debian: apt-get install libreoffice-calc)", returncode=2
            )
        user = get_user_model().objects.filter(is_superuser=True, is_active=True).order_by("id").first()
        if user is None:
            raise CommandError(
                "no superuser: exports are a person's (manage.py createsuperuser)", returncode=2
            )
        begun = time.monotonic()
        found: dict[str, office.Said] = {}
        with tempfile.TemporaryDirectory() as made, translation.override("zh-hans"):
            folder = Path(made)
            source, columns = exported(folder, options["query"], user.pk)
            found |= opened("orders", source, columns, folder)
            source, columns = nasty(folder)
            found |= opened("nasty", source, columns, folder)
        ok = all(said.ok and said.rows for said in found.values())
        said = {
            "name": "check_spreadsheets", "ok": ok, "seconds": round(time.monotonic() - begun, 1),
            "files": {name: dataclasses.asdict(one) for name, one in found.items()},
        }  # fmt: skip
        if options["json"]:
            self.stdout.write(json.dumps(said, ensure_ascii=False))
        else:
            for name, one in found.items():
                self.stdout.write(
                    f"{name}: {one.rows} rows, {one.dates} dates, {one.numbers} numbers, {one.long_numbers_as_text} long numbers"
                    f" as text, {one.formulas} formulas, {one.differences} differences"
                )
                self.stdout.writelines(f"  {line}" for line in one.wrong)
        if not ok:
            raise SystemExit(1)


def exported(folder: Path, query: str, user: int) -> tuple[Path, list[Column]]:
    """The job's own CSV of the orders under a query, and its columns."""
    begin, step = resolve("orders.operations.exporting.begin"), resolve("orders.operations.exporting.step")
    kept, settings.EXPORTS_ROOT = settings.EXPORTS_ROOT, str(folder)
    try:
        job = begin(query, "csv", user, "zh-hans")
        try:
            while not step(job):
                pass
            path = folder / str(job.result["name"])
        finally:
            job.delete()
    finally:
        settings.EXPORTS_ROOT = kept
    columns: list[Column] = resolve("orders.exporting.exported")()
    return path, columns


def nasty(folder: Path) -> tuple[Path, list[Column]]:
    """A file of what must not run, not lose digits, and not become something else."""
    columns = [
        Column("text", "v.text"), Column("code", "v.code", CODE), Column("kind", "v.text", TEXT),
        Column("moment", "timestamptz '2026-03-01 16:30:00+00'", MOMENT), Column("day", "date '2026-03-02'", DAY),
        Column("money", "1234.50", MONEY),
    ]  # fmt: skip
    path = folder / "nasty.csv"
    source = "FROM unnest(%s::text[], %s::text[]) AS v(text, code)"
    files.append(
        path,
        files.begin(path, columns),
        select(columns, source, long_as_text=True),
        [list(NASTY), list(NUMBERS)],
    )
    return path, columns


def opened(name: str, source: Path, columns: list[Column], folder: Path) -> dict[str, office.Said]:
    """{file: what was found} of the CSV and of the workbook made from it."""
    with source.open(encoding="utf-8-sig", newline="") as file:
        rows = sum(1 for _row in csv.reader(file)) - 1
    book = folder / f"{name}-book.xlsx"
    files.workbook(source, book, columns, name, rows)
    kinds, found = [column.kind for column in columns], {}
    for path in (source, book):
        flat = office.opened(path, folder)
        with source.open(encoding="utf-8-sig", newline="") as file:
            found[f"{name}{path.suffix}"] = office.judge(kinds, csv.reader(file), office.cells(flat))
        flat.unlink()
    return found
