from inventory.models.sku import Sku, SkuCode, UnknownCode
from inventory.models.stock import Movement, Reservation, Stock
from inventory.models.warehouse import Bin, Warehouse

__all__ = ["Bin", "Movement", "Reservation", "Sku", "SkuCode", "Stock", "UnknownCode", "Warehouse"]
