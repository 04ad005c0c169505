"""A parcel gets its number: kept with its sealed print payload, then handed on; unused numbers are given back."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from logistics.lifecycle import LIFECYCLE
from logistics.models import Parcel
from logistics.operations import handover, reaching
from logistics.queries import warehouses_of
from orderhub import crypto
from orderhub.actors import platform
from orderhub.lifecycle import Writer, apply
from orderhub.models import Message
from orderhub.outbox import writing


def keep_payloads(payloads: Mapping[int, dict[str, Any]]) -> None:
    """Seal {parcel id: {"waybill_no", "print_data" | "mark" and "bag"}} on the parcels, before the answer is settled.

    print_data is cipher text for the print component: kept as the text that came, never opened.
    """
    rows = []
    for identity, value in payloads.items():
        sealed = crypto.encrypt(json.dumps(value, ensure_ascii=False).encode(), b"parcel.print")
        rows.append(Parcel(id=identity, print_payload_enc=sealed))
    Parcel.objects.bulk_update(rows, ["print_payload_enc"])


def payload_of(parcel: Parcel) -> dict[str, Any]:
    """The opened print payload of a parcel; {} where there is none."""
    if not parcel.print_payload_enc:
        return {}
    found: dict[str, Any] = json.loads(crypto.decrypt(bytes(parcel.print_payload_enc), b"parcel.print"))
    return found


def numbered(messages: Sequence[Message]) -> None:
    """The answers of `waybill.get`: parcels move on, or back; a number that came too late is given back."""
    out = [message for message in messages if (message.answer or {}).get("out_of_reach")]
    if out:
        reaching.turn_back(out)
    messages = [message for message in messages if message not in out]
    if not messages:
        return
    answers = {message.subject_id: message.answer or {} for message in messages}
    by = platform(next((str(a["service"]) for a in answers.values() if a.get("service")), "carrier"))
    outcome = apply(LIFECYCLE, "number", sorted(answers), actor=by, params={"answers": answers})
    if outcome.refused:
        _give_back(messages, outcome.refused)
    own = list(
        Parcel.objects.filter(id__in=list(outcome.moved), worked_by=Parcel.Route.OWN).values_list(
            "id", flat=True
        )
    )
    if own:
        apply(LIFECYCLE, "hand", own, actor=by)


def _give_back(messages: Sequence[Message], refused: Mapping[int, Any]) -> None:
    rows = Parcel.objects.in_bulk(list(refused))
    for message in messages:
        parcel = rows.get(message.subject_id)
        number = str((message.answer or {}).get("waybill_no") or "")
        if parcel is None or not number or parcel.waybill_no == number:
            continue
        writing.ask_once(
            "waybill.cancel",
            f"{parcel.service}:{number}",
            connection_id=message.connection_id,
            subject_id=parcel.id,
            order_id=parcel.order_id,
            data={"waybill_no": number, "carrier": parcel.carrier, "service": parcel.service},
        )


def number(live: list[Any], writer: Writer) -> None:
    """Planned → numbered: number and sort code; a parcel for a WMS is asked to be pushed in the same transaction."""
    answers = writer.params["answers"]
    houses = warehouses_of({row.warehouse_id for row in live})
    for row in live:
        answer = answers[row.id]
        writer.set(row, waybill_no=answer["waybill_no"], sort_code=str(answer.get("sort_code") or "")[:60])
        if answer.get("carrier"):
            writer.set(row, carrier=answer["carrier"])
        writer.context.setdefault("data", {})[row.id] = {"waybill_no": row.waybill_no, "carrier": row.carrier}
        if row.worked_by not in (Parcel.Route.OWN, Parcel.Route.RIDE):
            handover.ask(writer, row, houses[row.warehouse_id])


def cancelled(messages: Sequence[Message]) -> None:
    """The answers of `waybill.cancel`: the number is void; the carrier credits it later (Cainiao: about 15 days)."""
    numbers = {m.subject_id: str((m.answer or {}).get("waybill_no") or "") for m in messages}
    Parcel.objects.filter(id__in=list(numbers), state="voided", waybill_no__in=list(numbers.values())).update(
        print_payload_enc=None
    )
