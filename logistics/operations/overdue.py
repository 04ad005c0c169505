"""No pick-up within 48 hours of shipping: a ticket and a line in the managers' group each, one SMS a sweep and warehouse."""

from __future__ import annotations

import datetime as dt

from django.db import transaction
from django.db.models import F
from django.utils import timezone
from django.utils.translation import gettext as _

from logistics.models import Parcel, Policy
from logistics.queries import connection_of
from orderhub.notifications.asking import Notice, notify_many
from orderhub.outbox import writing
from orderhub.tickets.opening import open_ticket


def overdue(*, n: int = 500) -> int:
    """Tell of parcels shipped too long ago of which the carrier, asked since, knows no pick-up; returns how many."""
    hours = Policy.current().pickup_hours
    before = timezone.now() - dt.timedelta(hours=hours)
    sms = connection_of("aliyun_sms")
    with transaction.atomic():
        parcels = list(
            Parcel.objects.select_for_update(skip_locked=True, of=("self",))
            .filter(
                state="shipped",
                picked_up_at=None,
                shipped_at__lt=before,
                trace_answered_at__gt=F("shipped_at") + dt.timedelta(hours=hours),
                overdue_told=False,
                rides_with=None,
            )
            .select_related("warehouse")
            .order_by("shipped_at", "id")[:n]
        )
        by_house: dict[int, list[Parcel]] = {}
        for parcel in parcels:
            by_house.setdefault(parcel.warehouse_id, []).append(parcel)
            open_ticket(
                "pickup_overdue",
                f"pickup:{parcel.number}",
                _("Parcel %(number)s was not picked up for %(hours)s hours")
                % {"number": parcel.number, "hours": hours},
                body=_("Waybill %(waybill)s (%(carrier)s) left %(warehouse)s and has no pick-up scan.")
                % {
                    "waybill": parcel.waybill_no,
                    "carrier": parcel.carrier,
                    "warehouse": parcel.warehouse.name,
                },
                role="warehouse_manager",
                order_id=parcel.order_id,
            )
        for rows in by_house.values():
            first = rows[0]
            writing.ask_once(
                "sms.send",
                f"pickup:{first.number}",
                connection_id=sms,
                subject_id=first.id,
                order_id=first.order_id,
                data={
                    "template": "template_pickup_overdue",
                    "params": {
                        "warehouse": first.warehouse.name,
                        "count": str(len(rows)),
                        "waybill": first.waybill_no,
                    },
                    "parcels": [parcel.number for parcel in rows][:50],
                },
            )
        notify_many("warehouse_manager", "pickup_overdue", [_notice(parcel, hours) for parcel in parcels])
        Parcel.objects.filter(id__in=[parcel.id for parcel in parcels]).update(overdue_told=True)
    return len(parcels)


def _notice(parcel: Parcel, hours: int) -> Notice:
    """For the managers' groups: one message a warehouse, a line a parcel."""
    params = {
        "warehouse": parcel.warehouse.name,
        "parcel": parcel.number,
        "waybill": parcel.waybill_no,
        "hours": hours,
    }
    return Notice(f"pickup:{parcel.number}", params, f"pickup:{parcel.warehouse.code}", parcel.order_id)
