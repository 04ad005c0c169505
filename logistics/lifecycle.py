"""The life of a parcel as one table; its order follows it (operations/follow.py) in another transaction.

`number`, `hand` and the warehouse's steps are answers or facts told by others; `wave` to `ship` are also what
our own waves do where no warehouse system serves. Before shipping a parcel can be stopped and voided.
"""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from logistics.models.parcel import ParcelState as P
from orderhub.lifecycle import Lifecycle, Touch

#: Where a parcel is before it leaves the house.
BEFORE_SHIPPING = (P.PLANNED, P.NUMBERED, P.HANDED, P.WAVED, P.PACKED, P.PRINTED)
#: Where the warehouse has it.
AT_WAREHOUSE = (P.HANDED, P.WAVED, P.PACKED, P.PRINTED)
#: The order of progress; `returned` counts as shipped for the order, `voided` not at all.
RANK: dict[str, int] = {
    P.PLANNED: 0, P.NUMBERED: 0, P.HANDED: 1, P.WAVED: 2, P.PACKED: 3, P.PRINTED: 4, P.SHIPPED: 5, P.RETURNED: 5,
    P.SIGNED: 6,
}  # fmt: skip

TOUCHES = (
    Touch(
        code="number",
        label=_("Waybill number obtained"),
        start=(P.PLANNED,),
        end=P.NUMBERED,
        by="logistics.operations.waybill.number",
    ),
    Touch(
        code="hand",
        label=_("Handed to the warehouse"),
        start=(P.NUMBERED,),
        end=P.HANDED,
        by="logistics.operations.handover.hand",
    ),
    Touch(
        code="wave",
        label=_("In a pick wave"),
        start=(P.HANDED,),
        end=P.WAVED,
        by="logistics.operations.steps.wave",
        permission="logistics.work_parcel",
    ),
    Touch(
        code="pack",
        label=_("Packed and weighed"),
        start=(P.WAVED,),
        end=P.PACKED,
        by="logistics.operations.steps.pack",
        permission="logistics.work_parcel",
    ),
    Touch(
        code="print",
        label=_("Label printed"),
        start=(P.PACKED,),
        end=P.PRINTED,
        by="logistics.operations.steps.print_label",
        permission="logistics.work_parcel",
    ),
    Touch(
        code="ship",
        label=_("Shipped"),
        start=(P.PRINTED,),
        end=P.SHIPPED,
        by="logistics.operations.shipping.ship",
        guards=("logistics.guards.weight_accepted",),
        permission="logistics.work_parcel",
    ),
    Touch(
        code="sign",
        label=_("Signed"),
        start=(P.SHIPPED, P.RETURNED),
        end=P.SIGNED,
        by="logistics.operations.tracking.sign",
        module="tracking",
    ),
    Touch(
        code="return",
        label=_("Returned to us"),
        start=(P.SHIPPED,),
        end=P.RETURNED,
        by="logistics.operations.tracking.come_back",
        module="tracking",
    ),
    Touch(
        code="stop",
        label=_("Warehouse asked to stop"),
        start=AT_WAREHOUSE,
        end=None,
        by="logistics.operations.voids.stop",
        permission="logistics.void_parcel",
        danger=True,
    ),
    Touch(
        code="refuse",
        label=_("Refused by the warehouse"),
        start=(P.NUMBERED, *AT_WAREHOUSE),
        end=P.VOIDED,
        by="logistics.operations.voids.refuse",
    ),
    Touch(
        code="void",
        label=_("Voided"),
        start=BEFORE_SHIPPING,
        end=P.VOIDED,
        by="logistics.operations.voids.void",
        permission="logistics.void_parcel",
        danger=True,
    ),
)

LIFECYCLE = Lifecycle(
    name="parcels",
    table="logistics_parcel",
    columns=(
        "number",
        "order_id",
        "warehouse_id",
        "worked_by",
        "carrier",
        "service",
        "outlet_code",
        "destination_version",
        "waybill_no",
        "expected_weight_g",
        "weight_g",
        "weight_state",
        "hold_type",
        "stop_reason",
        "wms_reference",
        "shipped_at",
        "rides_with_id",
    ),
    touches=TOUCHES,
    on_move="logistics.timeline.on_move",
    set_aside="logistics.operations.holding.set_aside",
)
