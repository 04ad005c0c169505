"""What warehouse systems say becomes our parcels' steps: read by window, by number and by push, applied in batches.

The WMS's time is the step's time. Reading again, late or out of order changes nothing: a step is made once.
"""

from __future__ import annotations

import datetime as dt
import logging
from collections.abc import Sequence

from django.db.models import F, Q
from django.utils import timezone

from logistics.lifecycle import AT_WAREHOUSE, LIFECYCLE, RANK
from logistics.models import Parcel, WmsCursor
from logistics.operations import handover
from logistics.operations.steps import Progress
from logistics.providers import qimen, wangdiantong
from logistics.queries import warehouses_of
from orderhub.actors import Actor, platform
from orderhub.integrations import http
from orderhub.integrations.errors import PlatformError
from orderhub.integrations.importance import Importance, Pool, spending
from orderhub.lifecycle import Outcome, apply
from orderhub.models import Connection
from orderhub.tickets.opening import open_ticket

log = logging.getLogger(__name__)

STEPS = (("wave", "waved"), ("pack", "packed"), ("print", "printed"), ("ship", "shipped"))
OVERLAP = dt.timedelta(minutes=2)
LEASE = dt.timedelta(minutes=5)
#: A parcel that no window told of for this long is asked about by its number.
SILENT = dt.timedelta(minutes=15)


def apply_progress(rows: Sequence[Progress], actor: Actor) -> Outcome:
    """Bring parcels forward, step by step, as far as each one is; one transaction a step whatever the number."""
    total = Outcome()
    told = {row.parcel_id: row for row in rows if not row.refused}
    for code, state in STEPS:
        ids = sorted(
            i for i, row in told.items() if RANK[row.stage] >= RANK[state] and i not in total.refused
        )
        if ids:
            outcome = apply(LIFECYCLE, code, ids, actor=actor, params={"progress": told})
            total.moved.update(outcome.moved)
            real = {i: r for i, r in outcome.refused.items() if r.code not in ("wrong_state", "missing")}
            total.refused.update(real)
    refused = {row.parcel_id: row.refused for row in rows if row.refused}
    if refused:
        total.add(_refused(refused, actor))
    return total


def _refused(reasons: dict[int, str], actor: Actor) -> Outcome:
    """A cancel that we asked for is our own stop; any other is the warehouse's refusal."""
    ours = set(Parcel.objects.filter(id__in=reasons).exclude(stop_reason="").values_list("id", flat=True))
    total = Outcome()
    if ours:
        total.add(apply(LIFECYCLE, "void", sorted(ours), actor=actor, params={"stopped": True}))
    theirs = [identity for identity in reasons if identity not in ours]
    if theirs:
        total.add(apply(LIFECYCLE, "refuse", theirs, actor=actor, params={"reasons": reasons}))
    return total


def poll(*, every_seconds: int = 60) -> int:
    """Ask every warehouse system that has parcels of ours; returns how many parcels were told of."""
    with spending(Importance.PULL):
        return poll_wangdiantong() + poll_qimen(every_seconds=every_seconds)


def poll_wangdiantong() -> int:
    """Read what changed since the last reading, then ask by number about parcels that were silent for long."""
    told = 0
    waiting = Parcel.objects.filter(worked_by=Parcel.Route.WANGDIANTONG, state__in=AT_WAREHOUSE)
    for identity in waiting.values_list("warehouse__wms_id", flat=True).order_by().distinct():
        connection = Connection.objects.filter(id=identity).exclude(state="disabled").first()
        if connection is None or not _lease(connection):
            continue
        try:
            told += _windows(connection) + _silent(connection)
            WmsCursor.objects.filter(connection=connection).update(last_error="", lease_until=None)
        except PlatformError as error:
            WmsCursor.objects.filter(connection=connection).update(
                last_error=error.message[:500], lease_until=None
            )
    return told


def _lease(connection: Connection) -> bool:
    WmsCursor.objects.get_or_create(connection=connection)
    free = Q(lease_until=None) | Q(lease_until__lt=timezone.now())
    return bool(
        WmsCursor.objects.filter(free, connection=connection).update(lease_until=timezone.now() + LEASE)
    )


def _windows(connection: Connection) -> int:
    cursor = WmsCursor.objects.get(connection=connection)
    end = wangdiantong.now()
    oldest = (
        Parcel.objects.filter(worked_by=Parcel.Route.WANGDIANTONG, state__in=AT_WAREHOUSE)
        .order_by("handed_at")
        .values_list("handed_at", flat=True)
        .first()
    )
    start = cursor.read_until or oldest or end - wangdiantong.WINDOW
    start = max(start - OVERLAP, end - dt.timedelta(days=2))
    told = 0
    while start < end:
        until = min(start + wangdiantong.WINDOW, end)
        told += take_stockouts(connection, list(wangdiantong.changed(connection, start, until)))
        WmsCursor.objects.filter(connection=connection).update(
            read_until=until, lease_until=timezone.now() + LEASE
        )
        start = until
    return told


