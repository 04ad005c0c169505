"""Purchase orders by file: what was ordered from whom and when it should arrive. Orders of a warehouse system stay its own."""

from __future__ import annotations

import datetime as dt
from collections.abc import Hashable, Sequence
from typing import Any

from django.db import connection
from django.utils import timezone
from django.utils.translation import gettext as _now
from django.utils.translation import gettext_lazy as _

from inventory.importing.finding import Goods, Places
from inventory.models import PurchaseLine, PurchaseOrder, Supplier
from orderhub.exports.columns import CODE, MONEY, WHOLE, Column
from orderhub.imports.cells import Cell, Day, Price, Text, Whole
from orderhub.imports.resources import Bringing, Line

#: What every row of one order says alike.
HEAD = ("supplier", "warehouse", "ordered_at")
OPEN = (PurchaseOrder.State.DRAFT, PurchaseOrder.State.PLACED, PurchaseOrder.State.PARTIAL)


def midnight(day: dt.date | None) -> dt.datetime | None:
    """The beginning of a day in Beijing."""
    return timezone.make_aware(dt.datetime.combine(day, dt.time())) if day else None


def day_of(moment: dt.datetime | None) -> dt.date | None:
    """Its day in Beijing."""
    return timezone.localtime(moment).date() if moment else None


