"""WeChat Pay's notices: each is one question, the gateway's own answer is the payment, and nothing forged leaves a trace."""

from __future__ import annotations

import json
import random
import time
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from orderhub.actors import CLOCK
from orderhub.inbound import processing
from orderhub.inbound.keeping import Kept, keep_many
from orderhub.integrations import turns
from orderhub.integrations.models import Connection
from orderhub.lifecycle import apply
from orderhub.models import Message, Payload, Recipient, RefusedPush, Ticket
from orderhub.outbox.sending import drain
from orderhub.sandbox import alipay, paying, wechatpay
from orderhub.sandbox.credentials import WECHATPAY
from orderhub.sandbox.tests.served import Served, served
from orderhub.sandbox.world import SourceOrder
from orderhub.sweeping import sweep
from orderhub.testing.connections import connection
from orders.lifecycle import LIFECYCLE
from orders.models import Event, Hold, Order, PaymentProof, Shop
from orders.operations import payment, unpaid
from orders.tests.conftest import own_order, raw

pytestmark = pytest.mark.django_db
URL = "/callbacks/wechatpay/wechatpay"


@pytest.fixture(scope="module")
def box() -> Iterator[Served]:
    with served("own_shop", "alipay", "wechatpay", orders=400) as made:
        yield made


@dataclass
class House:
    """The own shop with both gateways, and the sandbox behind them."""

    box: Served
    shop: Shop
    http: Client

    def source(self, scenario: str = "", skip: int = 0) -> SourceOrder:
        """A paid order of the sandbox whose buyer pays by WeChat."""
        found = [o for o in self.box.world.of("own_shop") if o.paid_at and o.scenario == scenario]
        paying.choose(self.box.world, found[skip], "wechatpay")
        return found[skip]

    def take(self, order: SourceOrder) -> Order:
        """Our order of it: one cup at the price of the whole."""
        price = f"{order.payable:.2f}"
        lines = [
            {"line_id": "1", "sku": "CUP-1", "title": "马克杯", "quantity": 1, "unit_price": price},
        ]
        receiver = own_order("x")["receiver"] | {"phone": f"139{order.seq:08d}"}
        body = own_order(order.number, lines=lines, freight="0.00", payable=price, receiver=receiver)
        keep_many(self.shop.connection_id, [Kept("order", order.number, "1", raw(body), "api")])
        processing.process("order")
        return Order.objects.get(channel_number=order.number)

    def hear(self, order: SourceOrder, **how: Any) -> int:
        headers, body = wechatpay.notify(self.box.world, order, **how)
        return self.post(headers, body)

    def post(self, headers: dict[str, str], body: bytes) -> int:
        kind = headers.pop("Content-Type", "application/json")
        return self.http.post(URL, body, content_type=kind, headers=headers).status_code

    def settle(self) -> None:
        """Everything that waits for its next try is due: notices, questions, judgement."""
        turns.forget()  # what a refusal taught of budgets is over as well
        for table in (Payload, Order, Message):
            table.objects.update(next_try_at=timezone.now())
        processing.process("payment")
        drain("payment.query")
        sweep(LIFECYCLE, "claimed", ("verify",))


@pytest.fixture
def house(box: Served, own_shop: Shop, client: Client) -> Iterator[House]:
    box.control("reset")
    own_shop.payment_connections.set([connection("alipay", box.url), connection("wechatpay", box.url)])
    yield House(box, own_shop, client)
    box.control("faults", clear=True)


def state(order: Order) -> str:
    return str(Order.objects.values_list("state", flat=True).get(id=order.id))


def effects() -> dict[str, int]:
    return {
        "questions": Message.objects.filter(kind="payment.query").count(),
        "proofs": PaymentProof.objects.count(),
        "confirmed": Event.objects.filter(point=1).count(),
    }


def test_that_a_notice_makes_the_gateway_be_asked_and_its_answer_is_the_payment(house: House) -> None:
    source = house.source()
    order = house.take(source)
    assert house.hear(source) == 204
    house.settle()
    assert state(order) == "paid"
    proof = PaymentProof.objects.get()
    assert (proof.source, proof.state, proof.amount) == ("wechatpay", "SUCCESS", source.payable)
    assert proof.payee == "1600000001" and proof.paid_at == source.paid_at
    sealed = bytes(Payload.objects.get(kind="payment").raw_enc)
    assert b"openid" not in sealed and source.number.encode() not in sealed
    assert "oSandbox" not in json.dumps(list(Message.objects.values_list("answer", flat=True)))


