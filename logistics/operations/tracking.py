"""Traces in, the carrier's axis out: stored once each, read as a whole, they trigger touches and never set a state."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Mapping, Sequence
from typing import Any

from django.db import connection, transaction
from django.db.models import F, Q
from django.utils import timezone
from django.utils.translation import gettext as _

from logistics.axis import Axis, Seen, derive
from logistics.lifecycle import LIFECYCLE
from logistics.models import Parcel, Policy, Trace
from logistics.operations import deliveries
from logistics.providers import traces as kuaidi100
from logistics.providers.traces import Scan
from logistics.queries import connection_of
from orderhub import modules
from orderhub.actors import platform
from orderhub.copying import update_rows
from orderhub.inbound.keeping import storable
from orderhub.inbound.processing import PayloadRow, Verdict
from orderhub.integrations.errors import PlatformError
from orderhub.integrations.importance import Importance, spending
from orderhub.lifecycle import Writer, apply
from orderhub.models import Connection, Ticket
from orderhub.tickets.opening import close_gone, open_ticket
from orders import queries as orders

CARRIER = platform("carrier")


def sign(live: list[Any], writer: Writer) -> None:
    """Shipped → signed at the carrier's time."""
    for row in live:
        at = writer.context.get("occurred", {}).get(row.id)
        writer.occurred(row, at)
        writer.set(row, signed_at=at or writer.now)


def come_back(live: list[Any], writer: Writer) -> None:
    """Shipped → returned: the sender has signed for it."""
    for row in live:
        writer.occurred(row, writer.context.get("occurred", {}).get(row.id))


def store(scans: Sequence[Scan]) -> int:
    """Store scans, each once; returns how many were new. One statement."""
    if not scans:
        return 0
    unique = {(scan.waybill_no, scan.digest): scan for scan in scans}
    rows = list(unique.values())
    with connection.cursor() as cursor:
        cursor.execute(
            """INSERT INTO logistics_trace (waybill_no, occurred_at, code, meaning, text, digest)
               SELECT * FROM unnest(%s::text[], %s::timestamptz[], %s::text[], %s::text[], %s::text[], %s::text[])
               ON CONFLICT (waybill_no, digest) DO NOTHING""",
            [
                [row.waybill_no for row in rows],
                [row.at for row in rows],
                [row.code for row in rows],
                [row.meaning for row in rows],
                [row.text for row in rows],
                [row.digest for row in rows],
            ],
        )
        return int(cursor.rowcount)


def take(scans: Mapping[str, Sequence[Scan]]) -> int:
    """Store scans by waybill number and bring their parcels up to date; returns new scans. Constant SQL."""
    with transaction.atomic():
        new = store([scan for rows in scans.values() for scan in rows])
        if new:
            refresh(list(scans))
    return new


def refresh(waybill_nos: Sequence[str]) -> None:
    """Derive the axis of these numbers from all their stored scans; sign, return and report what follows from it."""
    seen: dict[str, list[Seen]] = {}
    for number, at, code, meaning in Trace.objects.filter(waybill_no__in=waybill_nos).values_list(
        "waybill_no", "occurred_at", "code", "meaning"
    ):
        seen.setdefault(number, []).append(Seen(at, code, meaning))
    # locked first: two readers of one parcel must not write an older derivation over a newer one
    parcels = list(
        Parcel.objects.select_for_update()
        .filter(waybill_no__in=waybill_nos)
        .exclude(state="voided")
        .order_by("id")
        .only("id", "number", "order_id", "waybill_no", "state", "signed_at", "rides_with_id", "overdue_told")
    )
    axes = {parcel.id: derive(seen.get(parcel.waybill_no, [])) for parcel in parcels}
    update_rows("logistics_parcel", "id", {identity: _columns(axis) for identity, axis in axes.items()})
    signed = {
        p.id: a.signed_at
        for p in parcels
        if (a := axes[p.id]).signed_at and p.state in ("shipped", "returned")
    }
    back = {
        p.id: a.returned_at
        for p in parcels
        if (a := axes[p.id]).returned_at and p.state == "shipped" and p.id not in signed
    }
    for code, when in (("sign", signed), ("return", back)):
        if when:
            apply(
                LIFECYCLE, code, sorted(when), actor=CARRIER, occurred={i: at for i, at in when.items() if at}
            )
    deliveries.write([p.id for p in parcels])
    late = [f"pickup:{p.number}" for p in parcels if p.overdue_told and axes[p.id].picked_up_at]
    close_gone(late, _("The carrier has it by now."))
    for parcel in parcels:
        if axes[parcel.id].trouble and parcel.rides_with_id is None:
            _trouble(parcel, axes[parcel.id].trouble)


