"""Who is narrowed to a shop or a warehouse is offered, counted and allowed nothing of another one."""

from __future__ import annotations

import json
import uuid
from typing import Any

import pytest
from django.contrib import admin
from django.contrib.auth.models import Group, User
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from inventory import availability
from inventory.models import (
    Bin,
    Drift,
    PurchaseLine,
    PurchaseOrder,
    Reservation,
    Sku,
    Stock,
    Supplier,
    Warehouse,
)
from orderhub.admin_site.within import Within
from orderhub.inbound.models import Payload
from orderhub.integrations.models import Connection
from orderhub.jobs.models import Job
from orderhub.scope import Scope
from orderhub.webhooks import signing
from orderhub.webhooks.models import Endpoint
from orders.admin.filters import ByShop
from orders.models import Listing, Shop
from orders.tests import aftersale_cast as cast
from orders.tests.api_cast import bearer, call, make_world  # noqa: F401  a fixture

pytestmark = pytest.mark.django_db
OFFERED = "unfold/filters/filters_field.html"


def somebody(**reach: list[str]) -> Client:
    """Signed in with the rights of all roles, in this reach."""
    user = User.objects.create_user("everything", password="a-long-pass-9", is_staff=True)
    user.groups.set(Group.objects.all())
    Scope.objects.create(user=user, **reach)
    client = Client(headers={"accept-language": "en"})
    client.force_login(user)
    return client


def offered(client: Client, name: str, parameter: str) -> list[str]:
    """The words of a list's filter, without its first (all)."""
    changelist = client.get(reverse(f"admin:{name}_changelist")).context["cl"]
    specs = [spec for spec in changelist.filter_specs if parameter in spec.expected_parameters()]
    assert len(specs) == 1, name
    choice = next(iter(specs[0].choices(changelist)))
    return [str(label) for _value, label in choice["form"].fields[parameter].choices][1:]


def test_that_filters_offer_ones_own_shops_channels_and_warehouses(world: dict[str, Any]) -> None:
    Shop.objects.filter(code="far").update(channel="douyin")
    cast.shop("second")
    Warehouse.objects.create(code="HZ02", name="杭州二仓")
    client = somebody(shops=["own", "second"])
    assert offered(client, "orders_order", "shop__id__exact") == ["own", "second"]
    assert len(offered(client, "orders_order", "channel")) == 1
    for name in ("orderhub_call", "orderhub_payload", "orderhub_message"):
        accounts = [label.split(" ")[0] for label in offered(client, name, "connection__id__exact")]
        assert accounts == ["own", "second"], name
    assert "上海仓" in offered(client, "orders_order", "house")
    Scope.objects.update(shops=[], warehouses=["HZ01", "HZ02"])
    mine = {"杭州自建仓", "杭州二仓"}
    assert set(offered(client, "orders_order", "house")) == mine
    assert set(offered(client, "inventory_stock", "bin__warehouse__id__exact")) == mine
    assert set(offered(client, "logistics_parcel", "warehouse__id__exact")) == mine
    assert set(offered(client, "orders_order", "shop__id__exact")) == {"far", "own", "second"}


def test_that_every_filter_by_shop_warehouse_or_account_is_narrowed() -> None:
    plain = []
    for model, site in admin.site._registry.items():
        for one in site.list_filter:
            name, kind = one if isinstance(one, tuple) else (one, None)
            if not isinstance(name, str):
                continue
            field: Any = model
            for part in name.split("__"):
                field = field._meta.get_field(part)
                field = field.related_model or field
            if field in (Shop, Warehouse, Connection) and kind not in (Within, ByShop):
                plain.append((model, name))
    assert plain == []


def test_that_what_may_be_looked_up_and_chosen_is_ones_own(world: dict[str, Any]) -> None:
    client = somebody(shops=["own"], warehouses=["HZ01"])
    asked = {"app_label": "orders", "model_name": "shop", "field_name": "connection", "term": ""}
    found = client.get(reverse("admin:autocomplete"), asked).json()["results"]
    assert [one["text"].split(" ")[0] for one in found] == ["own"]
    listed = {name: client.get(reverse(f"admin:{name}_changelist")).context["cl"].result_list for name in (
        "orders_shop", "inventory_warehouse", "orderhub_connection",
    )}  # fmt: skip
    assert [len(rows) for rows in listed.values()] == [1, 1, 1]
    form = client.get(reverse("admin:inventory_bin_add")).context["adminform"].form
    assert [str(one) for one in form.fields["warehouse"].queryset] == [
        str(Warehouse.objects.get(code="HZ01"))
    ]


