"""The API: who may go where, what nobody may see, decisions made once on what was read, tokens and limits."""

from __future__ import annotations

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from django.contrib.auth.models import Group, User
from django.db import connection, connections
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import URLPattern, URLResolver, get_resolver

from inventory.models import Bin, Sku, Stock, Warehouse
from orderhub import crypto
from orderhub.api import limits, tokens
from orderhub.api.models import ApiToken, Device
from orderhub.roles import BY_CODE, sync_roles
from orderhub.scope import Scope
from orderhub.tickets.models import Note, Ticket
from orders.models import Event, Hold, Order
from orders.operations import holds
from orders.scope import visible_to
from orders.tests import aftersale_cast as cast

pytestmark = pytest.mark.django_db
CANARY = {"name": "金丝雀", "phone": "13987654321", "address": "金丝雀巷77号"}
NUMBER = "123456789012345678"

#: (route, method) -> how it is called: its address, its body, and what a person needs: the table of every route.
#: "shop" marks what a shop's token may call. A route that is missing here fails the build.
ROUTES: dict[tuple[str, str], tuple[str, dict[str, Any] | None, str]] = {
    ("api-sign-in", "POST"): ("sign-in", {"username": "x", "password": "y"}, "public"),
    ("api-refresh", "POST"): ("refresh", {"refresh": "ohr_x"}, "public"),
    ("api-me", "GET"): ("me", None, ""),
    ("api-devices", "GET"): ("devices", None, ""),
    ("api-device", "DELETE"): ("devices/00000000-0000-4000-8000-000000000000", None, ""),
    ("api-schema", "GET"): ("schema", None, ""),
    ("api-docs", "GET"): ("docs", None, ""),
    ("api-orders", "GET"): ("orders?limit=100", None, "orders.view_order"),
    ("api-orders", "POST"): ("orders", {}, "shop"),
    ("api-order", "GET"): ("orders/{n}", None, "orders.view_order"),
    ("api-touches", "GET"): ("orders/{n}/touches", None, "orders.view_event"),
    ("api-order-holds", "POST"): ("orders/{n}/holds", {"reason": "r"}, "orders.add_hold"),
    ("api-release", "POST"): ("orders/{n}/holds/{h}/release", {"note": "n"}, "orders.change_hold"),
    ("api-touch", "POST"): ("orders/{n}/touch/cancel", {"reason": "r"}, "orders.view_order"),
    ("api-holds", "GET"): ("holds", None, "orders.view_hold"),
    ("api-complaints", "POST"): ("complaints", {"items": []}, "shop"),
    ("api-availability", "POST"): ("availability", {"skus": ["CUP-1"]}, "shop"),
    ("api-claims", "POST"): ("claims", {"sku": "CUP-1", "pieces": 1}, "shop"),
    ("api-claim", "DELETE"): ("claims/00000000-0000-4000-8000-000000000000", None, "shop"),
    ("api-stock", "GET"): ("stock/CUP-1", None, "inventory.view_stock"),
    ("api-tickets", "GET"): ("tickets", None, "orderhub.view_ticket"),
    ("api-ticket-claim", "POST"): ("tickets/{t}/claim", {}, "orderhub.change_ticket"),
    ("api-ticket-comment", "POST"): ("tickets/{t}/comments", {"text": "c"}, "orderhub.add_note"),
    ("api-ticket-close", "POST"): ("tickets/{t}/close", {"resolution": "d"}, "orderhub.change_ticket"),
    ("api-sync", "GET"): ("sync", None, "orders.view_order"),
    ("api-batch", "POST"): (
        "batch",
        {"items": [{"id": "1", "method": "GET", "path": "/api/v1/orders/{n}"}]},
        "",
    ),
}


def routes() -> Iterator[tuple[str, str]]:
    """(name, method) of every route of the API that is served."""

    def walk(patterns: list[Any], at: str) -> Iterator[tuple[str, URLPattern]]:
        for one in patterns:
            here = at + str(one.pattern)
            if isinstance(one, URLResolver):
                yield from walk(one.url_patterns, here)
            else:
                yield here, one

    for address, one in walk(get_resolver().url_patterns, ""):
        if address.startswith("api/"):
            view = one.callback.view_class
            for method in ("get", "post", "put", "patch", "delete"):
                if hasattr(view, method):
                    yield str(one.name), method.upper()


