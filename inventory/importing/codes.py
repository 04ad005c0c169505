"""Outside codes by file: how each system spells our SKUs. One spelling means one SKU, also within the file."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import Any

from django.db import connection
from django.utils.translation import gettext as _now
from django.utils.translation import gettext_lazy as _

from inventory.importing.finding import Goods
from inventory.models import Sku, SkuCode
from inventory.operations.codes import EVERYONE, lock_all
from inventory.spelling import normal
from orderhub.copying import copy_rows, update_rows
from orderhub.exports.columns import CODE, Column
from orderhub.imports.cells import Cell, Text, YesNo
from orderhub.imports.resources import Bringing, Line
from orderhub.nudge import nudge


class Codes(Bringing):
    code, label, icon = "codes", _("Outside codes"), "link"
    note = _(
        "One row a spelling: the system that writes so, and the SKU that it means. Orders that waited for it go on."
    )
    permissions, see = ("inventory.add_skucode", "inventory.change_skucode"), "inventory.view_skucode"

    def columns(self) -> dict[str, Cell]:
        return {
            "system": Cell(
                _("system"), Text(30), needed=True, note=_("a shop's or account's code, purchasing, scanner, finance; * for all")
            ),
            "code": Cell(_("outside code"), Text(80), needed=True, note="B2025SH001"),
            "sku": Cell(_("SKU"), Text(80), needed=True, note="B-2025-SH-001"),
            "sent": Cell(_("the one we send"), YesNo(), note=_("yes or no")),
        }  # fmt: skip

    def key(self, values: dict[str, Any]) -> Hashable:
        return values["system"], normal(values["code"])

    def head(self, values: dict[str, Any]) -> str:
        return f"{values['system']}: {values['code']} → {values['sku']}"

    def compare(self, lines: list[Line]) -> None:
        """Constant SQL. What a spelling means already, here or earlier in the file, stays what it means."""
        if not self.checking:
            lock_all()
        goods, own = Goods(), dict(Sku.objects.values_list("normal", "id"))
        there: dict[str, dict[str, tuple[int, int, bool]]] = {}  # normal: {system: row, SKU, sent}
        rows = SkuCode.objects.values_list("id", "system", "normal", "sku_id", "sent")
        for identity, system, spelling, means_id, sent in rows:
            there.setdefault(spelling, {})[system] = identity, means_id, sent
        brought: dict[str, dict[str, int]] = {}
        sending: dict[tuple[str, int], int] = {}
        for line in lines:
            system, spelling = line.values["system"], normal(line.values["code"])
            sku_id = goods.find(line.values["sku"])
            if not spelling:
                line.refuse(_now("A code needs letters or digits."))
                continue
            if sku_id is None:
                line.refuse(goods.unknown(line.values["sku"]))
                continue
            means: dict[str, int] = {
                name: row[1] for name, row in there.get(spelling, {}).items()
            } | brought.get(spelling, {})
            heard = [other for name, other in means.items() if EVERYONE in (system, name) or name == system]
            other = next((one for one in (own.get(spelling), *heard) if one not in (None, sku_id)), None)
            if other is not None:
                said = {"code": line.values["code"], "other": goods.code(other)}
                line.refuse(_now("“%(code)s” means %(other)s already: change it there first") % said)
                continue
            if line.values["sent"] and (before := sending.setdefault((system, sku_id), line.row)) != line.row:
                line.refuse(_now("row %(n)d says already which code we send for this SKU") % {"n": before})
                continue
            brought.setdefault(spelling, {})[system] = sku_id
            known = there.get(spelling, {}).get(system)
            self.differ(line, {"sent": known[2] if known else False})
            line.about = known[0] if known else None, sku_id
            line.settle(known is not None)

    def write(self, lines: Sequence[Line], reference: str, actor_name: str) -> None:
        sends = [line for line in lines if line.values["sent"]]
        with connection.cursor() as cursor:
            cursor.execute(
                """UPDATE inventory_skucode c SET sent = false FROM unnest(%s::text[], %s::bigint[]) AS v(system, sku)
                   WHERE c.system = v.system AND c.sku_id = v.sku AND c.sent""",
                [[line.values["system"] for line in sends], [line.about[1] for line in sends]],
            )
        copy_rows(
            "inventory_skucode",
            ("system", "code", "normal", "sku_id", "sent"),
            [
                (v["system"], v["code"], normal(v["code"]), line.about[1], bool(v["sent"]))
                for line in lines
                if line.about[0] is None and (v := line.values)
            ],
        )  # fmt: skip
        update_rows(
            "inventory_skucode",
            "id",
            {
                line.about[0]: {"sent": bool(line.values["sent"])}
                for line in lines
                if line.about[0] is not None
            },
        )

    def written(self) -> None:
        nudge("orders.retry_stock")

    def exported(self) -> tuple[list[Column], str]:
        sent = f"CASE WHEN c.sent THEN '{_now('yes')}' ELSE '{_now('no')}' END"
        expressions = {"system": "c.system", "code": "c.code", "sku": "k.code", "sent": sent}
        found = [
            Column(cell.label, expressions[name], CODE if name in ("code", "sku") else "text")
            for name, cell in self.fields.items()
        ]
        return (
            found,
            "FROM inventory_skucode c JOIN inventory_sku k ON k.id = c.sku_id ORDER BY k.code, c.system, c.id",
        )
