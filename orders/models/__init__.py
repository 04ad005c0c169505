from orders.models.case import Case
from orders.models.complaint import Complaint, ComplaintFile, ComplaintWord
from orders.models.deed import Deed
from orders.models.hold import Hold, HoldType
from orders.models.listing import ItemLimit, Listing
from orders.models.order import WATCHED, Event, Line, Order, OrderState, PaymentProof, Receiver
from orders.models.paste import Paste
from orders.models.plain import PlainRequest
from orders.models.report import ReportSchedule, SavedReport
from orders.models.risk import Blacklist, StockLock
from orders.models.shop import Shop
from orders.models.standing import Standing, StandingCount, Stir
from orders.models.step import Measured, SlowStep, StepCount, Unmeasured
from orders.models.together import Merge, MergeMember, Share, Split

__all__ = [
    "WATCHED",
    "Blacklist",
    "Case",
    "Complaint",
    "ComplaintFile",
    "ComplaintWord",
    "Deed",
    "Event",
    "Hold",
    "HoldType",
    "ItemLimit",
    "Line",
    "Listing",
    "Measured",
    "Merge",
    "MergeMember",
    "Order",
    "OrderState",
    "Paste",
    "PaymentProof",
    "PlainRequest",
    "Receiver",
    "ReportSchedule",
    "SavedReport",
    "Share",
    "Shop",
    "SlowStep",
    "Split",
    "Standing",
    "StandingCount",
    "StepCount",
    "Stir",
    "StockLock",
    "Unmeasured",
]
