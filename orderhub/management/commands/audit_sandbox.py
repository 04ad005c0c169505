"""The judge: what the sandbox's own ledger says really happened, against what our database says."""

from __future__ import annotations

import json
import sqlite3
from collections import Counter
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from orderhub.models import Payload
from orders.models import Order

#: Effects that may happen once per key.
ONCE = (
    "wms.order",
    "channel.ship",
    "kingdee.save",
    "kingdee.submit",
    "kingdee.audit",
    "waybill.number",
    "return.receipt",
)


class Command(BaseCommand):
    help = "Compare the sandbox's ledger with the database: orders lost or doubled, effects doubled."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("ledger", type=Path)
        parser.add_argument("--json", action="store_true")

    def handle(self, *args: Any, **options: Any) -> None:
        if not options["ledger"].is_file():
            raise CommandError(f"no ledger at {options['ledger']}")
        rows = _rows(options["ledger"])
        source = {
            (r["body"].get("channel", r["platform"]), r["key"]) for r in rows if r["kind"] == "source.order"
        }
        ours = Counter(Order.objects.values_list("shop__channel", "channel_number"))
        kept = set(
            Payload.objects.filter(kind="order", state="set_aside").values_list("external_id", flat=True)
        )
        missing = sorted(key for channel, key in source if (channel, key) not in ours and key not in kept)
        effects: Counter[tuple[str, str]] = Counter(
            (r["kind"], r["key"]) for r in rows if r["effect"] and r["kind"] in ONCE
        )
        twice = sorted(f"{kind} {key} ×{n}" for (kind, key), n in effects.items() if n > 1)
        twice += sorted(f"order {number} ×{n}" for number, n in ours.items() if n > 1)
        shipped: Counter[str] = Counter(
            r["body"]["source"]
            for r in rows
            if r["effect"] and r["kind"] == "wms.order" and r["body"].get("source")
        )
        cancelled = {r["body"].get("source") or r["key"] for r in rows if r["kind"] == "wms.cancel"}
        twice += sorted(
            f"goods of {s} handed over ×{n}" for s, n in shipped.items() if n > 1 and s not in cancelled
        )
        answer = {
            "lost": len(missing),
            "doubled": len(twice),
            "lost_orders": missing[:20],
            "doubled_effects": twice[:20],
            "effects": dict(Counter(r["kind"] for r in rows if r["effect"])),
        }
        self.stdout.write(json.dumps(answer, ensure_ascii=False))
        if missing or twice:
            raise SystemExit(1)


def _rows(path: Path) -> list[dict[str, Any]]:
    with sqlite3.connect(f"file:{path}?mode=ro", uri=True) as ledger:
        ledger.row_factory = sqlite3.Row
        found = ledger.execute("SELECT * FROM entry ORDER BY id").fetchall()
    return [{**dict(row), "body": json.loads(row["body"])} for row in found]