def _silent(connection: Connection, n: int = 20) -> int:
    before = timezone.now() - SILENT
    quiet = (
        Q(wms_polled_at__lt=before)
        | Q(wms_polled_at=None, handed_at__lt=before)
        | Q(wms_polled_at=None, weight_state="released")
    )
    rows = list(
        Parcel.objects.filter(
            quiet,
            worked_by=Parcel.Route.WANGDIANTONG,
            state__in=AT_WAREHOUSE,
            warehouse__wms_id=connection.id,
        )
        .order_by(F("wms_polled_at").asc(nulls_first=True))
        .values_list("id", "number")[:n]
    )
    told = 0
    for _identity, number in rows:
        told += take_stockouts(connection, wangdiantong.by_number(connection, number))
    Parcel.objects.filter(id__in=[identity for identity, _n in rows]).update(wms_polled_at=timezone.now())
    return told


def take_stockouts(connection: Connection, rows: Sequence[dict[str, object]]) -> int:
    """Apply stock-outs to our parcels; one that can't be read becomes a ticket and the others go on."""
    numbers = {str(row.get("src_trade_no") or row.get("src_tid") or "") for row in rows}
    mine = dict(
        Parcel.objects.filter(number__in=numbers, state__in=["numbered", *AT_WAREHOUSE]).values_list(
            "number", "id"
        )
    )
    found: dict[int, Progress] = {}
    for row in rows:
        number = str(row.get("src_trade_no") or row.get("src_tid") or "")
        if number not in mine:
            continue
        try:
            found[mine[number]] = wangdiantong.progress(row, mine[number])
        except (ValueError, TypeError) as error:
            unreadable(number, mine[number], str(error))
    if found:
        apply_progress(list(found.values()), platform(connection.platform))
        Parcel.objects.filter(id__in=found).update(wms_polled_at=timezone.now())
    return len(found)


def unreadable(number: str, parcel_id: int, what: str) -> None:
    """One ticket for a parcel whose warehouse says something that we can't read."""
    from django.utils.translation import gettext as _

    order_id = Parcel.objects.filter(id=parcel_id).values_list("order_id", flat=True).first()
    open_ticket(
        "wms_unreadable",
        f"wms:{number}",
        _("The warehouse's word on parcel %(number)s can't be read") % {"number": number},
        body=what[:500],
        role="operations",
        order_id=order_id,
    )


def poll_qimen(*, every_seconds: int = 60, n: int = 200, threads: int = 4) -> int:
    """Ask about parcels that no confirm told of; confirms by push are the first way."""
    before = timezone.now() - dt.timedelta(seconds=every_seconds)
    due = Q(wms_polled_at__lt=before) | Q(wms_polled_at=None)
    parcels = list(
        Parcel.objects.filter(due, worked_by=Parcel.Route.QIMEN, state__in=AT_WAREHOUSE)
        .select_related("warehouse")
        .order_by(F("wms_polled_at").asc(nulls_first=True), "id")[:n]
    )
    if not parcels:
        return 0
    houses = warehouses_of({parcel.warehouse_id for parcel in parcels})
    accounts = Connection.objects.in_bulk([house.qimen_id for house in houses.values() if house.qimen_id])
    # claimed before asking: a second worker asks about others
    Parcel.objects.filter(id__in=[parcel.id for parcel in parcels]).update(wms_polled_at=timezone.now())

    def one(parcel: Parcel) -> tuple[Parcel, object, list[object]]:
        account = accounts.get(handover.wms_connection(parcel.worked_by, houses[parcel.warehouse_id]) or 0)
        with http.collecting() as calls:
            try:
                answer = qimen.read(account, parcel.number, parcel.warehouse.code) if account else None
                return parcel, answer, list(calls)
            except PlatformError as error:
                return parcel, error, list(calls)

    found: list[Progress] = []
    with Pool(max_workers=threads) as pool:
        for parcel, answer, calls in pool.map(one, parcels):
            http.write_calls(calls)  # type: ignore[arg-type]
            if isinstance(answer, dict):
                try:
                    found.append(qimen.progress(answer, parcel.id))
                except ValueError as error:
                    unreadable(parcel.number, parcel.id, str(error))
            elif isinstance(answer, PlatformError):
                log.warning("qimen %s: %s", parcel.number, answer)
    if found:
        apply_progress(found, platform("qimen"))
    return len(found)
