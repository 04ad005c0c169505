"""Merging and splitting many orders of a list: what goes to one address ships together, each order with its result."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

from django.db import transaction
from django.utils.translation import gettext as _

from inventory.models import Sku
from inventory.spelling import normal
from logistics.operations import dividing, together
from orderhub.actors import Actor
from orderhub.integrations.errors import PlatformError
from orderhub.nudge import nudge
from orders.models import Line
from orders.operations import merge as orders_merge
from orders.operations.merge import MergeRefused
from orders.operations.split import SplitRefused

#: {order: (kind of result, why)} of those that were not done.
Undone = dict[int, tuple[str, str]]


def merge(ids: Sequence[int], actor: Actor, values: dict[str, str]) -> Undone:
    """Of these orders, those of one shop and one address ship together. The channels are asked: no transaction is open.

    A group is merged whole or not at all; done again, it finds what is done already.
    """
    with transaction.atomic():
        locked = orders_merge.lock(ids)
    undone: Undone = {}
    groups: dict[tuple[int, str], list[orders_merge.Locked]] = defaultdict(list)
    for order in locked:
        why = orders_merge.objection(order)
        if why:
            undone[order.id] = ("refused", why)
        else:
            groups[order.shop_id, order.address_key].append(order)
    for group in groups.values():
        undone.update(_together(group, actor))
    nudge("logistics.plan")
    return undone


def _together(group: list[orders_merge.Locked], actor: Actor) -> Undone:
    ids = [order.id for order in group]
    if len(ids) < 2:
        alone = _("None of the other orders goes to the same address of the same shop.")
        return {ids[0]: ("refused", alone)}
    merges = {order.merge_id for order in group}
    if len(merges) == 1 and None not in merges:
        return dict.fromkeys(ids, ("same", _("They ship together already.")))
    try:
        together.merge(ids, actor)
    except MergeRefused as refused:
        return dict.fromkeys(ids, ("refused", str(refused)))
    except PlatformError as error:
        why = _("The channel could not be asked: %(why)s") % {"why": error.message}
        return dict.fromkeys(ids, ("refused", why))
    return {}


def split(ids: Sequence[int], actor: Actor, values: dict[str, str]) -> Undone:
    """Of each order, the pieces of one SKU go in one more parcel, in the caller's transaction; each order by itself."""
    spelling = normal(values["sku"])
    skus = list(Sku.objects.filter(normal=spelling).values_list("id", flat=True)) if spelling else []
    if not skus:
        return dict.fromkeys(ids, ("refused", _("There is no SKU %(code)s.") % {"code": values["sku"]}))
    pieces: dict[int, dict[object, int]] = defaultdict(dict)
    lines = Line.objects.filter(order_id__in=ids, sku_id__in=skus)
    for order_id, line, quantity in lines.values_list("order_id", "uuid", "quantity"):
        pieces[order_id][line] = quantity
    undone: Undone = {}
    for order_id in ids:
        if order_id not in pieces:
            undone[order_id] = ("same", _("It has no %(code)s.") % {"code": values["sku"]})
            continue
        try:
            dividing.divide(order_id, pieces[order_id], actor)  # type: ignore[arg-type]
        except SplitRefused as refused:
            undone[order_id] = ("refused", str(refused))
    nudge("logistics.plan")
    return undone
