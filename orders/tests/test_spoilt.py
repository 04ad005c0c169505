"""What a long fuzz run found: each was an error of ours, and is now a reason in words."""

from __future__ import annotations

from typing import Any

import pytest

from orderhub.inbound import processing
from orderhub.inbound.keeping import keep
from orderhub.models import Connection, Payload
from orders.models import Shop
from orders.operations.accept import NotAccepted, accept_order
from orders.tests.conftest import own_order, raw, trade
from orders.tests.test_intake import take

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize("kind", [["cod"], {"a": 1}])
def test_that_a_trades_type_that_is_no_word_is_explained(taobao: Shop, kind: Any) -> None:
    take(taobao, {**trade("3500000000000000001"), "type": kind})
    payload = Payload.objects.get(kind="order")
    assert (payload.state, payload.reason_code) == ("set_aside", "bad_text")


@pytest.mark.parametrize("spoilt", [b"\\u0000", b"\\ud800", b"\xed\xa0\x80"])
def test_that_an_order_number_that_no_table_can_hold_is_refused_and_kept(
    own_shop: Shop, spoilt: bytes
) -> None:
    body = own_order("OS1")
    whole = raw(body)
    number = str(body["number"]).encode()
    with pytest.raises(NotAccepted):
        accept_order(own_shop, "key-12345678", whole.replace(number, number + spoilt, 1))
    assert Payload.objects.filter(kind="order").count() == 1


def test_that_a_payment_notice_with_a_number_of_any_length_is_explained(own_shop: Shop) -> None:
    account = Connection.objects.create(
        code="ali", platform="alipay", name="支付宝", base_url="http://127.0.0.1:1"
    )
    own_shop.payment_connections.add(account)
    accept_order(own_shop, "key-12345678", raw(own_order("OS1")))
    number = "OS1"
    notice = {
        "trade_status": "TRADE_SUCCESS",
        "out_trade_no": number,
        "trade_no": "9" * 300,
        "total_amount": "1.00",
    }
    keep(account.id, "payment", "n1", "1", raw(notice), "push")
    processing.process("payment")
    payload = Payload.objects.get(kind="payment")
    assert (payload.state, payload.reason_code) == ("set_aside", "too_long")
