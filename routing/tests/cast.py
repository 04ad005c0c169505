"""The cast of routing's tests: two warehouses with stock, a shop, orders whose stock is reserved, outlets, fences."""

from __future__ import annotations

import datetime as dt
import uuid
from decimal import Decimal
from typing import Any

from django.utils import timezone

from inventory.models import Bin, Reservation, Sku, Stock, Warehouse
from inventory.operations.receive import opening
from orderhub.models import Connection
from orders.models import Line, Order, Receiver, Shop
from routing import fences
from routing.models import CapacityDay, Fence, Outlet, Rate

YUHANG = ("浙江省", "杭州市", "余杭区", "仓前街道")
#: A point in 余杭 (WGS-84), and squares around it.
POINT = (120.0, 30.28)


def square(lng: float, lat: float, half: float = 0.02) -> dict[str, Any]:
    """A square as GeoJSON."""
    ring = [
        [lng - half, lat - half],
        [lng + half, lat - half],
        [lng + half, lat + half],
        [lng - half, lat + half],
    ]
    return {"type": "Polygon", "coordinates": [[*ring, ring[0]]]}


class House:
    """HZ01 (own) and YH01 (partner), each with plenty of one SKU; one own shop."""

    def __init__(self, pieces: int = 10_000) -> None:
        self.own = Warehouse.objects.create(code="HZ01", name="杭州自建仓", kind="own", priority=10)
        self.partner = Warehouse.objects.create(code="YH01", name="余杭合作仓", kind="partner", priority=20)
        self.sku = Sku.objects.create(code="CUP", name="马克杯", weight_g=300)
        self.bins = {w.id: Bin.objects.create(warehouse=w, code="A-01") for w in (self.own, self.partner)}
        opening([(self.sku.id, bin.id, pieces) for bin in self.bins.values()])
        connection = Connection.objects.create(
            code="own-shop", platform="own_shop", name="自营", base_url="http://127.0.0.1:1"
        )
        self.shop = Shop.objects.create(
            code="own", name="自营", channel="own_shop", connection=connection, default_warehouse=self.own
        )
        self.made = 0

    def orders(
        self,
        count: int,
        names: tuple[str, str, str, str] = YUHANG,
        point: tuple[float, float] | None = None,
        *,
        warehouse: Warehouse | None = None,
        quantity: int = 1,
    ) -> list[Order]:
        """Orders in RESERVED, their pieces reserved in `warehouse` (the own one)."""
        house = warehouse or self.own
        now = timezone.now()
        made = []
        for _ in range(count):
            self.made += 1
            made.append(
                Order(
                    number=f"T{self.made:06}", shop=self.shop, channel_number=f"T{self.made}", state="reserved",
                    channel_state="paid", channel_version=now, ordered_at=now, paid_at=now, goods_amount=Decimal(10),
                    payable=Decimal(10), warehouse=house,
                    promised_ship_at=now + dt.timedelta(hours=48, seconds=self.made),
                )
            )  # fmt: skip
        Order.objects.bulk_create(made)
        lng, lat = point or (None, None)
        Receiver.objects.bulk_create(
            Receiver(
                order=order, visibility="plain", name_mask="王**", phone_mask="1**", address_mask="**", lng=lng, lat=lat,
                province=names[0], city=names[1], district=names[2], town=names[3],
            )
            for order in made
        )  # fmt: skip
        lines = [
            Line(
                uuid=uuid.uuid4(), order=order, channel_line="1", sku=self.sku, seller_code="CUP", title="马克杯",
                quantity=quantity, unit_price=Decimal(10), payable=Decimal(10),
            )
            for order in made
        ]  # fmt: skip
        Line.objects.bulk_create(lines)
        bin = self.bins[house.id]
        Reservation.objects.bulk_create(
            Reservation(reference=line.uuid, sku=self.sku, bin=bin, warehouse_id=house.id, quantity=quantity)
            for line in lines
        )
        stock = Stock.objects.get(sku=self.sku, bin=bin)
        Stock.objects.filter(pk=stock.pk).update(reserved=stock.reserved + quantity * count)
        return made

    def reserved_at(self, warehouse: Warehouse) -> int:
        """Pieces promised in a warehouse, by its counter."""
        return Stock.objects.get(sku=self.sku, bin=self.bins[warehouse.id]).reserved


def outlet(
    n: int, adcode: str = "330110", *, capacity: int = 500, town: str = "", carrier: str = "ZTO"
) -> Outlet:
    """The n-th outlet of a district."""
    code = f"{carrier}-{adcode}-{n}"
    return Outlet.objects.create(
        code=code, name=f"网点{n}", carrier=carrier, adcode=adcode, daily_capacity=capacity, town=town
    )


def fence(of: Outlet, lng: float = POINT[0], lat: float = POINT[1], half: float = 0.02) -> Fence:
    """A square fence that is valid since yesterday."""
    return Fence.objects.create(
        outlet=of, geometry=square(lng, lat, half), valid_from=fences.today() - dt.timedelta(days=1)
    )


def rate(adcode: str, dimension: str, key: str, day: float, three: float, parcels: int = 100) -> Rate:
    """A rate whose smoothed figures are the raw ones."""
    return Rate.objects.create(
        adcode=adcode, dimension=dimension, key=key, parcels_24h=parcels, signed_24h=day, signed_24h_smooth=day,
        parcels_72h=parcels, signed_72h=three, signed_72h_smooth=three, attempts=parcels, first_attempt=three,
        first_attempt_smooth=three, window_days=3, computed_at=timezone.now(),
    )  # fmt: skip


def day_of(of: Outlet) -> CapacityDay:
    """Today's row of an outlet."""
    return CapacityDay.objects.get(outlet=of, day=fences.today())
