"""Invoices: one request an order, made at signing; read here, changed only by their own steps."""

from __future__ import annotations

from django.contrib import admin
from django.db.models import Q
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _

from finance.models import Invoice
from orderhub.admin_site.base import Ledger
from orderhub.admin_site.going import order_link
from orderhub.admin_site.marks import moment, state_pill, yuan
from orderhub.admin_site.tabs import Tab, Tabs


class Queue(Tabs):
    tabs = (
        Tab("requested", _("Requested"), Q(state=Invoice.State.REQUESTED), counted=True, tone="info"),
        Tab("issued", _("Issued"), Q(state=Invoice.State.ISSUED)),
        Tab("reversed", _("Reversed"), Q(state=Invoice.State.REVERSED)),
        Tab("all", _("All"), Q()),
    )


@admin.register(Invoice)
class InvoiceAdmin(Ledger):
    list_display = ("order_number", "status", "money", "requested")
    list_display_links = None
    list_select_related = ("order",)
    list_filter = (Queue,)
    search_fields = ("order__number__exact",)
    search_help_text = _("The whole order number")
    ordering = ("-id",)
    sortable_by = ()

    @admin.display(description=_("order"))
    def order_number(self, invoice: Invoice) -> SafeString | str:
        return order_link(invoice.order_id, invoice.order.number)

    @admin.display(description=_("state"))
    def status(self, invoice: Invoice) -> SafeString:
        return state_pill(invoice)

    @admin.display(description=_("amount"))
    def money(self, invoice: Invoice) -> str:
        return yuan(invoice.amount)

    @admin.display(description=_("requested"))
    def requested(self, invoice: Invoice) -> SafeString | str:
        return moment(invoice.requested_at)
