"""What belongs to another shop or warehouse is not opened, told or changed by a form either, whatever the form names.

`test_foreign` goes to every address by GET; here somebody who is narrowed sends the forms of the pages.
"""

from __future__ import annotations

import datetime as dt
import uuid
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from inventory.models import Bin, Reservation, Sku, UnknownCode, Warehouse
from logistics.models import Parcel
from logistics.operations import dividing
from orderhub import crypto
from orderhub.integrations.platforms import name_of
from orderhub.jobs.models import Job
from orderhub.rules import publishing, seeding, simulating
from orderhub.rules.models import RuleSet, Version
from orders.admin import board
from orders.models import Blacklist, Complaint, ComplaintWord, Order, Shop
from orders.operations import complaining, returning
from orders.tests.api_cast import CANARY, make_world, person  # noqa: F401  a fixture
from routing.operations import review

pytestmark = pytest.mark.django_db
OWN = {"shops": ("own",)}


def signed_in(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


def test_that_the_pack_station_does_not_know_parcels_of_other_warehouses(world: dict[str, Any]) -> None:
    client = signed_in(person("warehouse_picker", warehouses=("HZ01",)))
    order = world["foreign"]
    parcel = Parcel.objects.create(
        number="P-FAR-1", order=order, warehouse=order.warehouse, worked_by="own", carrier="ZTO", service="zto",
        waybill_no="FARWAY1",
    )  # fmt: skip
    page = client.post("/admin/logistics/station/", {"number": "farway1", "weight": "500"}).content.decode()
    assert "P-FAR-1" not in page and "上海仓" not in page
    unknown = client.post("/admin/logistics/station/", {"number": "farway1", "weight": ""}).content.decode()
    assert "P-FAR-1" not in unknown
    parcel.refresh_from_db()
    assert parcel.weight_g in (0, None)


def test_that_goods_come_back_to_ones_own_warehouses(
    world: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    took: list[int] = []
    monkeypatch.setattr(
        returning, "receive_one", lambda order, pieces, house, *_a, **_k: took.append(house) or _Took(order)
    )
    client = signed_in(person("warehouse_picker", warehouses=("HZ01",)))
    near, far = (Warehouse.objects.get(code=code).pk for code in ("HZ01", "SH01"))
    line = world["own"].lines.all()[0]
    for house in (far, near):
        form = {f"qty{line.uuid}": "1", "warehouse": house, "key": "k"}
        client.post(f"/admin/orders/order/{world['own'].pk}/return/", form)
    assert took == [near]


def test_that_an_order_is_divided_into_ones_own_warehouses(
    world: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    took: list[int] = []
    monkeypatch.setattr(
        dividing, "divide", lambda order, pieces, by, warehouse_id=None: took.append(warehouse_id)
    )
    client = signed_in(person("operations", warehouses=("HZ01",)))
    near, far = (Warehouse.objects.get(code=code).pk for code in ("HZ01", "SH01"))
    line = world["own"].lines.all()[0]
    for house in (far, near, "²", "9" * 30):
        form = {f"qty{line.uuid}": "1", "warehouse": house}
        answer = client.post(reverse("admin:split_divide", args=[world["own"].pk]), form)
        assert answer.status_code == 302
    assert took == [near, None, None]


def test_that_a_bin_is_a_number_and_what_is_let_go_is_of_this_sku(world: dict[str, Any]) -> None:
    client = signed_in(person("warehouse_manager"))
    sku = Sku.objects.order_by("id").first()
    other = Sku.objects.create(code="OTHER-1", name="其他")
    assert sku is not None
    shelf = Bin.objects.filter(warehouse__code="HZ01")[0]
    for text in ("²", "9" * 30, ""):
        form = {"bin": text, "pieces": "1", "reason": "x", "key": "k"}
        assert client.post(reverse("admin:stock_count", args=[sku.pk]), form).status_code == 302
    held = Reservation.objects.create(
        reference=uuid.uuid4(), sku=sku, bin=shelf, warehouse_id=shelf.warehouse_id, quantity=1, kind="manual"
    )
    client.post(reverse("admin:stock_let_go", args=[other.pk, held.reference]))
    held.refresh_from_db()
    assert held.state == "active"


class _Took:
    def __init__(self, order: int) -> None:
        self.moved, self.refused = [order], dict[int, Any]()


def test_that_texts_of_complaints_are_those_of_ones_own_shop(world: dict[str, Any]) -> None:
    word, _made = ComplaintWord.objects.get_or_create(word="没发货")
    for name in ("own", "foreign"):
        order = world[name]
        for n in range(6):
            Complaint.objects.create(
                shop=order.shop, external_id=f"{name}{n}", order_id=order.pk if n else None, said_at=timezone.now(),
                text=f"{name}-said 没发货 {'鹦鹉学舌' if name == 'foreign' else ''}",
            )  # fmt: skip
    page = (
        signed_in(person("service_lead", **OWN))
        .get(f"/admin/rules/complaints/?word={word.pk}")
        .content.decode()
    )
    assert "own-said" in page and "foreign-said" not in page and "鹦鹉" not in page
    housed = signed_in(person("service_lead", warehouses=("SH01",)))
    page = housed.get(f"/admin/rules/complaints/?word={word.pk}").content.decode()
    assert "foreign-said" in page and "own-said" not in page


def test_that_complaints_are_counted_among_ones_own_shops(world: dict[str, Any]) -> None:
    seeding.seed()
    word, _made = ComplaintWord.objects.get_or_create(word="没发货")
    version = complaining.draft_rule(word, None)
    publishing.publish(version.id, None)
    Version.objects.filter(id=version.id).update(published_at=timezone.now() - dt.timedelta(days=2))
    Shop.objects.filter(pk=world["foreign"].shop_id).update(channel="taobao")
    for name, many in (("own", 3), ("foreign", 4)):
        order = world[name]
        Order.objects.filter(pk=order.pk).update(ordered_at=timezone.now() - dt.timedelta(days=1))
        for n in range(many):
            Complaint.objects.create(
                shop=order.shop, external_id=f"{name}{n}", order_id=order.pk if n else None, text="没发货",
                said_at=timezone.now() - dt.timedelta(hours=1),
            )  # fmt: skip

    def told(user: User) -> tuple[int, int, int, dict[str, int]]:
        shown = signed_in(user).get(f"/admin/rules/complaints/?word={word.pk}").context
        row = next(row for row in shown["rows"] if row["word"].pk == word.pk)
        after = shown["chosen"]["measured"].after
        return (
            row["week"],
            after.said,
            after.orders,
            {str(label): n for label, n in shown["chosen"]["channels"]},
        )

    own, far = str(name_of("own_shop")), str(name_of("taobao"))
    assert told(person("service_lead")) == (7, 7, 2, {own: 3, far: 4})
    assert told(person("service_lead", **OWN)) == (3, 3, 1, {own: 3})
    assert told(person("service_lead", warehouses=("SH01",))) == (3, 3, 1, {far: 3})


def test_that_unmapped_codes_are_those_that_ones_own_shops_and_warehouse_systems_say(
    world: dict[str, Any],
) -> None:
    account = world["foreign"].shop.connection
    Warehouse.objects.filter(code="SH01").update(wms=account)
    heard = {
        name: UnknownCode.objects.create(system=name, code=f"{name}-X9") for name in ("own", "far", "gone")
    }
    wms = UnknownCode.objects.create(system=account.code, code="wms-X9")
    codes, sku = [*heard.values(), wms], Sku.objects.all()[0]

    def seen(user: User) -> set[str]:
        client = signed_in(user)
        listed = client.get("/admin/inventory/unknowncode/")
        text = listed.content.decode()
        tiles = (board.attention(listed.wsgi_request) or {})["tiles"]
        tile = next(tile for tile in tiles if "unknowncode" in tile["link"])
        assert tile["count"] == str(len(listed.context["cl"].result_list))
        for code in codes:
            answer = client.get(f"/admin/inventory/unknowncode/{code.pk}/change/")
            assert (answer.status_code == 200) == (code.code in text), code
            if code.code not in text:
                client.post(f"/admin/inventory/unknowncode/{code.pk}/map/{sku.pk}/")
        assert not UnknownCode.objects.exclude(sku=None).exists(), "a code was mapped that is not shown"
        return {code.code for code in codes if code.code in text}

    assert seen(person("service_lead", **OWN)) == {"own-X9"}
    assert seen(person("service_lead", warehouses=("SH01",))) == {"wms-X9"}
    assert seen(person("service_lead")) == {code.code for code in codes}


def test_that_nobody_blacklists_by_an_order_that_they_do_not_see(world: dict[str, Any]) -> None:
    world["foreign"].receiver.phone_hash = crypto.phone_hash(CANARY["phone"])
    world["foreign"].receiver.save()
    client = signed_in(person("customer_service", **OWN))
    form = {"kind": "phone", "reason": "x"}
    pages = [
        client.post("/admin/blacklist/", {**form, "text": number}, follow=True).content.decode()
        for number in (world["foreign"].number, "OH2026999999")
    ]
    assert not Blacklist.objects.exists() and "139****4321" not in pages[0]
    assert signed_in(person("customer_service")).post(
        "/admin/blacklist/", {**form, "text": world["foreign"].number}
    )
    assert Blacklist.objects.count() == 1


def test_that_a_trial_of_rules_shows_samples_of_ones_own_orders(
    world: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    seeding.seed()
    rules = RuleSet.objects.filter(point="watch")[0]
    version = publishing.new_draft("watch", rules.code, User.objects.create_superuser("boss"))
    begun: list[Any] = []
    monkeypatch.setattr(
        simulating, "begin", lambda _v, _since, _until, ids, _user: begun.append(sorted(ids or []))
    )
    samples = [
        {"id": n, "order": world[name].pk, "label": f"label-{name}", "input": {}, "from": "", "to": "", "note": ""}
        for n, name in enumerate(("foreign", "own"))
    ]  # fmt: skip
    result = {"seen": 2, "differing": 2, "changes": [["a", "b", 2]], "samples": samples}
    now = timezone.now().isoformat()
    params = {"version": version.pk, "live": version.pk, "digest": version.digest, "document": version.document,
              "since": now, "until": now, "orders": None}  # fmt: skip
    Job.objects.create(kind="simulate", state="done", params=params, result=result)
    client = signed_in(person("operations", **OWN))
    at = f"/admin/rules/version/{version.pk}/try/"
    page = client.get(at).content.decode()
    assert "label-own" in page and "label-foreign" not in page
    assert [client.get(f"{at}{place}/").status_code for place in (0, 1)] == [302, 200]
    client.post(f"{at}begin/", {"numbers": f"{world['foreign'].number} {world['own'].number}"})
    assert begun == [[world["own"].pk]]


def test_that_a_decision_about_an_order_that_left_ones_reach_is_not_taken_back(
    world: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    item = {name: world["reviews"][world[name].pk].pk for name in ("own", "foreign")}
    latest: list[int] = []
    monkeypatch.setattr(review, "undo", lambda *_given: (latest[-1], ""))
    client = signed_in(person("customer_service", **OWN))
    for name, status in (("foreign", 404), ("own", 200)):
        latest.append(item[name])
        answer = client.post("/admin/review/undo/", '{"token": "a1"}', content_type="application/json")
        assert answer.status_code == status, name