class Purchases(Bringing):
    code, label, icon = "purchases", _("Purchase orders"), "local_shipping"
    note = _(
        "One row an order and SKU. Rows of one number are one order; lines that the file does not name stay as they are."
    )
    permissions = ("inventory.add_purchaseorder", "inventory.change_purchaseorder")
    see = "inventory.view_purchaseorder"

    def columns(self) -> dict[str, Cell]:
        return {
            "number": Cell(_("purchase order"), Text(40), needed=True, note="CG20260301"),
            "supplier": Cell(_("supplier"), Text(40), needed=True, note=_("its code")),
            "supplier_name": Cell(_("supplier's name"), Text(80)),
            "warehouse": Cell(_("warehouse"), Text(60), needed=True, note=_("its code or its name")),
            "sku": Cell(_("SKU"), Text(80), needed=True, note="B-2025-SH-001"),
            "ordered": Cell(_("pieces ordered"), Whole(low=1), needed=True, note="40"),
            "price": Cell(_("price (yuan)"), Price()),
            "ordered_at": Cell(_("ordered on"), Day(), note="2026-03-01"),
            "expected_at": Cell(_("expected arrival"), Day(), note="2026-03-09"),
        }

    def key(self, values: dict[str, Any]) -> Hashable:
        return values["number"], values["sku"]

    def head(self, values: dict[str, Any]) -> str:
        return f"{values['number']} {values['sku']} × {values['ordered']}"

    def compare(self, lines: list[Line]) -> None:
        """Constant SQL; while it is applied the orders that are here are locked."""
        goods, places = Goods(), Places(self.user)
        numbers = {line.values["number"] for line in lines}
        orders = (
            PurchaseOrder.objects.filter(number__in=numbers)
            .select_related("supplier", "connection", "warehouse")
            .order_by("id")
        )
        if not self.checking:
            orders = orders.select_for_update(of=("self",))
        ours: dict[str, PurchaseOrder] = {}
        theirs: dict[str, PurchaseOrder] = {}
        for each in orders:
            (ours if each.connection_id is None else theirs)[each.number] = each
        there = {
            (line.order_id, line.sku_id): line
            for line in PurchaseLine.objects.filter(order_id__in=[order.pk for order in ours.values()])
        }
        heads: dict[str, Line] = {}
        first: dict[tuple[str, int], int] = {}
        for line in lines:
            values = line.values
            order = ours.get(values["number"])
            sku_id, house = goods.find(values["sku"]), places.houses.get(values["warehouse"])
            head = heads.setdefault(values["number"], line)
            known = there.get((order.pk, sku_id)) if order is not None and sku_id is not None else None
            reason = ""
            if order is None and values["number"] in theirs:
                reason = _now("%(system)s keeps this order: change it there") % {
                    "system": theirs[values["number"]].connection
                }
            elif order is not None and order.state not in OPEN:
                reason = _now("this order is closed: %(state)s") % {"state": order.get_state_display()}
            elif sku_id is None:
                reason = goods.unknown(values["sku"])
            elif house is None:
                reason = places.no_house(values["warehouse"])
            elif first.setdefault((values["number"], sku_id), line.row) != line.row:
                reason = _now("the same SKU of this order as in row %(n)d") % {
                    "n": first[values["number"], sku_id]
                }
            elif any(values[name] != head.values[name] for name in HEAD):
                reason = _now("says another supplier, warehouse or day than row %(n)d of the same order") % {
                    "n": head.row
                }
            elif (
                values["ordered_at"]
                and values["expected_at"]
                and values["expected_at"] < values["ordered_at"]
            ):
                reason = _now("should arrive before it was ordered")
            elif known is not None and values["ordered"] - known.stopped < known.received:
                reason = _now("fewer than the %(n)d pieces that were received already") % {
                    "n": known.received
                }
            if reason:
                line.refuse(reason)
                continue
            line.about = sku_id, house
            self._differ(line, order, known)

    def _differ(self, line: Line, order: PurchaseOrder | None, known: PurchaseLine | None) -> None:
        if order is not None:
            if order.supplier.code != line.values["supplier"]:
                line.changes.append(
                    (str(self.fields["supplier"].label), order.supplier.code, line.values["supplier"])
                )
            if order.warehouse_id != line.about[1]:
                line.changes.append(
                    (str(self.fields["warehouse"].label), order.warehouse.code, line.values["warehouse"])
                )
        expected = day_of((known.expected_at if known else None) or (order.expected_at if order else None))
        self.differ(line, {
            "ordered_at": day_of(order.ordered_at) if order else None, "expected_at": expected,
            "ordered": known.ordered if known else None, "price": known.price if known else None,
        })  # fmt: skip
        line.settle(known is not None)

    def write(self, lines: Sequence[Line], reference: str, actor_name: str) -> None:
        """Four statements a batch. An order's own day of arrival is the earliest that its rows name."""
        suppliers = {
            line.values["supplier"]: line.values["supplier_name"] or line.values["supplier"] for line in lines
        }
        Supplier.objects.bulk_create(
            [Supplier(code=code, name=name) for code, name in sorted(suppliers.items())],
            ignore_conflicts=True,
        )
        ids = dict(Supplier.objects.filter(code__in=suppliers).values_list("code", "id"))
        orders: dict[str, tuple[Any, ...]] = {}
        for line in lines:
            values = line.values
            before = orders.get(values["number"])
            days = [day for day in (before[4] if before else None, midnight(values["expected_at"])) if day]
            orders[values["number"]] = (
                values["number"], ids[values["supplier"]], line.about[1], midnight(values["ordered_at"]), min(days, default=None)
            )  # fmt: skip
        with connection.cursor() as cursor:
            cursor.execute(
                """INSERT INTO inventory_purchaseorder AS kept
                       (number, supplier_id, warehouse_id, ordered_at, expected_at, state, changed)
                   SELECT v.*, 'placed', '' FROM unnest(%s::text[], %s::bigint[], %s::bigint[], %s::timestamptz[],
                       %s::timestamptz[]) AS v
                   ON CONFLICT (connection_id, number) DO UPDATE SET supplier_id = EXCLUDED.supplier_id,
                       warehouse_id = EXCLUDED.warehouse_id, ordered_at = coalesce(EXCLUDED.ordered_at, kept.ordered_at),
                       expected_at = coalesce(least(EXCLUDED.expected_at, kept.expected_at), kept.expected_at)
                   RETURNING number, id""",
                [list(column) for column in zip(*orders.values(), strict=True)],
            )
            written = dict(cursor.fetchall())
            cursor.execute(
                """INSERT INTO inventory_purchaseline AS kept (order_id, sku_id, ordered, price, expected_at, received, stopped)
                   SELECT v.*, 0, 0 FROM unnest(%s::bigint[], %s::bigint[], %s::int[], %s::numeric[], %s::timestamptz[]) AS v
                   ON CONFLICT (order_id, sku_id) DO UPDATE SET ordered = EXCLUDED.ordered,
                       price = coalesce(EXCLUDED.price, kept.price),
                       expected_at = coalesce(EXCLUDED.expected_at, kept.expected_at)""",
                [list(column) for column in zip(*(
                    (written[line.values["number"]], line.about[0], line.values["ordered"], line.values["price"],
                     midnight(line.values["expected_at"]))
                    for line in lines
                ), strict=True)],
            )  # fmt: skip

    def exported(self) -> tuple[list[Column], str]:
        day = "to_char({} AT TIME ZONE 'Asia/Shanghai', 'YYYY-MM-DD')"
        expressions = {
            "number": "o.number", "supplier": "s.code", "supplier_name": "s.name", "warehouse": "w.code", "sku": "k.code",
            "ordered": "l.ordered", "price": "l.price", "ordered_at": day.format("o.ordered_at"),
            "expected_at": day.format("coalesce(l.expected_at, o.expected_at)"),
        }  # fmt: skip
        kinds = {
            "number": CODE,
            "sku": CODE,
            "warehouse": CODE,
            "supplier": CODE,
            "ordered": WHOLE,
            "price": MONEY,
        }
        found = [
            Column(cell.label, expressions[name], kinds.get(name, "text"))
            for name, cell in self.fields.items()
        ]
        reach = ", ".join(map(str, sorted(set(Places(self.user).houses.values())))) or "NULL"
        return (
            found,
            f"""FROM inventory_purchaseline l JOIN inventory_purchaseorder o ON o.id = l.order_id
            JOIN inventory_supplier s ON s.id = o.supplier_id JOIN inventory_warehouse w ON w.id = o.warehouse_id
            JOIN inventory_sku k ON k.id = l.sku_id WHERE w.id IN ({reach}) ORDER BY o.number, k.code""",
        )
