"""Trying a changed routing rule on 50,000 past orders, as the worker does it: page by page, to the last word of the result.

The decisions are made up on seeded orders with two warehouses and three outlets each, all figures kept, so that the choice
under either document is computed anew. The draft prefers another outlet from 150 places left on and has rows for districts.
"""

from __future__ import annotations

import datetime as dt
import time
from copy import deepcopy
from typing import Any

from django.contrib.auth import get_user_model
from django.db import connection
from django.utils import timezone

from orderhub.jobs import running
from orderhub.management.seeding import fill
from orderhub.rules import engine, publishing, seeding, simulating
from routing import known
from routing.models import Outlet

GOAL = 20.0
#: Orders that come to fewer decisions: what was never routed has none.
SURPLUS = 1.1
CARRIERS = ("ZTO", "YTO", "STO")

_DECISIONS = """
    INSERT INTO routing_decision (order_id, made_at, adcode, located_by, warehouse_id, carrier, outlet_code, policy, reasons,
        options)
    SELECT o.id, o.ordered_at + interval '2 minutes', o.adcode, 'district', o.warehouse_id, 'ZTO', 'ZTO-' || o.adcode, 'chain/1',
        '[["inside", {}]]'::jsonb,
        jsonb_build_object(
            'warehouses', (SELECT jsonb_agg(jsonb_build_object('id', w.id, 'code', w.code, 'own', w.kind = 'own', 'priority',
                w.priority, 'rate', 0.9, 'raw', 0.9, 'parcels', 500, 'blocked', '', 'taken', w.id = o.warehouse_id) ORDER BY w.id)
                FROM inventory_warehouse w),
            'outlets', (SELECT jsonb_agg(jsonb_build_object('code', c.carrier || '-' || o.adcode, 'carrier', c.carrier, 'inside',
                c.n = 1, 'left', (o.id * c.n * 37) %% 400, 'success', 0.99 - c.n * 0.004, 'raw', 0.98, 'parcels', 300,
                'blocked', '', 'cost', 4.5 + c.n * 0.3, 'hours', 40 + c.n * 4, 'taken', c.n = 1) ORDER BY c.n)
                FROM unnest(%(carriers)s::text[]) WITH ORDINALITY AS c(carrier, n)))
    FROM orders_order o WHERE o.warehouse_id IS NOT NULL ORDER BY o.id LIMIT %(most)s"""


def run(*, long: bool) -> dict[str, Any]:
    """50,000 decisions of the last week; `long` is 500,000, the most that a trial looks at."""
    wanted = 500_000 if long else 50_000
    fill(int(wanted * SURPLUS), days=7)
    with connection.cursor() as cursor:
        cursor.execute("SELECT DISTINCT adcode FROM orders_order WHERE adcode <> ''")
        places = [row[0] for row in cursor.fetchall()]
        Outlet.objects.bulk_create(
            Outlet(code=f"{carrier}-{place}", name=f"{carrier} {place}", carrier=carrier, adcode=place)
            for place in places
            for carrier in CARRIERS
        )
        cursor.execute(_DECISIONS, {"carriers": list(CARRIERS), "most": wanted})
        made = cursor.rowcount
        cursor.execute("ANALYZE routing_decision")
    known.forget()
    seeding.seed()
    engine.forget()
    user = get_user_model().objects.create_superuser("simulate-bench", "", "x")
    draft = publishing.new_draft("routing", "chain", user, document=changed())
    now = timezone.now()
    job = simulating.begin(draft, now - dt.timedelta(days=8), now, None, user.pk)
    begun = time.perf_counter()
    running.run_due(seconds=600)
    took = time.perf_counter() - begun
    job.refresh_from_db()
    told = job.result or {}
    seen, differ = int(told["seen"]), int(told["differing"])
    whole = job.state == "done" and seen == made == wanted and differ > 0
    return {
        "ok": whole and (long or took <= GOAL), "value": round(took, 2), "unit": "s", "goal": GOAL, "decisions": seen,
        "differ": differ, "impossible": int(told["impossible"]), "a_second": round(seen / took), "state": job.state,
    }  # fmt: skip


def changed() -> dict[str, Any]:
    """The shipped policy with 150 instead of 200, and a row by which dear orders go with another carrier."""
    live = publishing.rule_set("routing", "chain").live
    assert live is not None
    document = deepcopy(live.document)
    content = next(node for node in document["nodes"] if node["id"] == "preferences")["content"]
    column = {each["field"]: each["id"] for each in (*content["inputs"], *content["outputs"])}
    (rest,) = content["rules"]
    own = {**rest, "_id": "dear", column["amount"]: "> 150", column["prefer_carrier"]: "'YTO'"}
    own[column["exclude_carriers"]] = "['ZTO']"
    rest[column["preferred_left"]] = "150"
    content["rules"] = [own, rest]
    return document
