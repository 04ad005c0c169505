"""The whole life of an order, as one table. Start reading here.

Eleven touchpoints (`point`) from payment to the confirmed receivable and the return. From this table come
the admin's buttons, the API's actions, the README's table and the tests. Points are facts, not a forced
order: C8, C10 and C11 do not move the order, they happen to it.
"""

from __future__ import annotations

from datetime import timedelta

from django.utils.translation import gettext_lazy as _

from orderhub.lifecycle import Lifecycle, Touch
from orders.models.order import OrderState as S

BEFORE_SHIPPING = (
    S.UNPAID,
    S.CLAIMED,
    S.PAID,
    S.RESERVED,
    S.ROUTED,
    S.RELEASED,
    S.WAVED,
    S.PACKED,
    S.PRINTED,
)
#: A warehouse has it, or is about to.
AT_WAREHOUSE = (S.ROUTED, S.RELEASED, S.WAVED, S.PACKED, S.PRINTED)
#: The order in which a parcel's progress may carry its order forward.
ADVANCE = (S.ROUTED, S.RELEASED, S.WAVED, S.PACKED, S.PRINTED, S.SHIPPED, S.SIGNED)

TOUCHES = (
    Touch(
        code="hold_unpaid",
        label=_("Stock held until it is paid"),
        start=(S.UNPAID,),
        end=None,
        auto=True,
        module="stock",
        when="held_until IS NULL",
        by="orders.operations.unpaid.hold",
        guards=("orders.guards.no_open_hold",),
        locks=("orders.operations.stock.lock",),
    ),
    Touch(
        code="claim",
        label=_("Payment reported"),
        start=(S.UNPAID,),
        end=S.CLAIMED,
        by="orders.operations.payment.claim",
    ),
    Touch(
        code="verify",
        label=_("Payment confirmed"),
        point=1,
        start=(S.CLAIMED,),
        end=S.PAID,
        auto=True,
        module="payment",
        target=timedelta(seconds=30),
        by="orders.operations.payment.verify",
        guards=("orders.guards.no_open_hold",),
    ),
    Touch(
        code="reserve",
        label=_("Stock reserved"),
        point=2,
        start=(S.PAID,),
        end=S.RESERVED,
        auto=True,
        module="stock",
        target=timedelta(seconds=10),
        by="orders.operations.stock.reserve",
        guards=("orders.guards.no_open_hold",),
        locks=("orders.operations.stock.lock",),
    ),
    Touch(
        code="route",
        label=_("Routed"),
        point=3,
        start=(S.RESERVED,),
        end=S.ROUTED,
        auto=True,
        module="shipping",
        target=timedelta(seconds=10),
        by="routing.operations.route.route",
        guards=("orders.guards.no_open_hold", "routing.guards.address_known"),
        locks=("routing.operations.route.lock", "orders.operations.stock.lock"),
    ),
    Touch(
        code="release",
        label=_("Handed to the warehouse"),
        start=(S.ROUTED,),
        end=S.RELEASED,
        target=timedelta(seconds=60),
        by="orders.operations.follow.follow",
    ),
    Touch(
        code="wave",
        label=_("In a pick wave"),
        point=4,
        start=(S.RELEASED,),
        end=S.WAVED,
        target=timedelta(hours=4),
        by="orders.operations.follow.follow",
    ),
    Touch(
        code="pack",
        label=_("Packed and weighed"),
        point=5,
        start=(S.WAVED,),
        end=S.PACKED,
        target=timedelta(hours=4),
        by="orders.operations.follow.follow",
    ),
    Touch(
        code="print",
        label=_("Label printed"),
        point=6,
        start=(S.PACKED,),
        end=S.PRINTED,
        target=timedelta(hours=1),
        by="orders.operations.follow.follow",
    ),
    Touch(
        code="ship",
        label=_("Shipped"),
        start=(S.PRINTED,),
        end=S.SHIPPED,
        target=timedelta(hours=4),
        by="orders.operations.follow.ship",
    ),
    Touch(
        code="sign",
        label=_("Signed"),
        point=7,
        start=(S.SHIPPED,),
        end=S.SIGNED,
        module="tracking",
        target=timedelta(hours=72),
        by="orders.operations.follow.sign",
    ),
    Touch(
        code="invoice",
        label=_("Invoice requested"),
        point=8,
        start=(S.SIGNED,),
        end=None,
        module="invoice",
        by="orders.operations.follow.note",
    ),
    Touch(
        code="open_aftersale",
        label=_("After-sale open"),
        point=10,
        start=(S.SIGNED,),
        end=None,
        auto=True,
        module="aftersale",
        when="aftersale_until IS NULL",
        by="orders.operations.aftersale.open_window",
    ),
    Touch(
        code="close",
        label=_("Receivable confirmed"),
        point=9,
        start=(S.SIGNED,),
        end=S.CLOSED,
        module="finance",
        by="orders.operations.close.close",
        guards=("orders.guards.no_open_hold", "orders.guards.no_open_case"),
    ),
    Touch(
        code="receive_return",
        label=_("Return received"),
        point=11,
        start=(S.SHIPPED, S.SIGNED, S.CLOSED),
        end=None,
        module="aftersale",
        permission="orders.change_case",
        by="orders.operations.returning.receive_return",
    ),
    Touch(
        code="reroute",
        label=_("Route again"),
        start=(S.ROUTED,),
        end=S.RESERVED,
        permission="orders.change_order",
        by="orders.operations.stock.back_to_reserved",
        guards=("orders.guards.not_yet_handed_over",),
    ),
    Touch(
        code="give_back",
        label=_("Goods given back"),
        start=(S.RESERVED,),
        end=S.PAID,
        permission="orders.change_order",
        by="orders.operations.swapping.given_back",
        locks=("orders.operations.stock.lock",),
    ),
    Touch(
        code="refuse",
        label=_("Refused by the warehouse"),
        start=AT_WAREHOUSE,
        end=S.PAID,
        by="orders.operations.refusing.refused",
        locks=("orders.operations.stock.lock",),
    ),
    Touch(
        code="revive",
        label=_("Paid after it had expired"),
        start=(S.CANCELLED,),
        end=S.CLAIMED,
        by="orders.operations.unpaid.revived",
    ),
    Touch(
        code="cancel",
        label=_("Cancelled"),
        start=BEFORE_SHIPPING,
        end=S.CANCELLED,
        permission="orders.change_order",
        danger=True,
        by="orders.operations.close.cancel",
        locks=("orders.operations.stock.lock",),
    ),
)

#: Touches that need more to be said than yes: a button or a call with nothing else does not make them.
OWN_FORM = frozenset({"receive_return"})

LIFECYCLE = Lifecycle(
    name="orders",
    table="orders_order",
    columns=(
        "number",
        "shop_id",
        "channel_number",
        "refund_state",
        "paid_at",
        "payable",
        "open_holds",
        "adcode",
        "warehouse_id",
        "carrier",
        "outlet_code",
        "destination_version",
        "piece_count",
        "promised_ship_at",
        "preferred",
        "refused_by",
        "expires_at",
        "held_until",
        "aftersale_until",
    ),
    touches=TOUCHES,
    on_move="orders.timeline.on_move",
    set_aside="orders.operations.holds.set_aside",
)
