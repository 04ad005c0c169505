"""Confirms that a warehouse pushes: kept raw, read in batches, de-duplicated on their own id, never lowering a step."""

from __future__ import annotations

import json
from typing import Any

from django.utils.translation import gettext as _

from logistics.models import Parcel
from logistics.operations.progress import apply_progress
from logistics.operations.steps import Progress
from logistics.providers import qimen
from logistics.queries import shipped_lines
from orderhub.actors import platform
from orderhub.dotted import resolve
from orderhub.inbound.processing import PayloadRow, Verdict
from orderhub.integrations import xmltext

#: Who takes a return receipt in: orders own the case, the goods go back to stock through them.
RECEIPTS = "orders.operations.aftersale.take_receipt"


def take_in(rows: list[PayloadRow]) -> dict[int, Verdict]:
    """Read confirms: `{"method": …, "body": the exact XML}`; delivery confirms move parcels, returns open receipts."""
    verdicts: dict[int, Verdict] = {}
    read: list[tuple[PayloadRow, str, dict[str, Any]]] = []
    for row in rows:
        try:
            envelope = json.loads(row.raw)
            read.append((row, str(envelope["method"]), xmltext.parse(str(envelope["body"]).encode())))
        except (ValueError, KeyError, TypeError) as error:
            verdicts[row.id] = Verdict.set_aside("unreadable", str(error)[:300])
    deliveries = [(row, content) for row, method, content in read if method == "deliveryorder.confirm"]
    verdicts.update(_deliveries(deliveries))
    for row, method, content in read:
        if method == "returnorder.confirm":
            verdicts[row.id] = _return(row, content)
        elif method != "deliveryorder.confirm":
            verdicts[row.id] = Verdict.set_aside("unknown_method", method)
    return verdicts


def _deliveries(rows: list[tuple[PayloadRow, dict[str, Any]]]) -> dict[int, Verdict]:
    verdicts: dict[int, Verdict] = {}
    codes = {str((content.get("deliveryOrder") or {}).get("deliveryOrderCode") or "") for _row, content in rows}
    mine = {p.number: p for p in Parcel.objects.filter(number__in=codes).only("id", "number", "order_id", "state")}
    found: dict[int, Progress] = {}
    for row, content in rows:
        parcel = mine.get(str((content.get("deliveryOrder") or {}).get("deliveryOrderCode") or ""))
        if parcel is None:
            verdicts[row.id] = Verdict.set_aside("unknown_number", _("No parcel of ours has this number."))
            continue
        if parcel.state in ("planned", "numbered"):  # the answer to our own hand-over is still on its way
            verdicts[row.id] = Verdict.wait("not_handed", _("The hand-over is not confirmed yet."))
            continue
        try:
            progress = qimen.progress(content, parcel.id)
        except ValueError as error:
            verdicts[row.id] = Verdict.set_aside("unknown_word", str(error)[:300], parcel.order_id)
            continue
        before = found.get(parcel.id)
        if before is None or _further(progress, before):
            found[parcel.id] = progress
        verdicts[row.id] = Verdict.parsed(parcel.order_id)
    if found:
        apply_progress(list(found.values()), platform("qimen"))
    return verdicts


def _further(one: Progress, other: Progress) -> bool:
    """Of two words about one parcel in one batch the further one counts; a refusal only where nothing left."""
    ranks = ("handed", "waved", "packed", "printed", "shipped")
    return ranks.index(one.stage) > ranks.index(other.stage)


def _return(row: PayloadRow, content: dict[str, Any]) -> Verdict:
    """Goods came back: each line with its parcel's order line, handed to the after-sale by a dotted name."""
    order = content.get("returnOrder") or {}
    code, before = str(order.get("returnOrderCode") or ""), str(order.get("preDeliveryOrderCode") or "")
    known = shipped_lines([before]).get(before)
    if known is None or not code:
        return Verdict.set_aside("unknown_number", _("No parcel of ours has this number."))
    order_id, lines = known
    return resolve(RECEIPTS)(  # type: ignore[no-any-return]
        order_id=order_id, receipt=code, parcel=before, lines=lines, content=content, payload_id=row.id
    )
