from orders.admin import order, shop

__all__ = ["order", "shop"]
