"""Limited purchase and the basket's hold: the sofa story, one buyer's limit under a crowd, claims that become orders."""

from __future__ import annotations

import datetime as dt
import threading
import uuid
import zlib
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.utils import timezone, translation

from inventory import availability
from inventory.models import BundlePart, Claim, Reservation, Sku, Stock
from inventory.operations import claiming, release
from inventory.operations.claiming import Buyer, Refused, claim
from inventory.operations.receive import opening
from orderhub import crypto
from orderhub.actors import CLOCK, Actor
from orderhub.api.problems import TYPE
from orderhub.lifecycle import apply
from orders.lifecycle import LIFECYCLE
from orders.models import Line, Order, Shop
from orders.operations import orphans, unpaid, waiting
from orders.tests.conftest import own_order
from orders.tests.stock_cast import bundle, goods, on_the_way, place

pytestmark = pytest.mark.django_db
TOKEN = "own-shop-token-1"
HEADS = {"HTTP_AUTHORIZATION": f"Bearer {TOKEN}", "content_type": "application/json"}


@pytest.fixture(autouse=True)
def _in_chinese() -> Iterator[None]:
    """A request of another test may have left its language behind."""
    with translation.override("zh-hans"):
        yield


@pytest.fixture
def shop(own_shop: Shop) -> Shop:
    own_shop.connection.options = {"api_token_hash": crypto.keyed_hash(TOKEN)}
    own_shop.connection.save()
    return own_shop


def ask(client: Client, pieces: int, ip: str, sku: str = "SOFA-1", key: str = "") -> Any:
    body = {"sku": sku, "pieces": pieces, "buyer": {"ip": ip, "account": f"of {ip}"}}
    key = key or str(uuid.uuid4())
    return client.post("/api/v1/claims", body, HTTP_IDEMPOTENCY_KEY=key, **HEADS)


def seen(client: Client, *skus: str) -> list[dict[str, Any]]:
    items: list[dict[str, Any]] = client.post("/api/v1/availability", {"skus": list(skus)}, **HEADS).json()[
        "items"
    ]
    return items


def held() -> int:
    """Pieces of the sofa that somebody was promised."""
    return sum(Stock.objects.filter(sku__code="SOFA-1").values_list("reserved", flat=True))


def order(client: Client, number: str, *claims: Any) -> Order:
    lines = [
        {"line_id": f"{number}-{n}", "sku": "SOFA-1", "title": "沙发", "quantity": told["pieces"], "unit_price": "10.00",
         "claim": told["claim"]}
        for n, told in enumerate(claims)
    ]  # fmt: skip
    payable = f"{10 * sum(told['pieces'] for told in claims)}.00"
    receiver = {"name": "王小明", "phone": f"138{zlib.crc32(number.encode()) % 10**8:08d}", "province": "浙江省",
                "city": "杭州市", "district": "余杭区", "address": "文一西路969号"}  # fmt: skip
    body = own_order(number, receiver=receiver, lines=lines, freight="0.00", payable=payable)
    answer = client.post("/api/v1/orders", body, HTTP_IDEMPOTENCY_KEY=f"key-of-{number}", **HEADS)
    assert answer.status_code == 201, answer.content
    return Order.objects.get(number=answer.json()["number"])


def pay(*orders: Order) -> None:
    Order.objects.filter(id__in=[o.id for o in orders]).update(state="paid", paid_at=timezone.now())
    apply(LIFECYCLE, "reserve", [o.id for o in orders], actor=Actor("system", "test"))


