"""Limited purchase without a basket: an order that comes without a claim, and what an order that ended counts."""

from __future__ import annotations

import datetime as dt
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.utils import timezone

from inventory.models import Claim
from inventory.operations.claiming import Buyer, Refused, claim
from orderhub import crypto
from orderhub.actors import CLOCK
from orderhub.lifecycle import apply
from orders.lifecycle import LIFECYCLE
from orders.models import Line, Order, Shop
from orders.operations import unpaid
from orders.tests.conftest import own_order
from orders.tests.stock_cast import bundle, goods
from orders.tests.test_claims import HEADS, TOKEN, ask, order

pytestmark = pytest.mark.django_db
AT = timezone.now()


@pytest.fixture
def shop(own_shop: Shop) -> Shop:
    own_shop.connection.options = {"api_token_hash": crypto.keyed_hash(TOKEN)}
    own_shop.connection.save()
    return own_shop


def at_once(
    client: Client,
    number: str,
    pieces: int,
    phone: str = "13800000001",
    ip: str = "",
    account: str = "",
    sku: str = "SOFA-1",
) -> Any:
    """An order without a claim."""
    lines = [{"line_id": "1", "sku": sku, "title": "沙发", "quantity": pieces, "unit_price": "10.00"}]
    receiver = {"name": "王小明", "phone": phone, "province": "浙江省", "city": "杭州市", "district": "余杭区",
                "address": f"文一西路{number}号"}  # fmt: skip
    body = own_order(
        number,
        at=AT,
        receiver=receiver,
        lines=lines,
        freight="0.00",
        payable=f"{10 * pieces}.00",
        buyer={"id": account, "ip": ip},
    )
    return client.post("/api/v1/orders", body, HTTP_IDEMPOTENCY_KEY=f"key-of-{number}", **HEADS)


def test_that_an_order_without_a_claim_is_held_to_the_limit_too(client: Client, shop: Shop) -> None:
    goods("SOFA-1", 9)
    assert at_once(client, "N1", 2).status_code == 201
    answer = at_once(client, "N2", 1)
    assert answer.status_code == 422 and answer.json()["reason"] == "limit"
    assert answer.json()["detail"] == "限量抢购：每位买家最多 2 件，还可购买 0 件。"
    assert not Order.objects.filter(channel_number="N2").exists()
    again = at_once(client, "N2", 1)
    assert again.status_code == 422 and again.json()["reason"] == "limit", "the same request, the same answer"
    assert at_once(client, "N3", 3, phone="13800000003").json()["reason"] == "limit", "three at once"
    assert at_once(client, "N4", 2, phone="13800000003", ip="1.2.3.4").status_code == 201
    assert at_once(client, "N5", 1, phone="13800000005", ip="1.2.3.4").json()["reason"] == "limit", (
        "by address"
    )
    assert at_once(client, "N6", 2, phone="13800000006", account="u6").status_code == 201
    assert at_once(client, "N7", 1, phone="13800000007", account="u6").json()["reason"] == "limit", (
        "by account"
    )
    assert Claim.objects.filter(state="bought", limited=True).count() == 3
    assert set(Line.objects.values_list("uuid", flat=True)) == set(
        Claim.objects.values_list("reference", flat=True)
    )


def test_that_orders_and_baskets_count_together_and_a_claimed_order_is_not_counted_twice(
    client: Client, shop: Shop
) -> None:
    sofa = goods("SOFA-1", 9)
    assert at_once(client, "N1", 1, ip="1.1.1.1").status_code == 201
    assert ask(client, 2, "1.1.1.1").status_code == 409, "one bought, one left"
    told = ask(client, 1, "1.1.1.1").json()
    made = order(client, "N2", told)
    assert Line.objects.get(order=made).uuid == Claim.objects.get(reference=told["claim"]).reference
    assert Claim.objects.count() == 2
    with pytest.raises(Refused):
        claim(shop.connection_id, "basket-9", sofa.pk, 1, Buyer(ip="1.1.1.1"))


def test_that_what_is_not_limited_is_not_counted(client: Client, shop: Shop) -> None:
    goods("SOFA-1", 50)
    for n in range(3):
        assert at_once(client, f"N{n}", 5).status_code == 201
    assert not Claim.objects.exists()


def test_that_a_set_is_limited_as_it_is_sold(client: Client, shop: Shop) -> None:
    goods("SOFA-1", 9)
    bundle("SET-1", SOFA_1=2)
    assert at_once(client, "N1", 2, sku="SET-1").status_code == 201
    assert at_once(client, "N2", 1, sku="SET-1").json()["reason"] == "limit"


def test_that_an_order_that_expires_unpaid_counts_no_longer(client: Client, shop: Shop) -> None:
    goods("SOFA-1", 9)
    made = order(client, "N1", ask(client, 2, "1.1.1.1").json())
    assert ask(client, 1, "1.1.1.1").status_code == 409
    assert at_once(client, "N2", 2).status_code == 201
    Order.objects.update(expires_at=timezone.now() - dt.timedelta(seconds=1))
    assert unpaid.expire() == 2
    assert set(Claim.objects.values_list("state", flat=True)) == {"ended"}
    assert ask(client, 2, "1.1.1.1").status_code == 200, "it ends with the order, not after a day"
    assert at_once(client, "N3", 2).status_code == 201
    unpaid.revive({made.pk: timezone.now()}, CLOCK)
    assert Claim.objects.get(reference=Line.objects.get(order=made).uuid).state == "bought", (
        "paid a second later: it counts"
    )
    assert ask(client, 1, "1.1.1.1").status_code == 409


def test_that_a_cancelled_order_counts_no_longer(client: Client, shop: Shop) -> None:
    goods("SOFA-1", 9)
    assert at_once(client, "N1", 2).status_code == 201
    apply(LIFECYCLE, "cancel", [Order.objects.get().pk], actor=CLOCK, params={"reason": "x"})
    assert at_once(client, "N2", 2).status_code == 201


@pytest.mark.django_db(transaction=True)
def test_that_a_crowd_of_one_buyer_gets_two_by_orders_and_baskets_together(shop: Shop) -> None:
    goods("SOFA-1", 9)
    gate = threading.Barrier(16)

    def one(n: int) -> int:
        try:
            gate.wait(30)
            answer = at_once(Client(), f"N{n}", 1, ip="9.9.9.9") if n % 2 else ask(Client(), 1, "9.9.9.9")
            return int(answer.status_code)
        finally:
            connection.close()

    with ThreadPoolExecutor(16) as pool:
        said = list(pool.map(one, range(16)))
    assert sorted(said) == sorted(
        [code for code in said if code >= 400] + [code for code in said if code < 300]
    )
    assert sum(code < 300 for code in said) == 2, said
