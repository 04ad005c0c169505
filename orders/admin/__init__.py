from orders.admin import order

__all__ = ["order"]
