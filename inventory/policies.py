"""The rule set that ships with the stock's decision point."""

from __future__ import annotations

from typing import Any

from django.utils.translation import gettext as _

from orderhub.rules.documents import table


def below_ten() -> dict[str, Any]:
    """Fewer than ten shown: at most two pieces a buyer within 24 hours; a basket holds for 15 minutes."""
    return table(
        _("Limited purchase"),
        [("shown", _("Shown to buyers"))],
        [
            ("limited", _("Limit")),
            ("most", _("Pieces a buyer")),
            ("hours", _("Counted over")),
            ("hold_minutes", _("Basket holds for")),
        ],
        [("few", ("< 10",), ("true", "2", "24", "15")), ("rest", ("",), ("false", "2", "24", "15"))],
    )
