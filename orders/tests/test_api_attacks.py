"""Calls that nobody means well, or that a client writes otherwise than ours: each is answered, none leaves anything behind."""

from __future__ import annotations

import datetime as dt
import json
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from orderhub.api import limits
from orders.models import Event, Order
from orders.tests import aftersale_cast as cast
from orders.tests.api_cast import bearer, call, make_world, person, real_of  # noqa: F401  a fixture
from orders.tests.test_api_found import NEW, create, shop  # noqa: F401  a fixture

pytestmark = pytest.mark.django_db


def raw(path: str, heads: dict[str, str], body: bytes, kind: str = "application/json", **more: str) -> Any:
    return Client().generic("POST", f"/api/v1/{path}", body, content_type=kind, **heads, **more)


def test_that_no_page_is_longer_than_a_hundred_however_its_size_is_written(world: dict[str, Any]) -> None:
    heads = bearer(person("customer_service"))
    for size in ("000100999", "0000100", "101", "٣", "1e2", "+5", "-1", "9" * 5000):
        answer = call("GET", f"orders?limit={size}", heads)
        assert answer.status_code == 422, size


@pytest.mark.parametrize(
    ("body", "kind", "status"),
    [
        (b'{"reason": "a", "reason": "b"}', "application/json", 400),
        (b'{"reason": "r", "n": 1e999}', "application/json", 400),
        (b'{"reason": "r", "n": -Infinity}', "application/json", 400),
        (b'{"reason": "r", "n": ' + b"9" * 5000 + b"}", "application/json", 400),
        ('{"reason": "r"}'.encode("utf-16"), "application/json; charset=utf-16", 415),
        (b'{"reason": "r"}', "application/json; charset=utf-7", 415),
        (b'{"reason": "r"}', "application/json; charset=UTF-8", 428),
        (b'{"reason": "\xff"}', "application/json", 400),
        (b'{"reason": "r"}', "text/plain", 415),
        (b'{"reason": "r", "what": "else"}', "application/json", 428),
    ],
)
def test_that_a_body_has_one_meaning(body: bytes, kind: str, status: int, world: dict[str, Any]) -> None:
    answer = raw(f"orders/{world['own'].number}/holds", bearer(person("service_lead")), body, kind)
    assert answer.status_code == status, answer.content
    assert answer["Content-Type"] == "application/problem+json"


@pytest.mark.parametrize(
    ("kind", "change", "status"),
    [
        ("text/plain", b"", 415),
        ("application/xml", b"", 415),
        ("application/json; charset=gbk", b"", 415),
        ("application/json", b'"number": "twice", ', 422),
        ("application/json", b'"remark": "\\u0000", ', 422),
        ("application/json", b'"remark": NaN, ', 422),
    ],
)
def test_that_an_order_is_read_as_strictly_as_all_else(
    kind: str,
    change: bytes,
    status: int,
    shop: dict[str, str],  # noqa: F811
) -> None:
    body = b"{" + change + json.dumps(NEW).encode()[1:]
    answer = raw("orders", shop, body, kind, HTTP_IDEMPOTENCY_KEY="key-of-a-kind")
    assert answer.status_code == status, answer.content
    assert not Order.objects.filter(channel_number=NEW["number"]).exists()


@pytest.mark.parametrize(
    "said", ["0001-01-01T00:00:00+08:00", "9999-12-31T23:59:59-08:00", "0001-01-01T00:00:00Z"]
)
def test_that_a_time_outside_of_the_calendar_is_refused_and_nobodys_list_breaks(
    said: str,
    world: dict[str, Any],
    shop: dict[str, str],  # noqa: F811
) -> None:
    heads, own = bearer(person("operations")), world["own"]
    made = create(shop, {**NEW, "created_at": said}, "key-of-old-age")
    later = create(shop, {**NEW, "number": "2", "promised_ship_at": said}, "key-of-a-promise")
    paid = call("POST", f"orders/{own.number}/payment", shop, {"paid_at": said})
    assert [made.status_code, later.status_code, paid.status_code] == [422, 422, 422]
    asked = said.replace("+", "%2B")
    assert call("GET", f"sync?updated_since={asked}", heads).status_code == 200
    assert call("GET", "orders", heads).status_code == 200


def test_that_a_client_whose_clock_is_ahead_misses_nothing_that_is_being_written(
    world: dict[str, Any],
) -> None:
    heads, order = bearer(person("operations")), cast.order("paid", warehouse=cast.warehouse())
    Event.objects.create(order=order, code="note", occurred_at=timezone.now(), actor_name="x")
    ahead = (timezone.now() + dt.timedelta(hours=1)).isoformat().replace("+", "%2B")
    east = timezone.now().astimezone(dt.timezone(dt.timedelta(hours=8))).isoformat().replace("+", "%2B")
    for said in (ahead, east, east.replace("%2B", "+")):
        told = call("GET", f"sync?updated_since={said}", heads).json()
        assert order.number in [row["number"] for row in told["items"]], said