def _columns(axis: Axis) -> dict[str, Any]:
    found = {
        "tracking": axis.tracking,
        "picked_up_at": axis.picked_up_at,
        "first_attempt_at": axis.first_attempt_at,
        "first_attempt_ok": axis.first_attempt_ok,
        "last_trace_at": axis.last_trace_at,
    }
    return {name: value for name, value in found.items() if value is not None}


def trouble_title(kind: str, number: str) -> str:
    """A ticket's title for what a carrier reports."""
    return {
        "refused": _("Buyer refused parcel %(number)s"),
        "returning": _("Parcel %(number)s is on its way back"),
        "returned": _("Parcel %(number)s came back"),
        "damaged": _("Parcel %(number)s is damaged"),
        "stalled": _("Parcel %(number)s does not move"),
    }[kind] % {"number": number}


def _trouble(parcel: Parcel, kind: str) -> None:
    text = _("Waybill %(waybill)s: look at its trace and ask the carrier.") % {"waybill": parcel.waybill_no}
    open_ticket(
        f"parcel_{kind}", f"{kind}:{parcel.number}", trouble_title(kind, parcel.number),
        body=text, role="customer_service", order_id=parcel.order_id,
    )  # fmt: skip


def poll(*, n: int = 400) -> int:
    """Ask for the traces of parcels on their way that were not asked about for `poll_minutes`; returns how many.

    Parcels never asked about are due at once. They are claimed before asking, so that two workers ask about others.
    """
    account = Connection.objects.filter(id=connection_of("kuaidi100") or 0).first()
    if account is None or not modules.enabled("tracking"):
        return 0
    due = timezone.now() - dt.timedelta(minutes=Policy.current().poll_minutes)
    with transaction.atomic():
        parcels = list(
            Parcel.objects.select_for_update(skip_locked=True)
            .filter(Q(polled_at=None) | Q(polled_at__lt=due), state="shipped", rides_with=None)
            .exclude(waybill_no="")
            .order_by(F("polled_at").asc(nulls_first=True), "id")
            .only("id", "order_id", "carrier", "waybill_no")[:n]
        )
        Parcel.objects.filter(id__in=[parcel.id for parcel in parcels]).update(polled_at=timezone.now())
    if not parcels:
        return 0
    receivers = orders.receivers({parcel.order_id for parcel in parcels})
    asked = [
        (p.carrier, p.waybill_no, str((receivers[p.order_id].plain or {}).get("phone", ""))[-4:])
        for p in parcels
    ]
    found: dict[str, list[Scan]] = {}
    with spending(Importance.PULL):
        told = kuaidi100.query_many(account, asked)
    for number, answer in told.items():
        if isinstance(answer, PlatformError):
            if answer.kind == "configuration":
                open_ticket(
                    "traces", f"traces:{account.code}", _("Kuaidi100 refuses our account"),
                    body=answer.message, role="operations",
                )  # fmt: skip
            continue
        found[number] = _read(number, answer)
    take(found)
    Parcel.objects.filter(waybill_no__in=list(found), id__in=[parcel.id for parcel in parcels]).update(
        trace_answered_at=timezone.now()
    )
    return len(parcels)


