"""The cast of the API's tests: an own order and a foreign one whose receiver is a canary, people, and calls."""

from __future__ import annotations

import json
from typing import Any

import pytest
from django.contrib.auth.models import Group, User
from django.test import Client
from django.utils import timezone

from inventory.models import Bin, Sku, Stock, Warehouse
from orderhub import crypto
from orderhub.api import tokens
from orderhub.api.cursors import cursor
from orderhub.api.models import Device
from orderhub.roles import sync_roles
from orderhub.scope import Scope
from orderhub.testing.api_cases import TOUCH, Real
from orderhub.tickets.models import Ticket
from orders.models import Hold, Order
from orders.operations import holds
from orders.tests import aftersale_cast as cast
from routing.addresses.parse import parse
from routing.models import AddressReview
from routing.operations import deciding

CANARY = {"name": "金丝雀", "phone": "13987654321", "address": "金丝雀巷77号"}
NUMBER = "123456789012345678"


def bearer(user: User) -> dict[str, str]:
    device = Device.objects.create(user=user, name="phone", stamp=user.get_session_auth_hash())
    access, _again = tokens.pair(device)
    return {"HTTP_AUTHORIZATION": f"Bearer {access}", "HTTP_ACCEPT_LANGUAGE": "en"}


def person(role: str, shops: tuple[str, ...] = (), warehouses: tuple[str, ...] = ()) -> User:
    user = User.objects.create_user(f"{role}-{User.objects.count()}", password="a-long-pass-9", is_staff=True)
    user.groups.add(Group.objects.get(name=role))
    if shops or warehouses:
        Scope.objects.create(user=user, shops=list(shops), warehouses=list(warehouses))
    return user


def call(method: str, path: str, heads: dict[str, str], body: Any = None, **more: str) -> Any:
    client = Client(raise_request_exception=True)
    given = {} if body is None else {"data": json.dumps(body), "content_type": "application/json"}
    return getattr(client, method.lower())(f"/api/v1/{path}", **given, **heads, **more)


@pytest.fixture(name="world")
def make_world() -> dict[str, Any]:
    """An own order, and a foreign one in another shop and warehouse, whose receiver is the canary."""
    sync_roles()
    cast.warehouse()
    far = Warehouse.objects.create(code="SH01", name="上海仓")
    own = cast.order("paid", warehouse=cast.warehouse())
    foreign = cast.order("paid", shop=cast.shop("far"), warehouse=far, channel_number=NUMBER)
    for order in (own, foreign):
        order.receiver.plain_enc = crypto.encrypt(json.dumps(CANARY, ensure_ascii=False).encode())
        order.receiver.phone_tail_hash = crypto.tail_hash(CANARY["phone"])
        order.receiver.name_mask, order.receiver.phone_mask = "金**", "139****4321"
        order.receiver.save()
        holds.open_holds([order.pk], "risk", "odd", cast_actor())
    ticket = {
        order.pk: Ticket.objects.create(kind="x", cause_key=f"c{order.pk}", title=f"look at {order.number}", order_id=order.pk)
        for order in (own, foreign)
    }  # fmt: skip
    place = Bin.objects.create(warehouse=far, code="FAR-1")
    Stock.objects.create(sku=Sku.objects.get(code="CUP-1"), bin=place, on_hand=7)
    review = {order.pk: review_of(order) for order in (own, foreign)}
    return {"own": own, "foreign": foreign, "tickets": ticket, "reviews": review}


def review_of(order: Order, address: str = CANARY["address"]) -> AddressReview:
    """An address of that order that waits for a person; its text is the canary's by default."""
    return AddressReview.objects.create(
        order_id=order.pk, version=order.destination_version, kind="hold", state="waiting", verdict="fix",
        sealed=deciding.sealed(parse(f"浙江省杭州市余杭区{address}"), []), promised_at=timezone.now(),
    )  # fmt: skip


def cast_actor() -> Any:
    from orderhub.actors import CLOCK

    return CLOCK


def real_of(world: dict[str, Any], user: User) -> tuple[Real, dict[str, str]]:
    """(what made-up calls are given to reach the own order, {caller: Authorization}) of that person and of the own shop."""
    order, account = world["own"], world["own"].shop.connection
    account.options, account.state = {"api_token_hash": crypto.keyed_hash("shop-token")}, "ok"
    account.save()
    authorization = bearer(user)["HTTP_AUTHORIZATION"]
    places = {
        "orders_list": ("orders", timezone.now().isoformat(), 2**40), "holds_list": ("holds", 2**40),
        "tickets_list": ("tickets", 0), "order_timeline": ("touches", order.ordered_at.isoformat(), 0),
        "sync_changes": ("sync", 0, 0),
    }  # fmt: skip
    real = Real(
        rows={
            "number": order.number, "hold": str(Hold.objects.get(order=order).pk), "touch": TOUCH,
            "ticket": str(world["tickets"][order.pk].pk), "item": world["reviews"][order.pk].pk,
        },
        cursors={name: cursor(*place) for name, place in places.items()},
        sku="CUP-1", username=user.username, password="a-long-pass-9",
        kept=[str(Device.objects.get(user=user).pk)],
    )  # fmt: skip
    return real, {"person": authorization, "shop": "Bearer shop-token"}
