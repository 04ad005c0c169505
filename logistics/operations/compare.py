"""The cycle that looks for ghost orders: what four say of each parcel is laid side by side, in batches.

Each parcel is looked at every two hours while it is with a warehouse, on its way, or voided after it was handed
over; one with an open ticket every time, so that the ticket closes itself. Questions are of the lowest importance.
"""

from __future__ import annotations

import datetime as dt
import logging
from collections.abc import Mapping, Sequence

from django.db import connection, transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from logistics.axis import Seen, derive
from logistics.ghosts import BY_CODE, GHOSTS, INSIDE, LEFT, View
from logistics.models import Parcel, Policy, Trace
from logistics.operations import handover, tracking
from logistics.providers import traces as kuaidi100
from logistics.providers import warehouse
from logistics.queries import connection_of, warehouses_of
from orderhub import modules
from orderhub.integrations import http
from orderhub.integrations.errors import Held, PlatformError
from orderhub.integrations.importance import Importance, Pool, spending
from orderhub.models import Connection, Ticket
from orderhub.tickets.opening import close_gone, open_ticket
from orders import queries as orders
from orders.operations import recheck

log = logging.getLogger(__name__)

EVERY = dt.timedelta(hours=2)
#: What changed just now may be known to one side only: it is looked at a little later.
GRACE = dt.timedelta(minutes=20)
RECENT = dt.timedelta(days=14)
#: A ticket that a person closed although the disagreement stays is opened again after this long, not at once.
PEACE = dt.timedelta(days=1)
KIND = "ghost"

_DUE = """
    SELECT p.id FROM logistics_parcel p LEFT JOIN logistics_comparison c ON c.parcel_id = p.id
    WHERE p.state_since < statement_timestamp() - make_interval(secs => %s)
      AND p.rides_with_id IS NULL
      AND (p.state IN ('handed', 'waved', 'packed', 'printed')
           OR (p.state = 'shipped' AND p.shipped_at > statement_timestamp() - make_interval(secs => %s))
           OR (p.state = 'voided' AND p.handed_at IS NOT NULL
               AND p.state_since > statement_timestamp() - make_interval(secs => %s)))
      AND (c.compared_at IS NULL OR c.compared_at < statement_timestamp() - make_interval(secs => %s))
    ORDER BY c.compared_at NULLS FIRST, p.id LIMIT %s"""


def compare(*, n: int = 200, grace: dt.timedelta = GRACE) -> dict[str, int]:
    """One cycle: {"looked": parcels, "opened": tickets, "closed": tickets}."""
    with connection.cursor() as cursor:
        cursor.execute(_DUE, [*(span.total_seconds() for span in (grace, RECENT, RECENT, EVERY)), n])
        due = [row[0] for row in cursor.fetchall()]
    suspects = _suspects(n)
    parcels = list(Parcel.objects.filter(id__in={*due, *suspects}).select_related("warehouse").order_by("id"))
    with spending(Importance.REPORT):
        views, kept_back = look(parcels)
    opened, closed = judge(views)
    _mark([view.id for view in views if view.id not in kept_back])
    return {"looked": len(views), "opened": opened, "closed": closed}


def look(parcels: Sequence[Parcel]) -> tuple[list[View], set[int]]:
    """(each parcel as four see it, parcels about which a question was kept back). Calls, no transaction open."""
    words, kept_back = _warehouse_words(parcels)
    _ask_carrier(parcels)
    followed = modules.enabled("tracking")  # switched off, nobody reads what the carrier says
    carrier = _carrier_words(parcels) if followed else {}
    heads = orders.heads({parcel.order_id for parcel in parcels})
    channel = _channel_words(parcels)
    live = set(
        Parcel.objects.filter(waybill_no__in=[p.waybill_no for p in parcels if p.waybill_no])
        .exclude(state="voided")
        .values_list("waybill_no", flat=True)
    )
    views = []
    for parcel in parcels:
        passed_on = (
            parcel.state == "voided" and parcel.waybill_no in live
        )  # its number travels with another parcel
        seen = carrier.get(parcel.waybill_no, "none") if followed and not passed_on else ""
        head = heads.get(parcel.order_id)
        views.append(
            View(
                parcel.id, parcel.number, parcel.order_id, parcel.waybill_no, parcel.state,
                stopping=bool(parcel.stop_reason), in_trouble=bool(parcel.hold_type), order_held=bool(head and head.open_holds),
                order_state=head.state if head else "", reported=parcel.report_state in ("done", "already"),
                warehouse=words.get(parcel.id, ""), carrier=seen,
                channel=channel.get(parcel.order_id, ""),
            )
        )  # fmt: skip
    return views, kept_back


def judge(views: Sequence[View]) -> tuple[int, int]:
    """Open a ticket for each disagreement, close those that are gone; (opened, closed)."""
    opened, gone = 0, []
    calm = _closed_by_people([f"{KIND}:{ghost.code}:{view.number}" for view in views for ghost in GHOSTS])
    for view in views:
        for ghost in GHOSTS:
            key, seen = f"{KIND}:{ghost.code}:{view.number}", ghost.seen(view)
            if seen is False:
                gone.append(key)
            elif seen and key not in calm:
                opened += open_ticket(
                    KIND, key, title(ghost.code, view.number), body=str(ghost.todo), role=ghost.role,
                    order_id=view.order_id, due_in=dt.timedelta(hours=2),
                    data={"parcel": view.id, "code": ghost.code, "here": view.state, "warehouse": view.warehouse,
                          "carrier": view.carrier, "channel": view.channel, "waybill": view.waybill_no},
                )  # fmt: skip
    closed = close_gone(gone, _("The sides agree again; closed by itself."))
    return opened, closed


