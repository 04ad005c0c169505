"""The answer is lost after the effect, at each effect: it is asked about before it is repeated, and made once."""

from __future__ import annotations

import pytest

from orderhub.models import Message
from orderhub.tests.journeys.house import House
from orders.models import Order

pytestmark = pytest.mark.journey
#: message kind, platform, the sandbox's method, what the ledger calls the effect
LOST = (
    ("waybill.get", "taobao", "cainiao.waybill.ii.get", "waybill.number"),
    ("waybill.get", "zto", "zto.open.createOrder", "waybill.number"),
    ("wms.push", "qimen", "deliveryorder.create", "wms.order"),
    ("wms.push", "wangdiantong", "sales.RawTrade.pushSelf2", "wms.order"),
    ("channel.ship", "taobao", "taobao.logistics.offline.send", "channel.ship"),
    ("channel.ship", "own_shop", "shipment", "channel.ship"),
    ("voucher.save", "kingdee", "Save", "kingdee.save"),
    ("voucher.submit", "kingdee", "Submit", "kingdee.submit"),
    ("voucher.audit", "kingdee", "Audit", "kingdee.audit"),
)


@pytest.mark.parametrize("trouble", ["lost_answer", "500_after"])
def test_that_an_answer_lost_after_the_effect_is_asked_for_and_the_effect_made_once(
    house: House, trouble: str
) -> None:
    for _kind, platform, method, _effect in LOST:
        house.sandbox.fault(trouble, platform, method, times=1)
    house.fetch(*[order.number for order in house.plain("taobao")[:2]])
    house.own_shop(*[order.number for order in house.plain("own_shop")[:2]])
    house.run()
    done = house.sandbox.counts()["faults"]
    assert sum(n for name, n in done.items() if name.endswith(trouble)) == len(LOST), done
    assert list(Order.objects.values_list("state", flat=True)) == ["closed"] * 4
    for kind, _platform, method, effect in LOST:
        entries = house.sandbox.ledger(effect)
        made = [(e["platform"], e["key"], e["effect"]) for e in entries]
        assert [effect for _p, _k, effect in made] == [True] * 4, (
            f"{method} was repeated without asking: {made}"
        )
        assert Message.objects.filter(kind=kind, attempts__gt=1).exists(), f"{method} was not asked about"
    assert not Message.objects.exclude(state="done").exists()
