"""Splitting from the order list over the admin's own pages: each row's result, what is left, stock sums, and undoing it."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from django.contrib.auth.models import Group, User
from django.db.models import Sum
from django.test import Client
from django.urls import reverse

from inventory.models import Bin, Sku, Stock
from inventory.operations.receive import opening
from logistics.operations import plan
from logistics.tests.test_dividing import CLERK, held, parcels, snapshot, two_lines
from orderhub import modules
from orderhub.jobs import running
from orderhub.jobs.models import Job
from orderhub.roles import sync_roles
from orderhub.scope import Scope
from orders.models import Hold, Line, Order, Share, Split
from orders.operations import holds

BULK = "/admin/orders/order/bulk/"


@pytest.fixture
def lamp(house: Any, open_gate: Any) -> Sku:
    """A second SKU with stock in every bin."""
    modules.forget()
    made = Sku.objects.create(code="LAMP-1", name="灯", weight_g=500)
    opening([(made.id, place.id, 100) for place in Bin.objects.all()])
    return made


def with_lamps(house: Any, lamp: Sku, quantity: int = 2) -> Order:
    """Two cups and some lamps, all held."""
    order = house.order()
    line = Line.objects.create(
        order=order, channel_line="2", sku=lamp, seller_code="LAMP-1", title="灯", quantity=quantity,
        unit_price=Decimal("10.00"), payable=Decimal("10.00"), freight_share=Decimal(0),
    )  # fmt: skip
    house.reserve(line, order.warehouse.code)
    return order


def reserved() -> dict[str, int]:
    return dict(Stock.objects.values_list("sku__code").annotate(n=Sum("reserved")).order_by())


def begun(client: Client, orders: list[Order], sku: str = "lamp-1") -> Any:
    given = {"act": "split", "sku": sku, "query": "", "pick": [order.pk for order in orders]}
    return client.post(BULK, given)


def boss() -> Client:
    client = Client()
    client.force_login(User.objects.create_superuser("boss"))
    return client


def test_that_a_split_from_the_list_is_told_row_by_row_keeps_every_piece_and_is_undone(
    house: Any, lamp: Sku
) -> None:
    good, other = with_lamps(house, lamp), with_lamps(house, lamp, 3)
    stopped, cups, (both, _lines) = with_lamps(house, lamp), house.order(), two_lines(house)
    holds.open_holds([stopped.pk], "manual", "先等等", CLERK)
    plan.plan()
    orders = [good, other, stopped, cups, both]
    before, sums, was = {one.pk: held(one) for one in orders}, reserved(), snapshot(good)
    money = {one.pk: one.payable for one in orders}
    client = boss()
    answer = begun(client, orders)
    job = Job.objects.get()
    assert answer["Location"] == reverse("admin:bulk_job", args=[job.pk])
    running.run_due()
    plan.plan()
    page = client.get(answer["Location"]).content.decode()
    rows = {row.record: (row.kind, row.why) for row in job.rows.all()}
    assert [rows[one.pk][0] for one in orders] == ["done", "done", "refused", "same", "same"]
    for one in orders:
        assert one.number in page
    assert rows[stopped.pk][1] and rows[stopped.pk][1] in page and rows[cups.pk][1] in page
    for one, lamps in ((good, 2), (other, 3)):
        first, second = parcels(one)
        pieces = [
            {line.sku.code: line.quantity for line in parcel.lines.select_related("sku")}
            for parcel in (first, second)
        ]
        assert pieces == [{"CUP-1": 2}, {"LAMP-1": lamps}]
    assert set(Split.objects.values_list("order_id", flat=True)) == {good.pk, other.pk}
    assert {one.pk: held(one) for one in orders} == before and reserved() == sums
    assert {one.pk: one.payable for one in Order.objects.all()} == money
    assert client.post(reverse("admin:split_undo", args=[good.pk])).status_code == 302
    plan.plan()
    assert (len(parcels(good)), len(parcels(other))) == (1, 2) and reserved() == sums
    client.post(reverse("admin:split_undo", args=[other.pk]))
    plan.plan()
    assert snapshot(good) == was and reserved() == sums, "every reservation is what it was"
    Hold.objects.filter(order=stopped).update(released_at=stopped.ordered_at)
    Order.objects.filter(pk=stopped.pk).update(open_holds=0)
    client.post(reverse("admin:bulk_do", args=[job.pk, "retry"]))
    running.run_due()
    assert job.rows.get(record=stopped.pk).kind == "done" and reserved() == sums


def test_that_what_breaks_within_one_split_leaves_that_order_whole_and_the_others_split(
    house: Any, lamp: Sku, monkeypatch: pytest.MonkeyPatch
) -> None:
    from logistics.operations import dividing

    one, broken, other = (with_lamps(house, lamp) for _n in range(3))
    sums, before, divide = reserved(), held(broken), dividing.divide

    def breaks(order_id: int, *given: Any, **named: Any) -> Any:
        done = divide(order_id, *given, **named)
        if order_id == broken.pk:
            raise RuntimeError("after the work was done")
        return done

    monkeypatch.setattr(dividing, "divide", breaks)
    begun(boss(), [one, broken, other])
    running.run_due()
    kinds = dict(Job.objects.get().rows.values_list("record", "kind"))
    assert kinds == {one.pk: "done", broken.pk: "refused", other.pk: "done"}
    assert not Share.objects.filter(order=broken).exists() and not Split.objects.filter(order=broken).exists()
    assert held(broken) == before and reserved() == sums


def test_that_who_may_not_or_does_not_see_the_order_splits_nothing(house: Any, lamp: Sku) -> None:
    order, foreign = with_lamps(house, lamp), with_lamps(house, lamp)
    Order.objects.filter(pk=foreign.pk).update(shop=house.shops["taobao"])
    sync_roles()
    looker = User.objects.create_user("looker", is_staff=True)
    client = Client()
    client.force_login(looker)
    assert begun(client, [order]).status_code == 403
    clerk = User.objects.create_user("clerk", is_staff=True)
    clerk.groups.add(Group.objects.get(name="customer_service"))
    Scope.objects.create(user=clerk, shops=["own_shop"], warehouses=[])
    client.force_login(clerk)
    begun(client, [order, foreign])
    running.run_due()
    assert list(Split.objects.values_list("order_id", flat=True)) == [order.pk]
    assert list(Job.objects.get().rows.values_list("record", flat=True)) == [order.pk]
    begun(client, [foreign])
    assert Job.objects.count() == 1, "nothing that the person sees was picked"