def test_that_in_the_sofa_story_nobody_is_turned_away_after_paying(client: Client, shop: Shop) -> None:
    sofa = goods("SOFA-1", 8)
    on_the_way(sofa, 4, days=3)
    (at_first,) = seen(client, "SOFA-1")
    assert (at_first["shown"], at_first["free"], at_first["most"]) == (10, 8, None), "⌊8 + 0.7 × 4⌋, not 12"
    sold = [ask(client, 1, "10.0.0.1").json()]
    (then,) = seen(client, "SOFA-1")
    assert (then["shown"], then["most"]) == (9, 2), "under ten shown, two a buyer"
    sold.append(ask(client, 2, "10.0.0.2").json())
    third = ask(client, 1, "10.0.0.2")
    assert (third.status_code, third.json()["type"], third.json()["left"]) == (409, TYPE + "limit", 0)
    assert "限量" in third.json()["detail"]
    assert ask(client, 3, "10.0.0.9").status_code == 409
    sold += [ask(client, pieces, f"10.0.1.{n}").json() for n, pieces in enumerate((2, 2, 1))]
    assert [told["later_on"] for told in sold] == [None] * 5
    (gone,) = seen(client, "SOFA-1")
    assert (gone["shown"], gone["free"]) == (2, 0) and gone["later_on"] is not None
    above = [ask(client, 1, f"10.0.2.{n}").json() for n in range(2)]
    assert {told["later_on"] for told in above} == {gone["later_on"]}, "told before paying"
    last = ask(client, 1, "10.0.3.1")
    assert (last.status_code, last.json()["type"]) == (409, TYPE + "sold_out")
    assert seen(client, "SOFA-1")[0]["shown"] == 0
    orders = [order(client, f"OS{n}", told) for n, told in enumerate([*sold, *above])]
    pay(*orders)
    states = [Order.objects.get(id=o.id).state for o in orders]
    assert states == ["reserved"] * 5 + ["paid"] * 2 and not Order.objects.filter(state="cancelled").exists()
    assert seen(client, "SOFA-1")[0]["shown"] == 0, "those who wait are not sold again"
    opening([(sofa.pk, place("SH01", "S-1").pk, 4)])
    assert waiting.wake() == 2
    apply(LIFECYCLE, "reserve", [o.id for o in orders[5:]], actor=CLOCK)
    assert all(Order.objects.get(id=o.id).state == "reserved" for o in orders[5:])


def test_that_a_claim_becomes_its_orders_line_and_holds_the_same_pieces(client: Client, shop: Shop) -> None:
    goods("SOFA-1", 20)
    told = ask(client, 3, "10.0.0.1").json()
    made = order(client, "OS1", told)
    assert str(Line.objects.get(order=made).uuid) == told["claim"]
    assert (made.held_until is not None, Claim.objects.get().state) == (True, "bought")
    assert Reservation.objects.get().expires_at == made.expires_at
    assert held() == 3
    pay(made)
    row = Reservation.objects.get()
    assert (str(row.reference), row.kind, row.state, row.expires_at) == (
        told["claim"],
        "paid",
        "active",
        None,
    )
    other = order(client, "OS2", told)
    assert str(Line.objects.get(order=other).uuid) != told["claim"], "a claim is bought once"


def test_that_a_bought_claim_goes_back_with_its_unpaid_order(client: Client, shop: Shop) -> None:
    goods("SOFA-1", 20)
    made = order(client, "OS1", ask(client, 3, "10.0.0.1").json())
    Order.objects.filter(id=made.id).update(expires_at=timezone.now() - dt.timedelta(seconds=1))
    assert unpaid.expire() == 1
    assert held() == 0


def test_that_a_claim_of_another_shop_or_other_goods_is_no_claim(client: Client, shop: Shop) -> None:
    goods("SOFA-1", 20)
    foreign = claim(shop.connection_id + 1, "another-shop", goods("SOFA-1").pk, 2, Buyer(ip="10.0.0.1"))
    made = order(client, "OS1", {"claim": str(foreign.reference), "pieces": 2})
    assert Line.objects.get(order=made).uuid != foreign.reference and made.held_until is None
    foreign.refresh_from_db()
    assert foreign.state == "open"


