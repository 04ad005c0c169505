from orders.admin import case, order, shop

__all__ = ["case", "order", "shop"]