def bearer(user: User) -> dict[str, str]:
    device = Device.objects.create(user=user, name="phone")
    access, _again = tokens._pair(device)
    return {"HTTP_AUTHORIZATION": f"Bearer {access}", "HTTP_ACCEPT_LANGUAGE": "en"}


def person(role: str, shops: tuple[str, ...] = (), warehouses: tuple[str, ...] = ()) -> User:
    user = User.objects.create_user(f"{role}-{User.objects.count()}", password="a-long-pass-9", is_staff=True)
    user.groups.add(Group.objects.get(name=role))
    if shops or warehouses:
        Scope.objects.create(user=user, shops=list(shops), warehouses=list(warehouses))
    return user


def call(method: str, path: str, heads: dict[str, str], body: Any = None, **more: str) -> Any:
    client = Client(raise_request_exception=True)
    given = {} if body is None else {"data": json.dumps(body), "content_type": "application/json"}
    return getattr(client, method.lower())(f"/api/v1/{path}", **given, **heads, **more)


@pytest.fixture
def world() -> dict[str, Any]:
    """An own order, and a foreign one in another shop and warehouse, whose receiver is the canary."""
    sync_roles()
    cast.warehouse()
    far = Warehouse.objects.create(code="SH01", name="上海仓")
    own = cast.order("paid", warehouse=cast.warehouse())
    foreign = cast.order("paid", shop=cast.shop("far"), warehouse=far, channel_number=NUMBER)
    for order in (own, foreign):
        order.receiver.plain_enc = crypto.encrypt(json.dumps(CANARY, ensure_ascii=False).encode())
        order.receiver.phone_tail_hash = crypto.tail_hash(CANARY["phone"])
        order.receiver.name_mask, order.receiver.phone_mask = "金**", "139****4321"
        order.receiver.save()
        holds.open_holds([order.pk], "risk", "odd", cast_actor())
    ticket = {
        order.pk: Ticket.objects.create(kind="x", cause_key=f"c{order.pk}", title=f"look at {order.number}", order_id=order.pk)
        for order in (own, foreign)
    }  # fmt: skip
    place = Bin.objects.create(warehouse=far, code="FAR-1")
    Stock.objects.create(sku=Sku.objects.get(code="CUP-1"), bin=place, on_hand=7)
    return {"own": own, "foreign": foreign, "tickets": ticket}


def cast_actor() -> Any:
    from orderhub.actors import CLOCK

    return CLOCK


def asked(name: str, method: str, order: Order, world: dict[str, Any], heads: dict[str, str]) -> Any:
    path, body, _needs = ROUTES[name, method]
    hold = Hold.objects.filter(order=order).first()
    values = {"n": order.number, "h": hold.pk if hold else 0, "t": world["tickets"][order.pk].pk}
    filled = json.loads(json.dumps(body).replace("{n}", order.number)) if body is not None else None
    return call(method, path.format(**values), heads, filled, HTTP_IF_MATCH='"x"')


def test_that_every_route_is_in_the_table() -> None:
    assert set(routes()) == set(ROUTES)


@pytest.mark.parametrize("by", ["shop", "warehouse"])
@pytest.mark.parametrize("role", sorted(BY_CODE))
def test_that_a_role_gets_what_the_table_says_and_nothing_of_a_foreign_shop(
    role: str, by: str, world: dict[str, Any]
) -> None:
    narrowed = {"shops": ("own",)} if by == "shop" else {"warehouses": ("HZ01",)}
    user = person(role, **narrowed)
    heads = bearer(user)
    granted = user.groups.get().permissions.select_related("content_type")
    held = {f"{one.content_type.app_label}.{one.codename}" for one in granted}
    for name, method in sorted(routes()):
        needs = ROUTES[name, method][2]
        mine = asked(name, method, world["own"], world, heads)
        theirs = asked(name, method, world["foreign"], world, heads)
        if needs in ("public", ""):
            assert mine.status_code != 403, (name, method)
        elif needs == "shop" or needs not in held:
            assert mine.status_code == theirs.status_code == 403, (name, method)
            continue
        else:
            assert mine.status_code in (200, 201, 403 if name == "api-touch" else 409, 409), (
                name,
                mine.content,
            )
        text = theirs.content.decode() + mine.content.decode()
        if method != "DELETE" and "{" in ROUTES[name, method][0] and name != "api-touch":
            assert theirs.status_code == 404, (name, method)
        seen = text.replace(f"/api/v1/orders/{world['foreign'].number}", "")
        for leak in (
            *CANARY.values(),
            world["foreign"].number,
            NUMBER,
            *(["FAR-1"] if by == "warehouse" else []),
        ):
            assert leak not in seen, (name, method, leak)


