"""A queue of addresses to review, made from the sandbox's file of places: for measurements, never for a shop."""

from __future__ import annotations

import datetime as dt
import json

from django.utils import timezone

from inventory.models import Bin, Warehouse
from orderhub import crypto
from orderhub.models import Connection
from orderhub.sandbox import amap
from orders.models import Order, Receiver, Shop
from routing import demo
from routing.addresses import candidates, judge
from routing.addresses.parse import parse
from routing.addresses.words import Poi
from routing.models import AddressReview
from routing.operations import deciding


def fill(count: int) -> None:
    """`count` held own-shop orders with three candidates each, in districts that have outlets and fences."""
    now = timezone.now()
    demo.load(now)
    house = Warehouse.objects.create(code="HZ01", name="杭州自建仓")
    Bin.objects.create(warehouse=house, code="A-01")
    account = Connection.objects.create(
        code="own", platform="own_shop", name="自营", base_url="http://127.0.0.1:1"
    )
    shop = Shop.objects.create(
        code="own", name="自营", channel="own_shop", connection=account, default_warehouse=house
    )
    places = [
        p
        for p in amap.places()
        if p.adcode.startswith(("33", "31")) and "路" in p.address and "号" in p.address
    ]
    made: list[Order] = []
    for n in range(count):
        made.append(
            Order(
                number=f"B{n:07d}", shop=shop, channel_number=f"B{n}", state="reserved", channel_state="paid",
                channel_version=now, ordered_at=now, paid_at=now, goods_amount=10, payable=10, warehouse=house,
                open_holds=0, promised_ship_at=now + dt.timedelta(hours=48, seconds=n),
            )
        )  # fmt: skip
    Order.objects.bulk_create(made)
    receivers, items = [], []
    for n, order in enumerate(made):
        place = places[n * 7 % len(places)]
        text = f"{place.address}{n + 1}室"
        parsed = parse(
            f"{place.province}{'' if place.city == place.province else place.city}{place.district}{text}"
        )
        near = amap.find(f"{place.district}{place.address}", place.adcode, 8)
        ranked = candidates.rank(
            parsed,
            [
                Poi(p.id, p.name, p.address, p.adcode, p.lng, p.lat, "gcj02", "amap", rank=r)
                for r, p in enumerate(near)
            ],
        )
        plain = {"name": "王小明", "phone": "13800001234", "address": text}
        receivers.append(
            Receiver(
                order=order, visibility="plain", name_mask="王**", phone_mask="138****1234", address_mask="**",
                province=place.province, city=place.city, district=place.district,
                plain_enc=crypto.encrypt(json.dumps(plain, ensure_ascii=False).encode()),
            )
        )  # fmt: skip
        items.append(
            AddressReview(
                order_id=order.pk, version=1, state="waiting", verdict="confirm", reason="below_threshold",
                sure=judge.confidence(ranked), city=f"{place.adcode[:4]}00", sealed=deciding.sealed(parsed, ranked[:8]),
                promised_at=now + dt.timedelta(hours=48, seconds=n),
            )
        )  # fmt: skip
    Receiver.objects.bulk_create(receivers)
    AddressReview.objects.bulk_create(items)
