"""Confirms that a warehouse pushes: kept raw, read in batches, de-duplicated on their own id, never lowering a step."""

from __future__ import annotations

import json
import uuid
from typing import Any

from django.utils import timezone
from django.utils.translation import gettext as _

from inventory.queries import find_sku, sku_codes
from logistics.models import Parcel
from logistics.operations.progress import apply_progress
from logistics.operations.steps import Progress
from logistics.providers import qimen
from logistics.queries import shipments
from orderhub.actors import platform
from orderhub.inbound.keeping import storable
from orderhub.inbound.processing import PayloadRow, Verdict
from orderhub.integrations import xmltext
from orderhub.integrations.clients.base import from_beijing
from orderhub.models import Connection
from orders.operations import returning

#: The protocol's kinds of goods → what becomes of a returned piece.
DISPOSITIONS = {"ZP": "resell", "CC": "recondition", "JS": "scrap", "XS": "recondition"}


def take_in(rows: list[PayloadRow]) -> dict[int, Verdict]:
    """Read confirms: `{"method": …, "body": the exact XML}`; delivery confirms move parcels, returns open receipts."""
    verdicts: dict[int, Verdict] = {}
    read: list[tuple[PayloadRow, str, dict[str, Any]]] = []
    for row in rows:
        try:
            envelope = storable(json.loads(row.raw))
            read.append((row, str(envelope["method"]), xmltext.parse(str(envelope["body"]).encode())))
        except (ValueError, KeyError, TypeError, RecursionError) as error:
            text = _("The warehouse system's notice can't be read: %(error)s") % {"error": str(error)[:200]}
            verdicts[row.id] = Verdict.set_aside("unreadable", text)
    deliveries = [(row, content) for row, method, content in read if method == "deliveryorder.confirm"]
    verdicts.update(_deliveries(deliveries))
    for row, method, content in read:
        if method == "returnorder.confirm":
            verdicts[row.id] = _return(row, content)
        elif method != "deliveryorder.confirm":
            text = _("The warehouse system sent a notice of a kind that is not known here: “%(kind)s”.")
            verdicts[row.id] = Verdict.set_aside("unknown_method", text % {"kind": method[:80]})
    return verdicts


def _deliveries(rows: list[tuple[PayloadRow, dict[str, Any]]]) -> dict[int, Verdict]:
    verdicts: dict[int, Verdict] = {}
    codes = {
        str((content.get("deliveryOrder") or {}).get("deliveryOrderCode") or "") for _row, content in rows
    }
    mine = {
        p.number: p for p in Parcel.objects.filter(number__in=codes).only("id", "number", "order_id", "state")
    }
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
    """Goods came back: pieces by our own SKU codes, taken in by the order's after-sale, once a receipt."""
    order = content.get("returnOrder") or {}
    code, before = str(order.get("returnOrderCode") or ""), str(order.get("preDeliveryOrderCode") or "")
    parcel = Parcel.objects.filter(number=before).first()
    if parcel is None or not code:
        return Verdict.set_aside("unknown_number", _("No parcel of ours has this number."))
    contents = shipments([parcel.id])[parcel.id].contents
    try:
        account = Connection.objects.get(id=row.connection_id)
        pieces = _pieces(content, contents, account.code, returning.parts_sold([parcel.order_id]))
        at = from_beijing(str(order["orderConfirmTime"])) if order.get("orderConfirmTime") else timezone.now()
    except ValueError as error:
        return Verdict.set_aside("unreadable", str(error)[:300], parcel.order_id)
    key = str(order.get("outBizCode") or code)
    receipt = returning.Receipt(key, at, parcel.warehouse_id, tuple(pieces))
    refusal = returning.receive_many({parcel.order_id: receipt}, platform("qimen")).refused.get(
        parcel.order_id
    )
    if refusal is None or refusal.code == "known":
        return Verdict.parsed(parcel.order_id)
    if refusal.code in ("module_off", "wrong_state"):
        return Verdict.wait(refusal.code, refusal.text)
    return Verdict.set_aside(refusal.code, refusal.text, parcel.order_id)


def _pieces(
    content: dict[str, Any], contents: list[Any], account: str, made: dict[uuid.UUID, dict[int, int]]
) -> list[returning.Piece]:
    """What came back, spread over the parcel's lines of that code (or bundles with that part in them).

    ValueError for a code that was not in it.
    """
    table = sku_codes()
    pieces: list[returning.Piece] = []
    for row in content.get("orderLines") or []:
        code, left = str(row.get("itemCode") or ""), int(row.get("actualQty") or row.get("planQty") or 0)
        disposition = DISPOSITIONS.get(str(row.get("inventoryType") or "ZP"), "recondition")
        sku_id = find_sku(account, code, table)
        for part in contents:
            inside = made.get(part.line_uuid, {}).get(sku_id or 0, 0)
            if left and sku_id is not None and (part.sku_id == sku_id or inside):
                take = min(left, inside or part.quantity)
                name = sku_id if inside else None
                pieces.append(returning.Piece(part.line_uuid, take, disposition, name))
                left -= take
        if left:
            raise ValueError(f"{code}: {left} pieces were not in this parcel")
    return pieces
