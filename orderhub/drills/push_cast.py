"""Orders of all the sandbox's shops brought to where each outside effect is asked for."""

from __future__ import annotations

import datetime as dt
import json
from typing import Any

from django.db import connection
from django.utils import timezone

from finance.operations import receivable
from inventory.models import Warehouse
from logistics.lifecycle import LIFECYCLE as PARCELS
from logistics.models import Parcel
from logistics.operations import follow, plan
from orderhub.actors import Actor
from orderhub.benches.chain import answer_gateway, lay_routes
from orderhub.drills.cast import Cast
from orderhub.inbound import keeping, processing
from orderhub.lifecycle import apply
from orderhub.outbox.writing import ask_once
from orderhub.sandbox.own_shop_driver import order_json
from orderhub.sandbox.world import World
from orderhub.sweeping import sweep
from orderhub.testing.sandbox import RunningSandbox
from orders.lifecycle import LIFECYCLE as ORDERS
from orders.operations import pull

HAND = Actor("platform", "drill")
MIX = "taobao=35,own_shop=25,pinduoduo=20,douyin=20"


def bring_orders(sandbox: RunningSandbox, cast: Cast, seed: int, size: int, each: int) -> None:
    """`each` paid orders of each shop, routed, with parcels that ask for their numbers."""
    start = dt.datetime.fromisoformat(sandbox.health()["start"])
    world = World(seed, size, 1, now=start, scenarios=False, mix=MIX)
    for shop in cast.markets.values():
        pull.pull(shop.id)
    own = [order for order in world.of("own_shop") if order.paid_at is not None][:each]
    rows = []
    proofs: dict[str, Any] = {}
    for order in own:
        face = order_json(order)
        raw = json.dumps(face, ensure_ascii=False).encode()
        rows.append(keeping.Kept("order", order.number, str(face["created_at"]), raw, "api"))
        proofs[order.number] = (order.payable, order.paid_at)
    keeping.keep_many(cast.own_shop.connection_id, rows)
    processing.process("order")
    answer_gateway(proofs, 0, 1)
    lay_routes()
    for shop in cast.markets.values():
        _only(shop.id, each)
    sweep(ORDERS, "claimed", ("verify", "reserve", "route"))
    plan.plan()


def _only(shop_id: int, each: int) -> None:
    """Leave all but `each` claimed orders of the shop for later than this drill."""
    with connection.cursor() as cursor:
        cursor.execute(
            """UPDATE orders_order SET next_try_at = now() + interval '1 day' WHERE shop_id = %s AND id NOT IN
               (SELECT id FROM orders_order WHERE shop_id = %s AND state = 'claimed' AND open_holds = 0
                ORDER BY id LIMIT %s)""",
            [shop_id, shop_id, each],
        )


def ship() -> None:
    """What the warehouse does between hand-over and shipping; the ship reports are asked for."""
    parcels = dict(Parcel.objects.filter(state="handed").values_list("id", "expected_weight_g"))
    for code in ("wave", "pack", "print", "ship"):
        apply(PARCELS, code, sorted(parcels), actor=HAND, params={"weights": parcels})
    follow.follow()


def end_quietly() -> int:
    """Signed nine days ago, and quiet since: the receivables are asked for."""
    now = timezone.now()
    ids = list(Parcel.objects.filter(state="shipped").values_list("order_id", flat=True))
    apply(
        ORDERS, "sign", ids, actor=HAND, occurred={identity: now - dt.timedelta(days=9) for identity in ids}
    )
    with connection.cursor() as cursor:
        cursor.execute(
            """UPDATE orders_order SET aftersale_until = now() - interval '1 day', signed_at = now() - interval '9 days'
               WHERE id = ANY(%s) AND state = 'signed'""",
            [ids],
        )
    return receivable.sweep()


def write_texts(cast: Cast, n: int) -> None:
    """`n` SMS, each to the manager of a warehouse of its own: the service lets three a minute through to a phone."""
    for number, parcel in enumerate(Parcel.objects.order_by("id")[:n]):
        house = Warehouse.objects.create(
            code=f"S{number:03}",
            name=f"分仓{number}",
            manager_phone=f"138{number:08}",
            priority=999,
            active=False,
        )
        Parcel.objects.filter(id=parcel.id).update(warehouse=house)
        params = {"warehouse": house.code, "count": "1", "waybill": parcel.waybill_no}
        ask_once(
            "sms.send", f"drill:{parcel.number}", connection_id=cast.accounts["aliyun_sms"].id,
            subject_id=parcel.id, order_id=parcel.order_id, data={"template": "template_pickup_overdue", "params": params},
        )  # fmt: skip
