"""Receipts of our own purchase orders by file: goods on the way lie on the shelf, each receipt once."""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Sequence
from typing import Any

from django.db import connection
from django.utils.translation import gettext as _now
from django.utils.translation import gettext_lazy as _

from inventory.importing.finding import Goods, Places
from inventory.models import Bin, Movement, PurchaseLine, PurchaseOrder
from inventory.operations.receive import shelve
from inventory.operations.stockins import ARRIVALS
from orderhub.exports.columns import CODE, WHOLE, Column
from orderhub.imports.cells import Cell, Text, Whole
from orderhub.imports.resources import Bringing, Line


class Receipts(Bringing):
    code, label, icon = "receipts", _("Purchase receipts"), "move_to_inbox"
    note = _(
        "One row a receipt and SKU of a purchase order that is kept here. Goods on the way lie on the shelf then."
    )
    permissions, see, once = ("inventory.change_stock",), "inventory.view_purchaseorder", True

    def columns(self) -> dict[str, Cell]:
        return {
            "receipt": Cell(_("receipt"), Text(30), needed=True, note="RK20260309-1"),
            "number": Cell(_("purchase order"), Text(40), needed=True, note="CG20260301"),
            "sku": Cell(_("SKU"), Text(80), needed=True, note="B-2025-SH-001"),
            "pieces": Cell(_("pieces received"), Whole(low=1), needed=True, note="12"),
            "bin": Cell(_("bin"), Text(30), note=_("empty: the arrivals' bin")),
        }

    def key(self, values: dict[str, Any]) -> Hashable:
        return values["receipt"], values["number"], values["sku"]

    def head(self, values: dict[str, Any]) -> str:
        return f"{values['receipt']} {values['number']} {values['sku']} × {values['pieces']}"

    def compare(self, lines: list[Line]) -> None:
        """Constant SQL; while it is applied the orders' lines are locked, so that nothing is received past them."""
        goods, places = Goods(), Places(self.user)
        wanted = PurchaseLine.objects.filter(
            order__number__in={line.values["number"] for line in lines}, order__connection=None,
            order__warehouse_id__in=set(places.houses.values()),
        ).select_related("order__warehouse").order_by("id")  # fmt: skip
        if not self.checking:
            wanted = wanted.select_for_update(of=("self",))
        there = {(one.order.number, one.sku_id): one for one in wanted}
        orders = {one.order.number: one.order for one in there.values()}
        known = self._known([order.pk for order in orders.values()])
        more: Counter[int] = Counter()
        for line in lines:
            values, order = line.values, orders.get(line.values["number"])
            sku_id = goods.find(values["sku"])
            one = there.get((values["number"], sku_id)) if sku_id is not None else None
            if sku_id is None:
                line.refuse(goods.unknown(values["sku"]))
            elif order is None:
                line.refuse(
                    _now("no purchase order of ours is called “%(number)s”") % {"number": values["number"]}
                )
            elif one is None:
                line.refuse(
                    _now("%(sku)s was not ordered by %(number)s")
                    % {"sku": values["sku"], "number": values["number"]}
                )
            elif values["bin"] and (order.warehouse_id, values["bin"]) not in places.bins:
                line.refuse(places.no_bin(values["bin"], order.warehouse.name))
            else:
                self._judge(
                    line, one, more, known.get((f"receipt:{order.pk}:{values['receipt']}"[:60], sku_id))
                )

    def _judge(self, line: Line, one: PurchaseLine, more: Counter[int], before: int | None) -> None:
        pieces = line.values["pieces"]
        room = one.ordered - one.stopped - one.received - more[one.pk]
        if before is not None and before != pieces:
            line.refuse(
                _now("this receipt is on the shelf already, with %(n)d pieces: count, then correct")
                % {"n": before}
            )
        elif before is not None:
            line.settle(known=True)
        elif one.order.state not in (PurchaseOrder.State.PLACED, PurchaseOrder.State.PARTIAL):
            line.refuse(_now("this order is closed: %(state)s") % {"state": one.order.get_state_display()})
        elif pieces > room:
            said = {
                "ordered": one.ordered - one.stopped,
                "received": one.received + more[one.pk],
                "left": max(0, room),
            }
            line.refuse(
                _now("more than ordered: %(ordered)d ordered, %(received)d received, %(left)d still to come")
                % said
            )
        else:
            more[one.pk] += pieces
            line.about = one
            line.changes.append(
                (
                    str(_("pieces received")),
                    str(one.received + more[one.pk] - pieces),
                    str(one.received + more[one.pk]),
                )
            )
            line.settle(known=False)

    def _known(self, orders: list[int]) -> dict[tuple[str, int], int]:
        """{(reference, sku): pieces} that the ledger has of these orders' receipts."""
        with connection.cursor() as cursor:
            cursor.execute(
                """SELECT m.reference, m.sku_id, sum(m.on_hand_change)::int FROM inventory_movement m
                   WHERE m.kind = 'receive' AND m.reference LIKE 'receipt:%%'
                     AND split_part(m.reference, ':', 2) = ANY(%s) GROUP BY 1, 2""",
                [list(map(str, orders))],
            )
            return {(reference, sku_id): pieces for reference, sku_id, pieces in cursor.fetchall()}

    def write(self, lines: Sequence[Line], reference: str, actor_name: str) -> None:
        """Onto the shelf, into `received`, and the orders' states: constant SQL a batch."""
        houses = {line.about.order.warehouse_id for line in lines}
        Bin.objects.bulk_create(
            [Bin(warehouse_id=house, code=ARRIVALS, walk_order=9999) for house in sorted(houses)],
            ignore_conflicts=True,
        )
        rows = Bin.objects.filter(warehouse_id__in=houses).values_list("warehouse_id", "code", "id")
        bins = {(house, code): identity for house, code, identity in rows}
        shelve(
            [
                (
                    line.about.sku_id, bins[line.about.order.warehouse_id, line.values["bin"] or ARRIVALS], line.values["pieces"],
                    f"receipt:{line.about.order_id}:{line.values['receipt']}"[:60], line.values["number"],
                )
                for line in lines
            ],
            Movement.Kind.RECEIVE, actor_name,
        )  # fmt: skip
        totals: Counter[int] = Counter()
        for line in lines:
            totals[line.about.pk] += line.values["pieces"]
        with connection.cursor() as cursor:
            cursor.execute(
                """UPDATE inventory_purchaseline l SET received = l.received + v.n
                   FROM unnest(%s::bigint[], %s::int[]) AS v(id, n) WHERE l.id = v.id""",
                [list(totals), list(totals.values())],
            )
            cursor.execute(
                """UPDATE inventory_purchaseorder o SET state = CASE WHEN EXISTS (
                       SELECT 1 FROM inventory_purchaseline l WHERE l.order_id = o.id AND l.received < l.ordered - l.stopped)
                   THEN 'partial' ELSE 'received' END WHERE o.id = ANY(%s)""",
                [sorted({line.about.order_id for line in lines})],
            )

    def exported(self) -> tuple[list[Column], str]:
        """What is still to come of our own orders: to be filled in with receipts as it arrives."""
        expressions = {
            "receipt": "''::text", "number": "o.number", "sku": "k.code",
            "pieces": "l.ordered - l.stopped - l.received", "bin": "''::text",
        }  # fmt: skip
        kinds = {"number": CODE, "sku": CODE, "pieces": WHOLE}
        found = [
            Column(cell.label, expressions[name], kinds.get(name, "text"))
            for name, cell in self.fields.items()
        ]
        reach = ", ".join(map(str, sorted(set(Places(self.user).houses.values())))) or "NULL"
        return (
            found,
            f"""FROM inventory_purchaseline l JOIN inventory_purchaseorder o ON o.id = l.order_id
            JOIN inventory_sku k ON k.id = l.sku_id WHERE o.connection_id IS NULL AND o.state IN ('placed', 'partial')
            AND l.ordered - l.stopped > l.received AND o.warehouse_id IN ({reach}) ORDER BY o.number, k.code""",
        )
