"""Quick queues above a list: saved filters with a bounded count, so that a number never costs a full COUNT."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from django.contrib import admin
from django.core.exceptions import EmptyResultSet
from django.db import connections
from django.db.models import Q, QuerySet
from django.http import HttpRequest

#: Counting stops here; more is shown as "999+".
BOUND = 1000


@dataclass(frozen=True, slots=True)
class Tab:
    """One queue. `counted` shows how many, up to the bound; `tone` colours that number."""

    code: str
    label: Any
    where: Any  # a Q, or a function (request) -> Q
    counted: bool = False
    tone: str = "neutral"


def bounded(queryset: QuerySet[Any], bound: int = BOUND) -> int:
    """How many rows, at most `bound`: the database stops reading there."""
    return queryset.order_by()[:bound].count()


def bounded_each(querysets: Sequence[QuerySet[Any]], bound: int = BOUND) -> list[int]:
    """The same for several of one database, in one statement."""
    parts: list[str] = []
    params: list[Any] = []
    for queryset in querysets:
        try:
            sql, values = queryset.order_by().values("pk")[:bound].query.sql_with_params()
        except EmptyResultSet:
            sql, values = "SELECT 1 WHERE false", ()
        parts.append(f"(SELECT count(*) FROM ({sql}) AS counted)")
        params.extend(values)
    if not parts:
        return []
    with connections[querysets[0].db].cursor() as cursor:
        cursor.execute(f"SELECT {', '.join(parts)}", params)
        return list(cursor.fetchone())


def shown_count(count: int, bound: int = BOUND) -> str:
    """12, or 999+ where counting stopped."""
    return f"{bound - 1}+" if count >= bound else str(count)


class Tabs(admin.SimpleListFilter):
    """A list filter that is drawn as tabs above the list; searching looks in all of them."""

    title = ""
    parameter_name = "queue"
    template = "orderhub/nothing.html"
    default = "all"
    tabs: tuple[Tab, ...] = ()

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        self.request, self.model_admin = request, model_admin
        return [(tab.code, tab.label) for tab in self.tabs]

    def chosen(self) -> str:
        """The open tab: the asked one, or the default; everything while searching."""
        asked = self.value()
        if asked:
            return str(asked)
        return "all" if self.request.GET.get("q") else self.default

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        where = next((tab.where for tab in self.tabs if tab.code == self.chosen()), None)
        return queryset.filter(self._where(where)) if where is not None else queryset

    def _where(self, where: Any) -> Q:
        return where(self.request) if callable(where) else where

    def drawn(self, changelist: Any) -> Iterator[dict[str, Any]]:
        """What the template shows for each tab."""
        base = self.model_admin.get_queryset(self.request).select_related(None)
        counted = [tab for tab in self.tabs if tab.counted]
        found = bounded_each([base.filter(self._where(tab.where)) for tab in counted])
        counts = dict(zip((tab.code for tab in counted), found, strict=True))
        for tab in self.tabs:
            count = counts.get(tab.code)
            yield {
                "label": tab.label,
                "active": tab.code == self.chosen(),
                "link": changelist.get_query_string({self.parameter_name: tab.code}, ["p"]),
                "count": None if count is None else shown_count(count),
                "tone": tab.tone if count else "neutral",
            }
