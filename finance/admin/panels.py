"""The order page's part about money: its invoice, its voucher, and the retry where the voucher is stuck."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest

from finance.admin.receivable import state_of
from finance.queries import money_of
from orderhub.admin_site.marks import moment, state_pill, yuan


def money(order_id: int, request: HttpRequest) -> dict[str, Any] | None:
    """Invoice and receivable of an order; None before there is either."""
    invoice, receivable = money_of(order_id)
    if invoice is None and receivable is None:
        return None
    return {
        "template": "finance/panel.html",
        "invoice": invoice
        and {"pill": state_pill(invoice), "amount": yuan(invoice.amount), "at": moment(invoice.requested_at)},
        "receivable": receivable,
        **(state_of(receivable, request) if receivable else {}),
    }
