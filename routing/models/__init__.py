from routing.models.outlet import CapacityDay, CapacityEntry, Decision, Fence, Outlet, Rate

__all__ = ["CapacityDay", "CapacityEntry", "Decision", "Fence", "Outlet", "Rate"]
