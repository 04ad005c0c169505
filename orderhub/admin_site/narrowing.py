"""Whoever is narrowed to shops or warehouses acts on nothing else in the admin, by whatever address.

Lists and forms are narrowed by `base.Plain`; this is for the addresses beside them, which name an order, or a record of
one, in their path. What is not theirs is not there: 404, as where there is no such record.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.apps import apps
from django.contrib import admin
from django.http import Http404, HttpRequest, HttpResponse

from orderhub.dotted import resolve
from orderhub.scope import VISIBLE, reach_of

#: (start of the URL's name or "", name in its path) → (model, the column that the key is of). All but the order
#: itself have an `order_id`.
NAMED: dict[tuple[str, str], tuple[str, str]] = {
    ("", "order_id"): ("orders.Order", "pk"),
    ("", "ticket_id"): ("orderhub.Ticket", "pk"),
    ("", "parcel_id"): ("logistics.Parcel", "pk"),
    ("", "item_id"): ("routing.AddressReview", "pk"),
    ("", "merge_id"): ("orders.MergeMember", "merge_id"),
    ("swap_line", "line"): ("orders.Line", "pk"),
    ("case", "case_id"): ("orders.Case", "pk"),
}
#: name in a path → model of which the person's own list of the admin says whether it is there.
LISTED = {
    "connection_id": "orderhub.Connection", "endpoint_id": "orderhub.Endpoint", "message_id": "orderhub.Message",
    "payload_id": "orderhub.Payload", "shop_id": "orders.Shop",
}  # fmt: skip
#: Names in paths of the admin that are of no order: the shop's set-up, goods, rules, the house itself.
FREE = frozenset(
    {
        "app_label", "code", "content_type_id", "drift_id", "entry_id", "file_id", "hold_id",
        "id", "job_id", "object_id", "place", "plain_id", "reference", "saved_id",
        "sku_id", "supplier_id", "unknown_id", "version_id", "what", "word_id",
    }
)  # fmt: skip


class Narrowing:
    """Django middleware; it asks the database only for people and addresses that it is about."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self.get_response(request)

    def process_view(self, request: HttpRequest, view: Any, args: Any, kwargs: dict[str, Any]) -> None:
        """Raises Http404 for somebody else's order."""
        match = request.resolver_match
        if match is None or "admin" not in match.namespaces:
            return
        asked = [
            (*where, kwargs[name])
            for (start, name), where in NAMED.items()
            if name in kwargs and str(match.url_name).startswith(start)
        ]
        listed = [(LISTED[name], kwargs[name]) for name in LISTED if name in kwargs]
        user = request.user
        if not (asked or listed) or not user.is_authenticated or reach_of(user).everything:
            return
        for model, column, key in asked:
            rows = apps.get_model(model).objects.filter(**{column: key})
            order = "pk" if model == "orders.Order" else "order_id"
            if not resolve(VISIBLE)(user).filter(pk__in=rows.values(order)).exists():
                raise Http404
        for label, key in listed:
            if not admin.site._registry[apps.get_model(label)].get_queryset(request).filter(pk=key).exists():
                raise Http404
