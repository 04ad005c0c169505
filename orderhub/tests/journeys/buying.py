"""What journeys buy: people before the own shop's page, what lies on the shelf, purchase orders at the warehouse system."""

from __future__ import annotations

import datetime as dt
import time
from decimal import Decimal
from typing import Any

import httpx
from django.utils import timezone

import inventory.tasks as shelf
import orderhub.tasks as ground
from inventory.models import PurchaseLine, Sku, Stock
from inventory.operations.count import Counted, count
from orderhub.integrations.registry import client
from orderhub.models import Connection
from orderhub.sandbox.credentials import OWN_SHOP
from orderhub.sandbox.own_shop_driver import order_json
from orderhub.sandbox.world import SourceOrder
from orderhub.tests.journeys.house import House


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

    def orders(self, claim: dict[str, Any] | None = None) -> SourceOrder:
        """A basket (without one: a single piece) becomes an order over the sum that this person's gateway will confirm."""
        person = next(self.people)
        sum_of = person.payable
        pieces, later = (int(claim["pieces"]), claim["later_on"]) if claim else (1, None)
        price = (sum_of / pieces).quantize(Decimal("0.01"))
        off = price * pieces - sum_of
        line = {"line_id": f"{person.number}-1", "sku": self.sku, "title": "沙发", "quantity": pieces,
                "unit_price": str(price), "discount": str(max(off, Decimal(0))), "payable": str(sum_of),
                **({"claim": claim["claim"]} if claim else {})}  # fmt: skip
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


def on_the_shelf(sku: Sku, pieces: int, paper: str = "sofa-count") -> None:
    """What lies there is counted: so many in one bin of the first warehouse, none elsewhere."""
    stock = list(Stock.objects.filter(sku=sku, bin__sellable=True).order_by("bin__warehouse__code", "bin_id"))
    here = next(row for row in stock if row.bin.warehouse.code == "HZ01")
    rows = [
        Counted(sku.id, row.bin_id, pieces if row.pk == here.pk else 0, "before the sale") for row in stock
    ]
    count(rows, paper, "lead")


def buy(number: str, code: str, pieces: int, days: float = 3, provider: str = "S2") -> None:
    """A purchase order at the warehouse system: expected in so many days, and it does not come by itself."""
    expected = timezone.localtime(timezone.now() + dt.timedelta(days=days))
    info = {
        "purchase_no": number, "provider_no": provider, "receive_warehouse_nos": "HZ01", "expect_warehouse_no": "HZ01",
        "purchaser_name": "周敏", "expect_arrive_time": f"{expected:%Y-%m-%d %H:%M:%S}", "arrivals": [[10**7, {}]],
        "purchase_details": [{"spec_no": code, "num": pieces, "price": 900}],
    }  # fmt: skip
    account = Connection.objects.get(platform="wangdiantong")
    client(account).call("purchase.PurchaseOrder.createOrder", [info], effect=True)


def came(number: str, pieces: int, seconds: float = 60) -> bool:
    """Whether receipts of so many pieces are read within this time."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        shelf.poll_stockins()
        ground.read_payloads()
        if PurchaseLine.objects.get(order__number=number).received == pieces:
            return True
        time.sleep(0.5)
    return False
