"""How urgent an order is, in marks that do not rely on colour alone."""

from __future__ import annotations

from typing import Any

from django.utils.html import format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _

from orderhub.admin_site.marks import pill
from orders.admin.filters import ENDED

FEW = 3


def marks(order: Any) -> SafeString | str:
    """Amber or red, its priority, and the first tags; nothing of an order that has ended."""
    found = []
    if order.alarm and order.shipped_at is None and order.state not in ENDED:
        red = order.alarm == "red"
        found.append(pill(_("urgent") if red else _("soon urgent"), "bad" if red else "warn", "alarm"))
    if order.priority and order.shipped_at is None and order.state not in ENDED:
        found.append(pill(_("priority %(n)d") % {"n": order.priority}, "info", "keyboard_double_arrow_up"))
    found += [pill(str(tag), "neutral", "sell") for tag in (order.tags or [])[:FEW]]
    return format_html_join("", "{}", ((each,) for each in found))
