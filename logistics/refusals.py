"""Why a warehouse would not do a parcel, read from its own words: the kind decides what becomes of the stock."""

from __future__ import annotations

from typing import Any

from django.utils.translation import gettext_lazy as _

from inventory.operations.refused import DAMAGED, MISMATCH, MISSING, OTHER

LABELS: dict[str, Any] = {
    MISSING: _("not there"),
    DAMAGED: _("damaged"),
    MISMATCH: _("not what the label says"),
    OTHER: _("another reason"),
}
EFFECTS: dict[str, Any] = {
    MISSING: _("%(n)d pieces were written off there"),
    DAMAGED: _("%(n)d pieces were moved to the bin for damaged goods"),
    MISMATCH: _("%(n)d pieces were moved aside to be checked"),
    OTHER: _("the stock was left as it is"),
}
#: Words of the WMSs' refusals, the first kind that fits is it; damaged before missing, as 破损缺货 is damaged.
WORDS: tuple[tuple[str, tuple[str, ...]], ...] = (
    (DAMAGED, ("破损", "残次", "损坏", "污损", "变质", "过期", "damaged")),
    (MISMATCH, ("不符", "串货", "错货", "货不对", "条码", "标签", "mismatch")),
    (MISSING, ("缺货", "库存不足", "实物不足", "无货", "少货", "盘亏", "找不到", "out of stock", "missing")),
)


def kind_of(reason: str) -> str:
    """missing, damaged, mismatch, or other where the words name none of them."""
    text = reason.lower()
    return next((kind for kind, words in WORDS if any(word in text for word in words)), OTHER)
