"""How an order's discount, freight and refunds fall on its lines: the parts always add up to the whole.

Amounts are yuan with two decimals. Shares follow the goods' value by the largest remainder, so no line is
ever more than a fen from its due, none is asked for less than nothing, and the last refund is the residual.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from decimal import Decimal

from django.utils.translation import gettext as _

from orderhub.money import BadMoney, allocate, yuan

ZERO = Decimal("0.00")


def allocate_lines(
    goods: Sequence[Decimal], discount: Decimal, freight: Decimal
) -> list[tuple[Decimal, Decimal, Decimal]]:
    """(discount, freight share, payable) of each line; Σ payable = Σ goods − discount + freight.

    A line's payable includes its freight share. The discount is taken from the goods first, and from the
    freight only where it is larger than they are. A negative discount (a seller's surcharge) is added in the
    same proportion. BadMoney where goods or freight are negative, or the discount is larger than all that
    could be paid; ValueError without lines.
    """
    if not goods:
        raise ValueError("an order without lines has nothing to allocate to")
    values = [yuan(value) for value in goods]
    taken, carried = yuan(discount), yuan(freight)
    total = sum(values, ZERO)
    if carried < 0 or any(value < 0 for value in values):
        raise BadMoney(_("Goods and freight of an order cannot be negative."))
    if taken > total + carried:
        raise BadMoney(
            _("The discount %(discount)s is larger than the order's %(total)s.")
            % {"discount": taken, "total": total + carried}
        )
    freights = allocate(carried, values)
    discounts = allocate(min(taken, total), values)
    if taken > total:
        discounts = [a + b for a, b in zip(discounts, allocate(taken - total, freights), strict=True)]
    lines = zip(values, discounts, freights, strict=True)
    return [(less, share, value - less + share) for value, less, share in lines]


def allocate_refund(
    left: Sequence[Decimal], amount: Decimal, named: Collection[int] | None = None
) -> list[Decimal]:
    """How a refund of `amount` falls on lines of which `left` is not yet refunded; Σ shares = amount.

    `named` are the places of the lines that it is for: they bear it first, the others only what is more than
    those have left (a refund of freight, a goodwill payment). No share is larger than its line has left, so
    the refund of all that is left is exactly the residual of every line. BadMoney where the amount is
    negative or more than is left.
    """
    rest = [yuan(value) for value in left]
    wanted = yuan(amount)
    if wanted < 0 or any(value < 0 for value in rest):
        raise BadMoney(_("A refund cannot be negative."))
    if wanted > sum(rest, ZERO):
        raise BadMoney(
            _("The refund %(amount)s is more than the %(left)s that is left to refund.")
            % {"amount": wanted, "left": sum(rest, ZERO)}
        )
    if not rest:
        return []
    chosen = [value if named is None or place in named else ZERO for place, value in enumerate(rest)]
    first = min(wanted, sum(chosen, ZERO))
    shares = allocate(first, chosen)
    if wanted > first:
        others = [value - taken for value, taken in zip(rest, shares, strict=True)]
        shares = [taken + more for taken, more in zip(shares, allocate(wanted - first, others), strict=True)]
    return shares
