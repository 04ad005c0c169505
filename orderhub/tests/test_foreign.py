"""What belongs to another shop or warehouse is looked for everywhere: in every page, list, search, history and field.

Somebody with the rights of all roles together, narrowed to one shop or one warehouse, goes to every address of the site:
what that person is not shown, no role is shown. Every record about the foreign order holds a canary.
"""

from __future__ import annotations

import datetime as dt
import uuid
from typing import Any

import pytest
from django.contrib import admin
from django.contrib.auth.models import Group, User
from django.http import HttpRequest, HttpResponse
from django.test import Client
from django.urls import clear_url_caches, path, reverse
from django.utils import timezone

from inventory import availability
from inventory.models import (
    Bin,
    Movement,
    PurchaseLine,
    PurchaseOrder,
    Reservation,
    Sku,
    Stock,
    Supplier,
    Warehouse,
)
from logistics.models import Parcel, Trace, Wave
from logistics.models.tracking import Delivery
from orderhub import crypto, urls
from orderhub.integrations.models import Connection
from orderhub.scope import Scope
from orderhub.tests.crawling import Visit, filled
from orderhub.tests.every_row import every_row, rows_about
from orders.models import Order, Shop
from orders.tests.api_cast import CANARY, NUMBER, bearer, make_world, review_of  # noqa: F401  a fixture

pytestmark = [pytest.mark.django_db, pytest.mark.slow]
MARK, SHOP, HOUSE, WAYBILL = "FRGN", "FRSH", "FRWH", "FRGNWAY7788"
#: Pieces in the foreign warehouse, on the way to it, and held there by unpaid orders: numbers that nothing else has.
LIES, COMES, HELD = 7340119, 5120077, 3310043


@pytest.fixture
def foreign(world: dict[str, Any]) -> Order:
    """The foreign order, with a marked record of every kind; the own one has one of each as well."""
    order, own = world["foreign"], world["own"]
    own.receiver.plain_enc = crypto.encrypt(b"{}")
    own.receiver.save()
    world["reviews"][own.pk].delete()
    review_of(own, "文一西路969号")
    assert every_row(own) == []
    Order.objects.filter(pk=order.pk).update(number=f"{MARK}000001")
    order.refresh_from_db()
    order.receiver.name_mask, order.receiver.phone_mask = f"{MARK}*", f"{MARK}9999"
    order.receiver.save()
    made = rows_about(order, MARK)
    assert {"orders.Case", "logistics.Parcel", "finance.Receivable", "orders.MergeMember"} <= made, made
    wave = Wave.objects.create(number=f"{HOUSE}-W1", warehouse=order.warehouse, carrier="ZTO")
    Parcel.objects.filter(order=order).update(waybill_no=WAYBILL, wave=wave, warehouse=order.warehouse)
    Trace.objects.create(
        waybill_no=WAYBILL,
        occurred_at=timezone.now(),
        code="1",
        meaning="transit",
        text=f"{MARK} text",
        digest="d2",
    )
    Delivery.objects.create(
        waybill_no=WAYBILL,
        adcode="330110",
        warehouse_code="SH01",
        carrier="ZTO",
        outlet_code="o",
        shipped_at=timezone.now(),
    )
    Shop.objects.filter(pk=order.shop_id).update(name=f"{SHOP} name", code=SHOP)
    Connection.objects.filter(pk=order.shop.connection_id).update(
        name=f"{SHOP} account", code=f"{SHOP}-account"
    )
    Warehouse.objects.filter(pk=order.warehouse_id).update(
        name=f"{HOUSE} name", code=HOUSE, accepts_returns=True
    )
    Delivery.objects.filter(warehouse_code="SH01").update(warehouse_code=HOUSE)
    far_away(order)
    place = Bin.objects.create(warehouse=order.warehouse, code=f"{HOUSE}-1")
    Stock.objects.create(sku=Sku.objects.get(code="CUP-1"), bin=place, on_hand=3)
    Reservation.objects.create(
        reference=order.lines.all()[0].uuid,
        sku=Sku.objects.get(code="CUP-1"),
        bin=place,
        warehouse_id=place.warehouse_id,
        quantity=1,
    )
    Movement.objects.create(
        sku=Sku.objects.get(code="CUP-1"), bin=place, kind="count", reference=f"{HOUSE} count"
    )
    return order


