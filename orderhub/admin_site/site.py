"""The one admin site: pages and search come from the registry."""

from __future__ import annotations

from typing import Any

from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import URLPattern, path
from django.utils.functional import SimpleLazyObject
from django.utils.translation import gettext_lazy as _
from unfold.dataclasses import SearchResult
from unfold.sites import UnfoldAdminSite

from orderhub.admin_site.registry import PAGES, SEARCH, later
from orderhub.dotted import resolve

SHORTEST_SEARCH = 2


class OrderHubSite(UnfoldAdminSite):
    site_title = "OrderHub"
    site_header = "OrderHub"
    index_title = _("Today")
    enable_nav_sidebar = True

    def extra_urls(self) -> list[URLPattern]:
        """The pages that the registry names, each behind the admin's sign-in."""
        return [path(page.path, self.admin_view(later(page.view)), name=page.name) for page in PAGES]

    def each_context(self, request: HttpRequest) -> dict[str, Any]:
        """What every page knows, with the reader's bell."""
        context = super().each_context(request)
        if request.user.is_authenticated:
            from orderhub.admin.bells import Bell

            context["bell"] = Bell(request)
        return context

    def get_app_list(self, request: HttpRequest, app_label: str | None = None) -> Any:
        """Every list by its app; each page is given it and hardly one shows it: reckoned when it is first read."""
        whole = super().get_app_list
        return SimpleLazyObject(lambda: whole(request, app_label))

    def search(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        """Everything at once: orders by number, waybill or phone tail, goods, tickets, pages. Never cached."""
        text = request.GET.get("s", "").strip()
        if len(text) < SHORTEST_SEARCH:
            return HttpResponse()
        results = [
            SearchResult(title=hit.title, description=hit.description, link=hit.link, icon=hit.icon)
            for name in SEARCH
            for hit in resolve(name)(text, request)
        ]
        results += self._search_apps(super().get_app_list(request), text.lower())
        extended = "extended" in request.GET
        template = "unfold/helpers/command_results.html" if extended else "unfold/helpers/search_results.html"
        pages = Paginator(results, 100)
        context = {"page_obj": pages, "results": pages.page(1), "page_counter": 0, "execution_time": 0}
        return TemplateResponse(request, template, context, headers={"HX-Trigger": "search"})
