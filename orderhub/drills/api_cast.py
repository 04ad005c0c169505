"""The cast of the API's drills: seeded orders, one with 19 digits, a hold, a ticket and an open address, and two callers."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

import httpx
from django.contrib.auth import get_user_model
from django.contrib.auth.models import Group
from django.utils import timezone

from inventory.models import Sku
from orderhub import crypto
from orderhub.api.cursors import cursor
from orderhub.management.seeding import fill
from orderhub.models import Connection
from orderhub.roles import sync_roles
from orderhub.testing.api_cases import TOUCH, Real
from orderhub.tickets.models import Ticket
from orders.models import Hold, HoldType, Order
from routing.addresses.parse import parse
from routing.models import AddressReview
from routing.operations import deciding

NAME, PASSWORD, TOKEN = "api-drill", "a-long-pass-for-drills", "a-token-for-drills"
#: 19 digits: JavaScript's numbers can't hold it.
NUMBER = "1234567890123456789"


@dataclass
class Cast:
    """Who asks, and what is there."""

    order: Order
    real: Real


def set_up(orders: int) -> Cast:
    """Fill the database and make the rows that are asked for by name."""
    fill(orders, days=3)  # young ones, of every state
    sync_roles()
    user = get_user_model().objects.create_user(NAME, "", PASSWORD, is_staff=True)
    user.groups.add(Group.objects.get(name="operations"))
    ours = Order.objects.filter(shop__channel="own_shop", open_holds=0).order_by("-ordered_at")
    order = ours.exclude(state__in=("shipped", "signed", "closed", "cancelled"))[0]
    Order.objects.filter(pk=order.pk).update(channel_number=NUMBER)
    Connection.objects.filter(pk=order.shop.connection_id).update(
        state="ok", options={"api_token_hash": crypto.keyed_hash(TOKEN)}
    )
    order.refresh_from_db()
    judged = AddressReview.objects.values("order_id")
    others = Order.objects.filter(open_holds=0).exclude(pk=order.pk).exclude(pk__in=judged)
    for other in others.order_by("-ordered_at")[:60]:
        review_of(other)
    return Cast(order, held(order))


def held(order: Order) -> Real:
    """A hold, a ticket and an open address of this order, and what a made-up call needs to reach them."""
    hold = Hold.objects.create(order=order, type=HoldType.RISK, reason="odd", opened_by="drill")
    ticket = Ticket.objects.create(kind="x", cause_key="drill", title="look", order_id=order.pk)
    item = review_of(order)
    now = timezone.now().isoformat()
    places: dict[str, tuple[Any, ...]] = {
        "orders_list": ("orders", now, 2**40), "holds_list": ("holds", 2**40), "tickets_list": ("tickets", 0),
        "order_timeline": ("touches", order.ordered_at.isoformat(), 0), "sync_changes": ("sync", 0, 0),
    }  # fmt: skip
    return Real(
        rows={"number": order.number, "hold": str(hold.pk), "touch": TOUCH, "ticket": str(ticket.pk), "item": item.pk},
        cursors={name: cursor(*place) for name, place in places.items()},
        sku=str(Sku.objects.values_list("code", flat=True)[0]), username=NAME, password=PASSWORD, kept=[],
    )  # fmt: skip


def review_of(order: Order) -> AddressReview:
    """An address of this order that waits for a person."""
    return AddressReview.objects.create(
        order_id=order.pk, version=order.destination_version, kind="hold", state="waiting", verdict="fix",
        sealed=deciding.sealed(parse("浙江省杭州市余杭区金丝雀巷77号"), []), promised_at=timezone.now(),
    )  # fmt: skip


def signed_in(url: str) -> tuple[str, str]:
    """(access token, device) of the person."""
    body = {"username": NAME, "password": PASSWORD, "device": "drill"}
    told = (
        httpx.post(f"{url}/api/v1/sign-in", json=body, timeout=30, trust_env=False).raise_for_status().json()
    )
    return told["access"], told["device"]


def operations(schema: bytes) -> set[str]:
    """The operations' names of a served schema."""
    paths = json.loads(schema).get("paths", {}).values()
    return {one["operationId"] for methods in paths for one in methods.values() if "operationId" in one}


def schema(url: str, access: str) -> bytes:
    """The schema as it is served, JSON."""
    heads = {"Authorization": f"Bearer {access}"}
    return (
        httpx.get(f"{url}/api/v1/schema?format=json", headers=heads, timeout=60, trust_env=False)
        .raise_for_status()
        .content
    )
