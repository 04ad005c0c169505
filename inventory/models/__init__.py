from inventory.models.purchase import PurchaseLine, PurchaseOrder, Supplier
from inventory.models.sku import Sku, SkuCode, UnknownCode
from inventory.models.stock import Movement, Reservation, Stock
from inventory.models.warehouse import Bin, Warehouse

__all__ = [
    "Bin",
    "Movement",
    "PurchaseLine",
    "PurchaseOrder",
    "Reservation",
    "Sku",
    "SkuCode",
    "Stock",
    "Supplier",
    "UnknownCode",
    "Warehouse",
]
