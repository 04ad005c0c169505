"""The order board: every number is its list, for everybody; what is asked for is shown; it costs what it may."""

from __future__ import annotations

import re
from io import StringIO
from typing import Any

import pytest
from django.contrib.auth.models import Permission, User
from django.core.cache import cache
from django.core.management import call_command
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from inventory.models import Warehouse
from orderhub import modules
from orderhub.management.commands import check_board
from orderhub.management.commands.check_board import length, numbers
from orderhub.scope import Scope
from orders import standing
from orders.models import Line, Order, OrderState, Share, StandingCount
from orders.operations import standing as keeping
from orders.tests import aftersale_cast as cast
from orders.tests.test_standing import World

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def forget() -> None:
    modules.forget()
    cache.clear()


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> World:
    """Sixty orders in every place and trouble; time stands still, so that page and list speak of one moment."""
    made = World(5)
    for _step in range(60):
        made.make()
        made.hold()
        made.refund()
        if made.dice.random() < 0.2:
            made.send()
    keeping.fold()
    for _step in range(5):  # some of it since the last fold
        made.make()
        made.hold()
    monkeypatch.setattr(standing, "moment", lambda now=None: made.now)
    return made


def person(*permissions: str, shops: list[str] | None = None, warehouses: list[str] | None = None) -> Client:
    user = User.objects.create_user(f"clerk{User.objects.count()}", password="x", is_staff=True)
    for name in permissions:
        app, codename = name.split(".")
        user.user_permissions.add(Permission.objects.get(content_type__app_label=app, codename=codename))
    Scope.objects.create(user=user, shops=shops or [], warehouses=warehouses or [])
    client = Client()
    client.force_login(user)
    return client


def boss() -> Client:
    client = Client()
    client.force_login(User.objects.create_superuser("boss", password="x"))
    return client


def wrong_ones(client: Client, found: dict[str, int]) -> dict[str, tuple[int, int]]:
    """The links whose list has another length than the number; the first is opened for good."""
    opened = client.get(next(iter(found)))
    assert opened.status_code == 200
    assert opened.context["cl"].queryset.count() == next(iter(found.values()))
    user = User.objects.get(pk=client.session["_auth_user_id"])
    return {link: (n, is_) for link, n in found.items() if (is_ := length(user, link)) != n}


def test_that_every_number_of_the_board_is_the_length_of_its_list_and_a_wrong_one_is_named(
    world: World,
) -> None:
    client = boss()
    for way in check_board.WAYS:
        assert len(numbers(client, reverse("admin:board") + way)) > 40
    compared, wrong = check_board.compare(User.objects.get(username="boss"))
    assert compared > 120 and not wrong
    counter = StandingCount.objects.filter(n__gt=0, hour=0).earliest(
        "id"
    )  # of no hour that is counted singly
    StandingCount.objects.filter(id=counter.id).update(n=counter.n + 1)  # as a lost change would
    found = StringIO()
    with pytest.raises(SystemExit):
        call_command("check_board", way=["?by=channel"], stdout=found)
    assert "the board says" in found.getvalue()


@pytest.mark.parametrize(
    "reach", [{"shops": ["tb"]}, {"warehouses": ["HZ01"]}, {"shops": ["own"], "warehouses": ["SH01", "HZ01"]}]
)
def test_that_who_is_narrowed_counts_what_is_theirs(world: World, reach: dict[str, list[str]]) -> None:
    if reach.get("warehouses") == [
        "HZ01"
    ]:  # a parcel of another house's order leaves here: listed, counted there
        order = Order.objects.filter(warehouse__code="SH01", state__in=standing.OPEN).first()
        assert order is not None
        line = Line.objects.filter(order=order).earliest("channel_line")
        Share.objects.create(
            order=order, line=line, place=1, warehouse=cast.warehouse(), quantity=1, payable=1
        )
    client = person("orders.view_order", **reach)
    found = numbers(client, reverse("admin:board"))
    assert found
    assert not wrong_ones(client, found)
    mine = Order.objects.filter(state__in=standing.OPEN)
    if reach.get("shops"):
        mine = mine.filter(shop__code__in=reach["shops"])
    if reach.get("warehouses"):
        mine = mine.filter(warehouse__code__in=reach["warehouses"])
    assert max(found.values()) == mine.count()
    hidden = (
        "SH01" if reach.get("warehouses") == ["HZ01"] else "taobao" if reach.get("shops") == ["own"] else ""
    )
    if hidden == "SH01":
        assert (
            Warehouse.objects.get(code="SH01").name not in client.get(reverse("admin:board")).content.decode()
        )


def test_that_no_number_is_missing_and_the_rows_add_up(world: World) -> None:
    rows = boss().get(reverse("admin:board")).context["board"]
    everything = Order.objects.filter(state__in=standing.OPEN).count()

    def n(cell: dict[str, Any]) -> int:
        return int(cell["all"]["n"]) if cell["all"] else 0

    assert sum(n(queue) for queue in rows["queues"]) == everything
    assert (
        sum(n(row["total"]) for row in rows["rows"] if row["head"]) == everything == n(rows["total"]["total"])
    )
    assert sum(n(cell) for cell in rows["total"]["cells"]) == everything
    for row in rows["rows"]:
        assert sum(n(cell) for cell in row["cells"]) == n(row["total"])


def test_that_the_board_takes_twelve_statements_at_most_and_never_counts_orders(world: World) -> None:
    client = person("orders.view_order", "routing.decide_address")
    for address in (reverse("admin:board"), reverse("admin:board_part"), reverse("admin:board") + "?wall=1"):
        client.get(address)
        with CaptureQueriesContext(connection) as caught:
            client.get(address)
        said = [query["sql"] for query in caught if "moduleswitch" not in query["sql"]]
        assert len(said) <= 12, said
        assert not [sql for sql in said if re.search(r"COUNT\(\*\)", sql, re.I) and "orders_order" in sql]


def test_that_reading_writes_nothing(world: World) -> None:
    client = boss()
    with CaptureQueriesContext(connection) as caught:
        client.get(reverse("admin:board_part"))
    assert all(query["sql"].lstrip().upper().startswith(("SELECT", "WITH")) for query in caught)


def test_that_the_front_page_is_the_board_and_packers_see_warehouses_first(world: World) -> None:
    page = boss().get(reverse("admin:index")).content.decode()
    assert "data-board" in page
    packer = person("orders.view_order", "logistics.work_parcel")
    blocks = packer.get(reverse("admin:index")).context["blocks"]
    board = next(block for block in blocks if block["code"] == "board")
    assert [way["on"] for way in board["ways"]] == [False, False, True]
    assert "data-board" not in person("orderhub.view_ticket").get(reverse("admin:index")).content.decode()
    assert person("orderhub.view_ticket").get(reverse("admin:board")).status_code == 403
    assert person("orderhub.view_ticket").get(reverse("admin:board_part")).status_code == 403


def test_that_an_empty_house_says_so() -> None:
    assert boss().get(reverse("admin:board")).status_code == 200
    cast.order("cancelled")
    shown = boss_again().get(reverse("admin:board")).context["board"]
    assert shown["total"]["total"]["all"] is None
    assert [state["label"] for state in shown["states"]] == [
        OrderState(state).label for state in standing.OPEN
    ]


def boss_again() -> Client:
    client = Client()
    client.force_login(User.objects.get(username="boss"))
    return client
