"""The board by REST says what the page says, to whom it says it, and nothing twice."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth.models import Permission, User
from django.test import RequestFactory

from orderhub.scope import Scope
from orders.admin import order_board
from orders.tests.api_cast import bearer, call
from orders.tests.test_order_board import forget, world  # noqa: F401  fixtures
from orders.tests.test_standing import World

pytestmark = pytest.mark.django_db
REACHES: list[dict[str, list[str]]] = [{}, {"shops": ["tb"]}, {"warehouses": ["HZ01"]}]


def person(reach: dict[str, list[str]]) -> User:
    user = User.objects.create_user("clerk", password="x", is_staff=True)
    user.user_permissions.add(Permission.objects.get(codename="view_order"))
    Scope.objects.create(user=user, **reach)
    return user


def of_cell(cell: dict[str, Any]) -> dict[str, int]:
    return {name: (cell[name] or {"n": 0})["n"] for name in ("all", "red", "amber")}


def of_told(told: dict[str, Any]) -> dict[str, int]:
    return {name: told[name] for name in ("all", "red", "amber")}


@pytest.mark.parametrize("reach", REACHES)
def test_that_its_numbers_are_the_pages(world: World, reach: dict[str, list[str]]) -> None:  # noqa: F811
    user = person(reach)
    request = RequestFactory().get("/admin/board/?by=warehouse")
    request.user = user
    page = order_board.facts(request)
    told = call("GET", "board", bearer(user)).json()
    assert told["total"]["all"] > 0
    assert of_told(told["total"]) == of_cell(page["total"]["total"])
    assert [of_told(one) for one in told["states"]] == [of_cell(cell) for cell in page["total"]["cells"]]
    assert [of_told(one) for one in told["queues"]] == [of_cell(queue) for queue in page["queues"]]
    heads = [of_cell(row["total"]) for row in page["rows"] if row["head"]]
    assert [of_told(one) for one in told["warehouses"] if one["all"]] == heads
    assert sum(one["all"] for one in told["shops"]) == told["total"]["all"]
    if reach:
        seen = (
            {one["shop"] for one in told["shops"]}
            if "shops" in reach
            else {one["warehouse"] for one in told["warehouses"]}
        )
        assert seen - {None} == {*reach.get("shops", []), *reach.get("warehouses", [])}


def test_that_what_did_not_move_is_not_sent_again(world: World) -> None:  # noqa: F811
    heads = bearer(person({}))
    tag = call("GET", "board", heads)["ETag"]
    again = call("GET", "board", heads, HTTP_IF_NONE_MATCH=tag)
    assert again.status_code == 304 and again["ETag"] == tag and not again.content
    world.make()
    moved = call("GET", "board", heads, HTTP_IF_NONE_MATCH=tag)
    assert moved.status_code == 200 and moved["ETag"] != tag
