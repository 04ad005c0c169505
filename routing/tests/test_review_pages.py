"""The review's page and small answers over HTTP: who may, what is refused, and masked orders opened one at a time."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client

from orderhub import modules
from orders import queries as orders
from orders.models import Event, Order, Receiver
from routing.models import AddressCache, AddressMemory, AddressPick, AddressPolicy, AddressReview
from routing.operations import finding, resolve
from routing.providers import amap, local
from routing.tests import review_cast as cast
from routing.tests.cast import House

pytestmark = pytest.mark.django_db
TOKEN = "c" * 24


@pytest.fixture
def house(db: None) -> Iterator[House]:
    modules.forget()
    local.forget()
    AddressPolicy.objects.create(pk=1, threshold=1.01, sample=0)
    yield cast.zhangjiang()
    local.forget()


@pytest.fixture
def boss(db: None) -> Client:
    client = Client()
    client.force_login(User.objects.create_superuser("boss"))
    return client


def post(client: Client, path: str, **body: Any) -> Any:
    return client.post(
        f"/admin/review/{path}", json.dumps({"token": TOKEN, **body}), content_type="application/json"
    )


def masked(house: House) -> Order:
    order = cast.order(house, ("上海市", "上海市", "浦东新区", "张江镇"), "***")
    Receiver.objects.filter(order=order).update(visibility="masked", plain_enc=None)
    return order


def test_that_a_page_gets_four_decides_one_and_is_topped_up(house, boss):
    for n in range(6):
        cast.order(house, cast.ZHANGJIANG[:4], f"张江路{300 + 2 * n}号启明科创园", hours=20 + n)
    cast.look_up()
    items = post(boss, "next/", have=[]).json()["items"]
    assert len(items) == 4
    have = [item["id"] for item in items[1:]]
    told = post(boss, f"{items[0]['id']}/decide/", rank=1, way="key", seconds=1.5, have=have, want=1).json()
    assert (told["outcome"], len(told["items"]), told["left"]) == ("done", 1, "5")
    assert told["items"][0]["id"] not in {items[0]["id"], *have}
    back = post(boss, "undo/").json()
    assert back["items"][0]["id"] == items[0]["id"]


def test_that_nonsense_is_refused_with_words_and_decides_nothing(house, boss):
    cast.order(house, cast.ZHANGJIANG[:4], cast.ZHANGJIANG[4])
    cast.look_up()
    item = post(boss, "next/", have=[]).json()["items"][0]["id"]
    assert boss.get("/admin/review/next/").status_code == 405
    assert post(boss, "next/", token="").status_code == 400
    assert boss.post("/admin/review/next/", b"[1", content_type="application/json").status_code == 400
    for body in (
        {},
        {"rank": True},
        {"rank": 9},
        {"rank": -1},
        {"found": "x"},
        {"lng": "a", "lat": 1},
        {"lng": 1e9, "lat": 1},
    ):
        answer = post(boss, f"{item}/decide/", way="key", **body)
        assert (answer.status_code, answer.json()["code"]) == (409, "choice"), body
    assert post(boss, f"{item}/decide/", way="telepathy", rank=1).status_code == 409
    assert not AddressPick.objects.exists()


def test_that_only_reviewers_see_it_and_only_those_who_set_rules_accept_in_bulk(house, boss):
    clerk = Client()
    clerk.force_login(User.objects.create_user("xiaoli", is_staff=True))
    assert clerk.get("/admin/review/").status_code == 403
    assert post(clerk, "next/", have=[]).status_code == 403
    assert post(clerk, "bulk/accept/", **{"from": 0.9}).status_code == 403
    assert Client().post("/admin/review/next/").status_code == 302
    assert boss.get("/admin/review/").status_code == 200
    assert boss.get("/admin/review/quality/?days=7").status_code == 200


def test_that_a_masked_order_is_opened_only_where_switched_on_and_keeps_a_point_and_no_text(house, boss):
    order = masked(house)
    address = f"/admin/review/reveal/{order.pk}/"
    boss.post(address, {"reason": "买家来电核对"})
    assert not AddressReview.objects.exists(), "off by default"
    AddressPolicy.objects.filter(pk=1).update(revealed=True, revealed_a_day=1)
    boss.post(address, {"reason": " "})
    assert not AddressReview.objects.exists(), "without a reason nothing is opened"
    answer = boss.post(address, {"reason": "买家来电核对"})
    item = AddressReview.objects.get()
    assert answer.headers["Location"].endswith(f"?open={item.pk}")
    assert Event.objects.filter(order=order, code="revealed", data__reason="买家来电核对").count() == 1
    boss.post(f"/admin/review/reveal/{masked(house).pk}/", {"reason": "再来一个"})
    assert AddressReview.objects.count() == 1, "the day's quota is used up"
    assert post(boss, "next/", have=[], open=item.pk).json()["items"][0]["cards"] == []
    post(boss, f"{item.pk}/decide/", lng=121.6, lat=31.2, way="mouse")
    kept = orders.receivers([order.pk])[order.pk]
    assert (kept.lng, kept.lat, kept.plain, kept.version) == (121.6, 31.2, None, 2)
    assert AddressPick.objects.get().precision == "pin"
    assert not AddressMemory.objects.exists() and not AddressCache.objects.exists()


def test_that_a_masked_address_is_never_asked_of_a_map_service(house, boss, monkeypatch):
    asked: list[str] = []
    monkeypatch.setattr(amap, "connected", lambda: asked.append("asked"))
    order = masked(house)
    AddressPolicy.objects.filter(pk=1).update(revealed=True)
    boss.post(f"/admin/review/reveal/{order.pk}/", {"reason": "核对"})
    item = AddressReview.objects.get()
    cards = post(boss, f"{item.pk}/search/", text="玉兰佳苑").json()["cards"]
    assert cards and not asked, "our own places answer, the service is not asked"
    parsed, _none = resolve.deciding.opened(item)
    finding.search("玉兰佳苑", parsed)
    assert asked, "a plain one would have been"
