from routing.models.address import (
    AddressCache,
    AddressMemory,
    AddressPick,
    AddressPolicy,
    AddressReview,
    AddressThreshold,
    KnownPlace,
)
from routing.models.capacity import CapacityDay, CapacityEntry
from routing.models.decision import Decision, Located, Override
from routing.models.outlet import Fence, FenceImport, Outlet
from routing.models.rate import Rate

__all__ = [
    "AddressCache",
    "AddressMemory",
    "AddressPick",
    "AddressPolicy",
    "AddressReview",
    "AddressThreshold",
    "CapacityDay",
    "CapacityEntry",
    "Decision",
    "Fence",
    "FenceImport",
    "KnownPlace",
    "Located",
    "Outlet",
    "Override",
    "Rate",
]
