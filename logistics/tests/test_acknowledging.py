"""Numbers that left a warehouse, acknowledged over both of Wangdiantong's protocols; the sandbox's ledger judges."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
from django.utils import timezone, translation

from inventory.models import Sku, Warehouse
from logistics.models import Parcel
from logistics.operations import acknowledging
from logistics.providers import wangdiantong
from logistics.tests.sandbox_cast import cast_at_the_sandbox, drain, own_order  # noqa: F401
from orderhub.models import Ticket
from orderhub.testing.connections import connection
from orderhub.testing.sandbox import RunningSandbox
from orderhub.testing.speaking import fresh_sandbox, start_sandbox  # noqa: F401

pytestmark = [pytest.mark.django_db, pytest.mark.slow]


def shipped_there(world: Any, sandbox: RunningSandbox, platform: str) -> tuple[Any, list[Parcel]]:
    """Four parcels that the warehouse system has sent off; none of them is known here to have left."""
    account = world.accounts.get(platform) or connection(platform, sandbox.url)
    Warehouse.objects.filter(code="HZ01").update(wms=account)
    parcels = [world.parcel(own_order(world)) for _ in range(4)]
    drain("waybill.get", "wms.push")
    sku = Sku.objects.get(id=world.sku.id).code
    for parcel in parcels:
        parcel.refresh_from_db()
        assert parcel.state == "handed", sku
        row = wangdiantong.by_number(account, parcel.number)[0]
        Parcel.objects.filter(id=parcel.id).update(
            expected_weight_g=int(float(row["weight"]) * 1000),
            handed_at=timezone.now() - dt.timedelta(minutes=20),
        )
    return account, parcels


@pytest.mark.parametrize("platform", ["wangdiantong", "wangdiantong_qiye"])
def test_that_a_number_is_taken_once_it_is_known_here_and_else_told_to_people(
    world: Any, sandbox: RunningSandbox, platform: str
) -> None:
    account, (plain, later, other, strange) = shipped_there(world, sandbox, platform)
    offered = {row.number: row for row in wangdiantong.unacknowledged(account)}
    assert set(offered) == {p.number for p in (plain, later, other, strange)}
    Parcel.objects.filter(id=other.id).update(waybill_no="7600000000017")
    Parcel.objects.filter(id=strange.id).update(number="P-ANOTHER")
    acknowledging.ASKED, kept = 1, acknowledging.ASKED
    try:
        with translation.override("zh-hans"):
            assert acknowledging.acknowledge() == 1
    finally:
        acknowledging.ASKED = kept
    told = {
        parcel: [(row["body"]["taken"], row["effect"]) for row in sandbox.ledger("wms.synced", number, platform)]
        for parcel, number in (
            ("plain", plain.number), ("later", later.number), ("other", other.number), ("strange", strange.number)
        )
    }  # fmt: skip
    # no window had told of any of them: one was asked about by its number, the other comes again
    assert told == {
        "plain": [(True, True)],
        "later": [],
        "other": [(False, True)],
        "strange": [(False, True)],
    }
    plain.refresh_from_db()
    assert plain.state == "shipped"
    titles = dict(Ticket.objects.filter(kind="wms_number").values_list("cause_key", "title"))
    assert set(titles) == {f"wms-number:{other.number}", f"wms-number:{strange.number}"}
    assert "7600000000017" in titles[f"wms-number:{other.number}"]
    assert acknowledging.acknowledge() == 1  # the one that came again
    assert [row["body"]["taken"] for row in sandbox.ledger("wms.synced", later.number, platform)] == [True]
    assert acknowledging.acknowledge() == 0 and not wangdiantong.unacknowledged(account)
    assert Ticket.objects.filter(kind="wms_number").count() == 2


def test_that_a_lost_answer_is_said_again_and_counts_once_and_a_system_that_is_down_stops_no_other(
    world: Any, sandbox: RunningSandbox
) -> None:
    account, parcels = shipped_there(world, sandbox, "wangdiantong")
    down = connection("wangdiantong_qiye", "http://127.0.0.1:9")
    Warehouse.objects.filter(code="SH01").update(wms=down)
    sandbox.fault("lost_answer", "wangdiantong", "sales.LogisticsSync.update", times=1)
    acknowledging.acknowledge()
    for _again in range(3):
        acknowledging.acknowledge()
    for parcel in parcels:
        rows = sandbox.ledger("wms.synced", parcel.number, "wangdiantong")
        assert [row["effect"] for row in rows if row["effect"]] == [True], parcel.number
    assert not wangdiantong.unacknowledged(account)
