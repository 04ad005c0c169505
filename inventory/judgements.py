"""The decision point of the stock: when only a few pieces a buyer are sold, and how long a basket holds its goods."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from orderhub.rules.points import Field, Point, Policy

CODE = "limited"
MOST = 1_000_000

LIMITED = Point(
    CODE,
    _("Limited purchase"),
    _(
        "Whether a SKU is sold in small numbers only, how many pieces one buyer may have then, and how long the own "
        "shop's basket holds them. That nothing is sold twice is checked anyway."
    ),
    (
        Field(
            "shown", _("Shown to buyers"), "number", _("What is free, and a part of what is on the way."),
            low=0, high=MOST,
        ),
        Field("free", _("Free"), "number", _("Pieces on the shelves that nobody is promised."), low=0, high=MOST),
        Field("coming", _("On the way"), "number", _("Pieces that are expected soon."), low=0, high=MOST),
        Field("sku", _("SKU"), "text", _("The SKU's code.")),
    ),
    (
        Field("limited", _("Limit"), "bool", _("Sell only a few pieces to one buyer."), default=False),
        Field(
            "most", _("Pieces a buyer"), "number", _("By network address, telephone and account, each by itself."),
            default=2, low=1, high=1000,
        ),
        Field(
            "hours", _("Counted over"), "number", _("Purchases of so many hours count together."), _("hours"),
            default=24, low=1, high=24 * 90,
        ),
        Field(
            "hold_minutes", _("Basket holds for"), "number", unit=_("minutes"), default=15, low=1, high=24 * 60,
        ),
    ),
    ({"shown": 40, "free": 36, "coming": 6}, {"shown": 9, "free": 7, "coming": 4}, {"shown": 0}),
    (
        Policy(
            "below_ten", _("Below ten, two a buyer"), _("Two pieces a buyer in 24 hours while fewer than ten are shown."),
            "inventory.policies.below_ten",
        ),
    ),
    past="inventory.past.shown",
)  # fmt: skip
