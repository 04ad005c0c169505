"""The stock page of a SKU and the list of what does not add up: done in the browser's words, looked at in every dress."""

from __future__ import annotations

import datetime as dt
import os
import uuid
from typing import Any

import pytest
from django.contrib.auth.models import Group, User
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from inventory.models import Drift, Movement, Reservation, Stock
from inventory.operations import drift
from inventory.operations.move import put_by
from orderhub import roles
from orderhub.testing.dresses import scrolls_sideways, signed_in, violations, worn
from orders.tests.stock_cast import bundle, goods, on_the_way, place, reserve, wants

pytestmark = pytest.mark.django_db


@pytest.fixture
def office(client: Client) -> Client:
    client.force_login(User.objects.create_superuser("boss", password="x"))
    client.cookies.load({"django_language": "en"})
    return client


def story() -> Any:
    """A sofa with everything that can be seen of it."""
    sofa = goods("SOFA-1", 8, series="云朵", colour="米白", size="三人位")
    goods("CUSHION-1", 40)
    place("SH01", "S-1", 20)
    reserve(wants((sofa, 3)))
    on_the_way(sofa, 4, days=3)
    reserve(wants((sofa, 7)))
    put_by(sofa.pk, place().pk, 1, "sample", timezone.now() + dt.timedelta(days=2), "拍摄样品", "amy")
    bundle("SET-1", SOFA_1=1, CUSHION_1=2)
    return sofa


def test_that_the_page_shows_where_it_is_who_has_it_and_who_waits(office: Client) -> None:
    sofa = story()
    page = office.get(reverse("admin:stock_sku", args=[sofa.pk])).content.decode()
    for words in (
        "A-01",
        "sample",
        "拍摄样品",
        "CG1",
        "promised for",
        "OH2026",
        "opening stock",
        "Write the count",
    ):
        assert words in page, words
    assert (
        "stocked as its parts"
        in office.get(reverse("admin:stock_sku", args=[sofa.part_of.get().bundle_id])).content.decode()
    )
    assert office.get(reverse("admin:stock_sku", args=[10**6])).status_code == 404


def test_that_the_page_costs_the_same_statements_however_much_there_is(office: Client) -> None:
    sofa = goods("SOFA-1", 1000)
    counts = []
    for n in (1, 8):
        reserve(*[wants((sofa, 1)) for _ in range(n)])
        with CaptureQueriesContext(connection) as queries:
            office.get(reverse("admin:stock_sku", args=[sofa.pk]))
        counts.append(len(queries))
    assert counts[0] == counts[1]


def test_that_a_count_a_move_and_goods_put_by_are_done_from_the_page_and_refused_in_words(
    office: Client,
) -> None:
    sofa, here, there = goods("SOFA-1", 8), place(), place("SH01", "S-1", 20)

    def send(what: str, **data: Any) -> str:
        return office.post(reverse(f"admin:stock_{what}", args=[sofa.pk]), data, follow=True).content.decode()

    token = uuid.uuid4()
    assert "-2 pieces" in send("count", bin=here.pk, pieces="6", reason="two broken", token=token)
    assert "written before" in send("count", bin=here.pk, pieces="6", reason="two broken", token=token)
    for pieces in ("-1", "1.5", "x", "", "٣"):
        assert "is not a whole number" in send("count", bin=here.pk, pieces=pieces, reason="x", token="t")
    assert "no such bin" in send("count", bin="999999", pieces="1", reason="x", token="t")
    assert "Moved 2" in send("move", bin=here.pk, to=there.pk, pieces="2", reason="for the fair")
    assert "only 4 pieces are free" in send("move", bin=here.pk, to=there.pk, pieces="5", reason="x")
    until = timezone.localtime() + dt.timedelta(days=1)
    data = {
        "bin": here.pk,
        "pieces": "3",
        "kind": "sample",
        "until": f"{until:%Y-%m-%dT%H:%M}",
        "reason": "photos",
    }
    assert "Put by 3" in send("hold", **data)
    assert "until when" in send("hold", **(data | {"until": ""}))
    row = Reservation.objects.get()
    address = reverse("admin:stock_let_go", args=[sofa.pk, row.reference])
    assert "3 pieces are free again" in office.post(address, follow=True).content.decode()
    assert set(Movement.objects.values_list("kind", flat=True)) == {
        "opening",
        "count",
        "move",
        "reserve",
        "release",
    }
    assert dict(Stock.objects.values_list("bin_id", "on_hand")) == {here.pk: 4, there.pk: 2}


def test_that_only_those_who_may_change_stock_can(client: Client) -> None:
    sofa = goods("SOFA-1", 8)
    roles.sync_roles()
    for role, may in (("customer_service", False), ("warehouse_manager", True), ("finance", False)):
        user = User.objects.create_user(role, is_staff=True)
        user.groups.add(Group.objects.get(name=role))
        client.force_login(user)
        data = {"bin": place().pk, "pieces": "8", "reason": "x", "token": role}
        answer = client.post(reverse("admin:stock_count", args=[sofa.pk]), data)
        assert answer.status_code == (302 if may else 403), role
        assert client.get(reverse("admin:stock_count", args=[sofa.pk])).status_code in (403, 405)


def test_that_drift_is_a_tile_a_list_and_one_click(office: Client) -> None:
    sofa = goods("SOFA-1", 8)
    assert "Stock does not add up" not in office.get(reverse("admin:index")).content.decode()
    Stock.objects.filter(sku=sofa).update(on_hand=11)
    drift.look()
    assert "Stock does not add up" in office.get(reverse("admin:index")).content.decode()
    page = office.get(reverse("admin:inventory_drift_changelist")).content.decode()
    assert "counter 11 on hand" in page and "ledger 8" in page
    answer = office.post(reverse("admin:drift_repair", args=[Drift.objects.get().pk]), follow=True)
    assert "Repaired" in answer.content.decode() and Stock.objects.get().on_hand == 8


@pytest.mark.browser
@pytest.mark.django_db(transaction=True)
def test_that_both_screens_are_clean_in_every_dress_and_a_count_works_on_a_telephone(
    live_server: Any, page: Any
) -> None:
    sofa = story()
    Stock.objects.filter(sku__code="CUSHION-1").update(on_hand=37)
    drift.look()
    signed_in(page, live_server.url, User.objects.create_superuser("boss"))
    screens = {
        "shelf": reverse("admin:stock_sku", args=[sofa.pk]), "drift": reverse("admin:inventory_drift_changelist"),
        "sku": reverse("admin:inventory_sku_change", args=[sofa.pk]), "skus": reverse("admin:inventory_sku_changelist"),
    }  # fmt: skip
    for name, path in screens.items():
        for dress in worn(page, live_server.url, path):
            found = violations(page)
            if os.environ.get("PICTURES"):
                page.screenshot(path=f"{os.environ['PICTURES']}-{name}-{dress}.png", full_page=True)
            told = [(v["id"], v["nodes"][0]["html"][:160]) for v in found]
            assert not told, (name, dress, told)
            assert not scrolls_sideways(page), (name, dress)
    page.goto(live_server.url + screens["shelf"])
    page.get_by_label("pieces that are there").fill("9")
    page.get_by_label("reason", exact=True).first.fill("found one")
    page.get_by_role("button", name="Write the count").click()
    page.get_by_text("Counted: +1 pieces.").wait_for()
    assert Stock.objects.get(sku=sofa, bin=place()).on_hand == 9
