"""Numbers that can be believed, on the running system: a part that comes late, a supplier that always does, drift.

The warehouse system and the shop are spoken to over HTTP; people click on our pages.
"""

from __future__ import annotations

from decimal import Decimal

import pytest
from django.contrib.auth import get_user_model
from django.test import Client
from django.urls import reverse

import inventory.tasks as shelf
import orderhub.tasks as ground
from inventory import availability
from inventory.models import BundlePart, Drift, PurchaseLine, PurchaseOrder, Sku, Stock, Supplier
from inventory.operations import learning
from inventory.queries import drift, sku_codes
from orderhub.models import Ticket
from orderhub.tests.journeys.buying import Buyers, buy, came, on_the_shelf
from orderhub.tests.journeys.house import House
from orders.models import Hold, Order

pytestmark = pytest.mark.journey


def office() -> Client:
    """The owner, signed in."""
    client = Client(SERVER_NAME="127.0.0.1")
    client.force_login(get_user_model().objects.get(username="admin"))
    return client


def goods(count: int) -> list[Sku]:
    """SKUs of the demo that lie in the first warehouse and are no bundle."""
    found = Sku.objects.filter(stock__bin__warehouse__code="HZ01", stock__on_hand__gt=20, parts=None)
    return list(found.distinct().order_by("id")[:count])


def purchase(number: str, code: str, pieces: int, days: float = 3, provider: str = "S2") -> None:
    """Ordered at the warehouse system, and known to us."""
    buy(number, code, pieces, days, provider)
    shelf.poll_purchases()
    ground.read_payloads()
    assert PurchaseLine.objects.get(order__number=number).ordered == pieces


def test_that_a_bundle_short_of_one_part_waits_with_its_day_and_goes_when_the_part_comes(
    house: House,
) -> None:
    frame, slats = goods(2)
    bed = Sku.objects.create(code="BED-SET", name="床架套装")
    BundlePart.objects.bulk_create(BundlePart(bundle=bed, part=part, quantity=1) for part in (frame, slats))
    sku_codes(fresh=True)
    on_the_shelf(slats, 0)
    PurchaseOrder.objects.all().delete()
    purchase("CG-SLATS", slats.code, 4)
    buyers = Buyers(house, bed.code)
    page = buyers.sees()
    assert (page["free"], page["shown"]) == (0, 2), "of the scarcest part: ⌊0.7 × 4⌋"
    person = buyers.orders()
    buyers.pay(person)
    house.run()
    order = Order.objects.get(channel_number=person.number)
    hold = Hold.objects.get(order=order, released_at=None)
    assert (order.state, hold.type) == ("paid", "backorder")
    assert str(slats.pk) in str(hold.data) and slats.code in hold.reason, "which part is short"
    house.sandbox.drive("purchase_arrives", number="CG-SLATS")
    assert came("CG-SLATS", 4)
    house.run()
    order.refresh_from_db()
    assert order.state not in ("paid", "cancelled") and not order.open_holds, order.state
    assert not drift()


def test_that_the_factor_learned_from_a_supplier_that_is_always_late_lowers_the_number(house: House) -> None:
    PurchaseOrder.objects.all().delete()
    sku = goods(1)[0]
    on_the_shelf(sku, 8)
    for n in range(6):
        purchase(f"CG-LATE-{n}", sku.code, 100, days=-6, provider="S3")
        house.sandbox.drive("purchase_arrives", number=f"CG-LATE-{n}")
    for n in range(6):
        assert came(f"CG-LATE-{n}", 100)
    on_the_shelf(sku, 8, "after the lorries")
    purchase("CG-NEXT", sku.code, 10, days=2, provider="S3")
    before = availability.shown([sku.pk])[sku.pk]
    assert (before.free, before.coming, before.shown) == (8, 10, 15)
    supplier = Supplier.objects.get(code="S3")
    (late,) = (row for row in learning.evidence() if row.supplier == supplier)
    assert (late.promised, late.in_time, late.late) == (600, 0, 600) and late.worth_saying
    page = office()
    said = page.get(reverse("admin:shown_board")).content.decode()
    assert supplier.name in said
    page.post(reverse("admin:shown_take", args=[supplier.pk]))
    after = availability.shown([sku.pk])[sku.pk]
    assert after.shown == 8 + int(10 * late.suggested) < before.shown
    assert late.suggested < Decimal("0.7")


def test_that_injected_drift_is_a_ticket_and_one_click_repairs_it(house: House) -> None:
    sku = goods(1)[0]
    row = Stock.objects.filter(sku=sku, bin__warehouse__code="HZ01").order_by("-on_hand")[0]
    Stock.objects.filter(pk=row.pk).update(on_hand=row.on_hand + 5)
    shelf.look_for_drift()
    found = Drift.objects.get(sku=sku, ended_at=None)
    page = office()
    assert sku.code in page.get(reverse("admin:inventory_drift_changelist")).content.decode()
    page.post(reverse("admin:drift_repair", args=[found.pk]))
    assert not drift() and Stock.objects.get(pk=row.pk).on_hand == row.on_hand
    found.refresh_from_db()
    assert found.ended_at is not None
    assert not Ticket.objects.filter(kind__contains="drift").exclude(state="done").exists()
