"""The API: who may go where, and what nobody may see. The matrix comes from the route table."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest
from django.contrib import admin
from django.test import Client, RequestFactory
from django.urls import URLPattern, URLResolver, get_resolver

from logistics.models import Parcel
from orderhub import crypto
from orderhub.admin_site import narrowing
from orderhub.admin_site.base import speaks_of_orders
from orderhub.models import Ticket
from orderhub.roles import BY_CODE
from orders.models import Case, Hold, Order
from orders.scope import visible_to
from orders.tests import aftersale_cast as cast
from orders.tests.api_cast import CANARY, NUMBER, bearer, call, cast_actor, make_world, person  # noqa: F401  a fixture

pytestmark = pytest.mark.django_db

#: (route, method) -> how it is called: its address, its body, and what a person needs: the table of every route.
#: "shop" marks what a shop's token may call. A route that is missing here fails the build.
ROUTES: dict[tuple[str, str], tuple[str, dict[str, Any] | None, str]] = {
    ("api-sign-in", "POST"): ("sign-in", {"username": "x", "password": "y"}, "public"),
    ("api-refresh", "POST"): ("refresh", {"refresh": "ohr_x"}, "public"),
    ("api-session", "POST"): ("session", {"username": "x", "password": "y"}, "public"),
    ("api-session", "PUT"): ("session", None, "public"),
    ("api-session", "DELETE"): ("session", None, "public"),
    ("api-me", "GET"): ("me", None, ""),
    ("api-devices", "GET"): ("devices", None, ""),
    ("api-device", "DELETE"): ("devices/00000000-0000-4000-8000-000000000000", None, ""),
    ("api-schema", "GET"): ("schema", None, ""),
    ("api-docs", "GET"): ("docs", None, ""),
    ("api-orders", "GET"): ("orders?limit=100", None, "orders.view_order"),
    ("api-orders", "POST"): ("orders", {}, "shop"),
    ("api-order", "GET"): ("orders/{n}", None, "orders.view_order"),
    ("api-touches", "GET"): ("orders/{n}/touches", None, "orders.view_event"),
    ("api-parcels", "GET"): ("orders/{n}/parcels", None, "logistics.view_parcel"),
    ("api-order-holds", "POST"): ("orders/{n}/holds", {"reason": "r"}, "orders.add_hold"),
    ("api-release", "POST"): ("orders/{n}/holds/{h}/release", {"note": "n"}, "orders.change_hold"),
    ("api-touch", "POST"): ("orders/{n}/touch/cancel", {"reason": "r"}, "orders.view_order"),
    ("api-payment", "POST"): ("orders/{n}/payment", {"paid_at": "2026-01-31T08:00:00+08:00"}, "shop"),
    ("api-cancel", "POST"): ("orders/{n}/cancel", {"reason": "r"}, "shop"),
    ("api-reveal", "POST"): ("orders/{n}/reveal", {"reason": "r"}, "orders.reveal_receiver"),
    ("api-review-next", "POST"): ("address-review/next", {"want": 4}, "routing.decide_address"),
    ("api-review-decide", "POST"): ("address-review/{r}/decide", {"keep": True}, "routing.decide_address"),
    ("api-board", "GET"): ("board", None, "orders.view_order"),
    ("api-review-count", "GET"): ("address-review/count", None, "routing.decide_address"),
    ("api-review-skip", "POST"): ("address-review/{r}/skip", {}, "routing.decide_address"),
    ("api-review-undo", "POST"): ("address-review/undo", {}, "routing.decide_address"),
    ("api-counts", "GET"): ("counts", None, "orders.view_order"),
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


def asked(name: str, method: str, order: Order, world: dict[str, Any], heads: dict[str, str]) -> Any:
    path, body, _needs = ROUTES[name, method]
    hold = Hold.objects.filter(order=order).first()
    values = {
        "n": order.number,
        "h": hold.pk if hold else 0,
        "t": world["tickets"][order.pk].pk,
        "r": world["reviews"][order.pk].pk,
    }
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
        plain = name in ("api-reveal", "api-review-next")  # their own orders' text is what these are for
        far = ["FAR-1"] if by == "warehouse" else []
        for leak in (*([] if plain else CANARY.values()), world["foreign"].number, NUMBER, *far):
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


def test_that_every_list_of_records_about_orders_is_narrowed_in_the_admin(world: dict[str, Any]) -> None:
    user = person("operations", shops=("own",))
    for order in (world["own"], world["foreign"]):
        Case.objects.create(number=f"AS{order.number}", order=order, kind="refund", state="open", amount=1)
    request = RequestFactory().get("/")
    request.user = user
    narrowed = {
        model._meta.label: {row.order_id for row in site.get_queryset(request)}
        for model, site in admin.site._registry.items()
        if speaks_of_orders(model)
    }
    assert {"orderhub.Ticket", "orders.Case", "logistics.Parcel", "finance.Receivable"} <= set(narrowed)
    assert all(seen <= {world["own"].pk} for seen in narrowed.values())
    assert narrowed["orderhub.Ticket"] == narrowed["orders.Case"] == {world["own"].pk}


def test_that_a_narrowed_warehouse_sees_the_orders_it_ships(world: dict[str, Any]) -> None:
    assert list(visible_to(person("warehouse_picker", warehouses=("SH01",)))) == [world["foreign"]]
    assert visible_to(person("warehouse_picker")).count() == 2


def admin_paths() -> Iterator[tuple[str, str, set[str]]]:
    """(name, address, names in it) of every address of the admin that has something in its path."""

    def walk(patterns: list[Any], at: str) -> Iterator[tuple[str, str, set[str]]]:
        for one in patterns:
            here = at + str(one.pattern)
            if isinstance(one, URLResolver):
                yield from walk(one.url_patterns, here)
            elif here.startswith("admin/") and one.pattern.converters:
                yield str(one.name), here, set(one.pattern.converters)

    yield from walk(get_resolver().url_patterns, "")


def test_that_every_name_in_an_address_of_the_admin_is_narrowed_or_of_no_order() -> None:
    known = {name for _start, name in narrowing.NAMED} | set(narrowing.LISTED) | narrowing.FREE
    assert {name for _url, _path, names in admin_paths() for name in names} <= known


def test_that_a_narrowed_person_acts_on_nothing_of_another_shop_by_any_address(world: dict[str, Any]) -> None:
    user = person("operations", shops=("own",))
    client = Client()
    client.force_login(user)
    parcel = {}
    for order in (world["own"], world["foreign"]):
        parcel[order.pk] = Parcel.objects.create(
            number=f"P{order.pk}", order=order, warehouse=order.warehouse or cast.warehouse(), worked_by="own",
            carrier="ZTO", service="zto",
        )  # fmt: skip
    tried = 0
    for name, path, names in admin_paths():
        asked = [(n, m) for (start, n), m in narrowing.NAMED.items() if n in names and name.startswith(start)]
        for order, status in ((world["foreign"], {404}), (world["own"], {200, 302, 400, 403, 405, 409})):
            keys = {
                "order_id": order.pk, "ticket_id": world["tickets"][order.pk].pk, "parcel_id": parcel[order.pk].pk,
                "line": order.lines.first().pk, "hold_id": Hold.objects.filter(order=order).first().pk,
                "code": "cancel", "sku_id": 1,
            }  # fmt: skip
            if not asked or {n for n, _model in asked} & {"item_id", "case_id", "merge_id"}:
                continue
            tried += 1
            filled = path
            for name_, value in keys.items():
                filled = re.sub(rf"<(?:\w+:)?{name_}>", str(value), filled)
            answer = client.post(f"/{filled}", {"text": "x", "resolution": "x", "reason": "x", "note": "x"})
            assert answer.status_code in status, (order is world["own"], filled, answer.status_code)
    assert tried >= 30
    assert Ticket.objects.get(order_id=world["foreign"].pk).state == "open"
