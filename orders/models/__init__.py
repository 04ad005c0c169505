from orders.models.case import Case
from orders.models.hold import Hold, HoldType
from orders.models.order import Event, Line, Order, OrderState, PaymentProof, Receiver
from orders.models.shop import Shop

__all__ = [
    "Case",
    "Event",
    "Hold",
    "HoldType",
    "Line",
    "Order",
    "OrderState",
    "PaymentProof",
    "Receiver",
    "Shop",
]
