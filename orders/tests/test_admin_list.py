"""The order list: as fast for a million orders as for ten, and found by what people have in their hands."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import Permission, User
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from orderhub import crypto, modules
from orderhub.actors import CLOCK
from orders.models import Receiver
from orders.operations import holds
from orders.tests import aftersale_cast as cast

pytestmark = pytest.mark.django_db
LIST = "/admin/orders/order/"


@pytest.fixture(autouse=True)
def forget_modules() -> None:
    modules.forget()


@pytest.fixture
def chief(db: None) -> User:
    return User.objects.create_superuser("老板", password="x")


@pytest.fixture
def office(client: Client, chief: User) -> Client:
    """Signed in, may do everything."""
    client.force_login(chief)
    return client


def clerk(*permissions: str) -> Client:
    """Signed in with these permissions only."""
    made = User.objects.create_user(f"clerk{User.objects.count()}", password="x", is_staff=True)
    for name in permissions:
        app, codename = name.split(".")
        made.user_permissions.add(Permission.objects.get(content_type__app_label=app, codename=codename))
    client = Client()
    client.force_login(made)
    return client


def statements(client: Client, url: str = LIST) -> list[str]:
    with CaptureQueriesContext(connection) as caught:
        assert client.get(url).status_code == 200
    # the switches of modules are read at most every two seconds, whoever asks
    return [query["sql"] for query in caught.captured_queries if "moduleswitch" not in query["sql"]]


def test_that_the_list_takes_as_many_statements_for_forty_orders_as_for_one(office):
    cast.order("paid")
    one = statements(office)
    for n in range(40):
        made = cast.order(("paid", "shipped", "signed")[n % 3])
        if n % 4 == 0:
            holds.open_holds([made.pk], "manual", "look", CLOCK)
    assert len(statements(office)) == len(one)


def test_that_the_list_never_counts_all_orders(office):
    for _n in range(3):
        cast.order("paid")
    counting = [sql for sql in statements(office) if "COUNT(" in sql.upper() and "orders_order" in sql]
    assert counting, "the queues are counted"
    assert all("LIMIT 1000" in sql for sql in counting), "each count stops at its bound"


@pytest.mark.parametrize("field", ["number", "channel_number"])
def test_that_an_order_is_found_by_its_numbers(office, field):
    wanted, other = cast.order("paid"), cast.order("paid")
    shown = office.get(LIST, {"q": getattr(wanted, field)}).content.decode()
    assert wanted.number in shown
    assert other.number not in shown


def test_that_an_order_is_found_by_the_end_of_a_phone_without_storing_the_phone(office):
    wanted, other = cast.order("paid"), cast.order("paid")
    Receiver.objects.filter(order=wanted).update(phone_tail_hash=crypto.tail_hash("13800008421"))
    shown = office.get(LIST, {"q": "8421"}).content.decode()
    assert wanted.number in shown
    assert other.number not in shown


@pytest.mark.parametrize(
    ("queue", "inside"),
    [
        ("held", "held"),
        ("attention", "held"),
        ("to_ship", "paid"),
        ("moving", "shipped"),
        ("closed", "cancelled"),
    ],
)
def test_that_each_queue_holds_its_orders_and_no_others(office, queue, inside):
    made = {state: cast.order(state) for state in ("paid", "shipped", "signed", "cancelled")}
    made["held"] = cast.order("reserved")
    holds.open_holds([made["held"].pk], "manual", "look", CLOCK)
    shown = office.get(LIST, {"queue": queue}).content.decode()
    assert {name for name, order in made.items() if order.number in shown} == {inside}


def test_that_nobody_sees_orders_without_the_right(db):
    assert clerk().get(LIST).status_code == 403
