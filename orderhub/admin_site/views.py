"""Saved views and chosen columns of a list: drawn above it, kept in its address, worked by keyboard."""

from __future__ import annotations

from typing import Any, ClassVar
from urllib.parse import urlencode

from django.contrib import messages
from django.contrib.auth.models import Group
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, QueryDict
from django.urls import path, reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from orderhub.admin_site.base import VIEW
from orderhub.lists import keeping
from orderhub.lists.keeping import Audience, NotKept, Views
from orderhub.lists.models import SavedView
from orderhub.roles import BY_CODE

#: The address of a list that no view is to open.
NONE = "0"


class Viewed:
    """A list with saved views and columns to choose; goes before `Admin`. `columns_there` are all its columns."""

    change_list_template = "orderhub/list.html"
    columns_there: tuple[str, ...] = ()
    #: {column: the permission without which it is not there}
    columns_rights: ClassVar[dict[str, str]] = {}
    #: the column that no row can be known without
    columns_needed = ""

    def get_urls(self) -> list[Any]:
        name = f"{self.opts.app_label}_{self.opts.model_name}"  # type: ignore[attr-defined]
        site = self.admin_site.admin_view  # type: ignore[attr-defined]
        return [
            path("view/save/", site(require_POST(self.save_view)), name=f"{name}_view_save"),
            path("view/open/", site(require_POST(self.open_with)), name=f"{name}_view_open"),
            path("columns/", site(require_POST(self.choose_columns)), name=f"{name}_columns"),
            *super().get_urls(),  # type: ignore[misc]
        ]

    @property
    def _of(self) -> str:
        return str(self.opts.label_lower)  # type: ignore[attr-defined]

    def _views(self, request: HttpRequest) -> Views:
        """The person's views of this list, asked once a request."""
        known: Views | None = getattr(request, "_saved_views", None)
        if known is None:
            known = keeping.views_of(request.user, self._of)
            request._saved_views = known  # type: ignore[attr-defined]
        return known

    def get_list_display(self, request: HttpRequest) -> Any:
        """The columns of the open view, or the person's own, or the list's."""
        views = self._views(request)
        for one in (views.find(request.GET.get(VIEW)), views.chosen):
            chosen = self._known(request, one.columns) if one is not None else []
            if chosen:
                return tuple(chosen)
        return super().get_list_display(request)  # type: ignore[misc]

    def _there(self, request: HttpRequest) -> list[str]:
        """The columns that the person may see."""
        rights = self.columns_rights
        return [
            code for code in self.columns_there if code not in rights or request.user.has_perm(rights[code])
        ]

    def _known(self, request: HttpRequest, codes: list[str]) -> list[str]:
        """The columns of these that the person may see, each once; what is needed goes first where it is left out."""
        there = self._there(request)
        found = list(dict.fromkeys(code for code in codes if code in there))
        return found if not found or self.columns_needed in found else [self.columns_needed, *found]

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> Any:
        views = self._views(request)
        asked = request.GET.get(VIEW)
        if not request.GET and views.first is not None:
            return HttpResponseRedirect(_to(request.path, views.first))
        open_now = views.find(asked)
        if asked and asked != NONE and open_now is None:
            messages.info(request, _("This view is gone, or it is not shared with you."))
            return HttpResponseRedirect(f"{request.path}?{VIEW}={NONE}")
        if open_now is not None and set(request.GET) == {VIEW} and open_now.query:
            return HttpResponseRedirect(_to(request.path, open_now))
        query = keeping.kept(request.GET.urlencode())
        mine = open_now is not None and open_now.owner_id == request.user.pk
        more = {
            "views": [(view, _to(request.path, view), view == open_now, view == views.first) for view in views.named],
            "view": open_now, "view_mine": mine, "view_query": query, "view_none": f"{request.path}?{VIEW}={NONE}",
            "view_changed": open_now is not None and _same(open_now.query) != _same(query),
            "view_first": views.first is not None and views.first == open_now,
            "view_of": f"{self.opts.app_label}_{self.opts.model_name}",  # type: ignore[attr-defined]
            "view_roles": [(code, role.label) for code, role in BY_CODE.items()],
            "view_columns": self._choice(request),
        }  # fmt: skip
        return super().changelist_view(request, {**more, **(extra_context or {})})  # type: ignore[misc]

    def _choice(self, request: HttpRequest) -> list[tuple[str, str, bool]]:
        """(code, label, shown) of every column, those that are shown first and in their order."""
        there = self._there(request)
        shown = [code for code in self.get_list_display(request) if code in there]
        rest = [code for code in there if code not in shown]
        return [(code, str(getattr(self, code).short_description), code in shown) for code in (*shown, *rest)]

    def save_view(self, request: HttpRequest) -> HttpResponse:
        """Keep the list as it is under a name."""
        self._may(request)
        given, audience = request.POST, request.POST.get("audience", "")
        role = audience.removeprefix("role:") if audience.startswith("role:") else ""
        groups = Group.objects.filter(name=role) if role in BY_CODE else Group.objects.none()
        query = keeping.kept(given.get("query", ""))
        try:
            if role and not groups.exists():
                raise NotKept(_("Choose who sees the view."))
            columns = self._known(request, given.get("columns", "").split(","))
            view = keeping.save(
                request.user,
                self._of,
                given.get("name", ""),
                query,
                columns,
                Audience.ROLES if role else audience,
                groups,
            )
        except NotKept as error:
            messages.error(request, str(error))
            return self._back(query, given.get(VIEW, ""))
        messages.success(request, _("Kept as %(name)s.") % {"name": view.name})
        return HttpResponseRedirect(_to(self._address(), view))

    def open_with(self, request: HttpRequest) -> HttpResponse:
        """Choose the view that the list opens with for this person; none with 0."""
        self._may(request)
        view = self._views(request).find(request.POST.get(VIEW))
        keeping.choose(request.user, self._of, opens=view)
        if view is None:
            messages.success(request, _("The list opens without a view again."))
            return HttpResponseRedirect(f"{self._address()}?{VIEW}={NONE}")
        messages.success(request, _("The list opens with %(name)s from now on.") % {"name": view.name})
        return HttpResponseRedirect(_to(self._address(), view))

    def choose_columns(self, request: HttpRequest) -> HttpResponse:
        """Remember the columns, in the open view where it is one's own and that is asked for, else for the list."""
        self._may(request)
        given = request.POST
        columns = [] if given.get("reset") else self._known(request, given.getlist("column"))
        view = self._views(request).find(given.get(VIEW))
        if given.get("in_view") and view is not None and view.owner_id == request.user.pk:
            SavedView.objects.filter(pk=view.pk, owner_id=request.user.pk).update(columns=columns)
        else:
            keeping.choose(request.user, self._of, columns=columns)
            if view is not None and view.columns:  # its own columns would hide what was chosen
                view = None
        messages.success(request, _("The columns are remembered."))
        return self._back(keeping.listed(given.get("query", "")), str(view.pk) if view else NONE)

    def _may(self, request: HttpRequest) -> None:
        if not self.has_view_permission(request):  # type: ignore[attr-defined]
            raise PermissionDenied

    def _address(self) -> str:
        name = f"{self.opts.app_label}_{self.opts.model_name}"  # type: ignore[attr-defined]
        return reverse(f"admin:{name}_changelist")

    def _back(self, query: str, view: str) -> HttpResponse:
        asked = QueryDict(query, mutable=True)
        asked[VIEW] = view if view.isdecimal() else NONE
        return HttpResponseRedirect(f"{self._address()}?{asked.urlencode()}")


def _same(query: str) -> list[tuple[str, list[str]]]:
    """A query string, whatever the order of its names."""
    return sorted(QueryDict(query).lists())


def _to(address: str, view: SavedView) -> str:
    query = urlencode({VIEW: view.pk})
    return f"{address}?{query}&{view.query}" if view.query else f"{address}?{query}"
