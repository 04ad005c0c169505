"""The sofa story on the running system: eight on the shelf, four on the way, and nobody is turned away after paying.

The shop speaks to our server over HTTP, the warehouse system tells what is on the way and what has come, the gateway's
signed notices pay; what is asked at the end is what every buyer got.
"""

from __future__ import annotations

import datetime as dt
import time
from decimal import Decimal
from typing import Any

import httpx
import pytest
from django.db.models import Sum
from django.utils import timezone

import inventory.tasks as shelf
import orderhub.tasks as ground
from inventory.models import PurchaseLine, PurchaseOrder, Sku, Stock
from inventory.operations.count import Counted, count
from orderhub.integrations.registry import client
from orderhub.models import Connection, Ticket
from orderhub.sandbox.credentials import OWN_SHOP
from orderhub.sandbox.own_shop_driver import order_json
from orderhub.sandbox.world import SourceOrder
from orderhub.tests.journeys.house import House
from orders.models import Hold, Order

pytestmark = pytest.mark.journey


class Buyers:
    """People before the shop's page; each of them is one of the sandbox's own orders, with its person and its sum."""

    def __init__(self, house: House, sku: str) -> None:
        self.house, self.sku = house, sku
        self.people = iter(house.plain("own_shop"))
        heads = {"Authorization": f"Bearer {OWN_SHOP['token']}", "Connection": "close"}
        self.shop = httpx.Client(base_url=house.url, headers=heads, trust_env=False, timeout=30)

    def sees(self) -> dict[str, Any]:
        found: dict[str, Any] = self.shop.post("/api/v1/availability", json={"skus": [self.sku]}).json()
        (item,) = found["items"]
        return dict(item)

    def claims(self, pieces: int, ip: str, key: str) -> httpx.Response:
        body = {"sku": self.sku, "pieces": pieces, "buyer": {"ip": ip, "account": f"of {ip}"}}
        return self.shop.post("/api/v1/claims", json=body, headers={"Idempotency-Key": f"basket-{key}"})

    def orders(self, claim: dict[str, Any]) -> SourceOrder:
        """A basket becomes an order over the sum that this person's gateway will confirm."""
        person = next(self.people)
        sum_of = person.payable
        pieces, later = int(claim["pieces"]), claim["later_on"]
        price = (sum_of / pieces).quantize(Decimal("0.01"))
        off = price * pieces - sum_of
        line = {"line_id": f"{person.number}-1", "sku": self.sku, "title": "沙发", "quantity": pieces,
                "unit_price": str(price), "discount": str(max(off, Decimal(0))), "payable": str(sum_of),
                "claim": claim["claim"]}  # fmt: skip
        if off < 0:
            line |= {
                "unit_price": str(price + Decimal("0.01")),
                "discount": str(off + Decimal("0.01") * pieces),
            }
        promised = later and f"{later}T23:59:59+08:00"
        body = {**order_json(person), "lines": [line], "freight": "0.00", "discount": line["discount"],
                "total": str(sum_of), "payable": str(sum_of), "promised_ship_at": promised}  # fmt: skip
        made = self.shop.post(
            "/api/v1/orders", json=body, headers={"Idempotency-Key": f"shop-{person.number}"}
        )
        assert made.status_code == 201, made.text
        return person

    def pay(self, *people: SourceOrder) -> None:
        said = self.house.sandbox.drive(
            "alipay_callbacks", target=self.house.url, notify_path="/callbacks/alipay/alipay-main",
            numbers=[person.number for person in people], repeat=2, pause=0.05,
        )  # fmt: skip
        assert said["result"]["counts"]["callback.valid.success"] == 2 * len(people)


def on_the_shelf(sku: Sku, pieces: int) -> None:
    """What lies there is counted: so many in one bin of the first warehouse, none elsewhere."""
    stock = list(Stock.objects.filter(sku=sku, bin__sellable=True).order_by("bin__warehouse__code", "bin_id"))
    here = next(row for row in stock if row.bin.warehouse.code == "HZ01")
    rows = [
        Counted(sku.id, row.bin_id, pieces if row.pk == here.pk else 0, "before the sale") for row in stock
    ]
    count(rows, "sofa-count", "lead")


