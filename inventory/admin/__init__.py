from inventory.admin import purchase, sku, stock, unknown, warehouse

__all__ = ["purchase", "sku", "stock", "unknown", "warehouse"]
