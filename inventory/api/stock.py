"""Stock by REST: what lies where of one SKU, and the number that buyers see."""

from __future__ import annotations

from django.http import Http404
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from inventory.availability import shown
from inventory.models import Sku, SkuCode, Stock
from inventory.queries import find_sku, sku_codes
from inventory.scope import houses_of
from orderhub.api.frame import Door
from orderhub.api.schema import CLEAN, DAY, FLAG, WHOLE, WORD, listed, maybe, named, shape
from orderhub.scope import reach_of

BIN = named(
    "BinStock", shape(warehouse=WORD, bin=WORD, on_hand=WHOLE, reserved=WHOLE, free=WHOLE, sellable=FLAG)
)
AVAILABLE = named(
    "ShownStock", shape(free=WHOLE, coming=WHOLE, unpaid=WHOLE, shown=WHOLE, later_on=maybe(DAY))
)
STOCK = named("Stock", shape(sku=WORD, name=WORD, bins=listed(BIN), available=maybe(AVAILABLE)))


class StockView(Door):
    """One SKU's stock."""

    may = {"GET": "inventory.view_stock"}

    @extend_schema(
        operation_id="stock_get",
        parameters=[OpenApiParameter("sku", CLEAN, OpenApiParameter.PATH)],
        responses={200: STOCK},
    )
    def get(self, request: Request, sku: str) -> Response:
        """Pieces by warehouse and bin in the caller's warehouses; what is shown to buyers, to those who see every one."""
        found = Sku.objects.filter(code=sku).first() or _spelled(sku)
        if found is None:
            raise Http404
        rows = (
            Stock.objects.filter(sku=found, bin__warehouse_id__in=houses_of(request.user))
            .select_related("bin__warehouse")
            .order_by("bin__warehouse__code", "bin__code")[:500]
        )
        told = shown([found.pk]).get(found.pk) if reach_of(request.user).warehouses is None else None
        return Response({
            "sku": found.code, "name": found.name,
            "bins": [
                {"warehouse": row.bin.warehouse.code, "warehouse_name": row.bin.warehouse.name,
                 "bin": row.bin.code, "on_hand": row.on_hand,
                 "reserved": row.reserved, "free": row.on_hand - row.reserved, "sellable": row.bin.sellable}
                for row in rows
            ],
            "available": None if told is None else {
                "free": told.free, "coming": told.coming, "unpaid": told.unpaid, "shown": told.shown,
                "later_on": told.later_on,
            },
        })  # fmt: skip


def _spelled(code: str) -> Sku | None:
    """The SKU that is meant by another spelling, or by the code that an outside system has for it, where it is one SKU's."""
    meant = find_sku("*", code, sku_codes())
    ids = {meant} if meant else set(SkuCode.objects.filter(code=code).values_list("sku_id", flat=True)[:2])
    return Sku.objects.filter(pk__in=ids).first() if len(ids) == 1 else None
