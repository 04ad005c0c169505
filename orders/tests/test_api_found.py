"""What Schemathesis found in the API, each held by its own call."""

from __future__ import annotations

import copy
import re
from typing import Any

import pytest
from django.test import Client

from orderhub.api.schema import said
from orders.models import Order
from orders.tests.api_cast import bearer, call, make_world, person, real_of  # noqa: F401  a fixture

pytestmark = pytest.mark.django_db
NEW: dict[str, Any] = {
    "number": "1234567890123456789", "created_at": "2026-11-01T10:00:00+08:00", "payable": "24.00",
    "lines": [{"line_id": "1", "sku": "CUP-1", "title": "马克杯", "quantity": 2, "unit_price": "12.00"}],
    "receiver": {"name": "王小明", "phone": "13812345678", "province": "浙江省", "city": "杭州市", "address": "文一西路969号"},
}  # fmt: skip


@pytest.fixture
def shop(world: dict[str, Any]) -> dict[str, str]:
    _real, heads = real_of(world, person("operations"))
    return {"HTTP_AUTHORIZATION": heads["shop"], "HTTP_ACCEPT_LANGUAGE": "en"}


def create(heads: dict[str, str], body: Any, key: str) -> Any:
    return call("POST", "orders", heads, body, HTTP_IDEMPOTENCY_KEY=key)


def test_that_a_number_of_an_order_is_a_text_and_a_whole_number_may_be_written_as_a_float(
    shop: dict[str, str],
) -> None:
    rounded = create(shop, {**NEW, "number": 1234567890123456789}, "key-of-a-number")
    assert rounded.status_code == 422 and "not text" in rounded.json()["detail"]
    body = copy.deepcopy(NEW)
    body["lines"][0]["quantity"] = 2.0
    made = create(shop, body, "key-of-a-float")
    assert made.status_code == 201 and made.json()["channel_number"] == NEW["number"]
    assert Order.objects.get(channel_number=NEW["number"]).lines.get().quantity == 2


def test_that_what_is_wrong_with_an_order_is_said_in_words_and_never_in_the_databases(
    shop: dict[str, str],
) -> None:
    twice = create(shop, {**NEW, "lines": NEW["lines"] * 2}, "key-of-two-lines")
    assert twice.status_code == 422 and twice.json()["reason"] == "twice"
    dear = [{**NEW["lines"][0], "quantity": 1_000_000, "unit_price": "9999999.00"}]
    much = create(shop, {**NEW, "lines": dear}, "key-of-too-much")
    assert much.status_code == 422 and much.json()["reason"] == "bad_money"
    assert not Order.objects.filter(channel_number=NEW["number"]).exists()


def test_that_a_fault_of_ours_is_not_told_outside(
    shop: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_args: Any, **_named: Any) -> Any:
        raise RuntimeError("duplicate key value violates a constraint")

    monkeypatch.setattr("orders.providers.own_shop.parse", broken)
    told = create(shop, NEW, "key-of-a-fault")
    assert told.status_code == 422 and told.json()["reason"] == "broken" and b"constraint" not in told.content


def test_that_a_filter_is_refused_where_it_is_not_followed(shop: dict[str, str]) -> None:
    for query in ("colour=red", "queue=stock", "colour=made-up"):
        assert call("GET", f"orders?{query}", shop).status_code == 403
    assert call("GET", "orders", shop).status_code == 200


@pytest.mark.parametrize(
    "address", ["holds?type=", "orders?queue=", "orders?colour=", "orders?state=", "tickets?queue="]
)
def test_that_a_filter_without_a_word_is_no_word_of_its_list(world: dict[str, Any], address: str) -> None:
    answer = call("GET", address, bearer(person("service_lead")))
    assert answer.status_code == 422 and answer.json()["errors"][0]["pointer"] == address[:-1].split("?")[1]


@pytest.mark.parametrize("blank", [*map(chr, range(0x1C, 0x20)), "\x85", "\u3000", "\t"])
def test_that_what_is_blank_to_us_is_blank_to_the_schema(shop: dict[str, str], blank: str) -> None:
    pattern = said()["pattern"].replace(r"\s", r" \t-\r\xa0\u3000")  # narrower than any schema's own
    assert not re.search(pattern, blank) and re.search(pattern, f"{blank}x{blank}")
    lines = [{**NEW["lines"][0], "sku": blank}]
    assert create(shop, {**NEW, "lines": lines}, "key-of-a-blank").status_code == 422


def test_that_a_method_that_is_not_there_is_405_for_everybody(shop: dict[str, str]) -> None:
    for path in ("sign-in", "refresh", "session"):
        for heads in (shop, bearer(person("customer_service")), {}):
            assert Client().generic("TRACE", f"/api/v1/{path}", **heads).status_code == 405
    assert Client().generic("TRACE", "/api/v1/orders").status_code == 401


def test_that_an_empty_key_is_no_key_and_a_device_ends_once(world: dict[str, Any]) -> None:
    user = person("service_lead")
    heads, ticket = bearer(user), world["tickets"][world["own"].pk].pk
    empty = call("POST", f"tickets/{ticket}/comments", heads, {"text": "x"}, HTTP_IDEMPOTENCY_KEY="")
    assert empty.status_code == 422 and empty.json()["errors"][0]["pointer"] == "Idempotency-Key"
    spaced = call(
        "POST", f"tickets/{ticket}/comments", heads, {"text": "x"}, HTTP_IDEMPOTENCY_KEY="a key with blanks"
    )
    assert spaced.status_code == 422
    bearer(user)
    other = next(row["id"] for row in call("GET", "devices", heads).json()["items"] if not row["this"])
    assert call("DELETE", f"devices/{other}", heads).status_code == 204
    assert call("DELETE", f"devices/{other}", heads).status_code == 404


def test_that_a_batch_names_the_item_that_is_no_call(world: dict[str, Any]) -> None:
    heads = bearer(person("operations"))
    for item, name in (({"path": "/api/v1/me"}, "method"), ({"method": "GET", "path": 7}, "path")):
        told = call("POST", "batch", heads, {"items": [{"method": "GET", "path": "/api/v1/me"}, item]})
        assert told.status_code == 422 and told.json()["errors"][0]["pointer"] == f"/items/1/{name}"
    assert call("POST", "address-review/next", heads, {"want": 2.0}).status_code == 200
    assert call("POST", "address-review/next", heads, {"want": 2.5}).status_code == 422


def test_that_the_schema_names_what_follows(world: dict[str, Any]) -> None:
    schema = call("GET", "schema?format=json", bearer(person("operations"))).json()
    names = [
        one["operationId"]
        for methods in schema["paths"].values()
        for one in methods.values()
        if "operationId" in one
    ]
    assert len(names) == len(set(names))
    links = [
        (link, answer["content"]["application/json"]["schema"]) for methods in schema["paths"].values()
        for one in methods.values() for answer in one["responses"].values() for link in answer.get("links", {}).values()
    ]  # fmt: skip
    assert len(links) > 40 and all(link["operationId"] in names for link, _shape in links)