def buy(number: str, code: str, pieces: int) -> None:
    """A purchase order at the warehouse system: expected in three days, and it does not come by itself."""
    expected = timezone.localtime(timezone.now() + dt.timedelta(days=3))
    info = {
        "purchase_no": number, "provider_no": "S2", "receive_warehouse_nos": "HZ01", "expect_warehouse_no": "HZ01",
        "purchaser_name": "周敏", "expect_arrive_time": f"{expected:%Y-%m-%d %H:%M:%S}", "arrivals": [[10**7, {}]],
        "purchase_details": [{"spec_no": code, "num": pieces, "price": 900}],
    }  # fmt: skip
    account = Connection.objects.get(platform="wangdiantong")
    client(account).call("purchase.PurchaseOrder.createOrder", [info], effect=True)


def came(number: str, pieces: int, seconds: float = 30) -> bool:
    """Whether receipts of so many pieces are read within this time."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        shelf.poll_stockins()
        ground.read_payloads()
        if PurchaseLine.objects.get(order__number=number).received == pieces:
            return True
        time.sleep(0.5)
    return False


def test_that_in_a_live_sale_nobody_is_turned_away_after_paying(house: House) -> None:
    busy = (
        Stock.objects.filter(bin__warehouse__code="HZ01", bin__sellable=True)
        .values("sku")
        .annotate(n=Sum("on_hand"))
    )
    sku = Sku.objects.get(id=busy.order_by("-n", "sku")[0]["sku"])
    on_the_shelf(sku, 8)
    PurchaseOrder.objects.all().delete()
    buy("CG-SOFA", sku.code, 4)
    shelf.poll_purchases()
    ground.read_payloads()
    assert PurchaseLine.objects.get(order__number="CG-SOFA").ordered == 4
    buyers = Buyers(house, sku.code)

    page = buyers.sees()
    assert (page["shown"], page["free"], page["most"]) == (10, 8, None), "⌊8 + 0.7 × 4⌋ and not 12"
    baskets = [buyers.claims(1, "10.9.0.1", "1").json()]
    page = buyers.sees()
    assert (page["shown"], page["most"]) == (9, 2), "fewer than ten: limited"
    baskets.append(buyers.claims(2, "10.9.0.2", "2").json())
    third = buyers.claims(1, "10.9.0.2", "3")
    assert (third.status_code, third.json()["left"]) == (409, 0), third.text
    baskets += [buyers.claims(n, f"10.9.1.{n}{i}", f"4{i}").json() for i, n in enumerate((2, 2, 1))]
    assert {basket["later_on"] for basket in baskets} == {None}, "eight that lie there"
    page = buyers.sees()
    assert (page["shown"], page["free"]) == (2, 0) and page["later_on"]
    late = [buyers.claims(1, f"10.9.2.{n}", f"5{n}").json() for n in range(2)]
    assert {basket["later_on"] for basket in late} == {page["later_on"]}, "told before paying"
    refused = buyers.claims(1, "10.9.3.1", "6")
    assert refused.status_code == 409 and buyers.sees()["shown"] == 0

    people = [buyers.orders(basket) for basket in (*baskets, *late)]
    buyers.pay(*people)
    house.run()
    orders = {
        o.channel_number: o for o in Order.objects.filter(channel_number__in=[p.number for p in people])
    }
    states = [orders[person.number].state for person in people]
    assert "paid" not in states[:5] and "cancelled" not in states, states
    assert states[5:] == ["paid", "paid"], "these two wait for the lorry, as they were told"
    assert not Hold.objects.filter(order__in=orders.values(), released_at=None, type="refund").exists()
    assert buyers.sees()["shown"] == 0, "who waits is not sold again"

    house.sandbox.drive("purchase_arrives", number="CG-SOFA")
    assert came("CG-SOFA", 4), "what changed in the very second of the question comes with the next one"
    house.run()
    ended = dict(
        Order.objects.filter(id__in=[o.id for o in orders.values()]).values_list("channel_number", "state")
    )
    assert not {"paid", "cancelled"} & set(ended.values()), ended
    assert buyers.sees()["free"] == 2, "eight and four came, ten were sold"
    assert not Ticket.objects.filter(
        order_id__in=[o.id for o in orders.values()], kind__contains="refund"
    ).exists()