def title(code: str, number: str) -> str:
    """A ticket's title for a kind of disagreement."""
    return str(BY_CODE[code].title) % {"number": number}


def _suspects(n: int) -> list[int]:
    rows = (
        Ticket.objects.filter(kind=KIND).exclude(state="done").order_by("id").values_list("data", flat=True)
    )
    return [int(data["parcel"]) for data in rows[:n] if data.get("parcel")]


def _closed_by_people(keys: Sequence[str]) -> set[str]:
    rows = Ticket.objects.filter(
        cause_key__in=keys, state="done", owner__isnull=False, done_at__gt=timezone.now() - PEACE
    )
    return set(rows.values_list("cause_key", flat=True))


def _warehouse_words(parcels: Sequence[Parcel]) -> tuple[dict[int, str], set[int]]:
    """{parcel: the warehouse's word}; an account that keeps calls back, or fails, is not asked again in this cycle."""
    houses = warehouses_of({parcel.warehouse_id for parcel in parcels})
    wanted: dict[int, list[Parcel]] = {}
    for parcel in parcels:
        account = handover.wms_connection(parcel.worked_by, houses[parcel.warehouse_id])
        if parcel.worked_by != Parcel.Route.OWN and account:
            wanted.setdefault(account, []).append(parcel)
    accounts = Connection.objects.in_bulk(list(wanted))
    found: dict[int, str] = {}
    kept_back: set[int] = set()
    for identity, rows in wanted.items():
        for start in range(0, len(rows), 20):
            said = _ask_warehouse(accounts[identity], rows[start : start + 20])
            found.update({i: answer for i, answer in said.items() if isinstance(answer, str)})
            errors = [answer for answer in said.values() if isinstance(answer, PlatformError)]
            kept_back |= {i for i, answer in said.items() if isinstance(answer, Held)}
            if errors:
                kept_back |= {row.id for row in rows[start + 20 :]}
                log.info("ghosts: %s was not asked further: %s", accounts[identity], errors[0])
                break
    return found, kept_back


def _ask_warehouse(account: Connection, parcels: Sequence[Parcel]) -> dict[int, str | PlatformError]:
    def one(parcel: Parcel) -> tuple[int, str | PlatformError, list[object]]:
        with http.collecting() as calls:  # pool threads never touch the database
            try:
                said = warehouse.word(parcel.worked_by, account, parcel.number, parcel.warehouse.code)
                return parcel.id, said, list(calls)
            except PlatformError as error:
                return parcel.id, error, list(calls)
            except ValueError:  # the reading of confirms and changes makes a ticket of it
                return parcel.id, "", list(calls)

    found: dict[int, str | PlatformError] = {}
    rows: list[object] = []
    with Pool(4) as pool:
        for identity, said, calls in pool.map(one, parcels):
            found[identity] = said
            rows += calls
    http.write_calls(rows)  # type: ignore[arg-type]
    return found


def _ask_carrier(parcels: Sequence[Parcel]) -> None:
    """Parcels that have not left here are in nobody's polling: their traces are asked for, at most every `EVERY`."""
    account = Connection.objects.filter(id=connection_of("kuaidi100") or 0).first()
    if account is None or not modules.enabled("tracking"):
        return
    before = timezone.now() - max(EVERY, dt.timedelta(minutes=Policy.current().poll_minutes))
    asked = [
        parcel
        for parcel in parcels
        if parcel.waybill_no
        and parcel.state not in LEFT
        and (parcel.polled_at is None or parcel.polled_at < before)
    ]
    if not asked:
        return
    Parcel.objects.filter(id__in=[parcel.id for parcel in asked]).update(polled_at=timezone.now())
    receivers = orders.receivers({parcel.order_id for parcel in asked})
    tails = {i: str((who.plain or {}).get("phone", ""))[-4:] for i, who in receivers.items()}
    answers = kuaidi100.query_many(account, [(p.carrier, p.waybill_no, tails[p.order_id]) for p in asked])
    tracking.take(
        {
            number: kuaidi100.scans(number, answer)[0]
            for number, answer in answers.items()
            if not isinstance(answer, PlatformError)
        }
    )


def _carrier_words(parcels: Sequence[Parcel]) -> Mapping[str, str]:
    seen: dict[str, list[Seen]] = {}
    numbers = [parcel.waybill_no for parcel in parcels if parcel.waybill_no]
    for number, at, code, meaning in Trace.objects.filter(waybill_no__in=numbers).values_list(
        "waybill_no", "occurred_at", "code", "meaning"
    ):
        seen.setdefault(number, []).append(Seen(at, code, meaning))
    return {number: derive(scans).tracking or "none" for number, scans in seen.items()}


def _channel_words(parcels: Sequence[Parcel]) -> dict[int, str]:
    """The channel's newest word; where it contradicts our own report the channel itself is asked once more."""
    found = orders.channel_words({parcel.order_id for parcel in parcels})
    doubtful = sorted(
        {
            p.order_id
            for p in parcels
            if (
                p.state in LEFT
                and p.report_state in ("done", "already")
                and found.get(p.order_id) == "to_ship"
            )
            or (
                p.state in INSIDE
                and found.get(p.order_id) in ("shipped", "finished", "cancelled", "refunded")
            )
        }
    )
    if doubtful:
        states = recheck.channel_states(doubtful)
        found.update(orders.channel_words(doubtful))
        for order_id in doubtful:
            if states[order_id].again:
                found.pop(order_id, None)
    return found


def _mark(parcel_ids: Sequence[int]) -> None:
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(
            """INSERT INTO logistics_comparison (parcel_id, compared_at) SELECT unnest(%s::bigint[]), now()
               ON CONFLICT (parcel_id) DO UPDATE SET compared_at = excluded.compared_at""",
            [sorted(parcel_ids)],
        )
