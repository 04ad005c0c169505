"""Places of outlets as a ledger: held when routed, confirmed when handed over, given back when voided.

Counters and ledger move in one transaction under the lock of the day's row, which is always taken in the
order of outlet ids; the database itself refuses to over-fill a day (`capacity_never_over_filled`).
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from django.db import connection, transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from logistics.queries import riding
from orderhub.copying import copy_rows
from orderhub.lifecycle import Overtaken
from orders import queries as orders
from routing import fences

ENTRY_COLUMNS = ("capacity_id", "order_id", "change", "at")
_HANDED = frozenset({"released", "waved", "packed", "printed", "shipped", "signed", "closed"})
#: Days whose every candidate row was seen to exist, so that no INSERT is needed: (day, outlet id).
_seen: set[tuple[dt.date, int]] = set()


class TooFewPlaces(ValueError):
    """Fewer places than are taken already."""


@dataclass(slots=True)
class Day:
    """One locked row."""

    id: int
    outlet_id: int
    free: int
    held: int = 0  # changes of this transaction
    confirmed: int = 0
    read: int = 0  # `free` as it was read


@dataclass(slots=True)
class Places:
    """The days of a batch; what is taken and given back is counted in memory and written by `write` and `count`.

    They are locked, or, where `late` says so, read without a lock and locked by `count`.
    """

    today: dict[int, Day] = field(default_factory=dict)  # outlet id: today's row
    rows: dict[int, Day] = field(default_factory=dict)  # capacity id: any locked row
    mine: dict[int, tuple[int, str]] = field(default_factory=dict)  # order: (capacity id, held | confirmed)
    entries: list[tuple[int, int, str]] = field(default_factory=list)
    late: bool = False

    def left(self, outlet_id: int) -> int:
        """Free places today, after what this batch has taken."""
        row = self.today.get(outlet_id)
        return row.free if row is not None else 0

    def take(self, order_id: int, outlet_id: int) -> bool:
        """Hold a place today; False when there is none. What the order held before is given back first."""
        row = self.today.get(outlet_id)
        self.give_back(order_id)
        if row is None or row.free <= 0:
            return False
        row.free -= 1
        row.held += 1
        self.mine[order_id] = (row.id, "held")
        self.entries.append((row.id, order_id, "held"))
        return True

    def give_back(self, order_id: int) -> bool:
        """Return the order's place, if it has one."""
        had = self.mine.pop(order_id, None)
        if had is None:
            return False
        row = self.rows[had[0]]
        row.free += 1
        if had[1] == "held":
            row.held -= 1
        else:
            row.confirmed -= 1
        self.entries.append((row.id, order_id, "returned"))
        return True

    def confirm(self, order_id: int) -> bool:
        """A held place becomes a confirmed one; False when the order holds none."""
        had = self.mine.get(order_id)
        if had is None or had[1] != "held":
            return False
        row = self.rows[had[0]]
        row.held -= 1
        row.confirmed += 1
        self.mine[order_id] = (row.id, "confirmed")
        self.entries.append((row.id, order_id, "confirmed"))
        return True

    def write(self, now: dt.datetime) -> None:
        """The ledger, by COPY."""
        copy_rows("routing_capacityentry", ENTRY_COLUMNS, [(*entry, now) for entry in self.entries])
        self.entries.clear()

    def count(self, margin: int = 0) -> None:
        """One UPDATE of the counters.

        Where others took places of a day between a late reading and now, and no more than `margin` are left of it,
        the figures that were decided with may not hold any more: Overtaken. The database refuses a day over-filled.
        """
        moved = [row for row in self.rows.values() if row.held or row.confirmed]
        if moved:
            if self.late:
                self._lock(moved, margin)
            with connection.cursor() as cursor:
                cursor.execute(
                    """UPDATE routing_capacityday c SET held = c.held + v.held, confirmed = c.confirmed + v.confirmed
                       FROM unnest(%s::bigint[], %s::int[], %s::int[]) AS v(id, held, confirmed)
                       WHERE c.id = v.id AND c.id = ANY(%s::bigint[])""",
                    [
                        [row.id for row in moved],
                        [row.held for row in moved],
                        [row.confirmed for row in moved],
                        [row.id for row in moved],
                    ],
                )
        for row in moved:
            row.held = row.confirmed = 0

    def _lock(self, rows: list[Day], margin: int) -> None:
        with connection.cursor() as cursor:
            cursor.execute(
                """SELECT id, places - held - confirmed FROM routing_capacityday WHERE id = ANY(%s)
                   ORDER BY outlet_id, day FOR UPDATE""",
                [[row.id for row in rows]],
            )
            free = dict(cursor.fetchall())
        for row in rows:
            if free[row.id] != row.read and free[row.id] - row.read + row.free <= margin:
                raise Overtaken(f"places of outlet {row.outlet_id}")


def standing(order_ids: Sequence[int]) -> dict[int, tuple[int, str]]:
    """{order: (capacity id, held | confirmed)} of the orders that have a place: their last line of the ledger."""
    with connection.cursor() as cursor:
        cursor.execute(
            """SELECT DISTINCT ON (order_id) order_id, capacity_id, change FROM routing_capacityentry
               WHERE order_id = ANY(%s) ORDER BY order_id, id DESC""",
            [list(order_ids)],
        )
        return {
            order: (capacity, change) for order, capacity, change in cursor.fetchall() if change != "returned"
        }