def test_that_each_notice_fifteen_times_in_any_order_with_forged_ones_is_one_effect_each(
    house: House,
) -> None:
    sources = [house.source(skip=n) for n in range(4)]
    jobs: list[tuple[SourceOrder, dict[str, Any], int]] = []
    for source in sources:
        jobs += [(source, {}, 204)] * 15
        jobs += [(source, {"amount": source.payable + 1}, 204), (source, {"forged": True}, 401)]
        jobs += [(source, {"moment": time.time() - 301}, 401), (source, {"mchid": "1600000009"}, 401)]
    random.Random(7).shuffle(jobs)
    early = house.take(sources[0])
    for n, (source, how, expected) in enumerate(jobs):
        assert house.hear(source, **how) == expected
        if n % 20 == 10:
            house.settle()
    for source in sources[1:]:  # their notices came before them
        house.take(source)
    house.settle()
    assert set(Order.objects.values_list("state", flat=True)) == {"paid"} and state(early) == "paid"
    assert effects() == {"questions": 4, "proofs": 4, "confirmed": 4}
    assert not Hold.objects.exists() and not Ticket.objects.exists()
    # a notice with another amount is signed, so it is kept, and makes no second question
    assert Payload.objects.filter(kind="payment").count() == 8
    refused = dict(RefusedPush.objects.values_list("code", "count"))
    assert refused == {"signature": 4, "stale": 4, "payee": 4}


@pytest.mark.parametrize(
    ("how", "code"),
    [
        ({"forged": True}, "signature"),
        ({"moment": time.time() - 400}, "stale"),
        ({"moment": time.time() + 400}, "stale"),
        ({"mchid": "1600000009"}, "payee"),
    ],
)
def test_that_what_may_not_be_believed_leaves_a_count_and_nothing_else(
    house: House, how: dict[str, Any], code: str
) -> None:
    source = house.source()
    order = house.take(source)
    if "moment" in how:  # relative to the run, not to the collection
        how = {"moment": time.time() + (400 if how["moment"] > time.time() else -400)}
    assert house.hear(source, **how) == 401
    house.settle()
    assert state(order) == "unpaid" and effects() == {"questions": 0, "proofs": 0, "confirmed": 0}
    assert not Payload.objects.filter(kind="payment").exists()
    assert list(RefusedPush.objects.values_list("kind", "code", "count")) == [("payment", code, 1)]


def test_that_broken_headers_and_bodies_are_refused(house: House) -> None:
    headers, body = wechatpay.notify(house.box.world, house.source())
    for changes in (
        {"Wechatpay-Timestamp": "soon"}, {"Wechatpay-Timestamp": "١٧٠٠٠٠٠٠٠٠"}, {"Wechatpay-Serial": "7777"},
        {"Wechatpay-Signature": "WECHATPAY/SIGNTEST/abc"}, {"Wechatpay-Nonce": "other"}, {"Wechatpay-Timestamp": ""},
    ):  # fmt: skip
        assert (
            house.post({**headers, **{k: v.encode().decode("latin-1") for k, v in changes.items()}}, body)
            == 401
        )
    assert house.post(dict(headers), body + b" ") == 401
    for strange in (b"[]", b"\xff\x00", b'{"id": 5}', b"null"):
        assert house.post(wechatpay.signed_headers(strange), strange) == 401
    assert not Payload.objects.exists() and sum(RefusedPush.objects.values_list("count", flat=True)) == 11


def test_that_a_notice_is_only_a_claim_when_the_gateway_denies_it(house: House) -> None:
    source = house.source("payment_denied")
    order = house.take(source)
    assert house.hear(source) == 204
    house.settle()
    assert state(order) == "claimed" and Hold.objects.get().type == "payment"
    assert PaymentProof.objects.get().state == "NOTPAY"


def test_that_a_payment_of_another_amount_is_held(house: House) -> None:
    source = house.source("payment_wrong_amount")
    order = house.take(source)
    assert house.hear(source, amount=source.payable) == 204
    house.settle()
    assert state(order) == "claimed" and "0.01" in Hold.objects.get().reason


def test_that_a_payment_after_expiry_brings_the_order_back_once(house: House) -> None:
    source = house.source()
    order = house.take(source)
    Order.objects.update(expires_at=timezone.now() - timezone.timedelta(seconds=1))
    unpaid.expire()
    assert state(order) == "cancelled"
    for _again in range(15):
        assert house.hear(source) == 204
    house.settle()
    assert state(order) == "paid" and effects()["confirmed"] == 1
    assert Event.objects.filter(code="revive").count() == 1 and not Ticket.objects.exists()


def test_that_a_payment_of_an_order_that_was_cancelled_is_put_before_a_person_once(house: House) -> None:
    source = house.source()
    order = house.take(source)
    apply(LIFECYCLE, "cancel", [order.id], actor=CLOCK, params={"reason": "the buyer changed his mind"})
    Recipient.objects.create(role="service_lead", connection=connection("feishu", house.box.url))
    for _again in range(15):
        assert house.hear(source) == 204
    house.settle()
    assert state(order) == "cancelled" and effects()["confirmed"] == 0
    ticket = Ticket.objects.get()
    assert ticket.kind == "late_payment" and str(source.payable) in ticket.body
    notice = Message.objects.get(kind="notice.send")
    assert notice.data["params"] == {"number": order.number, "amount": str(source.payable)}


