"""Numbers that left a warehouse are acknowledged to its system once they are known here; until then they come again.

The list is a second witness of what left: a parcel that no window told of is asked about by its number, and a
number that is not ours is told to people before the system is told that we could not take it.
"""

from __future__ import annotations

from collections.abc import Sequence

from django.utils.translation import gettext as _

from inventory.models import Warehouse
from logistics.ghosts import LEFT
from logistics.lifecycle import AT_WAREHOUSE
from logistics.models import Parcel, WmsCursor
from logistics.operations.progress import take_stockouts
from logistics.providers import wangdiantong
from logistics.providers.numbers import Numbered, Word
from orderhub.integrations.errors import PlatformError
from orderhub.integrations.importance import Importance, spending
from orderhub.models import Connection
from orderhub.tickets.opening import open_ticket

#: Parcels asked about by their number in one look; the others come again.
ASKED = 20
#: Errors that say nothing about the number that was asked about.
DOWN = ("retry", "unknown")
BEFORE = frozenset({"numbered", *AT_WAREHOUSE})


def acknowledge() -> int:
    """Acknowledge to every warehouse system what is known here; returns how many numbers were taken."""
    used = Warehouse.objects.filter(wms__platform__in=wangdiantong.DIALECTS).values("wms_id")
    taken = 0
    with spending(Importance.PULL):
        for account in Connection.objects.filter(id__in=used).exclude(state="disabled").order_by("id"):
            try:
                taken += _of(account)
            except PlatformError as error:
                WmsCursor.objects.filter(connection=account).update(last_error=error.message[:500])
    return taken


def _of(account: Connection) -> int:
    offered = wangdiantong.unacknowledged(account)
    if not offered:
        return 0
    parcels = _parcels(offered)
    behind = [row.number for row in offered if (one := parcels.get(row.number)) and one.state in BEFORE]
    failed = _ask(account, behind[:ASKED])
    if behind:
        parcels = _parcels(offered)
    words = [_word(row, parcels.get(row.number)) for row in offered]
    wangdiantong.acknowledge(account, words)
    if failed:
        WmsCursor.objects.filter(connection=account).update(last_error=failed[:500])
    return sum(word.word == "taken" for word in words)


def _ask(account: Connection, numbers: Sequence[str]) -> str:
    """Ask about parcels by their numbers; one that can't be asked about stops no other: what was said of the last such.

    Raises PlatformError where two in a row have no answer: the system is down, and the next look comes.
    """
    failed, silent = "", 0
    for number in numbers:
        try:
            take_stockouts(account, wangdiantong.by_number(account, number))
            silent = 0
        except PlatformError as error:
            failed, silent = f"{number}: {error.message}", silent + 1 if error.kind in DOWN else 0
            if silent > 1:
                raise
    return failed


def _parcels(offered: Sequence[Numbered]) -> dict[str, Parcel]:
    rows = Parcel.objects.filter(number__in={row.number for row in offered})
    return {row.number: row for row in rows.only("id", "number", "order_id", "state", "waybill_no")}


def _word(row: Numbered, parcel: Parcel | None) -> Word:
    """A number is taken where it is ours and left; what can't be taken is a ticket, once."""
    if parcel is None:
        text = _("OrderHub has no parcel of this number.")
        title = _("The warehouse shipped %(number)s, which OrderHub does not know") % {"number": row.number}
        todo = _(
            "Ask the warehouse who ordered it. If it was pushed by another system, give that one a shop number of its own."
        )
        return _not_taken(row, None, text, title, todo)
    if row.waybill_no and row.waybill_no != parcel.waybill_no:
        text = _("Here the parcel has the waybill %(waybill)s.") % {"waybill": parcel.waybill_no or "-"}
        title = _("Parcel %(number)s left with waybill %(theirs)s, here it has %(ours)s") % {
            "number": row.number,
            "theirs": row.waybill_no,
            "ours": parcel.waybill_no or "-",
        }
        todo = _(
            "Look at the label on the parcel. The buyer follows the number that was reported to the shop."
        )
        return _not_taken(row, parcel, text, title, todo)
    if parcel.state in LEFT:
        return Word(row.id, "taken")
    if parcel.state in BEFORE:
        return Word(row.id, "later", _("The parcel has not left here yet."))
    return Word(
        row.id, "failed", _("The parcel is voided here.")
    )  # the comparison of all four sides tells people


def _not_taken(row: Numbered, parcel: Parcel | None, text: str, title: str, todo: str) -> Word:
    open_ticket(
        "wms_number",
        f"wms-number:{row.number}",
        title,
        body=todo,
        role="warehouse_manager",
        order_id=parcel.order_id if parcel else None,
    )
    return Word(row.id, "failed", text)
