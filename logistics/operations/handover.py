"""A numbered parcel goes to whoever works it; the number and the print payload go along."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.utils.translation import gettext as _

from logistics.lifecycle import LIFECYCLE
from logistics.models import Parcel
from logistics.queries import WmsOf
from orderhub.actors import platform
from orderhub.lifecycle import Writer, apply
from orderhub.models import Message
from orderhub.outbox import writing
from orderhub.tickets.opening import open_ticket


def wms_connection(worked_by: str, wms: WmsOf) -> int | None:
    """The account by which a parcel's warehouse is spoken to."""
    return wms.qimen_id if worked_by == Parcel.Route.QIMEN else wms.connection_id


def ask(writer: Writer, row: Any, wms: WmsOf) -> None:
    """Ask for the hand-over; one effect a parcel number."""
    writing.ask(
        writer,
        "wms.push",
        row.number,
        connection_id=wms_connection(row.worked_by, wms),
        subject_id=row.id,
        order_id=row.order_id,
        data={"route": row.worked_by},
    )


def hand(live: list[Any], writer: Writer) -> None:
    """Numbered → handed: with the WMS under its own number, or ready for our own waves."""
    references = writer.params.get("references", {})
    for row in live:
        writer.set(row, handed_at=writer.now)
        if references.get(row.id):
            writer.set(row, wms_reference=str(references[row.id])[:60])


def accepted(messages: Sequence[Message]) -> None:
    """The answers of `wms.push`: accepted parcels are handed, refused ones void and their order held."""
    by = platform(str((messages[0].data or {}).get("route") or "wms"))
    answers = {message.subject_id: message.answer or {} for message in messages}
    refused = {identity: str(a["refused"]) for identity, a in answers.items() if a.get("refused")}
    taken = {identity: a.get("reference", "") for identity, a in answers.items() if identity not in refused}
    if taken:
        outcome = apply(LIFECYCLE, "hand", sorted(taken), actor=by, params={"references": taken})
        for parcel in Parcel.objects.filter(id__in=list(outcome.refused), state="voided"):
            message = next(m for m in messages if m.subject_id == parcel.id)
            ask_stop(parcel, message.connection_id)
    if refused:
        apply(LIFECYCLE, "refuse", sorted(refused), actor=by, params={"reasons": refused})


def ask_stop(parcel: Parcel, connection_id: int | None) -> bool:
    """Ask the warehouse to stop a parcel (outside a batch); False when it was asked before."""
    return writing.ask_once(
        "wms.cancel",
        parcel.number,
        connection_id=connection_id,
        subject_id=parcel.id,
        order_id=parcel.order_id,
        data={"route": parcel.worked_by},
    )


def stopped(messages: Sequence[Message]) -> None:
    """The answers of `wms.cancel`: what was stopped is voided, what had left becomes an intercept ticket."""
    by = platform(str((messages[0].data or {}).get("route") or "wms"))
    late = {m.subject_id for m in messages if (m.answer or {}).get("late")}
    done = [m.subject_id for m in messages if m.subject_id not in late]
    if done:
        apply(LIFECYCLE, "void", done, actor=by, params={"stopped": True})
    for parcel in Parcel.objects.filter(id__in=late):
        open_ticket(
            "intercept",
            f"intercept:{parcel.number}",
            _("Parcel %(number)s left before it could be stopped") % {"number": parcel.number},
            body=_("Reason to stop: %(reason)s. Ask the carrier to bring waybill %(waybill)s back.")
            % {"reason": parcel.stop_reason, "waybill": parcel.waybill_no},
            role="warehouse_manager",
            order_id=parcel.order_id,
        )
