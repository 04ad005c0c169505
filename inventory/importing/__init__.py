"""What may be brought by file of goods and stock, in the order of the page."""

from inventory.importing.bundles import Bundles
from inventory.importing.codes import Codes
from inventory.importing.counts import Counts
from inventory.importing.purchases import Purchases
from inventory.importing.receipts import Receipts
from inventory.importing.skus import Skus
from orderhub.imports.resources import Bringing

RESOURCES: dict[str, type[Bringing]] = {
    one.code: one for one in (Skus, Codes, Counts, Purchases, Receipts, Bundles)
}
