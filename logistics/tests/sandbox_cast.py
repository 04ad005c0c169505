"""The parcel tests' cast with its accounts at the running sandbox."""

from __future__ import annotations

import datetime as dt
import json
from typing import Any

import pytest
from django.utils import timezone

from inventory.models import Sku
from logistics.providers.labels import own as labels
from orderhub import crypto
from orderhub.integrations.registry import client
from orderhub.models import Message
from orderhub.outbox import sending
from orderhub.testing.connections import connection
from orderhub.testing.sandbox import RunningSandbox
from orders.models import Line, Order, Receiver

OPTIONS: dict[str, dict[str, Any]] = {
    "wangdiantong": {"shop_no": "OWN-SHOP"},
    "aliyun_sms": {"template_pickup_overdue": "SMS_100000001"},
}


@pytest.fixture(name="world")
def cast_at_the_sandbox(sandbox: RunningSandbox, house: Any, open_gate: dict[int, Any]) -> Any:
    """The cast, with its accounts at the running sandbox and goods that the sandbox knows."""
    for platform, account in house.accounts.items():
        made = connection(platform, sandbox.url, save=False, options=OPTIONS.get(platform, {}))
        made.id, made.code, made.created_at = account.id, account.code, account.created_at
        made.save()
        house.accounts[platform] = made
    labels.forget()
    orders = client(house.accounts["taobao"]).created_page(
        timezone.now() - dt.timedelta(days=20), timezone.now(), 1, 100
    )
    marked = {number for numbers in sandbox.scenarios().values() for number in numbers}
    waiting = [row["tid_str"] for row in orders if row["status"] == "WAIT_SELLER_SEND_GOODS"]
    house.tids = sorted(tid for tid in waiting if tid not in marked)  # the oldest first
    trade, _raw = client(house.accounts["taobao"]).fullinfo(house.tids[0])
    code = trade["orders"]["order"][0]["outer_sku_id"]
    Sku.objects.filter(id=house.sku.id).update(code=code)
    return house


def taobao_order(world: Any, tid: str, warehouse: str = "HZ01") -> Order:
    trade, _raw = client(world.accounts["taobao"]).fullinfo(tid)
    order = world.order(
        "taobao", warehouse, channel_number=tid, paid_at=timezone.now() - dt.timedelta(days=9)
    )
    Receiver.objects.filter(order=order).update(
        opaque_enc=crypto.encrypt(json.dumps({"oaid": trade["oaid"]}).encode()),
        name_mask=trade["receiver_name"], phone_mask=trade["receiver_mobile"], address_mask=trade["receiver_address"],
        province=trade["receiver_state"], city=trade["receiver_city"], district=trade["receiver_district"],
        town=trade.get("receiver_town") or "",
    )  # fmt: skip
    return order


def own_order(world: Any, warehouse: str = "HZ01") -> Order:
    paid = timezone.now() - dt.timedelta(days=9)
    order = world.order("own_shop", warehouse, paid_at=paid, ordered_at=paid)
    Line.objects.filter(order=order).update(seller_code=Sku.objects.get(id=world.sku.id).code)
    return order


def drain(*kinds: str) -> None:
    for kind in kinds:
        Message.objects.filter(kind=kind, state__in=["new", "unknown"]).update(
            next_try_at=timezone.now() - dt.timedelta(seconds=5)
        )
        sending.drain(kind)
