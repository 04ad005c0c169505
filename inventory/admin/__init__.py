from inventory.admin import sku, stock, unknown, warehouse

__all__ = ["sku", "stock", "unknown", "warehouse"]
