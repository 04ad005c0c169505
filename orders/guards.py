"""What may refuse a touch: each guard answers for the whole batch which ids it refuses, and why."""

from __future__ import annotations

import datetime as dt
from typing import Any

from django.utils.translation import gettext as _

from orderhub.lifecycle import Refusal
from orders.models import Case


def no_open_hold(live: list[Any]) -> dict[int, Refusal]:
    """A held order stays where it is."""
    return {
        row.id: Refusal("held", _("The order is held; release its holds first."), dt.timedelta(hours=1))
        for row in live
        if row.open_holds > 0
    }


def no_open_case(live: list[Any]) -> dict[int, Refusal]:
    """An order with an open after-sale case is not closed."""
    ids = [row.id for row in live]
    open_ids = set(
        Case.objects.filter(order_id__in=ids, state__in=[Case.State.OPEN, Case.State.RECEIVED]).values_list(
            "order_id", flat=True
        )
    )
    text = _("An after-sale case is open.")
    return {
        identity: Refusal("open_case", text, dt.timedelta(hours=1))
        for identity in ids
        if identity in open_ids
    }


def not_yet_handed_over(live: list[Any]) -> dict[int, Refusal]:
    """Routing again is for orders that no warehouse has yet."""
    return {
        row.id: Refusal("handed_over", _("A warehouse has this order already; stop it there first."))
        for row in live
        if row.state not in ("reserved", "routed")
    }
