from logistics.models.parcel import Parcel, ParcelLine, ParcelState, Wave, WeightState
from logistics.models.policy import Policy, WmsCursor
from logistics.models.tracking import Comparison, Delivery, Trace

__all__ = [
    "Comparison",
    "Delivery",
    "Parcel",
    "ParcelLine",
    "ParcelState",
    "Policy",
    "Trace",
    "Wave",
    "WeightState",
    "WmsCursor",
]
