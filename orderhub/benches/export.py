"""Exports of many orders: seconds of the job's own steps against plain COPY and against the writer of workbooks alone.

Floors are measured in the same run, in turns: COPY of the same joined columns as they are stored, and the workbook
writer fed with rows that are there already. Memory is the peak of a fresh process that does nothing but one job.
"""

from __future__ import annotations

import csv
import json
import os
import subprocess
import sys
import tempfile
import time
from itertools import cycle, islice
from pathlib import Path
from statistics import median
from typing import Any

from django.conf import settings
from django.contrib.auth import get_user_model
from django.db import connection
from django.utils import translation
from rustpy_xlsxwriter import FastExcel

from orderhub.dotted import resolve
from orderhub.exports import files
from orderhub.management.seeding import filled

ROUNDS = 3
#: Real rows that feed the writer's floor: compressing one made-up row a million times costs nothing.
REAL = 10_000
CSV_GOAL, XLSX_GOAL, PEAK_GOAL = 2.0, 1.5, 150.0
#: The job of one process: what a worker does, and what it took.
#: Its peak is read from /proc where there is one: what getrusage says begins with the peak of the process that started it.
ALONE = """
import json, resource, sys, django
from pathlib import Path
def peak_mb():
    told = Path("/proc/self/status")
    if told.exists():
        return int(told.read_text().split("VmHWM:")[1].split()[0]) / 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
django.setup()
from orderhub.jobs.models import Job
from orders.operations import exporting
user, form = int(sys.argv[1]), sys.argv[2]
before = peak_mb()
job = exporting.begin("", form, user, "zh-hans")
while not exporting.step(job):
    pass
peak = peak_mb()
print(json.dumps({"peak_mb": round(peak, 1), "grown_mb": round(peak - before, 1)}))
"""


def run(*, long: bool) -> dict[str, Any]:
    """100,000 orders; `long` is 1,000,000."""
    orders = 1_000_000 if long else 100_000
    filled(orders)
    people = get_user_model().objects
    user = (
        people.filter(username="export-bench").first() or people.create_superuser("export-bench", "", "x")
    ).pk
    with tempfile.TemporaryDirectory() as folder:
        settings.EXPORTS_ROOT = folder
        took: dict[str, list[float]] = {name: [] for name in ("copy", "csv", "writer", "xlsx")}
        for _round in range(1 if long else ROUNDS):
            took["copy"].append(_copy(Path(folder) / "floor.csv"))
            took["csv"].append(_job(user, "csv"))
            took["writer"].append(
                _writer(Path(folder) / "floor.xlsx", orders, max(Path(folder).glob("orders-*.csv")))
            )
            took["xlsx"].append(_job(user, "xlsx"))
        alone = {form: _alone(user, form, folder) for form in ("csv", "xlsx")}
        peaks = {form: said["peak_mb"] for form, said in alone.items()}
        bytes_of = max(path.stat().st_size for path in Path(folder).glob("orders-*.csv"))
    seconds = {name: round(median(values), 2) for name, values in took.items()}
    csv_ratio, xlsx_ratio = (
        seconds["csv"] / seconds["copy"],
        seconds["xlsx"] / (seconds["writer"] + seconds["csv"]),
    )
    return {
        "ok": csv_ratio <= CSV_GOAL and xlsx_ratio <= XLSX_GOAL and max(peaks.values()) <= PEAK_GOAL,
        "value": round(csv_ratio, 2), "unit": "times plain COPY", "csv_ratio": round(csv_ratio, 2),
        "xlsx_ratio": round(xlsx_ratio, 2), "xlsx_to_writer_alone": round(seconds["xlsx"] / seconds["writer"], 2),
        "peak_mb": max(peaks.values()), "peaks": peaks,
        "grown_mb": max(said["grown_mb"] for said in alone.values()), "orders": orders,
        "columns": len(_columns()), "took": seconds,
        "csv_mb": round(bytes_of / 1e6, 1),
    }  # fmt: skip


def _columns() -> list[Any]:
    with translation.override("zh-hans"):
        found: list[Any] = resolve("orders.exporting.exported")()
        return found


def _copy(path: Path) -> float:
    """The same columns as they are stored, one statement."""
    cells = ", ".join(f"({column.sql})" for column in _columns())
    named: Any = resolve("orders.exporting.FROM")
    source = str(named).replace("WHERE o.id = ANY(%s::bigint[])", "")
    begun = time.perf_counter()
    with (
        path.open("wb") as file,
        connection.cursor() as cursor,
        cursor.copy(f"COPY (SELECT {cells.replace('%%', '%')} {source}) TO STDOUT WITH (FORMAT csv)") as copy,
    ):
        for row in copy:
            file.write(row)
    return time.perf_counter() - begun


def _job(user: int, form: str) -> float:
    """What a worker's steps take."""
    begin, step = resolve("orders.operations.exporting.begin"), resolve("orders.operations.exporting.step")
    job = begin("", form, user, "zh-hans")
    begun = time.perf_counter()
    while not step(job):
        pass
    took = time.perf_counter() - begun
    job.delete()
    return took


def _writer(path: Path, rows: int, source: Path) -> float:
    """The fastest streaming writer alone, fed with rows of the file that are there already, typed, over and over."""
    columns = _columns()
    heads, made = [str(column.label) for column in columns], files.makers(columns)
    with source.open(encoding="utf-8-sig", newline="") as file:
        there = [files.typed_row(cells, heads, made) for cells in islice(csv.reader(file), 1, 1 + REAL)]
    begun = time.perf_counter()
    FastExcel(str(path)).format(float_format="0.00").sheet("1", islice(cycle(there), rows)).save()
    return time.perf_counter() - begun


def _alone(user: int, form: str, folder: str) -> dict[str, Any]:
    given = {**os.environ, "EXPORTS_ROOT": folder, "DATABASE_URL": _url()}
    said = subprocess.run(
        [sys.executable, "-c", ALONE, str(user), form], env=given, capture_output=True, text=True, check=True
    )
    found: dict[str, Any] = json.loads(said.stdout.splitlines()[-1])
    return found


def _url() -> str:
    here = connection.settings_dict
    return f"postgresql://{here['USER']}:{here['PASSWORD']}@{here['HOST']}:{here['PORT']}/{here['NAME']}"
