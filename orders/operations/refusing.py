"""A warehouse does not do an order: it gives its stock back, remembers the warehouse, and is judged anew without it."""

from __future__ import annotations

from typing import Any

from django.db import connection
from django.utils.translation import gettext as _

from inventory.operations.release import release
from orderhub.lifecycle import Refusal, Writer
from orders.operations.close import references_of


def refused(live: list[Any], writer: Writer) -> None:
    """Back to PAID. `params["houses"]` {order: the warehouse's code}, `params["reasons"]` {order: its words}.

    Constant SQL. An order that is split or ships with others is refused: which part goes elsewhere is a person's to say.
    """
    houses, reasons = writer.params.get("houses", {}), writer.params.get("reasons", {})
    bound = tied([row.id for row in live])
    text = _("It is split or ships with others: a person decides which part goes elsewhere.")
    writer.refuse({row.id: Refusal("tied", text) for row in live if row.id in bound})
    going = [row for row in live if row.id not in bound]
    for row in going:
        codes = [*filter(None, row.refused_by.split(",")), str(houses.get(row.id, ""))]
        writer.set(row, refused_by=",".join(dict.fromkeys(filter(None, codes)))[:100])
        writer.context.setdefault("data", {})[row.id] = {
            "warehouse": houses.get(row.id, ""), "reason": str(reasons.get(row.id, "")),
        }  # fmt: skip
    references = references_of([row.id for row in going])
    writer.finish(lambda: _give_back(references, writer.actor.name))


def tied(order_ids: list[int]) -> set[int]:
    """Of these orders those that are split over warehouses or ship with others. One statement."""
    with connection.cursor() as cursor:
        cursor.execute(
            """SELECT order_id FROM orders_share WHERE order_id = ANY(%(ids)s) UNION
               SELECT order_id FROM orders_mergemember WHERE order_id = ANY(%(ids)s) AND left_at IS NULL""",
            {"ids": order_ids},
        )
        return {row[0] for row in cursor.fetchall()}


def _give_back(references: list[Any], actor_name: str) -> None:
    if references:
        release(references, actor_name, "refused by the warehouse")
