"""Ghost orders: where our state, the warehouse's, the carrier's and the channel's disagree. One table of kinds.

A word that could not be learned is "" and proves nothing: no ticket is opened from it and none is closed.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext_lazy as _

#: Where a parcel is here before it has left.
INSIDE = frozenset({"handed", "waved", "packed", "printed"})
LEFT = frozenset({"shipped", "signed", "returned"})
#: The carrier's words for a parcel that it has in hand.
MOVING = frozenset({"picked_up", "transit", "delivering", "problem", "refused", "damaged", "returning"})


@dataclass(frozen=True, slots=True)
class View:
    """One parcel as four see it. warehouse: missing cancelled working shipped · carrier: none or the axis' words ·
    channel: a ChannelState · each "" where it is not known.
    """

    id: int
    number: str
    order_id: int
    waybill_no: str
    state: str
    stopping: bool = False
    in_trouble: bool = False
    order_held: bool = False
    order_state: str = ""
    reported: bool = False
    warehouse: str = ""
    carrier: str = ""
    channel: str = ""


@dataclass(frozen=True, slots=True)
class Ghost:
    """One kind of disagreement. `asks` are the words it is judged by; `role` is who can end it."""

    code: str
    title: Any
    todo: Any
    when: Callable[[View], bool]
    asks: tuple[str, ...]
    role: str = "warehouse_manager"

    def seen(self, view: View) -> bool | None:
        """Whether the parcel disagrees in this way; None where a word is missing."""
        return self.when(view) if all(getattr(view, name) for name in self.asks) else None


GHOSTS: tuple[Ghost, ...] = (
    Ghost(
        "shipped_unknown_there",
        _("Parcel %(number)s is shipped here, the warehouse does not know it"),
        _(
            "Ask the warehouse whether it holds the goods. If nobody packed it, void the waybill and hand the order over again."
        ),
        lambda v: v.state in LEFT and v.warehouse == "missing",
        ("warehouse",),
    ),
    Ghost(
        "shipped_not_there",
        _("Parcel %(number)s is shipped here, but not in the warehouse"),
        _(
            "Look for the parcel at the pack station. If it still lies there, let it leave; if it has left, have it confirmed."
        ),
        lambda v: v.state in LEFT and v.warehouse in ("working", "cancelled"),
        ("warehouse",),
    ),
    Ghost(
        "there_not_here",
        _("The warehouse shipped parcel %(number)s, here it is not shipped"),
        _(
            "Open the parcel: a hold or an unread confirm keeps it back. Release the hold, or enter weight and shipping by hand."
        ),
        lambda v: v.state in INSIDE and not v.in_trouble and v.warehouse == "shipped",
        ("warehouse",),
    ),
    Ghost(
        "lost_there",
        _("The warehouse does not know parcel %(number)s, which was handed over"),
        _(
            "Ask the warehouse. If it never arrived there, void the parcel; the order is then planned and handed over again."
        ),
        lambda v: v.state in INSIDE and v.warehouse == "missing",
        ("warehouse",),
    ),
    Ghost(
        "cancelled_there",
        _("The warehouse cancelled parcel %(number)s, here it is alive"),
        _("Ask the warehouse why. Void the parcel and hand the order over again, or cancel the order."),
        lambda v: v.state in INSIDE and not v.stopping and v.warehouse == "cancelled",
        ("warehouse",),
    ),
    Ghost(
        "cancelled_here",
        _("Parcel %(number)s is voided here, the warehouse still works it"),
        _(
            "Call the warehouse and have it stopped at once; if it has left, ask the carrier to bring it back."
        ),
        lambda v: v.state == "voided" and v.warehouse in ("working", "shipped"),
        ("warehouse",),
    ),
    Ghost(
        "moves_in_sorting",
        _("The carrier moves parcel %(number)s, here it is still in sorting"),
        _("Compare the label with the goods: a parcel left unscanned, or the number is on another parcel."),
        lambda v: v.state in INSIDE and not v.in_trouble and v.warehouse != "shipped" and v.carrier in MOVING,
        ("carrier",),
    ),
    Ghost(
        "moves_voided",
        _("The carrier moves parcel %(number)s, which is voided here"),
        _("Ask the carrier to bring it back, and find out which goods travel under this number."),
        lambda v: v.state == "voided" and v.carrier in MOVING | {"signed"},
        ("carrier",),
        "customer_service",
    ),
    Ghost(
        "signed_not_here",
        _("The carrier says parcel %(number)s is signed, here it is not"),
        _(
            "Compare waybill and receiver with the carrier. If it is ours, let it leave here; if not, the number is another's."
        ),
        lambda v: v.state in INSIDE | {"shipped"} and v.carrier == "signed",
        ("carrier",),
        "customer_service",
    ),
    Ghost(
        "channel_shipped",
        _("The channel says that the order of parcel %(number)s is shipped, here it is not"),
        _("Somebody shipped it in the platform's own back office. Stop this parcel, or it is sent twice."),
        lambda v: v.state in INSIDE and not v.reported and v.channel in ("shipped", "finished"),
        ("channel",),
        "customer_service",
    ),
    Ghost(
        "channel_waits",
        _("Parcel %(number)s is shipped and reported, the channel still waits for it"),
        _(
            "Report the shipment again from the order's page, or enter carrier and number in the platform's back office."
        ),
        lambda v: v.state in LEFT and v.reported and v.channel == "to_ship",
        ("channel",),
        "customer_service",
    ),
    Ghost(
        "channel_closed",
        _("The channel closed the order of parcel %(number)s, here it goes on"),
        _("Stop the parcel and cancel the order: its buyer has the money back."),
        lambda v: (
            v.state in INSIDE
            and not (v.stopping or v.order_held)
            and v.order_state != "cancelled"
            and v.channel in ("cancelled", "refunded")
        ),
        ("channel",),
        "customer_service",
    ),
)
BY_CODE = {ghost.code: ghost for ghost in GHOSTS}
