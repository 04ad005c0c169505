from orders.admin import case, order, report_schedule, shop

__all__ = ["case", "order", "report_schedule", "shop"]
