"""An ambiguous address from the shop to the label: held, asked of Amap, reviewed by one click, numbered by ZTO."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client

from inventory.models import Warehouse
from logistics.models import Parcel
from logistics.operations.plan import plan
from logistics.operations.printing import label
from logistics.queries import shipments
from orderhub import modules
from orderhub.models import Message
from orderhub.outbox.sending import drain
from orderhub.sandbox.world import World
from orderhub.testing.connections import connection
from orderhub.testing.sandbox import running_sandbox
from orders.models import Hold, Order
from routing.models import AddressPick, AddressReview
from routing.providers import local
from routing.tests import review_cast as cast
from routing.tests.cast import House

pytestmark = pytest.mark.django_db
TOKEN = "d" * 24
SENDER = {
    "contact": "仓库", "manager_phone": "13900000000", "province": "浙江省", "city": "杭州市", "district": "余杭区",
    "address": "仓前街道1号",
}  # fmt: skip


def test_that_zhangjiang_288_x_is_held_reviewed_by_a_click_and_its_zto_label_carries_the_door(
    tmp_path: Path,
) -> None:
    modules.forget()
    local.forget()
    world = World(7, 60, 15)
    number = next(
        o.number for o in world.orders.values() if o.channel == "own_shop" and o.paid_at and not o.scenario
    )
    with running_sandbox(tmp_path) as sandbox:
        house = House()
        Warehouse.objects.filter(pk=house.own.pk).update(**SENDER)
        shop = house.shop
        real = connection("own_shop", sandbox.url, code="own-live")
        type(shop).objects.filter(pk=shop.pk).update(connection=real)
        connection("amap", sandbox.url)
        connection("zto", sandbox.url)
        order = cast.order(house, cast.ZHANGJIANG[:4], cast.ZHANGJIANG[4])
        Order.objects.filter(pk=order.pk).update(channel_number=number)
        cast.look_up()
        assert Hold.objects.filter(order=order, type="address", released_at=None).exists()
        item = AddressReview.objects.get(order_id=order.pk)
        assert item.verdict == "confirm"

        clerk = Client()
        clerk.force_login(User.objects.create_superuser("xiaoli"))
        shown = post(clerk, "next/", have=[])["items"][0]
        rank = next(n for n, card in enumerate(shown["cards"], 1) if card["name"] == "启明科创园X栋")
        assert post(clerk, f"{item.pk}/decide/", rank=rank, way="mouse", seconds=2.0)["outcome"] == "done"
        assert AddressPick.objects.get().precision == "building"

        cast.route()
        order.refresh_from_db()
        assert order.state == "routed", (
            order.state,
            order.refusal,
            list(Hold.objects.values_list("type", "reason")),
        )
        plan()
        drain("waybill.get")
        assert not Message.objects.exclude(state="done").values_list("error", flat=True)
        parcel = Parcel.objects.get(order_id=order.pk)
        assert (parcel.state != "planned", bool(parcel.waybill_no)) == (True, True)
        assert len(sandbox.ledger("waybill.number", parcel.number, "zto")) == 1
        printed = label(shipments([parcel.id])[parcel.id])
        assert printed.receiver.address == "上海市浦东新区 张江路288号启明科创园X栋"


def post(client: Client, path: str, **body: Any) -> Any:
    answer = client.post(
        f"/admin/review/{path}", json.dumps({"token": TOKEN, **body}), content_type="application/json"
    )
    assert answer.status_code == 200, answer.content
    return answer.json()
