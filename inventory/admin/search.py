"""Goods in the global search."""

from __future__ import annotations

from django.db.models import Q
from django.http import HttpRequest
from django.urls import reverse
from django.utils.translation import gettext as _

from inventory.models import Sku, SkuCode
from inventory.queries import normal
from orderhub.admin_site.registry import Hit


def find(text: str, request: HttpRequest) -> list[Hit]:
    """SKUs by any spelling or name."""
    if not request.user.has_perm("inventory.view_sku"):
        return []
    spelt = SkuCode.objects.filter(normal=normal(text)).values("sku_id")
    skus = Sku.objects.filter(Q(code__istartswith=text) | Q(name__icontains=text) | Q(id__in=spelt)).order_by(
        "code"
    )[:8]
    return [
        Hit(
            f"{sku.code} {sku.name}",
            _("SKU"),
            reverse("admin:inventory_sku_change", args=[sku.pk]),
            "category",
        )
        for sku in skus
    ]
