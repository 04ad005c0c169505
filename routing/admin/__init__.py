from routing.admin import address, capacity, decision, fence, outlet, rate

__all__ = ["address", "capacity", "decision", "fence", "outlet", "rate"]
