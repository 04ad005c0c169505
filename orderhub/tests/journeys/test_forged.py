"""Forged paid orders (J2): the gateway's own word decides, whatever any rule says; the hold tells why."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import User

import orderhub.tasks as ground
import orders.tasks as orders
from orderhub.rules import engine, publishing, seeding
from orderhub.rules.documents import table
from orderhub.tests.journeys.house import House
from orders.models import Hold, Order

pytestmark = pytest.mark.journey


def test_that_a_forged_payment_is_held_at_level_one_even_under_a_rule_that_trusts_everybody(
    house: House,
) -> None:
    seeding.seed()
    boss = User.objects.get(username="admin")
    trusts = table("信任所有人", [], [("hold", "拦截"), ("risk", "风险")], [("all", (), ("false", "0"))])
    publishing.publish(publishing.new_draft("payment", "trusting", boss, document=trusts).id, boss)
    engine.forget()
    scenarios = house.world.scenarios
    (denied, *_rest), (wrong, *_more) = scenarios["payment_denied"], scenarios["payment_wrong_amount"]
    honest = house.plain("own_shop")[0].number
    house.own_shop(denied, wrong, honest)
    for _round in range(4):
        for task in (ground.read_payloads, ground.drain_outbox, orders.questions, orders.advance):
            task()
    state = dict(Order.objects.values_list("channel_number", "state"))
    held = {h.order.channel_number: h for h in Hold.objects.filter(type="payment").select_related("order")}
    assert set(held) >= {denied, wrong} and honest not in held
    assert state[denied] == state[wrong] == "claimed" and state[honest] not in ("unpaid", "claimed")
    assert "没有付款" in held[denied].reason or "未付款" in held[denied].reason
    due = f"{house.world.orders[wrong].payable:.2f}"
    assert due in held[wrong].reason and held[wrong].data["asked"] in ("alipay", "wechatpay")
    engine.forget()
