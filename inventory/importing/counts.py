"""Counts by file: what was counted in each bin becomes a movement of the difference, with its reason.

The difference is to what the books said when the file was checked: what moves until it is applied is no difference.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import Any

from django.utils.translation import gettext as _now
from django.utils.translation import gettext_lazy as _

from inventory.importing.finding import Goods, Places
from inventory.models import Stock
from inventory.operations.count import MOST, Counted, count, lock
from orderhub.exports.columns import CODE, WHOLE, Column
from orderhub.imports.cells import Cell, Text, Whole
from orderhub.imports.resources import CHANGED, FRESH, UNCHANGED, Bringing, Line


class Counts(Bringing):
    code, label, icon = "counts", _("Stock counts"), "inventory_2"
    note = _(
        "One row a SKU and bin. Only the difference is booked, with its reason; other bins stay as they are."
    )
    permissions, see, once = ("inventory.change_stock",), "inventory.view_stock", True
    writes = (FRESH, CHANGED, UNCHANGED)  # that somebody looked stands in the ledger, too

    def columns(self) -> dict[str, Cell]:
        return {
            "warehouse": Cell(_("warehouse"), Text(60), needed=True, note=_("its code or its name")),
            "bin": Cell(_("bin"), Text(30), needed=True, note="A-01-03"),
            "sku": Cell(_("SKU"), Text(80), needed=True, note="B-2025-SH-001"),
            "pieces": Cell(_("pieces counted"), Whole(high=MOST), needed=True, note="12"),
            "reason": Cell(_("reason"), Text(120), needed=True, note=_("stands in the ledger")),
        }

    def key(self, values: dict[str, Any]) -> Hashable:
        return values["warehouse"], values["bin"], values["sku"]

    def head(self, values: dict[str, Any]) -> str:
        return f"{values['sku']} @ {values['warehouse']}/{values['bin']}"

    def compare(self, lines: list[Line]) -> None:
        """Constant SQL. While it is applied every counter of the file is locked, in the order of all others."""
        goods, places = Goods(), Places(self.user)
        first: dict[tuple[int, int], int] = {}
        for line in lines:
            values = line.values
            sku_id, house = goods.find(values["sku"]), places.houses.get(values["warehouse"])
            place = places.bins.get((house, values["bin"])) if house is not None else None
            if sku_id is None:
                line.refuse(goods.unknown(values["sku"]))
            elif sku_id in goods.bundles:
                line.refuse(_now("%(sku)s is a bundle: count its parts") % {"sku": values["sku"]})
            elif house is None:
                line.refuse(places.no_house(values["warehouse"]))
            elif place is None:
                line.refuse(places.no_bin(values["bin"], values["warehouse"]))
            elif first.setdefault((sku_id, place), line.row) != line.row:
                line.refuse(_now("counted in row %(n)d already") % {"n": first[sku_id, place]})
            else:
                line.about = sku_id, place
        counted = [line for line in lines if line.about is not None]
        there = self._there({line.about for line in counted})
        for line in counted:
            on_hand, reserved = there.get(line.about, (0, 0))
            name = f"{line.about[0]}:{line.about[1]}"
            if self.checking:
                self.seen[name] = on_hand if line.about in there else None
            seen = self.seen.get(name) or 0
            left = on_hand + line.values["pieces"] - seen
            if left < reserved:
                said = {"left": left, "promised": reserved}
                line.refuse(
                    _now(
                        "%(left)d pieces would be left, but %(promised)d are promised to orders: release or move those first"
                    )
                    % said
                )
            else:
                self.differ(line, {"pieces": seen})
                line.settle(self.seen.get(name) is not None)

    def _there(self, keys: set[tuple[int, int]]) -> dict[tuple[int, int], tuple[int, int]]:
        if not self.checking:
            return {key: row[:2] for key, row in lock(sorted(keys)).items()} if keys else {}
        rows = Stock.objects.filter(sku_id__in={sku for sku, _bin in keys})
        return {
            (sku, place): (n, held)
            for sku, place, n, held in rows.values_list("sku_id", "bin_id", "on_hand", "reserved")
        }

    def write(self, lines: Sequence[Line], reference: str, actor_name: str) -> None:
        told = []
        for line in lines:
            sku_id, place = line.about
            told.append(
                Counted(
                    sku_id,
                    place,
                    line.values["pieces"],
                    line.values["reason"],
                    self.seen.get(f"{sku_id}:{place}") or 0,
                )
            )
        count(told, reference, actor_name)

    def exported(self) -> tuple[list[Column], str]:
        expressions = {
            "warehouse": "w.code",
            "bin": "b.code",
            "sku": "k.code",
            "pieces": "s.on_hand",
            "reason": "''::text",
        }
        kinds = {"pieces": WHOLE, "sku": CODE, "bin": CODE, "warehouse": CODE}
        found = [
            Column(cell.label, expressions[name], kinds.get(name, "text"))
            for name, cell in self.fields.items()
        ]
        reach = ", ".join(map(str, sorted(set(Places(self.user).houses.values())))) or "NULL"
        return (
            found,
            f"""FROM inventory_stock s JOIN inventory_sku k ON k.id = s.sku_id JOIN inventory_bin b ON b.id = s.bin_id
            JOIN inventory_warehouse w ON w.id = b.warehouse_id WHERE w.id IN ({reach})
            ORDER BY w.code, b.walk_order, b.code, k.code""",
        )
