from logistics.models.parcel import Parcel, ParcelLine, ParcelState, Wave
from logistics.models.tracking import Delivery, Trace

__all__ = ["Delivery", "Parcel", "ParcelLine", "ParcelState", "Trace", "Wave"]
