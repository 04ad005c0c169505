"""A list's filter by shop, warehouse or account: who is narrowed is offered what their own list of those shows."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest
from unfold.contrib.filters.admin import RelatedDropdownFilter


class Within(RelatedDropdownFilter):
    """The rows of the related record's own list, in its order."""

    def field_choices(self, field: Any, request: HttpRequest, model_admin: Any) -> list[Any]:
        there = model_admin.admin_site._registry[field.remote_field.model]
        mine = there.get_queryset(request).order_by().values("pk")
        ordering = self.field_admin_ordering(field, request, model_admin)
        found: list[Any] = field.get_choices(
            include_blank=False, ordering=ordering, limit_choices_to={"pk__in": mine}
        )
        return found
