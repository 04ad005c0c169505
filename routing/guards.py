"""What may refuse a touch of an order because of its address."""

from __future__ import annotations

import datetime as dt
from typing import Any

from django.utils import timezone
from django.utils.translation import gettext as _

from orderhub import modules
from orderhub.lifecycle import Refusal
from orders import queries as orders
from routing.models import AddressReview
from routing.operations import finding

#: The code under which orders wait for their look-up; `routing.operations.resolve` asks for them by it.
PENDING = "address_pending"
#: Nearer to its promise than this an order is not kept from being routed by a look-up that has not come.
LATEST = dt.timedelta(hours=6)
AGAIN = dt.timedelta(minutes=2)


def address_known(live: list[Any]) -> dict[int, Refusal]:
    """An own-shop order without coordinates waits until its address was looked up, but never into its promise.

    One statement for the batch, a second where there are such orders. With nobody to ask, none waits.
    """
    if not modules.enabled("address"):
        return {}
    unknown = orders.unpointed([row.id for row in live])
    if not unknown or not finding.available():
        return {}
    settled = {
        (order_id, version)
        for order_id, version in AddressReview.objects.filter(order_id__in=unknown)
        .exclude(state__in=(AddressReview.State.NEW, AddressReview.State.WAITING))
        .values_list("order_id", "version")
    }
    latest = timezone.now() + LATEST
    text = _("Its address is being looked up.")
    return {
        row.id: Refusal(PENDING, text, AGAIN)
        for row in live
        if row.id in unknown
        and (row.id, unknown[row.id]) not in settled
        and not (row.promised_ship_at is not None and row.promised_ship_at < latest)
    }
