"""The sofa story on the running system: eight on the shelf, four on the way, and nobody is turned away after paying.

The shop speaks to our server over HTTP, the warehouse system tells what is on the way and what has come, the gateway's
signed notices pay; what is asked at the end is what every buyer got.
"""

from __future__ import annotations

import pytest
from django.db.models import Sum

import inventory.tasks as shelf
import orderhub.tasks as ground
from inventory.models import PurchaseLine, PurchaseOrder, Sku, Stock
from orderhub.models import Ticket
from orderhub.tests.journeys.buying import Buyers, buy, came, on_the_shelf
from orderhub.tests.journeys.house import House
from orders.models import Hold, Order

pytestmark = pytest.mark.journey


def test_that_in_a_live_sale_nobody_is_turned_away_after_paying(house: House) -> None:
    busy = (
        Stock.objects.filter(bin__warehouse__code="HZ01", bin__sellable=True)
        .values("sku")
        .annotate(n=Sum("on_hand"))
    )
    sku = Sku.objects.get(id=busy.order_by("-n", "sku")[0]["sku"])
    on_the_shelf(sku, 8)
    PurchaseOrder.objects.all().delete()
    buy("CG-SOFA", sku.code, 4)
    shelf.poll_purchases()
    ground.read_payloads()
    assert PurchaseLine.objects.get(order__number="CG-SOFA").ordered == 4
    buyers = Buyers(house, sku.code)

    page = buyers.sees()
    assert (page["shown"], page["free"], page["most"]) == (10, 8, None), "⌊8 + 0.7 × 4⌋ and not 12"
    baskets = [buyers.claims(1, "10.9.0.1", "1").json()]
    page = buyers.sees()
    assert (page["shown"], page["most"]) == (9, 2), "fewer than ten: limited"
    baskets.append(buyers.claims(2, "10.9.0.2", "2").json())
    third = buyers.claims(1, "10.9.0.2", "3")
    assert (third.status_code, third.json()["left"]) == (409, 0), third.text
    baskets += [buyers.claims(n, f"10.9.1.{n}{i}", f"4{i}").json() for i, n in enumerate((2, 2, 1))]
    assert {basket["later_on"] for basket in baskets} == {None}, "eight that lie there"
    page = buyers.sees()
    assert (page["shown"], page["free"]) == (2, 0) and page["later_on"]
    late = [buyers.claims(1, f"10.9.2.{n}", f"5{n}").json() for n in range(2)]
    assert {basket["later_on"] for basket in late} == {page["later_on"]}, "told before paying"
    refused = buyers.claims(1, "10.9.3.1", "6")
    assert refused.status_code == 409 and buyers.sees()["shown"] == 0

    people = [buyers.orders(basket) for basket in (*baskets, *late)]
    buyers.pay(*people)
    house.run()
    orders = {
        o.channel_number: o for o in Order.objects.filter(channel_number__in=[p.number for p in people])
    }
    states = [orders[person.number].state for person in people]
    assert "paid" not in states[:5] and "cancelled" not in states, states
    assert states[5:] == ["paid", "paid"], "these two wait for the lorry, as they were told"
    assert not Hold.objects.filter(order__in=orders.values(), released_at=None, type="refund").exists()
    assert buyers.sees()["shown"] == 0, "who waits is not sold again"

    house.sandbox.drive("purchase_arrives", number="CG-SOFA")
    assert came("CG-SOFA", 4), "what changed in the very second of the question comes with the next one"
    house.run()
    ended = dict(
        Order.objects.filter(id__in=[o.id for o in orders.values()]).values_list("channel_number", "state")
    )
    assert not {"paid", "cancelled"} & set(ended.values()), ended
    assert buyers.sees()["free"] == 2, "eight and four came, ten were sold"
    assert not Ticket.objects.filter(
        order_id__in=[o.id for o in orders.values()], kind__contains="refund"
    ).exists()
