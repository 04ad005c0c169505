from inventory.models.claim import Claim
from inventory.models.drift import Drift
from inventory.models.purchase import PurchaseLine, PurchaseOrder, Supplier
from inventory.models.putaway import PutAway
from inventory.models.shown import ShownFactor, ShownHistory
from inventory.models.sku import BundlePart, Sku, SkuCode, UnknownCode
from inventory.models.stock import Backorder, Movement, Reservation, Stock
from inventory.models.warehouse import Bin, Warehouse

__all__ = [
    "Backorder",
    "Bin",
    "BundlePart",
    "Claim",
    "Drift",
    "Movement",
    "PurchaseLine",
    "PurchaseOrder",
    "PutAway",
    "Reservation",
    "ShownFactor",
    "ShownHistory",
    "Sku",
    "SkuCode",
    "Stock",
    "Supplier",
    "UnknownCode",
    "Warehouse",
]
