"""A file of 100,000 counts with ten bad rows: checked, previewed, applied, by the job's own steps.

Judged by the ledger: one movement a good row, none of a bad one, counters equal to the ledger. The floor is COPY of as
many movements with one UPDATE of their counters, in the same run.
"""

from __future__ import annotations

import csv
import io
import resource
import time
from typing import Any

from django.contrib.auth import get_user_model
from django.db import connection, transaction

from orderhub.dotted import resolve
from orderhub.imports import running
from orderhub.imports.models import Import

GOAL_SECONDS = 60.0
#: Row of the file, and what is written there instead: (warehouse, bin, sku, pieces, reason).
BAD = {
    17: {3: "-3"}, 1_017: {3: "2.5"}, 5_003: {1: "Z-99"}, 9_001: {0: "NOWHERE"}, 20_011: {2: "NO-SUCH"}, 33_333: {3: "many"},
    47_000: {4: ""}, 61_234: {3: "99999999999"}, 80_000: {3: ""}, 99_999: {2: "GOODS-000004"},
}  # fmt: skip
_FILL = (
    "INSERT INTO inventory_warehouse (code, name, kind, province, city, district, address, contact, manager_phone, priority,"
    " active, accepts_returns) VALUES ('HZ01', '杭州', 'own', '', '', '', '', '', '', 10, true, true)",
    "INSERT INTO inventory_bin (warehouse_id, code, sellable, walk_order) SELECT id, 'A-01', true, 1 FROM inventory_warehouse",
    "INSERT INTO inventory_sku (code, normal, name, weight_g, active) SELECT 'GOODS-' || lpad(n::text, 6, '0'),"
    " 'GOODS' || lpad(n::text, 6, '0'), '商品', 300, true FROM generate_series(1, {n}) n",
    "INSERT INTO inventory_stock (sku_id, bin_id, on_hand, reserved)"
    " SELECT k.id, b.id, 10, 0 FROM inventory_sku k, inventory_bin b",
    "INSERT INTO inventory_movement (sku_id, bin_id, kind, on_hand_change, reserved_change, reference)"
    " SELECT sku_id, bin_id, 'opening', 10, 0, 'opening' FROM inventory_stock",
    "ANALYZE",
)


def run(*, long: bool) -> dict[str, Any]:
    """100,000 rows in CSV; `long` is 200,000, the most that one file may have."""
    rows = 200_000 if long else 100_000
    with connection.cursor() as cursor:
        for statement in _FILL:
            cursor.execute(statement.format(n=rows))
    user = get_user_model().objects.create_superuser("import-bench", "", "x")
    data = _file(rows)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    floor = _floor()
    begun = time.perf_counter()
    made = running.begin("counts", "counts.csv", data, user, "zh-hans")
    made = _step(made)
    checked = time.perf_counter() - begun
    bad = {line["row"]: line["reason"] for line in made.preview["refused"]}
    previewed = (made.fresh, made.changed, made.unchanged, made.refused)
    untouched = _count("SELECT count(*) FROM inventory_movement WHERE kind = 'count'") == 0
    begun = time.perf_counter()
    if not running.apply(made, user):
        raise RuntimeError(made.problem)
    made = _step(made)
    applied = time.perf_counter() - begun
    written = _count(
        f"SELECT count(*) FROM inventory_movement WHERE kind = 'count' AND reference = 'import:{made.pk}'"
    )
    drift = len(resolve("inventory.queries.drift")())
    right = sorted(bad) == sorted(BAD) and written == rows - len(BAD) and untouched and not drift
    return {
        "ok": right and made.state == Import.State.APPLIED and checked + applied <= GOAL_SECONDS,
        "value": round(checked + applied, 1), "unit": "seconds", "rows": rows, "checked_s": round(checked, 1),
        "applied_s": round(applied, 1), "floor_s": round(floor, 1), "ratio": round(applied / floor, 1),
        "new_changed_unchanged_refused": previewed, "refused_rows": bad, "written": written, "untouched": untouched,
        "drift": drift, "grown_mb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024 - before),
    }  # fmt: skip


def _file(rows: int) -> bytes:
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(["仓库", "库位", "SKU", "实盘数量", "原因"])
    for n in range(1, rows + 1):
        cells = ["HZ01", "A-01", f"GOODS-{n:06d}", str(10 if n % 3 else 8), "年终盘点"]
        for place, text_there in BAD.get(n + 1, {}).items():
            cells[place] = text_there
        writer.writerow(cells)
    return text.getvalue().encode()


def _step(made: Import) -> Import:
    """The worker's step, without its clock."""
    made.refresh_from_db()
    if made.job is None or not running.step(made.job):
        raise RuntimeError("the step did not end")
    made.job.delete()
    return Import.objects.get(pk=made.pk)


def _floor() -> float:
    """As many ledger lines and counters by two statements, rolled back."""
    begun = time.perf_counter()
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(
            """INSERT INTO inventory_movement (sku_id, bin_id, kind, on_hand_change, reserved_change, reference, reason, actor)
               SELECT sku_id, bin_id, 'count', -2, 0, 'floor', '年终盘点', 'bench' FROM inventory_stock"""
        )
        cursor.execute("UPDATE inventory_stock SET on_hand = on_hand - 2")
        transaction.set_rollback(True)
    return time.perf_counter() - begun


def _count(sql: str) -> int:
    with connection.cursor() as cursor:
        cursor.execute(sql)
        row = cursor.fetchone()
    return int(row[0]) if row else 0
