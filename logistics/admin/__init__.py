from logistics.admin import delivery, parcel, station, wave
from logistics.admin.words import say

say()

__all__ = ["delivery", "parcel", "station", "wave"]
