"""Merging and splitting from the order list: each order with its result, nobody's channel asked inside a transaction."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import transaction
from django.utils import translation

from logistics.operations import together
from logistics.tests.together_cast import twins
from orderhub.admin_site import bulk
from orderhub.jobs import running
from orderhub.jobs.models import Job
from orders.models import Line, Merge, MergeMember, Order, Share
from orders.operations import holds
from orders.providers import together as channels


@pytest.fixture(autouse=True)
def _gate(open_gate: Any) -> Any:
    """Every channel says that its orders may go on; refusals are read in English."""
    with translation.override("en"):
        yield


def work(act: str, orders: list[Order], **values: str) -> Job:
    boss, _made = User.objects.get_or_create(username="boss", is_superuser=True)
    job = bulk.begin(Order, act, "", [order.pk for order in orders], values, boss)
    running.run_due()
    job.refresh_from_db()
    return job


def said(job: Job) -> dict[int, tuple[str, str]]:
    return {row.record: (row.kind, row.why) for row in job.rows.all()}


def test_that_the_orders_of_one_address_ship_together_and_each_other_one_says_why_not(house: Any) -> None:
    one, other, held = twins(house, 3)
    alone = house.order()
    holds.open_holds([held.pk], "manual", "look", together.CLOCK)
    job = work("merge", [one, other, held, alone])
    assert set(MergeMember.objects.values_list("order_id", flat=True)) == {one.pk, other.pk}
    rows = said(job)
    assert (rows[one.pk][0], rows[other.pk][0]) == ("done", "done")
    assert rows[held.pk] == ("refused", f"{held.number} is held.")
    assert rows[alone.pk][0] == "refused" and job.result == {"done": 2, "refused": 2}
    assert {row[0] for row in said(work("merge", [one, other])).values()} == {"same"}
    assert Merge.objects.count() == 1


def test_that_the_channel_is_asked_with_no_transaction_open_and_its_no_is_each_orders_reason(
    house: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    one, other = twins(house, channel="taobao")
    depth = len(transaction.get_connection().savepoint_ids)
    asked: list[int] = []

    def ask(ids: Any) -> list[list[int]]:
        asked.append(len(transaction.get_connection().savepoint_ids) - depth)
        return [[each] for each in ids]

    monkeypatch.setattr(channels, "ask", ask)
    job = work("merge", [one, other])
    assert asked == [0]
    assert {row[1] for row in said(job).values()} == {
        "The channel says that these orders go to different addresses."
    }
    assert not Merge.objects.exists()


def test_that_a_worker_that_died_before_it_wrote_results_merges_nothing_twice(
    house: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    one, other = twins(house)
    boss = User.objects.create_superuser("boss")
    job = bulk.begin(Order, "merge", "", [one.pk, other.pk], {}, boss)

    def die(*_given: Any, **_named: Any) -> None:
        raise KeyboardInterrupt

    Job.objects.filter(pk=job.pk).update(state=Job.State.RUNNING)
    with monkeypatch.context() as patched:
        patched.setattr(bulk, "_write", die)
        with pytest.raises(KeyboardInterrupt):
            bulk.step(Job.objects.get(pk=job.pk))
    assert Merge.objects.count() == 1
    Job.objects.filter(pk=job.pk).update(state=Job.State.NEW, lease_until=None)
    running.run_due()
    assert {row[0] for row in said(job).values()} == {"same"} and Merge.objects.count() == 1


def test_that_one_sku_goes_in_a_parcel_of_its_own_and_what_can_not_says_why(house: Any) -> None:
    order, whole, other = house.order(), house.order(), house.order()
    Line.objects.filter(order=other).update(sku=None)
    from logistics.tests.test_dividing import two_lines

    both, (_first, second) = two_lines(house)
    from inventory.models import Sku

    lamp = Sku.objects.create(code="LAMP-1", name="灯")
    Line.objects.filter(order=order).update(sku=lamp)
    job = work("split", [order, whole, other, both], sku=house.sku.code.lower())
    rows = said(job)
    assert rows[whole.pk] == ("refused", "Something must stay in the first parcel.")
    assert rows[other.pk][0] == rows[order.pk][0] == "same"
    assert rows[both.pk][0] == "refused" and not Share.objects.exists(), "both lines are of this SKU"
    assert second.quantity == 3
    assert {row[1] for row in said(work("split", [whole], sku="NO-SUCH")).values()} == {
        "There is no SKU NO-SUCH."
    }


def test_that_more_than_two_hundred_are_refused(house: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    orders = [house.order() for _n in range(3)]
    act = next(act for act in bulk.ACTS["orders.order"] if act.code == "merge")
    assert act.most == bulk.BATCH, "a group never straddles two batches"
    monkeypatch.setattr(
        bulk, "acts_of", lambda *_given: [bulk.Act("merge", "m", act.by, act.permission, most=2)]
    )
    with pytest.raises(bulk.NotAllowed, match="More than 2"):
        work("merge", orders)
