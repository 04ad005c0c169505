"""What may go instead of goods that are short: the same series in another colour or size, what is nearest and plentiful first."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from inventory import availability
from inventory.models import Sku

MOST = 3


class Substitute(NamedTuple):
    """Another SKU of the series; `colour` and `size` say what it has where that differs, "" where it is the same."""

    sku_id: int
    code: str
    name: str
    colour: str
    size: str
    free: int


def substitutes(wanted: Iterable[tuple[int, int]]) -> dict[int, list[Substitute]]:
    """{sku: at most three with enough pieces free} for (sku, pieces); one difference before two. Three statements.

    A SKU without a series has none: nothing is guessed from names.
    """
    need: dict[int, int] = {}
    for sku_id, pieces in wanted:
        need[sku_id] = max(need.get(sku_id, 0), pieces)
    short = {sku.pk: sku for sku in Sku.objects.filter(id__in=need).exclude(series="")}
    if not short:
        return {}
    others = list(Sku.objects.filter(series__in={sku.series for sku in short.values()}, active=True))
    numbers = availability.for_sale(other.pk for other in others)
    found: dict[int, list[Substitute]] = {}
    for sku_id, sku in short.items():
        near = []
        for other in others:
            colour, size = other.colour != sku.colour, other.size != sku.size
            free = numbers[other.pk].free - numbers[other.pk].waiting if other.pk in numbers else 0
            if (
                other.series == sku.series
                and other.pk != sku_id
                and (colour or size)
                and free >= need[sku_id]
            ):
                row = Substitute(
                    other.pk,
                    other.code,
                    other.name,
                    other.colour if colour else "",
                    other.size if size else "",
                    free,
                )
                near.append(((colour + size, size, -free, other.code), row))
        found[sku_id] = [row for _rank, row in sorted(near)[:MOST]]
    return found
