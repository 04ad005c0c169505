"""What the cells of a file mean: SKUs by any spelling of ours, warehouses and bins by their codes."""

from __future__ import annotations

from typing import Any

from django.utils.translation import gettext as _

from inventory.models import Bin, BundlePart
from inventory.queries import find_sku, sku_codes, sku_heads, warehouses
from inventory.scope import houses_of


class Goods:
    """The SKUs as they are now; `refuse` says in words why a code is none."""

    def __init__(self) -> None:
        self.table = sku_codes(fresh=True)
        self.heads = sku_heads()
        self.bundles = set(BundlePart.objects.values_list("bundle_id", flat=True).distinct())

    def find(self, code: str) -> int | None:
        """Our own code or one for everyone, exactly or by its normal form."""
        return find_sku("*", code, self.table)

    def unknown(self, code: str) -> str:
        """The refusal of a code that is no SKU's."""
        return _("no active SKU is called “%(code)s”") % {"code": code}

    def code(self, sku_id: int) -> str:
        """Our code of a SKU."""
        return self.heads.get(sku_id, ("?", ""))[0]


class Places:
    """Warehouses within a person's reach, by code or name, and their bins."""

    def __init__(self, user: Any) -> None:
        reach = set(houses_of(user)) if user is not None else {house.id for house in warehouses()}
        self.houses: dict[str, int] = {}
        for house in reversed(warehouses()):
            if house.id in reach:
                self.houses[house.name] = house.id
                self.houses[house.code] = house.id
        rows = Bin.objects.filter(warehouse_id__in=reach).values_list("warehouse_id", "code", "id")
        self.bins = {(house_id, code): identity for house_id, code, identity in rows}

    def no_house(self, name: str) -> str:
        """The refusal of a warehouse."""
        return _("no warehouse of yours is called “%(name)s”") % {"name": name}

    def no_bin(self, code: str, house: str) -> str:
        """The refusal of a bin."""
        return _("there is no bin “%(bin)s” in %(house)s: add it under Bins first, or correct the code") % {
            "bin": code,
            "house": house,
        }
