"""What an export of orders says of their parcels."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from orderhub.exports.columns import CODE, WHOLE, Column

_OF = "FROM logistics_parcel p WHERE p.order_id = o.id AND p.state <> 'voided'"


def columns() -> dict[str, Column]:
    """{code: column}."""
    return {
        "waybills": Column(
            _("waybill"),
            f"SELECT string_agg(p.waybill_no, '; ' ORDER BY p.id) {_OF} AND p.waybill_no <> ''",
            CODE,
        ),
        "weight_g": Column(_("weight (g)"), f"SELECT sum(p.weight_g) {_OF}", WHOLE),
    }
