"""Merging and splitting from the admin: one button each and its undo, refusals in words, looked at in a real browser."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any

import pytest
from django.contrib.auth.models import Permission, User
from django.test import Client
from django.urls import reverse

from inventory.models import Reservation, Stock
from logistics.models import Parcel
from logistics.operations import plan
from orderhub import modules
from orderhub.scope import Scope
from orderhub.testing.dresses import THEMES, speaks, violations, wear
from orders.models import Line, Merge, MergeMember, Order, Receiver, Share
from orders.operations import holds

PHONE, DESK = {"width": 390, "height": 844}, {"width": 1440, "height": 900}


def pair(house: Any) -> list[Order]:
    """Two orders of one buyer at one door, planned apart, and a third one for somebody else."""
    made = [house.order(), house.order()]
    Receiver.objects.filter(order__in=made).update(address_key="door-1")
    house.order()
    plan.plan()
    return made


@pytest.fixture
def office(house: Any, client: Client, open_gate: Any) -> Client:
    modules.forget()
    client.force_login(User.objects.create_superuser("boss", password="right-horse"))
    return client


def text_of(answer: Any) -> str:
    return str(answer.content.decode())


def test_that_a_group_is_offered_on_the_list_and_on_the_orders_page_and_merged_with_one_button(
    office: Client, house: Any
) -> None:
    one, other = pair(house)
    listed = text_of(office.get(reverse("admin:together")))
    assert one.number in listed
    assert other.number in listed
    page = text_of(office.get(reverse("admin:orders_order_change", args=[one.pk])))
    assert reverse("admin:together_merge") in page
    answer = office.post(reverse("admin:together_merge"), {"order": [one.pk, other.pk], "back": one.pk})
    assert answer["Location"].startswith(reverse("admin:orders_order_change", args=[one.pk]))
    merge = Merge.objects.get()
    page = text_of(office.get(reverse("admin:orders_order_change", args=[other.pk])))
    undo = reverse("admin:together_undo", args=[merge.pk])
    assert undo in page
    assert undo in text_of(office.get(reverse("admin:together")))
    office.post(undo)
    assert not MergeMember.objects.filter(left_at=None).exists()


def test_that_a_refusal_is_said_in_words_and_nothing_happens(office: Client, house: Any) -> None:
    one, other = pair(house)
    holds.open_holds([other.pk], "manual", "look", holds.CLOCK)
    answer = office.post(reverse("admin:together_merge"), {"order": [one.pk, other.pk]}, follow=True)
    assert "已被拦截" in text_of(answer)
    assert not Merge.objects.exists()


def test_that_who_may_only_look_has_no_button_and_can_not_post(
    office: Client, house: Any, client: Client
) -> None:
    one, other = pair(house)
    looker = User.objects.create_user("looker", password="x", is_staff=True)
    looker.user_permissions.add(Permission.objects.get(codename="view_order"))
    client.force_login(looker)
    assert reverse("admin:together_merge") not in text_of(client.get(reverse("admin:together"))).replace(
        f'action="{reverse("admin:together_merge")}"', ""
    )
    for name, args in (("together_merge", []), ("together_undo", [1]), ("split_divide", [one.pk]),
                       ("split_undo", [one.pk]), ("split_allow", [one.pk])):  # fmt: skip
        assert (
            client.post(reverse(f"admin:{name}", args=args), {"order": [one.pk, other.pk]}).status_code == 403
        )
    assert not Merge.objects.exists()


def test_that_a_clerk_of_another_shop_neither_merges_nor_parts_what_is_not_theirs(
    office: Client, house: Any, client: Client
) -> None:
    one, other = pair(house)
    clerk = User.objects.create_user("of another shop", password="x", is_staff=True)
    clerk.user_permissions.add(*Permission.objects.filter(codename__in=["view_order", "change_order"]))
    Scope.objects.create(user=clerk, shops=["elsewhere"])
    client.force_login(clerk)
    asked = {"order": [one.pk, other.pk]}
    assert client.post(reverse("admin:together_merge"), asked).status_code == 404
    assert not Merge.objects.exists()
    boss = Client()
    boss.force_login(User.objects.get(username="boss"))
    boss.post(reverse("admin:together_merge"), asked)
    merge = Merge.objects.get()
    assert client.post(reverse("admin:together_undo", args=[merge.pk])).status_code == 404
    assert MergeMember.objects.filter(left_at=None).count() == 2


def test_that_an_order_is_split_and_put_together_from_its_page(office: Client, house: Any) -> None:
    order = house.order()
    plan.plan()
    line = Line.objects.get(order=order)
    address = reverse("admin:orders_order_change", args=[order.pk])
    assert f"qty{line.pk}" in text_of(office.get(address))
    sent = {f"qty{line.pk}": "1", "warehouse": house.houses["SH01"].pk}
    office.post(reverse("admin:split_divide", args=[order.pk]), sent)
    assert Share.objects.count() == 2
    page = text_of(office.get(address))
    assert reverse("admin:split_undo", args=[order.pk]) in page
    office.post(reverse("admin:split_undo", args=[order.pk]))
    assert not Share.objects.exists()
    answer = office.post(reverse("admin:split_divide", args=[order.pk]), {f"qty{line.pk}": "x"}, follow=True)
    assert "件数请填整数" in text_of(answer)


def test_that_an_order_without_one_warehouse_has_a_button_that_splits_it(office: Client, house: Any) -> None:
    from orderhub.actors import CLOCK
    from orderhub.lifecycle import apply
    from orders.lifecycle import LIFECYCLE

    Stock.objects.filter(bin=house.bins["HZ01"]).update(on_hand=1)
    Stock.objects.filter(bin=house.bins["SH01"]).update(on_hand=1)
    Stock.objects.update(reserved=0)
    order = _unreserved(house)
    apply(LIFECYCLE, "reserve", [order.pk], actor=CLOCK)
    address = reverse("admin:split_allow", args=[order.pk])
    assert address in text_of(office.get(reverse("admin:orders_order_change", args=[order.pk])))
    office.post(address)
    order.refresh_from_db()
    assert order.open_holds == 0
    apply(LIFECYCLE, "reserve", [order.pk], actor=CLOCK)
    assert Share.objects.filter(order=order).count() == 2


def _unreserved(house: Any) -> Order:
    """A paid order that holds nothing yet."""
    house.reserve = lambda *_a: None
    order: Order = house.order(state="paid", warehouse="HZ01")
    Order.objects.filter(pk=order.pk).update(warehouse=None, carrier="", outlet_code="")
    assert not Reservation.objects.filter(state="active").exists()
    return order


@pytest.fixture
def desk(
    house: Any, live_server: Any, page: Any, settings: Any, client: Client, open_gate: Any
) -> Iterator[Any]:
    modules.forget()
    client.force_login(User.objects.create_superuser("boss", password="right-horse"))
    cookie = client.cookies[settings.SESSION_COOKIE_NAME]
    page.context.add_cookies([{"name": cookie.key, "value": cookie.value, "url": live_server.url}])
    yield page


@pytest.mark.browser
@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("language", ["zh-hans", "en"])
def test_that_the_screens_hold_to_wcag_in_both_widths_themes_and_languages(
    desk: Any, house: Any, live_server: Any, settings: Any, language: str
) -> None:
    one, _other = pair(house)
    merged = [house.order(), house.order()]
    Receiver.objects.filter(order__in=merged).update(address_key="door-2")
    plan.plan()
    from logistics.operations import dividing, together
    from orderhub.actors import Actor

    together.merge([order.pk for order in merged], Actor("person", "boss"))
    apart = house.order()
    dividing.divide(apart.pk, {Line.objects.get(order=apart).pk: 1}, Actor("person", "boss"))
    plan.plan()
    speaks(desk, live_server.url, language)
    places = {"list": reverse("admin:together")}
    for name, order in (("could", one), ("merged", merged[1]), ("split", apart)):
        places[name] = reverse("admin:orders_order_change", args=[order.pk])
    found = []
    for size in (DESK, PHONE):
        desk.set_viewport_size(size)
        for name, address in places.items():
            desk.goto(live_server.url + address)
            for theme in THEMES:
                wear(desk, theme)
                where = f"{name} {theme} {size['width']} {language}"
                assert desk.evaluate("document.documentElement.scrollWidth") <= size["width"], where
                desk.evaluate(
                    "document.querySelectorAll('#panel-together details').forEach(d => d.open = true)"
                )
                area = "#content-main" if name == "list" else "#panel-together"
                if desk.locator(area).count() == 0:
                    area = "main" if desk.locator("main").count() else "body"
                found += [f"{where}: {v['id']} {v['nodes'][0]['html'][:120]}" for v in violations(desk, area)]
                if os.environ.get("LOOK"):
                    target = desk.locator("#panel-together") if name != "list" else desk
                    target.screenshot(path=f"{os.environ['LOOK']}/{where.replace(' ', '-')}.png")
    assert found == []
    assert Parcel.objects.exclude(rides_with=None).exists()