def far_away(order: Order) -> None:
    """Goods that are in the foreign warehouse only, come to it, and are held in it."""
    assert order.warehouse is not None
    sku, place = (
        Sku.objects.get(code="CUP-1"),
        Bin.objects.create(warehouse=order.warehouse, code=f"{HOUSE}-2"),
    )
    Stock.objects.create(sku=sku, bin=place, on_hand=LIES, reserved=HELD)
    bought = PurchaseOrder.objects.create(
        number=f"{HOUSE}-PO", warehouse=order.warehouse, supplier=Supplier.objects.first() or Supplier.objects.create(name="s"),
        state="placed", expected_at=timezone.now() + dt.timedelta(days=2),
    )  # fmt: skip
    PurchaseLine.objects.create(order=bought, sku=sku, ordered=COMES)
    Reservation.objects.create(
        reference=uuid.uuid4(), sku=sku, bin=place, warehouse_id=place.warehouse_id, quantity=HELD, kind="unpaid",
        expires_at=timezone.now() + dt.timedelta(hours=1),
    )  # fmt: skip
    availability.keep_history()


def somebody(**reach: list[str]) -> User:
    """A person with the rights of all roles, in this reach."""
    user = User.objects.create_user("everything", password="a-long-pass-9", is_staff=True)
    user.groups.set(Group.objects.all())
    Scope.objects.create(user=user, **reach)
    return user


def searches() -> list[str]:
    """Every list asked for the canaries, and the search of the whole house (in small letters: a page says what was asked)."""
    words = (f"{MARK}000001".lower(), WAYBILL.lower(), NUMBER[:-1], "9999", "look at")
    lists = [f"/admin/{m._meta.app_label}/{m._meta.model_name}/" for m in admin.site._registry]
    made = [f"{address}?q={word}" for address in lists for word in words]
    made += [f"{reverse('admin:search')}?s={word}" for word in words]
    for model, site in admin.site._registry.items():
        for name in site.autocomplete_fields:
            asked = f"app_label={model._meta.app_label}&model_name={model._meta.model_name}&field_name={name}"
            made += [f"{reverse('admin:autocomplete')}?{asked}&term={word}" for word in ("", words[0])]
    return made + [f"/api/v1/orders?q={word}" for word in words]


def stock_pages() -> list[str]:
    """The pages of the goods that lie in the foreign warehouse."""
    sku = Sku.objects.get(code="CUP-1")
    names = ("admin:shown_sku", "admin:stock_sku", "admin:inventory_sku_change")
    return [f"/api/v1/stock/{sku.code}", *(reverse(name, args=[sku.pk]) for name in names)]


def secrets_of(reach: dict[str, list[str]], order: Order) -> tuple[str, ...]:
    """What must be nowhere: of the other shop its name as well, of the other warehouse its name and every number."""
    plain = (*CANARY.values(), NUMBER, MARK)
    if "shops" in reach:
        return (*plain, SHOP)
    now = availability.shown([Sku.objects.get(code="CUP-1").pk])
    numbers = {
        LIES,
        COMES,
        HELD,
        *(n for row in now.values() for n in (row.free, row.coming, row.unpaid, row.shown)),
    }
    return (*plain, HOUSE, *(str(n) for n in numbers if n > 100_000))


@pytest.mark.parametrize("reach", [{"shops": ["own"]}, {"warehouses": ["HZ01"]}], ids=["shop", "warehouse"])
def test_that_nothing_foreign_is_shown_anywhere(reach: dict[str, list[str]], foreign: Order) -> None:
    user = somebody(**reach)
    client = Client(raise_request_exception=False)
    client.force_login(user)
    visit = Visit(client, bearer(user), secrets_of(reach, foreign), most=2)
    visit.go([*filled()[0], *searches(), *stock_pages()])
    assert not visit.faults, "\n".join(map(str, visit.faults))
    answered = [address for address, status in visit.seen.items() if status == 200]
    assert len(answered) > 400, len(answered)


def _tells(request: HttpRequest) -> HttpResponse:
    return HttpResponse(" ".join(Order.objects.values_list("number", flat=True)))


def test_that_a_new_page_that_tells_of_a_foreign_order_is_found(
    foreign: Order, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(urls, "urlpatterns", [*urls.urlpatterns, path("planted/", _tells)])
    clear_url_caches()
    reach = {"shops": ["own"]}
    visit = Visit(Client(), {}, secrets_of(reach, foreign))
    assert "/planted/" in filled()[0]
    visit.go(["/planted/"])
    monkeypatch.undo()
    clear_url_caches()
    assert visit.faults == [("/planted/", [MARK])]
