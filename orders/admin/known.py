"""What several parts of one page ask: shops, warehouses and tags, each read once a request."""

from __future__ import annotations

import datetime as dt
import json

from django.db import connection
from django.http import HttpRequest

from inventory.models import Warehouse
from orderhub.scope import reach_of
from orders.models import Shop
from orders.operations import figures
from orders.scope import shops_of, visible_to

#: Tags are offered from the newest tagged orders.
TAGGED = 2000


def shops(request: HttpRequest) -> list[Shop]:
    """Every shop that the person sees, with its connection, in order."""
    found: list[Shop] | None = getattr(request, "_known_shops", None)
    if found is None:
        found = list(shops_of(request.user).select_related("connection").order_by("id"))
        request._known_shops = found  # type: ignore[attr-defined]
    return found


def shops_seen(request: HttpRequest) -> list[Shop]:
    """Those among them that the person sees."""
    reach = reach_of(request.user)
    return [shop for shop in shops(request) if reach.shops is None or shop.code in reach.shops]


def ambers(request: HttpRequest) -> dict[int, dt.timedelta]:
    """{shop: how long before its promise an order turns amber}."""
    return figures.amber(shops(request))


def houses_and_tags(request: HttpRequest) -> tuple[list[tuple[int, str]], list[str]]:
    """The warehouses that the person sees as (id, name) by name, and the tags of the newest tagged orders among theirs.

    One statement, two for somebody who is narrowed; the index on tags is partial.
    """
    found: tuple[list[tuple[int, str]], list[str]] | None = getattr(request, "_known_houses", None)
    if found is None:
        found = _whole() if reach_of(request.user).everything else _narrowed(request)
        request._known_houses = found  # type: ignore[attr-defined]
    return found


def _whole() -> tuple[list[tuple[int, str]], list[str]]:
    with connection.cursor() as cursor:
        cursor.execute(
            """SELECT (SELECT coalesce(json_agg(json_build_array(id, name) ORDER BY name, id), '[]')
                       FROM inventory_warehouse)::text,
                      (SELECT coalesce(json_agg(DISTINCT t.tag), '[]') FROM (SELECT tags FROM orders_order
                       WHERE tags <> '[]' ORDER BY id DESC LIMIT %s) n, jsonb_array_elements_text(n.tags) t(tag))::text""",
            [TAGGED],
        )
        houses, tags = (json.loads(part) for part in cursor.fetchone())
    return [(one, name) for one, name in houses], sorted(tags)


def _narrowed(request: HttpRequest) -> tuple[list[tuple[int, str]], list[str]]:
    reach = reach_of(request.user).warehouses
    houses = Warehouse.objects.order_by("name", "id")
    mine = houses if reach is None else houses.filter(code__in=reach)
    newest = visible_to(request.user).exclude(tags=[]).order_by("-id").values_list("tags", flat=True)[:TAGGED]
    return list(mine.values_list("id", "name")), sorted({str(tag) for tags in newest for tag in tags})
