from routing.admin import capacity, decision, fence, outlet, rate

__all__ = ["capacity", "decision", "fence", "outlet", "rate"]