def test_that_a_decision_on_any_version_or_a_weak_one_is_none(world: dict[str, Any]) -> None:
    heads, path = bearer(person("service_lead")), f"orders/{world['own'].number}/holds"
    tag = call("GET", f"orders/{world['own'].number}", heads)["ETag"]
    for said, status in (("*", 428), (f"W/{tag}", 409), ('"a", "b"', 409), ('"', 409), (f'"a",{tag}', 201)):
        answer = call("POST", path, heads, {"reason": "wait"}, HTTP_IF_MATCH=said)
        assert answer.status_code == status, (said, answer.content)


def test_that_a_key_is_its_owners_alone(world: dict[str, Any]) -> None:
    ticket = world["tickets"][world["own"].pk].pk
    told = [
        call("POST", f"tickets/{ticket}/comments", bearer(person("service_lead")), {"text": "same"},
             HTTP_IDEMPOTENCY_KEY="the-same-key").json()["id"]
        for _ in range(2)
    ]  # fmt: skip
    assert told[0] != told[1]


def test_that_a_shop_that_repeats_its_call_gets_the_first_answer(shop: dict[str, str]) -> None:  # noqa: F811
    first, again = (create(shop, NEW, "key-of-a-repeat") for _ in range(2))
    assert (first.status_code, again.status_code) == (201, 200) and first.json() == again.json()
    assert Order.objects.filter(channel_number=NEW["number"]).count() == 1
    other = create(shop, {**NEW, "remark": "else"}, "key-of-a-repeat")
    assert other.status_code == 422 and other.json()["type"].endswith(":key_reused")


@pytest.mark.parametrize("number", [" OS-9 ", "\x1dOS-9", "OS-9\u3000"])
def test_that_a_number_with_blanks_around_it_is_answered_as_it_was_taken_in(
    number: str,
    shop: dict[str, str],  # noqa: F811
) -> None:
    first, again = (create(shop, {**NEW, "number": number}, "key-of-blanks") for _ in range(2))
    assert (first.status_code, again.status_code) == (201, 200), first.content
    assert first.json() == again.json() and first.json()["channel_number"] == "OS-9"


def test_that_made_up_tokens_and_forbidden_calls_are_counted_too(
    world: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "ANYBODY", 2)
    monkeypatch.setattr(limits, "PERSON", 2)
    wrong, picker = {"HTTP_AUTHORIZATION": "Bearer oha_made-up"}, bearer(person("warehouse_picker"))
    for heads, refused in ((wrong, 401), (picker, 403)):
        got = [call("POST", f"orders/{world['own'].number}/reveal", heads, {"reason": "x"}) for _ in range(3)]
        assert [one.status_code for one in got] == [refused, refused, 429]
        assert got[0]["RateLimit-Remaining"] == "1" and int(got[2]["Retry-After"]) > 0


def test_that_who_is_no_staff_any_more_is_out_at_once(world: dict[str, Any]) -> None:
    user = person("customer_service")
    heads = bearer(user)
    assert call("GET", "me", heads).status_code == 200
    user.is_staff = False
    user.save()
    assert call("GET", "me", heads).status_code == 401


def test_that_a_batch_reads_an_address_as_a_call_does(world: dict[str, Any]) -> None:
    heads, order = bearer(person("operations")), world["own"]
    Order.objects.filter(pk=order.pk).update(channel_number="订单-1")
    items = [
        {"method": "GET", "path": "/api/v1/orders/%E8%AE%A2%E5%8D%95-1"},
        {"method": "GET", "path": "/api/v1/orders/订单-1"},
        {"method": "GET", "path": "/api/v1/orders?q=订单-1"},
        {"method": "GET", "path": "/api/v1/orders/x%00"},
        {"method": "GET", "path": "/api/v1/batch%2F"},
    ]
    told = call("POST", "batch", heads, {"items": items}).json()["items"]
    assert [one["status"] for one in told] == [200, 200, 200, 422, 404]
    assert [row["number"] for row in told[2]["body"]["items"]] == [order.number]


def test_that_head_and_options_say_no_more_than_get(world: dict[str, Any]) -> None:
    foreign = f"orders/{world['foreign'].number}"
    heads = bearer(person("customer_service", shops=("own",)))
    head = Client().head(f"/api/v1/orders/{world['own'].number}", **heads)
    assert head.status_code == 200 and not head.content and head["ETag"]
    assert Client().head(f"/api/v1/{foreign}", **heads).status_code == 404
    for path in (foreign, "orders", "sign-in", "batch"):
        told = Client().options(f"/api/v1/{path}", **heads)
        assert told.status_code == 200 and world["foreign"].number not in told.content.decode()
    assert Client().options("/api/v1/orders").status_code == 401
