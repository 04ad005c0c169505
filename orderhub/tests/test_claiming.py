"""A ticket that nobody has is claimed in its row: by who may, once, without losing one's place; by keyboard, too."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth.models import Permission, User
from django.contrib.messages import get_messages
from django.test import Client
from django.urls import reverse

from orderhub import modules
from orderhub.testing.dresses import signed_in, violations, worn
from orderhub.tickets.models import Ticket
from orders.tests.api_cast import make_world, person  # noqa: F401  a fixture

LIST = "/admin/orderhub/ticket/"


def ticket(n: int, **columns: Any) -> Ticket:
    return Ticket.objects.create(title=f"工单 {n}", cause_key=f"claim-{n}", **columns)


def clerk(name: str, *rights: str) -> tuple[User, Client]:
    user = User.objects.create_user(name, is_staff=True)
    user.user_permissions.set(Permission.objects.filter(codename__in=rights))
    client = Client()
    client.force_login(user)
    return user, client


def take(one: Ticket) -> str:
    return reverse("admin:ticket_take", args=[one.pk])


@pytest.mark.django_db
def test_that_a_claim_returns_to_the_same_list_and_is_offered_only_where_it_can_be_made() -> None:
    me, client = clerk("lin", "view_ticket", "change_ticket")
    free, owned, closed = ticket(1), ticket(2, owner=me), ticket(3, state="done")
    body = client.get(LIST, {"queue": "all"}).content.decode()
    assert f'formaction="{take(free)}"' in body and "认领" in body
    assert take(owned) not in body and take(closed) not in body
    _user, looker = clerk("wang", "view_ticket")
    assert take(free) not in looker.get(LIST, {"queue": "all"}).content.decode()
    assert looker.post(take(free)).status_code == 403 and client.get(take(free)).status_code == 405
    here = f"{LIST}?queue=nobody&p=2"
    assert client.post(take(free), {"next": here})["Location"] == here
    free.refresh_from_db()
    assert free.owner == me and free.first_response_at is not None
    assert client.post(take(free), {"next": "https://evil.example/"})["Location"] == LIST


@pytest.mark.django_db
def test_that_who_comes_second_is_told_who_was_faster_and_takes_nothing_away() -> None:
    me, _client = clerk("lin", "view_ticket", "change_ticket")
    _other, late = clerk("wang", "view_ticket", "change_ticket")
    one = ticket(1, owner=me)
    answer = late.post(take(one))
    one.refresh_from_db()
    assert one.owner == me and one.first_response_at is None
    assert [str(said) for said in get_messages(answer.wsgi_request)] == ["lin 先认领了。"]


@pytest.mark.django_db
def test_that_a_ticket_of_an_order_out_of_reach_is_neither_taken_nor_written_on_nor_closed(
    world: dict[str, Any],
) -> None:
    foreign = ticket(1, order_id=world["foreign"].pk)
    mine = ticket(2, order_id=world["own"].pk)
    client = Client()
    client.force_login(person("customer_service", shops=(world["own"].shop.code,)))
    for one, status in ((foreign, 404), (mine, 302)):
        for name, given in (("take", {}), ("note", {"text": "x"}), ("close", {"resolution": "x"})):
            answer = client.post(reverse(f"admin:ticket_{name}", args=[one.pk]), given)
            assert answer.status_code == status, name
    foreign.refresh_from_db()
    assert (foreign.owner, foreign.state, foreign.first_response_at) == (None, "open", None)


@pytest.mark.browser
@pytest.mark.slow
def test_that_tickets_are_claimed_by_keyboard_and_the_place_is_kept(
    transactional_db: None, live_server: Any, page: Any
) -> None:
    modules.forget()
    boss = User.objects.create_superuser("boss")
    signed_in(page, live_server.url, boss)
    for n in range(4):
        ticket(n)
    page.set_viewport_size({"width": 1440, "height": 900})
    page.goto(live_server.url + LIST + "?queue=open")
    names = page.locator("#result_list .field-what a").all_inner_texts()
    for key in "jjkj":
        page.keyboard.press(key)
    page.keyboard.press("c")
    page.get_by_text("工单已归你处理").first.wait_for()
    page.wait_for_function("name => document.activeElement.textContent.trim() === name", arg=names[1])
    assert "queue=open" in page.url and Ticket.objects.get(title=names[1]).owner == boss
    page.keyboard.press("j")
    page.keyboard.press("Enter")
    page.wait_for_url("**/change/**")
    assert names[2] in page.title()
    page.goto(live_server.url + LIST + "?queue=open")
    page.locator("#searchbar").focus()
    page.keyboard.type("jc")
    assert page.locator("#searchbar").input_value() == "jc"
    assert Ticket.objects.filter(owner=None).count() == 3
    faults = []
    for dress in worn(page, live_server.url, LIST + "?queue=open"):
        faults += [(str(dress), one["id"]) for one in violations(page)]
    assert not faults
