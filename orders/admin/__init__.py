from orders.admin import case, listing, order, report_schedule, shop

__all__ = ["case", "listing", "order", "report_schedule", "shop"]