def test_that_sync_health_is_of_ones_own_shops(world: dict[str, Any]) -> None:
    far, mine = world["foreign"].shop, world["own"].shop
    far.errors_in_row = mine.errors_in_row = 3
    far.save(), mine.save()
    for shop in (far, mine):
        Payload.objects.create(
            connection=shop.connection, kind="order", source="pull", external_id=f"E-{shop.code}", version="1",
            raw_enc=b"1", state="set_aside",
        )  # fmt: skip
    house = Connection.objects.create(platform="zto", name="ours", code="ours", base_url="http://127.0.0.1:1")
    window = {name: timezone.now().isoformat() for name in ("start", "end", "at")}
    job = Job.objects.create(kind="backfill", params={"shop": far.pk, **window}, total=1)
    client = somebody(shops=["own"])
    page = client.get(reverse("admin:sync_health"))
    assert list(client.get(reverse("admin:orderhub_job_changelist")).context["cl"].result_list) == []
    assert [one["row"].code for one in page.context["shops"]] == ["own"] and page.context["accounts"] == []
    assert [one["row"].external_id for one in page.context["aside"]] == ["E-own"] and page.context[
        "aside_count"
    ] == "1"
    assert page.context["problems"] == ["own: 3 errors in a row"]
    assert "looked after by who sees the whole house" in page.content.decode()
    front = client.get(reverse("admin:index")).content.decode()
    assert ">own<" in front and ">far<" not in front
    for name, key in (
        ("sync_pull", far.pk), ("backfill_begin", far.pk), ("oauth_connect", far.connection_id), ("oauth_connect", house.pk),
        ("payload_replay", Payload.objects.get(external_id="E-far").pk), ("backfill_stop", job.pk), ("backfill_go_on", job.pk),
    ):  # fmt: skip
        assert client.post(reverse(f"admin:{name}", args=[key])).status_code == 404, name
    assert (
        client.post(
            reverse("admin:payload_replay", args=[Payload.objects.get(external_id="E-own").pk])
        ).status_code
        == 302
    )


@pytest.fixture
def goods(world: dict[str, Any]) -> Sku:
    """CUP-1: 100 pieces in HZ01, and in SH01 7 of which 2 are held unpaid, with 50 on the way to it."""
    sku, far = Sku.objects.get(code="CUP-1"), Warehouse.objects.get(code="SH01")
    place = Bin.objects.get(warehouse=far)
    Stock.objects.filter(bin=place).update(reserved=2)
    Reservation.objects.create(
        reference=uuid.uuid4(),
        sku=sku,
        bin=place,
        warehouse_id=far.pk,
        quantity=2,
        kind="unpaid",
        expires_at=timezone.now(),
    )
    bought = PurchaseOrder.objects.create(
        number="PO-1", warehouse=far, supplier=Supplier.objects.create(name="s"), state="placed",
        expected_at=timezone.now() + timezone.timedelta(days=2),
    )  # fmt: skip
    PurchaseLine.objects.create(order=bought, sku=sku, ordered=50)
    availability.keep_history()
    Drift.objects.create(kind="ledger", sku=sku, bin=place)
    return sku


def test_that_the_board_of_a_warehouse_has_its_part_and_says_so(goods: Sku) -> None:
    free = Stock.objects.get(sku=goods, bin__warehouse__code="HZ01")
    here = free.on_hand - free.reserved
    whole = availability.shown([goods.pk])[goods.pk]
    assert (whole.free, whole.coming, whole.unpaid) == (here + 5, 50, 2)
    client = somebody(warehouses=["HZ01"])
    page = client.get(reverse("admin:shown_board"), {"q": "CUP-1", "sort": "trouble"})
    row = page.context["rows"][0]["n"]
    assert (row.free, row.coming, row.unpaid) == (here, 0, 0) and page.context["sort"] == "free"
    assert [one["house"].code for one in page.context["houses"]] == ["HZ01"] and page.context[
        "suppliers"
    ] == []
    assert "sold from all warehouses together" in page.content.decode()
    assert f">{whole.shown}<" not in page.content.decode()
    one = client.get(reverse("admin:shown_sku", args=[goods.pk]))
    assert (one.context["n"].free, one.context["history"], list(one.context["unpaid"])) == (here, [], [])
    assert "sold from all warehouses together" in one.content.decode()
    told = call("GET", f"stock/{goods.code}", bearer(User.objects.get())).json()
    assert {each["warehouse"] for each in told["bins"]} == {"HZ01"} and told["available"] is None
    assert client.post(reverse("admin:shown_take", args=[Supplier.objects.get().pk])).status_code == 403


