"""An order's parcels by REST: numbers, state and the carrier's newest words. No receiver is in them."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from logistics.queries import parcels_of
from orderhub.admin_site.words import carrier
from orderhub.api.frame import Door
from orderhub.api.schema import NUMBER, TIME, WHOLE, WORD, listed, maybe, named, shape
from orders.api.shapes import AT
from orders.api.views import find

#: Of each parcel, the newest of what its carrier said.
TRACES = 10
SAID = (
    "number", "role", "state", "state_label", "warehouse", "worked_by", "inside", "carrier", "waybill_no", "weight_g",
    "expected_weight_g", "wave", "shipped_at", "picked_up_at", "signed_at", "trouble",
)  # fmt: skip


PARCEL = named(
    "Parcel",
    shape(
        number=NUMBER, role=WORD, state=WORD, state_label=WORD, warehouse=WORD, worked_by=WORD, inside=WORD, carrier=WORD,
        waybill_no=NUMBER, weight_g=maybe(WHOLE), expected_weight_g=maybe(WHOLE), wave=WORD, shipped_at=maybe(TIME),
        picked_up_at=maybe(TIME), signed_at=maybe(TIME), trouble=WORD, carrier_label=WORD,
        contents=listed(shape(sku=WORD, name=WORD, quantity=WHOLE)), traces=listed(shape(at=TIME, meaning=WORD)),
    ),
)  # fmt: skip


class ParcelsView(Door):
    """The parcels of one order."""

    may = {"GET": "logistics.view_parcel"}

    @extend_schema(
        operation_id="order_parcels", parameters=[AT], responses={200: shape(items=listed(PARCEL))}
    )
    def get(self, request: Request, number: str) -> Response:
        """The order's parcels, oldest first, each with what is in it and its carrier's ten newest words."""
        return Response({"items": [_shown(row) for row in parcels_of(find(request, number).pk)]})


def _shown(row: dict[str, Any]) -> dict[str, Any]:
    return {
        **{name: row[name] for name in SAID},
        "carrier_label": str(carrier(row["carrier"])),
        "contents": [{name: one[name] for name in ("sku", "name", "quantity")} for one in row["contents"]],
        "traces": [{name: one[name] for name in ("at", "meaning")} for one in row["traces"][:TRACES]],
    }
