"""The cast of the after-sale tests: one own shop, one warehouse, two SKUs, and orders in the state one asks for."""

from __future__ import annotations

import datetime as dt
import itertools
from decimal import Decimal
from typing import Any

from django.utils import timezone

from inventory.models import Bin, Sku, Stock, Warehouse
from orderhub.integrations.models import Connection
from orders.amounts import allocate_lines
from orders.models import Line, Order, Receiver, Shop

_numbers = itertools.count(1)


def shop(code: str = "own", channel: str = "own_shop") -> Shop:
    """The shop of that code, made once."""
    found = Shop.objects.filter(code=code).first()
    if found is not None:
        return found
    connection = Connection.objects.create(
        platform=channel, name=code, code=f"conn-{code}", base_url="http://127.0.0.1:1"
    )
    return Shop.objects.create(code=code, name=code, channel=channel, connection=connection)


def warehouse() -> Warehouse:
    """HZ01 with one sellable bin."""
    found, made = Warehouse.objects.get_or_create(code="HZ01", defaults={"name": "杭州自建仓"})
    if made:
        Bin.objects.create(warehouse=found, code="A-01")
    return found


def sku(code: str, on_hand: int = 100) -> Sku:
    """A SKU with stock in HZ01."""
    found, made = Sku.objects.get_or_create(code=code, defaults={"name": f"商品{code}", "weight_g": 300})
    if made:
        Stock.objects.create(sku=found, bin=warehouse().bins.get(code="A-01"), on_hand=on_hand)
    return found


def order(
    state: str = "signed",
    *,
    goods: tuple[tuple[str, int, str], ...] = (("CUP-1", 2, "30.00"), ("BED-2", 1, "199.00")),
    discount: str = "10.00",
    freight: str = "8.00",
    signed_days_ago: float = 1,
    **columns: Any,
) -> Order:
    """An order with its lines allocated, in `state`, signed `signed_days_ago` where that state has a signature."""
    n = next(_numbers)
    now = timezone.now()
    shares = allocate_lines([Decimal(p) * q for _, q, p in goods], Decimal(discount), Decimal(freight))
    values: dict[str, Any] = {
        "number": f"OH2026{n:06d}",
        "shop": columns.pop("shop", None) or shop(),
        "channel_number": f"C{n:08d}",
        "state": state,
        "channel_state": "PAID",
        "channel_version": now,
        "ordered_at": now - dt.timedelta(days=12),
        "paid_at": None if state == "unpaid" else now - dt.timedelta(days=12),
        "goods_amount": sum(Decimal(p) * q for _, q, p in goods),
        "discount": Decimal(discount),
        "freight": Decimal(freight),
        "payable": sum(share[2] for share in shares),
        "piece_count": sum(q for _, q, _ in goods),
        "line_count": len(goods),
        "warehouse": warehouse(),
    }
    if state in {"signed", "closed"}:
        values["shipped_at"] = now - dt.timedelta(days=signed_days_ago + 2)
        values["signed_at"] = now - dt.timedelta(days=signed_days_ago)
    made = Order.objects.create(**{**values, **columns})
    for place, ((code, quantity, price), share) in enumerate(zip(goods, shares, strict=True), 1):
        Line.objects.create(
            order=made, channel_line=str(place), sku=sku(code), seller_code=code, title=f"商品{code}",
            quantity=quantity, unit_price=Decimal(price), discount=share[0], freight_share=share[1], payable=share[2],
        )  # fmt: skip
    Receiver.objects.create(
        order=made, visibility="plain", name_mask="王*", phone_mask="138****0000", address_mask="余杭区***",
        province="浙江省", city="杭州市", district="余杭区",
    )  # fmt: skip
    return made


def closed(**columns: Any) -> Order:
    """An order that was closed: made signed first, because lines can't be added to a closed one."""
    made = order("signed", signed_days_ago=9, **columns)
    Order.objects.filter(id=made.id).update(state="closed", closed_at=timezone.now())
    made.refresh_from_db()
    return made
