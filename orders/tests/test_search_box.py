"""The search box of the order list: one word opens or lists, a paste lists itself, and nobody finds what is not theirs."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from inventory.models import SkuCode
from logistics.models import Parcel
from orderhub import crypto
from orderhub.admin_site import bulk
from orderhub.roles import sync_roles
from orders import finding
from orders.models import Order, Paste, Receiver
from orders.operations import pasting
from orders.tests import aftersale_cast as cast
from orders.tests.api_cast import bearer, call, person

pytestmark = pytest.mark.django_db
LIST, FIND = "/admin/orders/order/", "/admin/orders/order/find/"


@pytest.fixture
def office(client: Client) -> Client:
    client.force_login(User.objects.create_superuser("老板"))
    return client


def shown(client: Client, address: str) -> list[int]:
    """The orders of a list in their order, over all its pages."""
    found: list[int] = []
    for number in range(1, 20):
        cl = client.get(address, {"p": number} if "?" not in address else None).context["cl"]
        if "?" in address:
            cl = client.get(f"{address}&p={number}").context["cl"]
        found += [row.pk for row in cl.result_list]
        if not cl.has_more:
            break
    return found


def go(client: Client, text: str, kept: str = "") -> str:
    """Where the box leads."""
    answer = client.post(FIND, {"q": text, "kept": kept})
    assert answer.status_code == 302
    return str(answer["Location"])


def page(order: Order) -> str:
    return reverse("admin:orders_order_change", args=[order.pk])


def parcel(order: Order, waybill: str) -> Parcel:
    assert order.warehouse is not None
    return Parcel.objects.create(
        order=order, number=f"P-{order.number}", warehouse=order.warehouse, carrier="ZTO", waybill_no=waybill,
        state="shipped", place=1,
    )  # fmt: skip


def test_that_what_names_one_order_opens_its_page_at_once(office: Client) -> None:
    order, _other = cast.order("shipped", channel_number="284712903847561239"), cast.order("paid")
    parcel(order, "75312345678901")
    Receiver.objects.filter(order=order).update(
        phone_hash=crypto.phone_hash("13800008421"), phone_tail_hash=crypto.tail_hash("13800008421")
    )
    for text in (
        order.number, f"  {order.number.lower()} ", order.channel_number, "75312345678901", "8421", "138 0000 8421",
        "＋86 13800008421", f"{order.number}，{order.number}\n", "'284712903847561239", "２８４７１２９０３８４７５６１２３９",
    ):  # fmt: skip
        assert go(office, text, "queue=held&p=3") == page(order), text


def test_that_what_names_several_or_none_is_a_list_that_keeps_its_filters(office: Client) -> None:
    for _n in range(2):
        Receiver.objects.filter(order=cast.order("paid")).update(phone_tail_hash=crypto.tail_hash("8421"))
    assert go(office, "8421", "state__exact=paid&p=4&q=old&pasted=9") == f"{LIST}?state__exact=paid&q=8421"
    assert go(office, "0000") == f"{LIST}?q=0000"
    assert go(office, "  ", "state__exact=paid&q=x") == f"{LIST}?state__exact=paid"
    assert go(office, "\x00") == LIST


def test_that_a_sku_in_any_spelling_and_a_buyer_list_their_orders(office: Client) -> None:
    cup, bed = (
        cast.order("paid", goods=(("CUP-1", 1, "9.00"),)),
        cast.order("paid", goods=(("BED-2", 1, "9.00"),)),
    )
    Order.objects.filter(pk=bed.pk).update(buyer_ref="AAH1kq_9 x")
    SkuCode.objects.create(system="*", code="杯 子", sku=cast.sku("CUP-1"))
    assert {order.pk for order in Order.objects.all()} == {cup.pk, bed.pk}
    for text, order in (("cup-1", cup), ("杯 子", cup), ("CUP1", cup), ("AAH1kq_9 x", bed)):
        assert shown(office, go(office, text)) == [order.pk], text
        assert [one["number"] for one in call("GET", f"orders?q={text}", bearer(User.objects.get())).json()["items"]] == [
            order.number
        ]  # fmt: skip


def test_that_a_paste_lists_exactly_its_orders_in_its_order_and_names_the_rest(office: Client) -> None:
    orders = [cast.order(("paid", "shipped", "closed")[n % 3] if n % 3 < 2 else "signed") for n in range(60)]
    parcel(orders[5], "JT0001112223334")
    wanted = [orders[n] for n in (7, 3, 59, 5, 20, 11)]
    text = (
        f"\ufeff{wanted[0].number}\r\n{wanted[1].channel_number}，{wanted[2].number.lower()}；  JT0001112223334\t"
        f"{wanted[4].number}、“{wanted[5].number}”\n{wanted[0].number}, NO-SUCH-1\u3000 9999999999999999999\n13912345678"
    )
    address = go(office, text, "queue=held&state__exact=paid")
    assert address == f"{LIST}?pasted={Paste.objects.get().pk}"
    assert shown(office, address) == [order.pk for order in wanted]
    said = office.get(address).content.decode()
    assert "粘贴了 9 个单号，未找到 3 个" in said and "NO-SUCH-1, 9999999999999999999, 139****5678" in said
    assert "13912345678" not in said and "13912345678" not in Paste.objects.get().words


def test_that_five_hundred_are_listed_over_pages_and_more_are_refused_in_words(office: Client) -> None:
    orders = [cast.order("paid") for _n in range(70)]
    numbers = [order.number for order in reversed(orders)] + [f"X{n:07d}" for n in range(430)]
    assert len(numbers) == 500
    assert shown(office, go(office, "\n".join(numbers))) == [order.pk for order in reversed(orders)]
    answer = office.post(FIND, {"q": "\n".join([*numbers, "ONE-MORE"])}, follow=True)
    assert "粘贴了 501 个不同的单号，一次最多查 500 个" in answer.content.decode()
    assert Paste.objects.count() == 1


def test_that_a_paste_costs_as_many_statements_for_four_hundred_as_for_two(office: Client) -> None:
    counts = []
    for size in (2, 40):
        made = [cast.order("paid") for _n in range(size)]
        words = [order.number for order in made] + [f"N{n:07d}" for n in range(size * 9)]
        with CaptureQueriesContext(connection) as caught:
            address = go(office, " ".join(words))
        with CaptureQueriesContext(connection) as listed:
            office.get(address)
        counts.append(
            [
                len([q for q in each.captured_queries if "moduleswitch" not in q["sql"]])
                for each in (caught, listed)
            ]
        )
    assert counts[0] == counts[1]


def test_that_the_whole_paste_is_acted_on_and_exported(office: Client) -> None:
    orders = [cast.order("paid") for _n in range(4)]
    address = go(office, f"{orders[2].number} {orders[0].number}")
    user = User.objects.get()
    assert set(bulk.listed(Order, address.split("?")[1], user).values_list("pk", flat=True)) == {
        orders[0].pk, orders[2].pk,
    }  # fmt: skip
    assert (
        "粘贴的单号: 2"
        in office.get(reverse("admin:orders_order_bulk"), {"query": address.split("?")[1]}).content.decode()
    )


@pytest.mark.parametrize("narrowed", ["shops", "warehouses"])
def test_that_a_narrowed_person_finds_only_theirs_by_any_word(
    client: Client, narrowed: str, monkeypatch: Any
) -> None:
    from inventory.models import Warehouse

    sync_roles()
    far: dict[str, Any] = {"warehouse": Warehouse.objects.create(code="SH01", name="上海仓")}
    own = cast.order("shipped", channel_number="SAME-1", buyer_ref="buyer-7")
    theirs = []
    for n, number in enumerate(("SAME-1", "C-OTHER")):
        far["shop"] = cast.shop(f"far{n}")
        theirs.append(cast.order("shipped", channel_number=number, buyer_ref="buyer-7", **far))
    for order, waybill in ((own, "WAY-OWN-1"), (theirs[1], "WAY-FAR-1")):
        parcel(order, waybill)
    Receiver.objects.update(
        phone_tail_hash=crypto.tail_hash("8421"), phone_hash=crypto.phone_hash("13800008421")
    )
    reach = {"shops": ("own",)} if narrowed == "shops" else {"warehouses": ("HZ01",)}
    client.force_login(person("customer_service", **reach))
    monkeypatch.setattr(finding, "MOST", 1)  # what others have does not push one's own out of the bound
    for text in ("SAME-1", "8421", "13800008421", "WAY-OWN-1"):
        assert go(client, text) == page(own), text
    for text in ("buyer-7", "CUP-1"):
        assert shown(client, go(client, text)) == [own.pk], text
    for text in (theirs[1].number, "C-OTHER", "WAY-FAR-1"):
        assert shown(client, go(client, text)) == [], text
    address = go(client, f"{theirs[1].number} WAY-FAR-1 SAME-1 C-OTHER {own.number}")
    assert shown(client, address) == [own.pk]
    said = client.get(address).content.decode()
    assert "粘贴了 5 个单号，未找到 3 个" in said


def test_that_a_paste_is_its_persons_own_and_goes_after_thirty_days(office: Client) -> None:
    order = cast.order("paid")
    address = go(office, f"{order.number} X-1")
    another = Client()
    another.force_login(User.objects.create_superuser("another"))
    assert shown(another, address) == [] and "不是你的" in another.get(address).content.decode()
    for wrong in ("pasted=x", "pasted=99999999999999999999", "pasted=", "pasted=-1"):
        assert shown(office, f"{LIST}?{wrong}") == []
    Paste.objects.update(created_at="2020-01-01T00:00Z")
    go(office, "A-1 B-2")
    assert Paste.objects.count() == 1


def test_that_what_is_pasted_is_shown_as_text(office: Client) -> None:
    said = office.get(go(office, '</textarea><script>alert(1)</script>, "><b>x')).content.decode()
    assert "<script>alert" not in said and "<b>x" not in said
    assert pasting.apart("a,,b ，c\u200b、'd'|e;f a") == ["a", "b", "c", "d", "e", "f"]


def test_that_nobody_searches_without_the_right(db: None) -> None:
    client = Client()
    client.force_login(User.objects.create_user("nobody", is_staff=True))
    assert client.post(FIND, {"q": "OH1"}).status_code == 403
    assert client.get(FIND).status_code in (403, 405)
