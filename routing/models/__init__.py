from routing.models.capacity import CapacityDay, CapacityEntry
from routing.models.decision import Decision, Located, Override
from routing.models.outlet import Fence, FenceImport, Outlet
from routing.models.rate import Rate

__all__ = [
    "CapacityDay",
    "CapacityEntry",
    "Decision",
    "Fence",
    "FenceImport",
    "Located",
    "Outlet",
    "Override",
    "Rate",
]
