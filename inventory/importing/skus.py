"""SKUs by file: new ones, and what is different about those that are here."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import Any

from django.utils.translation import gettext as _now
from django.utils.translation import gettext_lazy as _

from inventory.models import Sku, SkuCode
from inventory.operations.codes import lock_all
from inventory.spelling import normal
from orderhub.copying import copy_rows, update_rows
from orderhub.exports.columns import CODE, WHOLE, Column
from orderhub.imports.cells import Cell, Day, Text, Whole, YesNo
from orderhub.imports.resources import Bringing, Line
from orderhub.nudge import nudge

#: What a SKU is where its row says nothing.
BLANK: dict[str, Any] = {
    "name": None, "series": "", "colour": "", "size": "", "category": "", "weight_g": 0, "volume_cm3": 0,
    "presale_on": None, "active": True,
}  # fmt: skip


class Skus(Bringing):
    code, label, icon = "skus", _("SKUs"), "category"
    note = _("One row a SKU. A code that is here already changes that SKU; an empty cell changes nothing.")
    permissions, see = ("inventory.add_sku", "inventory.change_sku"), "inventory.view_sku"

    def columns(self) -> dict[str, Cell]:
        return {
            "code": Cell(_("SKU"), Text(40), needed=True, note="B-2025-SH-001"),
            "name": Cell(_("name"), Text(120), note=_("needed for a new one")),
            "series": Cell(_("series"), Text(40)),
            "colour": Cell(_("colour"), Text(30)),
            "size": Cell(_("size"), Text(30)),
            "category": Cell(_("category"), Text(40)),
            "weight_g": Cell(_("weight (g)"), Whole(high=2_000_000)),
            "volume_cm3": Cell(_("volume (cm³)"), Whole(high=100_000_000)),
            "presale_on": Cell(_("presale: ships from"), Day(), note="2026-03-01"),
            "active": Cell(_("active"), YesNo(), note=_("yes or no")),
        }

    def key(self, values: dict[str, Any]) -> Hashable:
        return normal(values["code"])

    def head(self, values: dict[str, Any]) -> str:
        return f"{values['code']} {values['name'] or ''}".strip()

    def compare(self, lines: list[Line]) -> None:
        """Two statements, whatever the number of rows."""
        if not self.checking:
            lock_all()
        there = {row["normal"]: row for row in Sku.objects.values("id", "code", "normal", *BLANK)}
        spelt = dict(SkuCode.objects.values_list("normal", "sku__code"))
        for line in lines:
            spelling = normal(line.values["code"])
            known = there.get(spelling)
            if not spelling:
                line.refuse(_now("A code needs letters or digits."))
            elif known is None and spelling in spelt:
                said = {"code": line.values["code"], "other": spelt[spelling]}
                line.refuse(_now("“%(code)s” is a spelling of %(other)s already") % said)
            elif known is None and not line.values["name"]:
                line.refuse(_now("a new SKU needs a name"))
            else:
                self.differ(line, {name: known[name] for name in BLANK} if known else BLANK)
                line.about = known["id"] if known else None
                line.settle(known is not None)

    def write(self, lines: Sequence[Line], reference: str, actor_name: str) -> None:
        fresh = [line for line in lines if line.about is None]
        names = list(BLANK)
        copy_rows(
            "inventory_sku",
            ("code", "normal", *names),
            [
                (line.values["code"], normal(line.values["code"]), *(_or(line, name) for name in names))
                for line in fresh
            ],
        )
        changed = {line.about: line.values for line in lines if line.about is not None}
        update_rows(
            "inventory_sku",
            "id",
            {key: {name: v[name] for name in names if v[name] is not None} for key, v in changed.items()},
        )

    def written(self) -> None:
        nudge("orders.retry_stock")

    def exported(self) -> tuple[list[Column], str]:
        kinds = {"code": CODE, "weight_g": WHOLE, "volume_cm3": WHOLE}
        found = [
            Column(cell.label, f"k.{name}", kinds.get(name, "text")) for name, cell in self.fields.items()
        ]
        found[-1].sql = f"CASE WHEN k.active THEN '{_now('yes')}' ELSE '{_now('no')}' END"
        return found, "FROM inventory_sku k ORDER BY k.code"


def _or(line: Line, name: str) -> Any:
    value = line.values[name]
    return BLANK[name] if value is None else value