def test_that_nobody_counts_moves_or_frees_in_another_warehouse(goods: Sku) -> None:
    far = Bin.objects.get(warehouse__code="SH01")
    held = Reservation.objects.get(kind="unpaid")
    Reservation.objects.filter(pk=held.pk).update(kind="manual")
    client = somebody(warehouses=["HZ01"])
    near = Bin.objects.get(code="A-01")
    for name, body in (
        ("stock_count", {"bin": far.pk, "pieces": 1}), ("stock_move", {"bin": near.pk, "to": far.pk, "pieces": 1}),
        ("stock_hold", {"bin": far.pk, "pieces": 1, "until": "2999-01-01T00:00"}),
    ):  # fmt: skip
        said = client.post(
            reverse(f"admin:{name}", args=[goods.pk]), {"reason": "x", "token": "t", **body}, follow=True
        )
        assert "There is no such bin." in said.content.decode(), name
    client.post(reverse("admin:stock_let_go", args=[goods.pk, held.reference]))
    assert client.post(reverse("admin:drift_repair", args=[Drift.objects.get().pk])).status_code == 404
    assert (Stock.objects.get(bin=far).on_hand, Stock.objects.get(bin=far).reserved) == (7, 2)
    assert Reservation.objects.get(pk=held.pk).state == "active"


def test_that_numbers_of_all_warehouses_are_not_shown_to_a_person_of_some(world: dict[str, Any]) -> None:
    for shop in Shop.objects.all():
        Listing.objects.create(shop=shop, channel_sku=shop.code, code=f"L-{shop.code}", wanted=77)
    client, address = somebody(shops=["own"]), reverse("admin:orders_listing_changelist")
    assert [row.code for row in client.get(address).context["cl"].result_list] == ["L-own"]
    Scope.objects.update(shops=[], warehouses=["HZ01"])
    page = client.get(address)
    assert list(page.context["cl"].result_list) == []
    assert "A channel sells from all warehouses together" in page.content.decode()


def test_that_a_webhook_hears_of_ones_own_shops_alone(world: dict[str, Any]) -> None:
    made = {
        name: Endpoint.objects.create(name=name, url="https://e.example/x", shops=shops, secret_enc=signing.seal("s" * 40))
        for name, shops in (("own", ["own"]), ("far", ["far"]), ("both", ["own", "far"]), ("all", []))
    }  # fmt: skip
    client, add = somebody(shops=["own"]), reverse("admin:orderhub_endpoint_add")
    listed = client.get(reverse("admin:orderhub_endpoint_changelist")).context["cl"].result_list
    assert [one.name for one in listed] == ["own"]
    told = {"name": "mine", "url": "https://e.example/y", "enabled": "on"}
    for shops in ([], ["far"], ["own", "far"]):
        assert client.post(add, {**told, "shops": shops}).context["adminform"].form.errors["shops"], shops
    assert client.post(add, {**told, "shops": ["own"]}).status_code == 302
    for name in ("far", "both", "all"):
        for address in ("webhook_secret", "webhook_replay"):
            assert client.post(reverse(f"admin:{address}", args=[made[name].pk])).status_code == 404
        assert client.get(reverse("admin:orderhub_endpoint_change", args=[made[name].pk])).status_code == 404
    Scope.objects.update(shops=[], warehouses=["HZ01"])
    assert client.get(add).status_code == 403


def test_that_the_first_steps_name_nothing_of_others(world: dict[str, Any]) -> None:
    client = somebody(shops=["own"])
    page = client.get(reverse("admin:modules")).content.decode()
    assert "上海仓" not in page and "2 are there" in page
    Supplier.objects.create(name="s", code="s")
    Scope.objects.update(shops=[], warehouses=["HZ01"])
    address = reverse("admin:inventory_supplier_delete", args=[Supplier.objects.get().pk])
    assert client.get(address).status_code == 403


def test_that_the_review_screen_brings_ones_own_addresses(world: dict[str, Any]) -> None:
    client = somebody(shops=["own"])

    def asked(name: str, **body: Any) -> Any:
        return client.post(
            reverse(f"admin:{name}"), json.dumps({"token": "c" * 24, **body}), content_type="application/json"
        )

    own, foreign = (world["reviews"][world[name].pk].pk for name in ("own", "foreign"))
    told = asked("review_next", have=[]).json()
    assert [one["id"] for one in told["items"]] == [own] and told["left"] == "1"
    assert asked("review_next", have=[own], open=foreign, want=1).json()["items"] == []
    assert asked("review_bulk", **{"from": 0.9}).status_code == 403
    assert client.get(reverse("admin:address_review")).context["may_bulk"] is False
