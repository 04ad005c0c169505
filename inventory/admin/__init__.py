from inventory.admin import board, drift, purchase, sku, stock, unknown, warehouse

__all__ = ["board", "drift", "purchase", "sku", "stock", "unknown", "warehouse"]