def test_that_one_gateway_which_knows_nothing_says_nothing_against_the_other(house: House) -> None:
    source = house.source()
    order = house.take(source)
    Order.objects.update(state="claimed")
    assert payment.missing_questions() == 2
    assert payment.missing_questions() == 0
    house.settle()
    assert state(order) == "paid"
    found = dict(PaymentProof.objects.values_list("source", "state"))
    assert found == {"alipay": "NOT_EXIST", "wechatpay": "SUCCESS"}


def test_that_nothing_is_called_unpaid_while_a_gateway_has_not_answered(house: House) -> None:
    source = house.source()
    order = house.take(source)
    Order.objects.update(state="claimed")
    payment.missing_questions()
    slow = Connection.objects.get(platform="wechatpay")
    Message.objects.filter(connection=slow).update(next_try_at=timezone.now() + timezone.timedelta(hours=1))
    drain("payment.query")
    sweep(LIFECYCLE, "claimed", ("verify",))
    order.refresh_from_db()
    assert (order.state, order.refusal) == ("claimed", "no_proof") and not Hold.objects.exists()
    house.settle()
    assert state(order) == "paid"


def test_that_an_order_paid_at_both_gateways_becomes_a_ticket(house: House) -> None:
    source = house.source()
    order = house.take(source)
    house.hear(source)
    house.settle()
    paying.choose(house.box.world, source, "alipay")
    form = alipay.notify(house.box.world, source)
    assert house.http.post("/callbacks/alipay/alipay", form).status_code == 200
    house.settle()
    assert state(order) == "paid" and effects()["confirmed"] == 1
    ticket = Ticket.objects.get()
    assert ticket.kind == "paid_twice" and "alipay" in ticket.body and "wechatpay" in ticket.body


def test_that_a_refund_notice_and_an_unknown_event_pay_nothing(house: House) -> None:
    source = house.source()
    order = house.take(source)
    assert house.hear(source, event="REFUND.SUCCESS") == 204
    assert house.hear(source, event="COUPON.USE") == 204
    house.settle()
    assert state(order) == "unpaid" and effects()["questions"] == 0
    aside = Payload.objects.get(kind="payment", state="set_aside")
    assert aside.reason_code == "unknown_word" and "COUPON.USE" in aside.reason


def test_that_a_notice_which_our_key_does_not_open_waits_for_a_person_and_a_replay_reads_it(
    house: House,
) -> None:
    source, account = house.source(), Connection.objects.get(platform="wechatpay")
    order = house.take(source)
    right = account.secrets
    account.set_secrets({**right, "api_v3_key": "x" * 32})
    account.save()
    assert house.hear(source) == 204
    house.settle()
    aside = Payload.objects.get(kind="payment")
    assert (aside.state, aside.reason_code, state(order)) == ("set_aside", "cannot_open", "unpaid")
    account.set_secrets(right)
    account.save()
    processing.replay([aside.id])
    house.settle()
    assert state(order) == "paid"


def test_that_a_notice_of_an_account_pays_only_orders_of_shops_that_use_it(house: House) -> None:
    source = house.source()
    order = house.take(source)
    house.shop.payment_connections.set([Connection.objects.get(code="alipay")])
    assert house.hear(source) == 204
    house.settle()
    assert state(order) == "unpaid" and Payload.objects.get(kind="payment").reason_code == "no_order"


def test_that_a_payment_to_another_merchant_is_held(house: House) -> None:
    order = house.take(house.source())
    Order.objects.update(state="claimed")
    PaymentProof.objects.create(
        order=order,
        source="wechatpay",
        trade_no="t",
        state="SUCCESS",
        paid=True,
        amount=order.payable,
        payee="1",
    )
    house.settle()
    assert state(order) == "claimed" and Hold.objects.get().type == "payment"


def test_that_the_gateways_trouble_is_not_an_answer(house: House) -> None:
    source = house.source()
    order = house.take(source)
    house.hear(source)
    for kind in ("quota", "500_before", "half_json", "html"):
        house.box.control("faults", platform="wechatpay", kind=kind, times=1)
        house.settle()
        assert state(order) == "claimed" and not Hold.objects.exists()
    house.box.control("faults", platform="wechatpay", kind="deny", times=1)
    house.settle()
    message = Message.objects.get(kind="payment.query")
    assert (message.state, message.error_kind) == ("needs_person", "configuration")
    assert Decimal(0) < source.payable and not PaymentProof.objects.exists()


def test_that_an_answer_which_wechat_pay_did_not_sign_is_no_answer(house: House) -> None:
    source = house.source()
    order = house.take(source)
    assert house.hear(source) == 204
    account = Connection.objects.get(platform="wechatpay")
    account.options["platform_keys"] = {WECHATPAY["platform_key_id"]: WECHATPAY["merchant_public_key"]}
    account.save(update_fields=["options"])
    house.settle()
    message = Message.objects.get(kind="payment.query")
    assert (message.state, message.error_kind) == ("needs_person", "configuration")
    assert state(order) == "claimed" and not PaymentProof.objects.exists()