def test_that_the_same_key_is_one_effect_and_another_body_is_refused(client: Client, shop: Shop) -> None:
    goods("SOFA-1", 20)
    first, again = (ask(client, 2, "10.0.0.1", key="same-key-1") for _ in range(2))
    assert first.json() == again.json() and held() == 2
    assert ask(client, 3, "10.0.0.1", key="same-key-1").status_code == 422
    assert (
        ask(client, 0, "10.0.0.1").status_code == 422
        and ask(client, 1, "10.0.0.1", sku="X").status_code == 422
    )
    nobody = client.post(
        "/api/v1/claims", {"sku": "SOFA-1", "pieces": 1}, HTTP_IDEMPOTENCY_KEY="k" * 9, **HEADS
    )
    assert nobody.status_code == 422


def test_that_what_is_left_in_the_basket_goes_back_and_nobody_is_remembered(
    client: Client, shop: Shop
) -> None:
    goods("SOFA-1", 5)
    told = ask(client, 2, "10.0.0.1").json()
    assert client.delete(f"/api/v1/claims/{told['claim']}", **HEADS).status_code == 204
    assert held() == 0
    assert ask(client, 2, "10.0.0.1").status_code == 200, "what was given back does not count"
    Claim.objects.filter(state="open").update(expires_at=timezone.now() - dt.timedelta(seconds=1))
    orphans.look()
    assert claiming.expire() == 1 and held() == 0
    assert release.expire() == 0
    Claim.objects.update(counts_until=timezone.now() - dt.timedelta(hours=1))
    claiming.expire()
    assert not Claim.objects.exclude(ip_hash="", buyer_hash="").exists()


def test_that_a_buyer_is_counted_by_each_of_what_is_known_of_him(shop: Shop) -> None:
    sofa = goods("SOFA-1", 9)
    ways = [
        Buyer(ip="2001:db8::1", phone="+86 138 1234 5678", account="a"), Buyer(ip="2001:db8::2"),
        Buyer(phone="13812345678"), Buyer(ip="::ffff:10.0.0.1", account="b"), Buyer(ip="10.0.0.1"),
    ]  # fmt: skip
    claim(1, "key-1", sofa.pk, 2, ways[0])
    for n, buyer in enumerate(ways[1:3]):
        with pytest.raises(Refused, match="限量"):
            claim(1, f"key-2{n}", sofa.pk, 1, buyer)
    claim(1, "key-4", sofa.pk, 2, ways[3])
    with pytest.raises(Refused):
        claim(1, "key-5", sofa.pk, 1, ways[4])


def test_that_of_a_bundle_as_many_are_sold_as_its_scarcest_part_allows(client: Client, shop: Shop) -> None:
    goods("SOFA-1", 30)
    goods("CUSHION-1", 21)
    bundle("SET-1", SOFA_1=1, CUSHION_1=2)
    (item,) = seen(client, "SET-1")
    assert (item["shown"], item["free"], item["later_on"]) == (10, 10, None)
    assert ask(client, 2, "10.0.0.1", sku="SET-1").status_code == 200
    assert dict(Stock.objects.exclude(reserved=0).values_list("sku__code", "reserved")) == {
        "SOFA-1": 2,
        "CUSHION-1": 4,
    }


def test_that_sets_sold_above_the_shelf_count_against_their_parts(client: Client, shop: Shop) -> None:
    for code in ("SOFA-1", "CUSHION-1"):
        on_the_way(goods(code, 0), 8, days=3)
    bundle("SET-1", SOFA_1=1, CUSHION_1=2)
    assert [item["shown"] for item in seen(client, "SET-1", "SOFA-1", "CUSHION-1")] == [2, 5, 5]
    assert ask(client, 1, "10.0.0.1", sku="SET-1").json()["later_on"] is not None
    assert [item["shown"] for item in seen(client, "SET-1", "SOFA-1", "CUSHION-1")] == [1, 4, 3]
    got = [ask(client, 1, f"10.0.1.{n}", sku="SET-1").status_code for n in range(4)]
    assert got == [200, 409, 409, 409]