def test_that_nobody_gets_in_without_a_token(world: dict[str, Any]) -> None:
    for name, method in routes():
        if ROUTES[name, method][2] != "public":
            answer = asked(name, method, world["own"], world, {})
            assert answer.status_code == 401, (name, method)


def test_that_a_shops_token_sees_its_own_orders_only(world: dict[str, Any]) -> None:
    account = world["own"].shop.connection
    account.options, account.state = {"api_token_hash": crypto.keyed_hash("shop-token")}, "ok"
    account.save()
    heads = {"HTTP_AUTHORIZATION": "Bearer shop-token"}
    listed = call("GET", "orders", heads)
    assert [row["number"] for row in listed.json()["items"]] == [world["own"].number]
    for name, method in routes():
        answer = asked(name, method, world["foreign"], world, heads)
        assert not any(leak in answer.content.decode() for leak in (*CANARY.values(), NUMBER)), name
        if name in (
            "api-holds",
            "api-stock",
            "api-release",
            "api-touch",
            "api-tickets",
            "api-sync",
            "api-batch",
        ):
            assert answer.status_code == 403, name


def test_that_search_finds_by_number_tail_and_sku_within_ones_reach(world: dict[str, Any]) -> None:
    narrow = bearer(person("customer_service", shops=("own",)))
    wide = bearer(person("customer_service"))
    for word in (world["own"].number, "4321", "cup-1"):
        found = [row["number"] for row in call("GET", f"orders?q={word}", narrow).json()["items"]]
        assert found == [world["own"].number], word
    assert len(call("GET", "orders?q=4321", wide).json()["items"]) == 2
    assert call("GET", f"orders?q={NUMBER}", wide).json()["items"][0]["channel_number"] == NUMBER
    assert call("GET", f"orders?q={NUMBER}", narrow).json()["items"] == []


def test_that_a_channel_without_a_policy_shows_nothing_of_its_receiver(world: dict[str, Any]) -> None:
    heads = bearer(person("customer_service"))
    assert (
        call("GET", f"orders/{world['own'].number}", heads).json()["receiver"]["phone_mask"] == "139****4321"
    )
    world["own"].shop.channel = "pinduoduo"
    world["own"].shop.save()
    answer = call("GET", f"orders/{world['own'].number}", heads)
    assert answer.json()["receiver"] == {} and "4321" not in answer.content.decode()


def test_that_the_admin_shows_a_narrowed_person_their_orders_only(world: dict[str, Any]) -> None:
    client = Client()
    client.force_login(person("customer_service", shops=("own",)))
    text = client.get("/admin/orders/order/?q=4321").content.decode()
    assert world["own"].number in text and world["foreign"].number not in text
    assert client.get(f"/admin/orders/order/{world['foreign'].pk}/change/").status_code in (302, 404)
    acted = client.post(f"/admin/orders/order/{world['foreign'].pk}/note/", {"text": "x"})
    assert acted.status_code == 404


def test_that_a_narrowed_warehouse_sees_the_orders_it_ships(world: dict[str, Any]) -> None:
    assert list(visible_to(person("warehouse_picker", warehouses=("SH01",)))) == [world["foreign"]]
    assert visible_to(person("warehouse_picker")).count() == 2


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
    for query in ("limit=0", "limit=x", "cursor=made-up", "state=z", "held=1"):
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
