"""The cast of the review's tests: own-shop orders of real addresses without coordinates, and places to answer with."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Sequence

from django.utils import timezone

from orderhub import crypto, geo
from orderhub.lifecycle import Outcome
from orderhub.sandbox import amap as sandbox
from orderhub.sweeping import sweep
from orders.lifecycle import LIFECYCLE
from orders.models import Order, Receiver
from routing.models import AddressPolicy, AddressReview, Fence, Outlet
from routing.operations import places as importing
from routing.operations import resolve
from routing.tests.cast import House, square

#: The gate of 张江路288号.
GATE = geo.Point(121.609, 31.1988, "gcj02").wgs84()
ZHANGJIANG = ("上海市", "上海市", "浦东新区", "", "张江路288号X栋")


def zhangjiang() -> House:
    """A house, two outlets whose fences meet near 张江路288号, and the places of 浦东新区."""
    for n, name in enumerate(("中通张江一部", "中通张江二部")):
        outlet = Outlet.objects.create(code=f"ZTO-ZJ-{n + 1}", name=name, carrier="ZTO", adcode="310115")
        area = square(GATE.lng - 0.0103 + 0.02 * n, GATE.lat, 0.01)
        Fence.objects.create(outlet=outlet, name=name, geometry=area, valid_from=timezone.localdate())
    places("310115")
    return House()


def order(house: House, regions: Sequence[str], address: str, *, hours: float = 48) -> Order:
    """A paid order whose stock is reserved, as the buyer wrote it, promised in so many hours."""
    made = house.orders(1, (regions[0], regions[1], regions[2], regions[3]))[0]
    plain = {"name": "王小明", "phone": "13800001234", "address": address}
    Receiver.objects.filter(order=made).update(
        plain_enc=crypto.encrypt(json.dumps(plain, ensure_ascii=False).encode()),
        address_mask=crypto.mask_address(address)[:200],
    )
    Order.objects.filter(pk=made.pk).update(promised_ship_at=timezone.now() + dt.timedelta(hours=hours))
    made.refresh_from_db()
    return made


def places(prefix: str = "") -> int:
    """The sandbox's fixed file of places as our own; only districts that begin so."""
    lines = [
        json.dumps(
            {"id": p.id, "name": p.name, "address": p.address, "adcode": p.adcode, "lng": p.lng, "lat": p.lat}
        )
        for p in sandbox.places()
        if p.adcode.startswith(prefix)
    ]
    return importing.take_in("\n".join(lines).encode(), "gcj02").taken


def route() -> Outcome:
    """One sweep over what is to be routed."""
    return sweep(LIFECYCLE, "reserved", ("route",))


def look_up() -> int:
    """Routing refuses, the look-up runs."""
    route()
    return resolve.run()


def waiting(house: House, count: int, texts: Sequence[tuple[Sequence[str], str]]) -> list[AddressReview]:
    """Items that wait for a person: one order for each text, looked up with a threshold that nothing reaches."""
    AddressPolicy.objects.update_or_create(pk=1, defaults={"threshold": 1.01, "sample": 0})
    for n in range(count):
        names, address = texts[n % len(texts)]
        order(house, names, address, hours=8 + n)
    look_up()
    return list(AddressReview.objects.filter(state="waiting").order_by("promised_at"))
