"""A database full of orders, as if touched: for measurements, for practice, for looking at a million of them.

The goods, baskets and addresses are the sandbox's real sample; receivers are made up. Nothing is asked of any platform.
"""

from orderhub.management.seeding.filling import Filled, fill, filled

__all__ = ["Filled", "fill", "filled"]
