from inventory.admin import drift, purchase, sku, stock, unknown, warehouse

__all__ = ["drift", "purchase", "sku", "stock", "unknown", "warehouse"]
