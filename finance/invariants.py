"""What holds of money owed at every quiet moment."""

from django.utils.translation import gettext_lazy as _

from orderhub.invariants import Invariant

INVARIANTS = (
    Invariant(
        "closed_orders_are_owed",
        _("An order that was closed has its receivable"),
        """SELECT o.number, format('payable %s, no receivable', o.payable) FROM orders_order o
           WHERE o.state = 'closed' AND NOT EXISTS (SELECT 1 FROM finance_receivable r WHERE r.order_id = o.id)""",
    ),
)