def catch_up(*, n: int = 500) -> int:
    """Parcels whose traces say more than their state (the module was off): their touches are made now."""
    if not modules.enabled("tracking"):
        return 0
    ahead = Parcel.objects.filter(state="shipped", tracking__in=["signed", "returned"])
    numbers = list(ahead.order_by("id").values_list("waybill_no", flat=True)[:n])
    with transaction.atomic():
        refresh(numbers)
    return len(numbers)


def _read(number: str, rows: Sequence[dict[str, Any]]) -> list[Scan]:
    scans, unknown = kuaidi100.scans(number, rows)
    if unknown:
        open_ticket(
            "trace_word", f"trace:{','.join(sorted(set(unknown)))}"[:120], _("Unknown tracking state"),
            body=f"{number}: {', '.join(unknown)}"[:500], role="operations",
        )  # fmt: skip
    return scans


def take_in(rows: list[PayloadRow]) -> dict[int, Verdict]:
    """Kuaidi100's callbacks: each holds the whole history; repeated and older ones change nothing."""
    verdicts: dict[int, Verdict] = {}
    found: dict[str, list[Scan]] = {}
    numbers: dict[int, str] = {}
    for row in rows:
        try:
            message = storable(json.loads(row.raw))
            result = message.get("lastResult") or {}
            number = str(result.get("nu") or "")
            data = result.get("data") or []
            if not number or not isinstance(data, list):
                raise ValueError(_("no waybill number"))
        except (ValueError, AttributeError, RecursionError) as error:
            verdicts[row.id] = Verdict.set_aside("unreadable", str(error)[:300])
            continue
        numbers[row.id] = number
        found.setdefault(number, []).extend(_read(number, data))
        _note(message, number)
    known = dict(
        Parcel.objects.filter(waybill_no__in=list(found))
        .exclude(state="voided")
        .values_list("waybill_no", "order_id")
    )
    take({number: scans for number, scans in found.items() if number in known})
    for identity, number in numbers.items():
        unknown = Verdict.set_aside(
            "unknown_number", _("No parcel of ours has waybill %(n)s.") % {"n": number}
        )
        verdicts[identity] = Verdict.parsed(known[number]) if number in known else unknown
    return verdicts


def _note(message: dict[str, Any], number: str) -> None:
    """A carrier that the aggregator corrected is taken over; an ended subscription leaves the polling to us."""
    if message.get("autoCheck") == "1" and message.get("comNew"):
        ours = {word: code for code, word in kuaidi100.COMPANIES.items()}.get(str(message["comNew"]))
        if ours:
            Parcel.objects.filter(waybill_no=number, state="shipped").exclude(carrier=ours).update(
                carrier=ours
            )
    if message.get("status") == "abort":
        Parcel.objects.filter(waybill_no=number, state="shipped").update(polled_at=None)


def stalled(*, n: int = 200) -> int:
    """One ticket for each parcel on its way without a new scan for `stalled_hours`; returns new tickets."""
    before = timezone.now() - dt.timedelta(hours=Policy.current().stalled_hours)
    rows = list(
        Parcel.objects.filter(state="shipped", last_trace_at__lt=before, rides_with=None).order_by(
            "-last_trace_at"
        )[:n]
    )
    told = {
        (key, created)
        for key, created in Ticket.objects.filter(
            cause_key__in=[f"stalled:{parcel.number}" for parcel in rows]
        ).values_list("cause_key", "created_at")
    }
    latest = dict(sorted(told))
    made = 0
    for parcel in rows:
        if (
            (at := latest.get(f"stalled:{parcel.number}"))
            and parcel.last_trace_at
            and at > parcel.last_trace_at
        ):
            continue  # told of this silence before, also when a person has closed the ticket
        made += open_ticket(
            "parcel_stalled", f"stalled:{parcel.number}", trouble_title("stalled", parcel.number),
            body=_("Last scan: %(at)s") % {"at": parcel.last_trace_at}, role="customer_service", order_id=parcel.order_id,
        )  # fmt: skip
    return made
