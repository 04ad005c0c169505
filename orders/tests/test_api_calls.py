"""The API: decisions made once on what was read, bad input, pages, tokens, limits, offline clients."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import connection, connections
from django.test import Client
from django.test.utils import CaptureQueriesContext

from inventory.models import Warehouse
from orderhub import crypto
from orderhub.api import limits
from orderhub.api.models import ApiToken, Device
from orderhub.tickets.models import Note
from orders.models import Event, Hold, Order
from orders.operations import holds
from orders.tests import aftersale_cast as cast
from orders.tests.api_cast import CANARY, NUMBER, bearer, call, cast_actor, make_world, person  # noqa: F401  a fixture

pytestmark = pytest.mark.django_db


def test_that_a_decision_names_what_it_was_made_on_and_is_made_once(world: dict[str, Any]) -> None:
    heads, order = bearer(person("service_lead")), world["own"]
    hold = Hold.objects.get(order=order)
    path = f"orders/{order.number}/holds/{hold.pk}/release"
    assert call("POST", path, heads, {"note": "fine"}).status_code == 428
    stale = call("POST", path, heads, {"note": "fine"}, HTTP_IF_MATCH='"old"')
    assert stale.status_code == 409 and "cancel" in stale.json()["allowed"]
    assert not Hold.objects.filter(released_at__isnull=False).exists()
    tag = call("GET", f"orders/{order.number}", heads)["ETag"]
    more = {"HTTP_IF_MATCH": tag, "HTTP_IDEMPOTENCY_KEY": "key-12345"}
    first = call("POST", path, heads, {"note": "fine"}, **more)
    again = call("POST", path, heads, {"note": "fine"}, **more)
    assert first.status_code == again.status_code == 200 and first.json() == again.json()
    assert again["Idempotency-Replayed"] == "true" and again["ETag"] == first["ETag"]
    assert Event.objects.filter(order=order, code="hold_released").count() == 1
    other = call("POST", path, heads, {"note": "other"}, **more)
    assert other.status_code == 422 and other.json()["type"] == "urn:orderhub:problem:key_reused"
    # the ETag of the answer is good for the next decision
    held = call(
        "POST", f"orders/{order.number}/holds", heads, {"reason": "wait"}, HTTP_IF_MATCH=first["ETag"]
    )
    assert held.status_code == 201 and held.json()["held_by"] == ["manual"]


def test_that_a_touch_needs_its_own_right_and_says_what_is_allowed(world: dict[str, Any]) -> None:
    order, heads = world["own"], bearer(person("service_lead"))
    tag = call("GET", f"orders/{order.number}", heads)["ETag"]
    picker = bearer(person("warehouse_picker"))
    path = f"orders/{order.number}/touch/cancel"
    assert call("POST", path, picker, {"reason": "x"}, HTTP_IF_MATCH=tag).status_code == 403
    assert call("POST", path, heads, {}, HTTP_IF_MATCH=tag).json()["errors"][0]["pointer"] == "/reason"
    done = call("POST", path, heads, {"reason": "asked"}, HTTP_IF_MATCH=tag)
    assert done.status_code == 200 and done.json()["state"] == "cancelled"
    again = call("POST", path, heads, {"reason": "asked"}, HTTP_IF_MATCH=done["ETag"])
    assert again.status_code == 409 and "cancel" not in again.json()["allowed"]


@pytest.mark.parametrize(
    ("path", "raw", "kind", "status"),
    [
        ("orders/{n}/holds", b'{"reason": "\\u0000"}', "application/json", 400),
        ("orders/{n}/holds", b'{"reason": "\\ud800"}', "application/json", 400),
        ("orders/{n}/holds", b'{"reason": NaN}', "application/json", 400),
        ("orders/{n}/holds", b"[" * 100_000, "application/json", 400),
        ("orders/{n}/holds", b"[1]", "application/json", 422),
        ("orders/{n}/holds", b'{"reason": 7}', "application/json", 422),
        ("orders/{n}/holds", b"a=b", "application/x-www-form-urlencoded", 415),
        ("orders/{n}/holds", b'"' + b"a" * 1_100_000 + b'"', "application/json", 413),
        ("orders/%00/holds", b'{"reason": "r"}', "application/json", 422),
        ("orders/{n}/holds/99999999999999999999/release", b'{"note": "r"}', "application/json", 428),
    ],
)
def test_that_bad_input_is_a_problem_and_never_an_error_of_ours(
    path: str, raw: bytes, kind: str, status: int, world: dict[str, Any]
) -> None:
    heads = bearer(person("service_lead"))
    answer = Client().post(f"/api/v1/{path.format(n=world['own'].number)}", raw, content_type=kind, **heads)
    assert answer.status_code == status, answer.content
    assert answer["Content-Type"] == "application/problem+json"
    assert answer.json()["type"].startswith("urn:orderhub:problem:")


def test_that_bad_parameters_are_named(world: dict[str, Any]) -> None:
    heads = bearer(person("customer_service"))
    for query in ("limit=0", "limit=x", "cursor=made-up", "state=z", "state=", "held=1"):
        name = query.partition("=")[0]
        answer = call("GET", f"orders?{query}", heads)
        assert answer.status_code == 422 and answer.json()["errors"][0]["pointer"] == name
    assert call("GET", "orders?q=%00", heads).status_code == 422
    in_chinese = call("GET", "orders/none", {**heads, "HTTP_ACCEPT_LANGUAGE": "zh-hans"})
    assert in_chinese.status_code == 404 and not in_chinese.json()["detail"].isascii()
    assert call("PUT", "orders", heads, {}).status_code == 405


def test_that_pages_go_on_where_they_ended_at_the_same_cost(world: dict[str, Any]) -> None:
    heads = bearer(person("customer_service"))
    call("GET", "orders", heads)
    with CaptureQueriesContext(
        connection,
    ) as few:
        call("GET", "orders?limit=1", heads)
    made = {cast.order("paid", warehouse=cast.warehouse()).number for _ in range(5)}
    with CaptureQueriesContext(connection) as many:
        call("GET", "orders?limit=100", heads)
    assert len(few) == len(many) <= 9
    got: list[str] = []
    after: str | None = ""
    while after is not None:
        page = call("GET", f"orders?limit=2{after}", heads).json()
        got += [row["number"] for row in page["items"]]
        after = f"&cursor={page['next']}" if page["next"] else None
    assert len(got) == len(set(got)) == 7 and made < set(got)


def test_that_tokens_rotate_and_a_stolen_refresh_ends_the_device(world: dict[str, Any]) -> None:
    user = person("customer_service")
    body = {"username": user.username, "password": "a-long-pass-9", "device": "phone"}
    pair = call("POST", "sign-in", {}, body).json()
    heads = {"HTTP_AUTHORIZATION": f"Bearer {pair['access']}"}
    assert call("GET", "me", heads).json()["roles"] == ["customer_service"]
    assert not ApiToken.objects.filter(hashed__in=[pair["access"], pair["refresh"]]).exists()
    second = call("POST", "refresh", {}, {"refresh": pair["refresh"]}).json()
    assert call("GET", "me", heads).status_code == 401
    heads = {"HTTP_AUTHORIZATION": f"Bearer {second['access']}"}
    assert call("GET", "me", heads).status_code == 200
    assert call("POST", "refresh", {}, {"refresh": pair["refresh"]}).status_code == 401
    assert call("GET", "me", heads).status_code == 401
    assert call("POST", "refresh", {}, {"refresh": second["refresh"]}).status_code == 401


def test_that_another_password_and_leaving_end_the_devices(world: dict[str, Any]) -> None:
    user = person("customer_service")
    pair = call("POST", "sign-in", {}, {"username": user.username, "password": "a-long-pass-9"}).json()
    heads = {"HTTP_AUTHORIZATION": f"Bearer {pair['access']}"}
    assert call("GET", "me", heads).status_code == 200
    user.set_password("another-long-9")
    user.save()
    assert call("GET", "me", heads).status_code == 401
    assert call("POST", "refresh", {}, {"refresh": pair["refresh"]}).status_code == 401
    again = bearer(user)
    User.objects.filter(pk=user.pk).update(is_active=False)
    assert call("GET", "me", again).status_code == 401


def test_that_one_revokes_ones_own_devices_only(world: dict[str, Any]) -> None:
    first, other = person("customer_service"), person("customer_service")
    heads = bearer(first)
    foreign = Device.objects.create(user=other, name="theirs")
    assert call("DELETE", f"devices/{foreign.pk}", heads).status_code == 404
    listed = call("GET", "devices", heads).json()["items"]
    assert [row["this"] for row in listed] == [True]
    assert call("DELETE", f"devices/{listed[0]['id']}", heads).status_code == 204
    assert call("GET", "devices", heads).status_code == 401


def test_that_calls_and_sign_ins_are_limited(world: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "PERSON", 2)
    monkeypatch.setattr(limits.time, "time", lambda: 1_800_000_000.0)
    heads = bearer(person("customer_service"))
    answers = [call("GET", "me", heads) for _ in range(3)]
    assert [a.status_code for a in answers] == [200, 200, 429]
    assert [a["RateLimit-Remaining"] for a in answers] == ["1", "0", "0"] and int(
        answers[2]["Retry-After"]
    ) > 0
    tries = [call("POST", "sign-in", {}, {"username": "a", "password": "b"}).status_code for _ in range(9)]
    assert tries == [401] * 8 + [429]


def test_that_the_docs_come_from_here_under_a_strict_policy(world: dict[str, Any]) -> None:
    heads = bearer(person("customer_service"))
    page = call("GET", "docs", heads)
    assert "https://" not in page.content.decode() and "script-src 'self';" in page["Content-Security-Policy"]
    schema = call("GET", "schema?format=json", heads).json()
    assert schema["openapi"].startswith("3.1")
    assert "/api/v1/orders/{number}/holds/{hold}/release" in schema["paths"]


def test_that_tickets_are_taken_spoken_of_and_closed_once(world: dict[str, Any]) -> None:
    user = person("customer_service", shops=("own",))
    heads, ticket = bearer(user), world["tickets"][world["own"].pk]
    assert [row["id"] for row in call("GET", "tickets", heads).json()["items"]] == [str(ticket.pk)]

    def tag() -> str:
        return call("GET", "tickets", heads).json()["items"][0]["etag"]

    assert call("POST", f"tickets/{ticket.pk}/claim", heads, {}).status_code == 428
    claimed = call("POST", f"tickets/{ticket.pk}/claim", heads, {}, HTTP_IF_MATCH=tag())
    assert claimed.status_code == 200 and claimed.json()["owner"] == user.username
    assert call("POST", f"tickets/{ticket.pk}/comments", heads, {"text": "hm"}).status_code == 201
    assert Note.objects.get().text == "hm"
    done = call("POST", f"tickets/{ticket.pk}/close", heads, {"resolution": "ok"}, HTTP_IF_MATCH=tag())
    assert done.json()["state"] == "done"
    again = call(
        "POST", f"tickets/{ticket.pk}/close", heads, {"resolution": "ok"}, HTTP_IF_MATCH=done["ETag"]
    )
    assert again.status_code == 409


def test_that_an_offline_client_learns_what_changed_and_what_left_its_reach(world: dict[str, Any]) -> None:
    heads = bearer(person("customer_service", shops=("own",), warehouses=("HZ01",)))
    first = call("GET", "sync", heads).json()
    assert [row["number"] for row in first["items"]] == [world["own"].number]
    kept = first["items"][0]["id"]
    Order.objects.filter(pk=world["own"].pk).update(warehouse=Warehouse.objects.get(code="SH01"))
    holds.open_holds([world["own"].pk], "manual", "moved", cast_actor())
    after = call("GET", f"sync?cursor={first['next']}", heads).json()
    assert after["items"] == [] and kept in after["gone"]


def test_that_a_batch_answers_each_item_by_itself(world: dict[str, Any]) -> None:
    heads, order = bearer(person("service_lead", shops=("own",))), world["own"]
    tag = call("GET", f"orders/{order.number}", heads)["ETag"]
    one = {"method": "POST", "path": f"/api/v1/orders/{order.number}/holds", "body": {"reason": "r"}}
    items = [
        {**one, "id": "a", "if_match": tag, "idempotency_key": "batch-key-1"},
        {**one, "id": "b"},
        {"id": "c", "method": "GET", "path": f"/api/v1/orders/{world['foreign'].number}"},
        {"id": "d", "method": "POST", "path": "/api/v1/batch", "body": {"items": []}},
        {"id": "e", "method": "GET", "path": "/admin/"},
    ]
    answer = call("POST", "batch", heads, {"items": items})
    assert answer.status_code == 200
    assert [(row["id"], row["status"]) for row in answer.json()["items"]] == [
        ("a", 201), ("b", 428), ("c", 404), ("d", 422), ("e", 422),
    ]  # fmt: skip
    again = call("POST", "batch", heads, {"items": items[:1]}).json()["items"][0]
    assert again["status"] == 201 and Hold.objects.filter(order=order, type="manual").count() == 1


@pytest.mark.race
@pytest.mark.django_db(transaction=True)
def test_that_the_same_key_at_the_same_time_decides_once(world: dict[str, Any]) -> None:
    heads, order = bearer(person("service_lead")), world["own"]
    tag = call("GET", f"orders/{order.number}", heads)["ETag"]

    def release(_n: int) -> int:
        try:
            return call(
                "POST", f"orders/{order.number}/holds", heads, {"reason": "r"},
                HTTP_IF_MATCH=tag, HTTP_IDEMPOTENCY_KEY="same-key-1",
            ).status_code  # fmt: skip
        finally:
            connections.close_all()

    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(release, range(4))) == [201] * 4
    assert Event.objects.filter(order=order, code="hold_opened", data__type="manual").count() == 1


def test_that_a_reviewer_is_handed_what_is_in_reach_and_decides_it_once(world: dict[str, Any]) -> None:
    heads = bearer(person("customer_service", shops=("own",)))
    got = call("POST", "address-review/next", heads, {"want": 4}).json()
    (item,) = got["items"]
    assert item["number"] == world["own"].number and got["left"] == "1", "of two that wait, one is in reach"
    path = f"address-review/{item['id']}/decide"
    assert call("POST", path, heads, {"keep": True}).status_code == 428
    more = {"HTTP_IF_MATCH": item["etag"]}
    assert call("POST", path, heads, {"rank": 9}, **more).status_code == 422
    other = bearer(person("customer_service"))
    assert call("POST", path, other, {"keep": True}, **more).status_code == 409
    assert call("POST", path, heads, {"keep": True}, **more).json()["outcome"] == "done"
    assert call("POST", path, heads, {"keep": True}, **more).status_code == 409
    foreign = world["reviews"][world["foreign"].pk].pk
    assert call("POST", f"address-review/{foreign}/decide", heads, {"keep": True}, **more).status_code == 404


def test_that_a_reveal_is_logged_with_its_reason_and_has_a_quota(
    world: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    from orders.api import reveal

    user = person("customer_service")
    heads, path = bearer(user), f"orders/{world['own'].number}/reveal"
    assert call("POST", path, heads, {}).status_code == 422
    assert not Event.objects.filter(code="revealed").exists()
    assert call("POST", path, heads, {"reason": "calls the buyer"}).json() == CANARY
    event = Event.objects.get(code="revealed")
    assert (event.data["reason"], event.actor_user_id) == ("calls the buyer", user.pk)
    monkeypatch.setattr(reveal, "REVEALS_A_DAY", 1)
    again = call("POST", path, heads, {"reason": "again"})
    assert again.status_code == 403 and CANARY["phone"] not in again.content.decode()
    world["own"].receiver.visibility = "masked"
    world["own"].receiver.save()
    assert call("POST", path, heads, {"reason": "again"}).json()["type"].endswith(":masked")


def test_that_a_shop_reports_a_payment_and_cancels_its_own_order(world: dict[str, Any]) -> None:
    account = world["own"].shop.connection
    account.options, account.state = {"api_token_hash": crypto.keyed_hash("shop-token")}, "ok"
    account.save()
    heads, order = {"HTTP_AUTHORIZATION": "Bearer shop-token"}, cast.order("unpaid")
    path = f"orders/{order.number}"
    for said in ("2999-01-01T00:00:00Z", "2026-01-31", "2026-13-31T00:00:00Z", None):
        assert call("POST", f"{path}/payment", heads, {"paid_at": said}).status_code == 422
    paid = call("POST", f"{path}/payment", heads, {"paid_at": "2026-01-31T08:00:00+08:00"})
    assert paid.json()["state"] == "claimed"
    for _ in range(2):
        assert call("POST", f"{path}/cancel", heads, {"reason": "asked"}).json()["state"] == "cancelled"
    assert Event.objects.filter(order=order, code="cancel").count() == 1
    late = call("POST", f"orders/{cast.order('signed').number}/cancel", heads, {"reason": "asked"})
    assert late.status_code == 409
    assert call("POST", f"orders/{world['foreign'].number}/cancel", heads, {"reason": "x"}).status_code == 404
