"""Not enough stock for all, a record that breaks its batch, a record that kills its worker: the rest go on, each is explained."""

from __future__ import annotations

import os
import subprocess
import sys
from urllib.parse import quote

import pytest
from django.db import connection

from inventory.models import Sku, Stock
from inventory.operations.receive import opening
from inventory.queries import drift
from orderhub.actors import Actor
from orderhub.models import Ticket
from orderhub.testing.sandbox import ROOT
from orderhub.tests.journeys.house import House
from orders.models import Hold, Order
from orders.operations import holds

pytestmark = pytest.mark.journey


def worker_dies(breaker: int, killer: int) -> bool:
    """One look of a worker in a process of its own, on this test's database; whether it was killed by its work."""
    here = connection.settings_dict
    assert str(here["NAME"]).startswith("test_")
    account = f"{quote(here['USER'], safe='')}:{quote(here['PASSWORD'], safe='')}"
    url = (
        f"postgresql://{account}@{quote(here['HOST'], safe='') or 'localhost'}:{here['PORT']}/{here['NAME']}"
    )
    done = subprocess.run(
        [sys.executable, "-m", "orderhub.tests.journeys.poisoned", str(breaker), str(killer)],
        env={**os.environ, "DATABASE_URL": url, "DJANGO_SETTINGS_MODULE": "orderhub.settings.test"},
        cwd=ROOT, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert done.returncode in (0, 9), done.stderr[-2000:]
    return done.returncode == 9


def end_leases() -> None:
    """The leases of dead workers run out."""
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE orders_order SET lease_until = now() - interval '1 second' WHERE lease_until > now()"
        )


def test_that_poison_is_set_aside_with_words_and_the_rest_go_on(house: House) -> None:
    house.fetch(*[order.number for order in house.plain("taobao")[:12]])
    breaker, killer, *rest = Order.objects.order_by("id").values_list("id", flat=True)
    deaths = 0
    for _attempt in range(8):
        died = worker_dies(breaker, killer)
        end_leases()
        deaths += died
        if not died:
            break
    assert deaths == 3, "the third death is the last"
    held = {hold.order_id: hold for hold in Hold.objects.filter(released_at=None)}
    assert set(held) == {breaker, killer} and {hold.type for hold in held.values()} == {"broken"}
    assert "division by zero" in held[breaker].reason and "three times" in held[killer].reason
    assert set(Ticket.objects.filter(kind="broken_order").values_list("order_id", flat=True)) == {
        breaker,
        killer,
    }

    house.run()
    assert set(Order.objects.filter(id__in=rest).values_list("state", flat=True)) == {"closed"}
    assert set(Order.objects.filter(id__in=[breaker, killer]).values_list("state", flat=True)) == {"claimed"}

    for hold in held.values():  # the fault is mended, a person lets them go on
        assert holds.release(hold.id, Actor("person", "alice"))
    house.run()
    assert set(Order.objects.values_list("state", flat=True)) == {"closed"} and drift() == []
    assert [e["effect"] for e in house.sandbox.ledger("wms.order")] == [True] * 12


def test_that_a_batch_is_served_as_far_as_the_stock_goes_and_the_rest_when_goods_arrive(house: House) -> None:
    plain = house.plain("taobao")[:8]
    wanted = plain[0].lines[0].sku
    house.fetch(*[order.number for order in plain])
    sku = Sku.objects.get(code=wanted)
    place = Stock.objects.filter(sku=sku, bin__warehouse__code="HZ01").order_by("id").first()
    Stock.objects.filter(sku=sku).delete()
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM inventory_movement WHERE sku_id = %s", [sku.id])
    short = set(Order.objects.filter(lines__sku=sku).values_list("id", flat=True))
    house.run()
    held = Hold.objects.filter(type="stock", released_at=None)
    assert short and set(held.values_list("order_id", flat=True)) == short
    assert all(sku.code in hold.reason for hold in held), [hold.reason for hold in held]
    assert set(Order.objects.exclude(id__in=short).values_list("state", flat=True)) == {"closed"}

    opening([(sku.id, place.bin_id, 500)])
    house.run()
    assert set(Order.objects.values_list("state", flat=True)) == {"closed"} and drift() == []
