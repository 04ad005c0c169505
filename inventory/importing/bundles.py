"""Bundles by file: what a sold code is made of."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import Any

from django.db import connection
from django.utils.translation import gettext as _now
from django.utils.translation import gettext_lazy as _

from inventory.importing.finding import Goods
from inventory.models import BundlePart, Stock
from orderhub.exports.columns import CODE, WHOLE, Column
from orderhub.imports.cells import Cell, Text, Whole
from orderhub.imports.resources import Bringing, Line
from orderhub.nudge import nudge


class Bundles(Bringing):
    code, label, icon = "bundles", _("Bundles"), "deployed_code"
    note = _(
        "One row a bundle and part. Both must be SKUs; parts that the file does not name stay as they are."
    )
    permissions, see = (
        ("inventory.add_bundlepart", "inventory.change_bundlepart"),
        "inventory.view_bundlepart",
    )

    def columns(self) -> dict[str, Cell]:
        return {
            "bundle": Cell(_("bundle"), Text(80), needed=True, note="SET-1"),
            "part": Cell(_("part"), Text(80), needed=True, note="B-2025-SH-001"),
            "quantity": Cell(_("pieces"), Whole(low=1, high=1000), needed=True, note="2"),
        }

    def key(self, values: dict[str, Any]) -> Hashable:
        return values["bundle"], values["part"]

    def head(self, values: dict[str, Any]) -> str:
        return f"{values['bundle']} = {values['part']} × {values['quantity']}"

    def compare(self, lines: list[Line]) -> None:
        """Constant SQL. A bundle is made of goods, not of bundles, and has no stock of its own."""
        goods = Goods()
        if not self.checking:
            with connection.cursor() as cursor:
                cursor.execute("LOCK TABLE inventory_bundlepart IN SHARE ROW EXCLUSIVE MODE")
        there = {
            (bundle, part): (identity, n)
            for identity, bundle, part, n in BundlePart.objects.values_list(
                "id", "bundle_id", "part_id", "quantity"
            )
        }
        bundles, parts = set(goods.bundles), {part for _bundle, part in there}
        stocked = set(Stock.objects.filter(on_hand__gt=0).values_list("sku_id", flat=True).distinct())
        first: dict[tuple[int, int], int] = {}
        for line in lines:
            values = line.values
            bundle, part = goods.find(values["bundle"]), goods.find(values["part"])
            if bundle is None or part is None:
                line.refuse(goods.unknown(values["bundle"] if bundle is None else values["part"]))
            elif bundle == part:
                line.refuse(_now("a bundle can't be a part of itself"))
            elif part in bundles:
                line.refuse(_now("%(part)s is a bundle itself: name its parts") % {"part": values["part"]})
            elif bundle in parts:
                line.refuse(_now("%(bundle)s is a part of another bundle") % {"bundle": values["bundle"]})
            elif bundle not in bundles and bundle in stocked:
                line.refuse(
                    _now("%(bundle)s lies on the shelf: count it to nothing first")
                    % {"bundle": values["bundle"]}
                )
            elif first.setdefault((bundle, part), line.row) != line.row:
                line.refuse(_now("the same as row %(n)d: it counts once") % {"n": first[bundle, part]})
            else:
                bundles.add(bundle)
                parts.add(part)
                known = there.get((bundle, part))
                line.about = bundle, part
                self.differ(line, {"quantity": known[1] if known else None})
                line.settle(known is not None)

    def write(self, lines: Sequence[Line], reference: str, actor_name: str) -> None:
        with connection.cursor() as cursor:
            cursor.execute(
                """INSERT INTO inventory_bundlepart (bundle_id, part_id, quantity)
                   SELECT * FROM unnest(%s::bigint[], %s::bigint[], %s::int[])
                   ON CONFLICT (bundle_id, part_id) DO UPDATE SET quantity = EXCLUDED.quantity""",
                [
                    list(column)
                    for column in zip(
                        *((*line.about, line.values["quantity"]) for line in lines), strict=True
                    )
                ],
            )

    def written(self) -> None:
        nudge("orders.retry_stock")

    def exported(self) -> tuple[list[Column], str]:
        expressions = {"bundle": "k.code", "part": "p.code", "quantity": "b.quantity"}
        found = [
            Column(cell.label, expressions[name], WHOLE if name == "quantity" else CODE)
            for name, cell in self.fields.items()
        ]
        return (
            found,
            """FROM inventory_bundlepart b JOIN inventory_sku k ON k.id = b.bundle_id
            JOIN inventory_sku p ON p.id = b.part_id ORDER BY k.code, p.code""",
        )