def test_that_what_is_left_is_the_same_in_words_and_figure(client: Client, shop: Shop) -> None:
    goods("SOFA-1", 1)
    told = ask(client, 3, "10.0.0.1").json()
    assert told["left"] == 1 and "1 件" in told["detail"], "the buyer may have two, one is there"


def test_that_unchanged_numbers_are_not_sent_again_and_unknown_goods_are_named(
    client: Client, shop: Shop
) -> None:
    goods("SOFA-1", 5)
    body = {"skus": ["ｓｏｆａ-1", "X-9"]}
    first = client.post("/api/v1/availability", body, **HEADS)
    assert [i["sku"] for i in first.json()["items"]] == ["ｓｏｆａ-1"] and first.json()["unknown"] == ["X-9"]
    again = client.post("/api/v1/availability", body, HTTP_IF_NONE_MATCH=first["ETag"], **HEADS)
    assert again.status_code == 304
    assert client.post("/api/v1/availability", body, content_type="application/json").status_code in (
        401,
        403,
    )


@pytest.mark.race
@pytest.mark.parametrize(("here", "got_one", "got_others", "later"), [(6, 2, 6, 2), (0, 2, 0, 2)])
@pytest.mark.django_db(transaction=True)
def test_that_64_buyers_of_one_address_get_two_and_many_addresses_no_more_than_is_shown(
    here: int, got_one: int, got_others: int, later: int
) -> None:
    sofa = goods("SOFA-1", here)
    on_the_way(sofa, 4, days=3)

    def work(n: int) -> int:
        try:
            ip = "10.0.0.1" if n < 64 else f"10.0.1.{n}"
            return claim(1, f"key-{n}", sofa.pk, 1, Buyer(ip=ip)).quantity
        except Refused:
            return 0
        finally:
            connection.close()

    with ThreadPoolExecutor(16) as pool:
        got = list(pool.map(work, range(64)))
        others = list(pool.map(work, range(64, 96)))
    assert (sum(got), sum(others)) == (got_one, got_others), "what is here, and ⌊0.7 × 4⌋ of what comes"
    assert held() == here and Claim.objects.exclude(later_on=None).count() == later
    assert availability.shown([sofa.pk])[sofa.pk].shown == 0


@pytest.mark.race
@pytest.mark.django_db(transaction=True)
def test_that_sets_and_their_parts_that_lie_nowhere_yet_are_not_sold_twice_at_once() -> None:
    sofa, cushion = (Sku.objects.create(code=code, normal=code, name=code) for code in ("SOFA1", "CUSHION1"))
    for sku in (sofa, cushion):
        on_the_way(sku, 8, days=3)
    set_of = Sku.objects.create(code="SET1", normal="SET1", name="SET1")
    BundlePart.objects.bulk_create(
        BundlePart(bundle=set_of, part=part, quantity=1) for part in (sofa, cushion)
    )
    start = threading.Barrier(16)

    def work(n: int) -> int:
        try:
            start.wait(30)
            return claim(1, f"key-{n}", (set_of, sofa)[n % 2].pk, 1, Buyer(ip=f"10.0.1.{n}")).quantity
        except Refused:
            return 0
        finally:
            connection.close()

    with ThreadPoolExecutor(16) as pool:
        assert sum(pool.map(work, range(16))) == 5, "⌊0.7 × 8⌋ sofas, alone or in sets"


@pytest.mark.race
@pytest.mark.django_db(transaction=True)
def test_that_one_key_for_several_goods_at_once_is_one_claim_and_the_others_are_told() -> None:
    skus = [goods(f"CUP-{n}", 20).pk for n in range(8)]
    start = threading.Barrier(8)

    def work(sku_id: int) -> str:
        try:
            start.wait(30)
            claim(1, "one-key-1", sku_id, 1, Buyer(ip="10.0.0.1"))
            return "taken"
        except Refused as refused:
            return refused.code
        finally:
            connection.close()

    with ThreadPoolExecutor(8) as pool:
        assert sorted(pool.map(work, skus)) == ["key"] * 7 + ["taken"]
    assert Reservation.objects.count() == 1
