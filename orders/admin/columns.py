"""Columns of the order list that are there to be chosen."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import Any

from django.contrib import admin
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _now
from django.utils.translation import gettext_lazy as _

from orderhub.admin_site.marks import copy_button, moment
from orderhub.admin_site.words import carrier
from orders.models import Line, Order

FEW = 3
#: None is called like a column of the table, which the list would show instead.
CODES = ("their_number", "goods", "receiver_masked", "goes_by", "tagged", "paid", "message", "buyer")
#: What a column shows that not everybody may see.
RIGHTS = {"receiver_masked": "orders.view_receiver"}


def goods_of(order_ids: Iterable[int]) -> dict[int, list[str]]:
    """{order: its goods as "code × pieces"}, one query."""
    found: dict[int, list[str]] = {}
    lines = Line.objects.filter(order_id__in=list(order_ids)).order_by("order_id", "channel_line")
    for order_id, code, spelt, pieces in lines.values_list(
        "order_id", "sku__code", "seller_code", "quantity"
    ):
        found.setdefault(order_id, []).append(f"{code or spelt} × {pieces}")
    return found


class MoreColumns:
    """Goes before the admin; `dress_more` reads what the chosen ones need."""

    def dress_more(self, rows: list[Order], shown: Collection[str]) -> None:
        """The goods of the page's rows where their column is shown: one query more."""
        goods = goods_of([row.pk for row in rows]) if "goods" in shown else {}
        for row in rows:
            row.shown_goods = goods.get(row.pk, [])  # type: ignore[attr-defined]

    @admin.display(description=_("channel's number"))
    def their_number(self, order: Order) -> SafeString:
        number = order.channel_number
        button = copy_button(number, _now("channel's number"))
        return format_html('<span class="oh-number">{}</span>{}', number, button)

    @admin.display(description=_("goods"))
    def goods(self, order: Order) -> SafeString:
        found = order.shown_goods  # type: ignore[attr-defined]
        more = f" +{len(found) - FEW}" if len(found) > FEW else ""
        return format_html(
            '<span class="oh-clip" title="{}">{}{}</span>',
            "; ".join(found),
            "; ".join(found[:FEW]) or "—",
            more,
        )

    @admin.display(description=_("receiver"))
    def receiver_masked(self, order: Order) -> SafeString:
        name, phone, address = order.shown_masks  # type: ignore[attr-defined]
        whole = " ".join(part for part in (name, phone, address) if part)
        return format_html(
            '{} {}{}<span class="oh-under">{}</span>',
            name,
            phone,
            copy_button(whole, _now("receiver")),
            address,
        )

    @admin.display(description=_("carrier"))
    def goes_by(self, order: Order) -> str:
        return carrier(order.carrier) if order.carrier else "—"

    @admin.display(description=_("tags"))
    def tagged(self, order: Order) -> str:
        return ", ".join(map(str, order.tags or [])) or "—"

    @admin.display(description=_("paid"))
    def paid(self, order: Order) -> Any:
        return moment(order.paid_at) if order.paid_at else "—"

    @admin.display(description=_("buyer's message"))
    def message(self, order: Order) -> SafeString:
        return format_html('<span class="oh-clip">{}</span>', order.buyer_message or "—")

    @admin.display(description=_("buyer"))
    def buyer(self, order: Order) -> SafeString:
        return format_html('<span class="oh-code">{}</span>', order.buyer_ref or "—")
