"""The own shop: what it answers, and that its driver behaves like a real shop towards a product that stumbles."""

from __future__ import annotations

import hashlib
import hmac
import json
import threading
import time
from collections import Counter
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs

import httpx
import pytest
from alipay import AliPay

from orderhub.sandbox.credentials import ALIPAY, OWN_SHOP
from orderhub.sandbox.own_shop_driver import order_json
from orderhub.sandbox.tests.served import Served, served


class Product:
    """A small product: takes orders, verifies callbacks with an outside SDK, loses some answers."""

    def __init__(self) -> None:
        self.orders: dict[str, dict[str, Any]] = {}
        self.keys: Counter[tuple[str, str]] = Counter()
        self.paid: Counter[str] = Counter()
        self.forged = 0
        self.authorised = True
        self._lock = threading.Lock()
        self._sdk = AliPay(appid=ALIPAY["app_id"], app_notify_url=None, sign_type="RSA2",
                           app_private_key_string=ALIPAY["app_private_key"],
                           alipay_public_key_string=ALIPAY["alipay_public_key"])  # fmt: skip
        product = self

        class Ear(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                status, answer = product.hear(self.path, dict(self.headers), body)
                self.send_response(status)
                self.send_header("Content-Length", str(len(answer)))
                self.end_headers()
                self.wfile.write(answer)

            def log_message(self, format: str, *args: Any) -> None:
                """Quiet."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Ear)
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def hear(self, path: str, headers: dict[str, str], body: bytes) -> tuple[int, bytes]:
        with self._lock:
            if path == "/api/v1/orders":
                return self._order(headers, json.loads(body))
            assert path == "/callbacks/alipay/alipay"
            return 200, self._callback(
                {k: v[0] for k, v in parse_qs(body.decode(), keep_blank_values=True).items()}
            )

    def _order(self, headers: dict[str, str], order: dict[str, Any]) -> tuple[int, bytes]:
        self.authorised &= headers["Authorization"] == f"Bearer {OWN_SHOP['token']}"
        number = order["number"]
        self.keys[number, headers["Idempotency-Key"]] += 1
        if not all(isinstance(line["quantity"], int) for line in order["lines"]):
            return 422, b'{"error":"quantity"}'
        if len(self.keys) % 7 == 0 and self.keys[number, headers["Idempotency-Key"]] == 1:
            return 503, b"later"
        self.orders[number] = order
        return 201, b"{}"

    def _callback(self, form: dict[str, str]) -> bytes:
        signature = form.pop("sign")
        if not self._sdk.verify(form, signature):
            self.forged += 1
            return b"fail"
        if form["out_trade_no"] not in self.orders:
            return b"fail"
        self.paid[form["out_trade_no"]] += 1
        return b"success"


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Served]:
    with served("own_shop", "alipay", orders=600) as made:
        yield made


@pytest.fixture
def product() -> Iterator[Product]:
    made = Product()
    yield made
    made.server.shutdown()
    made.server.server_close()


def call(
    sandbox: Served, method: str, path: str, body: Any = None, secret: str = OWN_SHOP["secret"], late: int = 0
):
    content = b"" if body is None else json.dumps(body).encode()
    stamp = str(int(time.time()) - late)
    signature = hmac.new(secret.encode(), (stamp + path).encode() + content, hashlib.sha256).hexdigest()
    headers = {"X-Shop-Timestamp": stamp, "X-Shop-Signature": signature}
    return sandbox.http.request(method, "/own_shop" + path, content=content, headers=headers)


def first(sandbox: Served, scenario: str) -> str:
    return next(o.number for o in sandbox.world.of("own_shop") if o.scenario == scenario)


def test_that_states_follow_the_scenarios(sandbox):
    plain = next(o for o in sandbox.world.of("own_shop") if not o.scenario)
    answer = call(sandbox, "GET", f"/orders/{plain.number}").json()
    assert answer["state"] == "paid" and answer["payable"] == f"{plain.payable:.2f}"
    for scenario, state in (
        ("cancelled_before_ship", "cancelled"), ("refund_requested", "refund_requested"),
        ("payment_denied", "created"), ("unpaid", "created"),
    ):  # fmt: skip
        assert call(sandbox, "GET", f"/orders/{first(sandbox, scenario)}").json()["state"] == state


def test_that_unsigned_late_and_strange_calls_are_refused(sandbox):
    path = f"/orders/{first(sandbox, 'unpaid')}"
    assert sandbox.http.get("/own_shop" + path).status_code == 401
    assert call(sandbox, "GET", path, secret="other").status_code == 401
    assert call(sandbox, "GET", path, late=3600).status_code == 401
    assert call(sandbox, "GET", "/orders/OS404").status_code == 404
    assert call(sandbox, "DELETE", path).status_code == 405


def test_that_a_shipment_is_told_once_per_waybill(sandbox):
    number = first(sandbox, "refund_after_ship")
    path, told = f"/orders/{number}/shipment", {"carrier": "ZTO", "waybill_no": "78000000000001"}
    assert call(sandbox, "POST", path, told).json() == {"ok": True, "repeated": False}
    assert call(sandbox, "POST", path, told).json() == {"ok": True, "repeated": True}
    other = {**told, "waybill_no": "78000000000002"}
    assert call(sandbox, "POST", path, other).status_code == 409
    assert call(sandbox, "POST", path, {**other, "lines": [f"{number}-1"]}).json()["repeated"] is False
    assert len(sandbox.effects("channel.ship", number)) == 1
    assert len(sandbox.effects("channel.ship", f"{number}/78000000000002")) == 1
    assert call(sandbox, "GET", f"/orders/{number}").json()["state"] == "shipped"
    assert call(sandbox, "POST", path, {"carrier": "ZTO"}).status_code == 422


def test_that_a_cancelled_order_is_not_shipped(sandbox):
    number = first(sandbox, "cancelled_before_ship")
    told = {"carrier": "ZTO", "waybill_no": "78000000000003"}
    assert call(sandbox, "POST", f"/orders/{number}/shipment", told).status_code == 409
    assert not sandbox.effects("channel.ship", number)


def test_that_a_lost_answer_to_a_shipment_is_answered_as_repeated(sandbox):
    number = next(o.number for o in sandbox.world.of("own_shop") if not o.scenario)
    told = {"carrier": "ZTO", "waybill_no": "78000000000004"}
    sandbox.control("faults", platform="own_shop", method="shipment", kind="lost_answer", times=1)
    with pytest.raises(httpx.TransportError):
        call(sandbox, "POST", f"/orders/{number}/shipment", told)
    assert call(sandbox, "POST", f"/orders/{number}/shipment", told).json()["repeated"] is True
    assert len(sandbox.effects("channel.ship", number)) == 1


def test_that_the_order_json_is_plain_and_adds_up(sandbox):
    with_place = 0
    for order in sandbox.world.of("own_shop"):
        made = order_json(order)
        with_place += made["receiver"]["datum"] == "gcj02"
        assert made["created_at"].endswith("+08:00") and made["receiver"]["phone"].startswith("199")
        if order.scenario != "unreadable":
            cents = sum(round(float(line["payable"]) * 100) for line in made["lines"])
            assert cents + round(float(made["freight"]) * 100) == round(float(made["payable"]) * 100)
    assert with_place > 0.6 * sum(1 for _ in sandbox.world.of("own_shop"))


def test_that_the_driver_plays_shop_and_alipay_until_all_is_taken(sandbox, product):
    answer = sandbox.control("drive", what="own_shop_orders", target=product.url, pause=0.01, wait=True)
    assert answer["done"] and answer["error"] is None
    world, counts = sandbox.world, answer["result"]["counts"]
    mine = {order.number: order for order in world.of("own_shop")}
    bad = {number for number, order in mine.items() if order.scenario == "unreadable"}
    assert (
        product.authorised
        and product.orders.keys() == mine.keys() - bad == answer["result"]["refused"].keys() ^ mine.keys()
    )
    assert {row["key"] for row in sandbox.effects("source.order")} == product.orders.keys()
    assert len({number for number, _ in product.keys}) == len(product.keys)
    assert counts["order.retries"] > 0 and counts["order.repeated"] > 0
    assert counts["callback.forged.not_success"] == product.forged > 0
    assert "callback.forged.success" not in counts and counts["callback.early.not_success"] > 0
    paid = {number for number, order in mine.items() if order.paid_at} - bad
    assert product.paid.keys() == paid and max(product.paid.values()) > 1
    assert {row["key"] for row in sandbox.effects("payment.callback")} == paid


def test_that_the_callback_drill_repeats_shuffles_and_forges(sandbox, product):
    number = next(o.number for o in sandbox.world.of("own_shop") if not o.scenario)
    product.orders[number] = {}
    asked = {
        "what": "alipay_callbacks",
        "target": product.url,
        "numbers": [number],
        "repeat": 15,
        "wait": True,
    }
    counts = sandbox.control("drive", **asked)["result"]["counts"]
    assert counts == {
        "callback.forged.not_success": 1,
        "callback.other_amount.success": 1,
        "callback.valid.success": 15,
    }


def test_that_a_drive_without_a_target_or_with_a_strange_name_says_so(sandbox):
    assert "target" in sandbox.control("drive", what="own_shop_orders", wait=True)["error"]
    assert "no platform knows" in sandbox.control("drive", what="nothing", wait=True)["error"]
    assert sandbox.http.get("/_sandbox/drive/999").status_code == 404