def lock(
    outlet_ids: Iterable[int],
    order_ids: Sequence[int],
    mine: dict[int, tuple[int, str]] | None = None,
    *,
    late: bool = False,
) -> Places:
    """Lock today's rows of the outlets, and the rows on which the orders stand, by outlet id; makes missing rows.

    `mine` is what `standing` said; each order's row of the lifecycle must be locked already, or `mine` be left out.
    `late` puts the locks off until `count`, where no row was made and no order stands on one.
    """
    day = fences.today()
    wanted = sorted(set(outlet_ids))
    places = Places(mine=dict(mine or {}))
    missing = [outlet for outlet in wanted if (day, outlet) not in _seen]
    made = 0
    with connection.cursor() as cursor:
        if missing:
            cursor.execute(
                """INSERT INTO routing_capacityday (outlet_id, day, places, held, confirmed)
                   SELECT id, %s, daily_capacity, 0, 0 FROM routing_outlet WHERE id = ANY(%s) ORDER BY id
                   ON CONFLICT (outlet_id, day) DO NOTHING""",
                [day, missing],
            )
            made = cursor.rowcount
        places.late = late and not made and mine is not None and not mine
        cursor.execute(
            f"""SELECT id, outlet_id, day, places - held - confirmed FROM routing_capacityday
               WHERE (outlet_id = ANY(%s) AND day = %s) OR id = ANY(%s)
               ORDER BY outlet_id, day {"" if places.late else "FOR UPDATE"}""",
            [wanted, day, sorted({capacity for capacity, _ in places.mine.values()})],
        )
        for identity, outlet, date, free in cursor.fetchall():
            row = Day(identity, outlet, free, read=free)
            places.rows[identity] = row
            if date == day:
                places.today[outlet] = row
    if missing and not made:  # all of them are committed by somebody else
        _seen.difference_update({entry for entry in _seen if entry[0] != day})
        _seen.update((day, outlet) for outlet in missing)
    if mine is None and order_ids:
        places.mine = {i: had for i, had in standing(order_ids).items() if had[0] in places.rows}
    return places


def confirm(order_ids: Sequence[int]) -> int:
    """The places of orders that were handed over become confirmed. Idempotent; returns how many moved."""
    return _move(order_ids, "confirm")


def give_back(order_ids: Sequence[int]) -> int:
    """The places of cancelled or voided orders are free again. Idempotent; returns how many moved."""
    return _move(order_ids, "give_back")


def _move(order_ids: Sequence[int], verb: str) -> int:
    with transaction.atomic():
        seen = standing(order_ids)
        if not seen:
            return 0
        places = lock((), order_ids, seen)
        # The ledger is read again under the locks: another worker may have moved a place in between.
        places.mine = {order: had for order, had in standing(order_ids).items() if had[0] in places.rows}
        moved = sum(getattr(places, verb)(order_id) for order_id in sorted(places.mine))
        places.write(timezone.now())
        places.count()
    return moved


def settle(limit: int = 5000) -> dict[str, int]:
    """Bring the ledger up to the orders: handed-over ones confirm their place, cancelled ones give it back."""
    with connection.cursor() as cursor:
        cursor.execute(
            """SELECT e.order_id FROM routing_capacityentry e
               WHERE e.change = 'held' AND e.at > now() - interval '30 days'
                 AND NOT EXISTS (SELECT 1 FROM routing_capacityentry l WHERE l.order_id = e.order_id AND l.id > e.id)
               ORDER BY e.id LIMIT %s""",
            [limit],
        )
        open_ids = [row[0] for row in cursor.fetchall()]
    states = {identity: head.state for identity, head in orders.heads(open_ids).items()} if open_ids else {}
    handed = [identity for identity in open_ids if states.get(identity) in _HANDED]
    inside = riding(open_ids) if open_ids else {}  # one parcel is one pick-up, whatever is in it
    handed = [identity for identity in handed if identity not in inside]
    gone = [i for i in open_ids if states.get(i) == "cancelled" or inside.get(i)]
    return {"confirmed": confirm(handed), "returned": give_back(gone)}


def set_places(outlet_id: int, day: dt.date, places: int) -> None:
    """Set how many pick-ups an outlet takes on a day. TooFewPlaces when more are taken already."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(
            """INSERT INTO routing_capacityday (outlet_id, day, places, held, confirmed) VALUES (%s, %s, %s, 0, 0)
               ON CONFLICT (outlet_id, day) DO UPDATE SET places = excluded.places
               WHERE routing_capacityday.held + routing_capacityday.confirmed <= excluded.places RETURNING id""",
            [outlet_id, day, places],
        )
        if cursor.fetchone() is None:
            raise TooFewPlaces(_("More places than that are taken already."))


def set_many(rows: Iterable[tuple[str, dt.date, int]]) -> list[tuple[int, str]]:
    """Set (outlet code, day, places) from an import; returns the (index, reason) of the rows that were refused."""
    from routing.models import Outlet

    listed: list[Any] = list(rows)
    ids = dict(Outlet.objects.filter(code__in={row[0] for row in listed}).values_list("code", "id"))
    refused: list[tuple[int, str]] = []
    for i, (code, day, places) in enumerate(listed):
        if code not in ids:
            refused.append((i, _("No outlet has the code %(code)s.") % {"code": code}))
            continue
        if places < 0:
            refused.append((i, _("Places cannot be negative.")))
            continue
        try:
            set_places(ids[code], day, places)
        except TooFewPlaces as error:
            refused.append((i, str(error)))
    return refused
