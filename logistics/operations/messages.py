"""The parcel's side of the outbox: take back what is not sent yet, send again what a hold had withdrawn."""

from __future__ import annotations

from collections.abc import Iterable

from django.db import connection
from django.db.models import Q
from django.utils import timezone

from orderhub.models import Message

S = Message.State
#: Refused by the platform or never sent: certainly without effect.
_NO_EFFECT = Q(state=S.NEW) | Q(
    state=S.NEEDS_PERSON, error_kind__in=["business", "configuration", "reauthorise"]
)


def take_back(kind: str, parcel_ids: Iterable[int]) -> set[int]:
    """Cancel messages of these parcels that had no effect; returns the parcels whose message is in flight.

    Rows that an answer is being written to are skipped, not waited for: that answer needs our parcel's lock.
    """
    ids = sorted(set(parcel_ids))
    if not ids:
        return set()
    mine = Message.objects.filter(kind=kind, subject_id__in=ids)
    free = list(mine.filter(_NO_EFFECT).select_for_update(skip_locked=True).values_list("id", flat=True))
    mine.filter(id__in=free).update(state=S.CANCELLED, done_at=timezone.now())
    in_flight = mine.filter(state__in=[S.NEW, S.SENDING, S.UNKNOWN, S.NEEDS_PERSON])
    return set(in_flight.values_list("subject_id", flat=True))


_AGAIN = """
    UPDATE orderhub_message m SET state = 'new', attempts = 0, next_try_at = now(), done_at = NULL
    FROM logistics_parcel p JOIN orders_order o ON o.id = p.order_id
    WHERE (p.state IN ('planned', 'numbered') OR (p.state = 'shipped' AND p.report_state = 'asked'))
      AND o.open_holds = 0 AND o.state <> 'cancelled' AND p.stop_reason = ''
      AND NOT EXISTS (SELECT 1 FROM logistics_parcel r JOIN orders_order x ON x.id = r.order_id
          WHERE r.rides_with_id = p.id AND r.state <> 'voided' AND p.state <> 'shipped' AND x.open_holds > 0)
      AND m.kind = CASE p.state WHEN 'planned' THEN 'waybill.get' WHEN 'numbered' THEN 'wms.push' ELSE 'channel.ship' END
      AND m.key = CASE p.state WHEN 'planned' THEN p.number || '/' || p.destination_version ELSE p.number END
      AND m.state = 'cancelled' AND m.done_at < now() - interval '20 seconds'"""


def send_again() -> int:
    """Messages that the gate withdrew and whose order may go on now (its hold was released) are wanted again."""
    with connection.cursor() as cursor:
        cursor.execute(_AGAIN)
        return int(cursor.rowcount)
