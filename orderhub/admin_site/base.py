"""How a form may write: only the columns that were changed, on a row read again under lock, and only while
the row still is what the person saw.

A form that was open while somebody else (a colleague, a sweep, a platform) changed the record is refused with
a sentence; it never undoes a newer state. Columns that the lifecycle engine owns can't be edited at all.
"""

from __future__ import annotations

import hashlib
from typing import Any

from django.contrib import admin
from django.contrib.admin.views.main import ORDER_VAR
from django.core.exceptions import PermissionDenied
from django.db import connection, models
from django.forms import ModelForm
from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext as _
from unfold.admin import ModelAdmin
from unfold.views import ChangeList

from orderhub.admin_site.paging import NextPaginator
from orderhub.admin_site.sidebar import names
from orderhub.admin_site.tabs import Tabs
from orderhub.dotted import resolve
from orderhub.scope import ACCOUNTS, VISIBLE, reach_of
from orderhub.tracked import Tracked

TOKEN = "_seen"
#: The saved view of a list's address.
VIEW = "view"
ENGINE = frozenset(field.name for field in Tracked._meta.get_fields())
#: Columns that move without a change of the record's meaning; they don't make a form stale.
RESTLESS = (ENGINE - {"state_since", "open_holds"}) | {"updated_at", "last_login"}


def seen(record: models.Model) -> str:
    """A digest of the record as it is now, leaving out what the engine's claims stir."""
    parts = []
    for field in record._meta.concrete_fields:
        if field.name in RESTLESS:
            continue
        value = getattr(record, field.attname)
        parts.append(f"{field.attname}={bytes(value) if isinstance(value, memoryview) else value!r}")
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:32]


class NextChangeList(ChangeList):
    """The list of an admin: knows whether another page follows, and lets the admin dress its rows in bulk."""

    def get_filters_params(self, params: Any = None) -> dict[str, Any]:
        """What filters; the saved view of an address filters nothing, its filters stand beside it."""
        asked: dict[str, Any] = super().get_filters_params(params)
        asked.pop(VIEW, None)
        return asked

    def get_ordering(self, request: HttpRequest, queryset: models.QuerySet[Any]) -> list[Any]:
        """The order that a filter asks for goes before the list's own."""
        own, asked = tuple(self.model_admin.get_ordering(request) or ()), tuple(queryset.query.order_by)
        if asked and asked != own and not self.params.get(ORDER_VAR):
            return list(self._get_deterministic_ordering(list(asked)))
        return list(super().get_ordering(request, queryset))

    def get_results(self, request: HttpRequest) -> None:
        paginator = self.model_admin.get_paginator(request, self.queryset, self.list_per_page)
        page = paginator.page(self.page_num)
        self.paginator = paginator
        self.result_list = page.object_list
        self.result_count = len(self.result_list)
        self.full_result_count = self.result_count
        self.show_full_result_count = False
        self.show_admin_actions = True
        self.can_show_all = False
        self.multi_page = True
        self.has_more = page.has_next()
        self.tabs = [tab for spec in self.filter_specs if isinstance(spec, Tabs) for tab in spec.drawn(self)]
        dress = getattr(self.model_admin, "dress", None)
        if dress is not None:
            dress(request, list(self.result_list))


def speaks_of_orders(model: type[models.Model]) -> bool:
    """Whether each record is about one order of a shop, by key or by number of the row."""
    field = next((one for one in model._meta.concrete_fields if one.attname == "order_id"), None)
    return field is not None and (
        field.related_model is None or field.related_model._meta.label == "orders.Order"  # type: ignore[union-attr]
    )


def within_reach(found: models.QuerySet[Any], request: HttpRequest) -> models.QuerySet[Any]:
    """Those records about orders that the person sees."""
    if reach_of(request.user).everything:
        return found
    return found.filter(order_id__in=resolve(VISIBLE)(request.user).values("pk"))


class Named:
    """A list; goes before the admin."""

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> Any:
        """The list, called what the menu calls it."""
        named = names().get(request.path)
        shown = {**({"title": named} if named else {}), **(extra_context or {})}
        return super().changelist_view(request, shown)  # type: ignore[misc]


class Plain(Named, ModelAdmin):
    """What every list of the house shares: pages without COUNT, filters in a sheet, no select-all."""

    paginator = NextPaginator
    show_full_result_count = False
    list_per_page = 50
    list_disable_select_all = True
    list_filter_submit = True
    list_fullwidth = True
    list_before_template = "orderhub/tabs.html"
    compressed_fields = True
    warn_unsaved_form = True
    show_facets = admin.ShowFacets.NEVER
    #: where a record lies in a warehouse, is of a shop, or of a platform account: the look-up of its code, code, or key
    house_code = ""
    shop_code = ""
    account = ""

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[ChangeList]:
        return NextChangeList

    def get_queryset(self, request: HttpRequest) -> models.QuerySet[Any]:
        """The records; somebody who is narrowed gets those of the orders that they see, and of their warehouses."""
        found = super().get_queryset(request)
        reach = reach_of(request.user)
        if self.house_code and reach.warehouses is not None:
            found = found.filter(**{f"{self.house_code}__in": reach.warehouses})
        if self.shop_code and reach.shops is not None:
            found = found.filter(**{f"{self.shop_code}__in": reach.shops})
        if self.account and not reach.everything:
            found = found.filter(**{f"{self.account}__in": resolve(ACCOUNTS)(request.user) or ()})
        return within_reach(found, request) if speaks_of_orders(self.model) else found

    def formfield_for_foreignkey(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        """The field; who is narrowed chooses among what their own lists show, and may leave what was chosen before."""
        there = self.admin_site._registry.get(db_field.related_model)
        if isinstance(there, Plain) and not reach_of(request.user).everything:
            key = str((request.resolver_match.kwargs if request.resolver_match else {}).get("object_id", ""))
            before = self.model._default_manager.filter(pk=int(key) if key.isdecimal() else None)
            mine = models.Q(pk__in=there.get_queryset(request).order_by().values("pk"))
            kept = models.Q(pk__in=before.values(db_field.attname))
            kwargs.setdefault("queryset", db_field.related_model._default_manager.filter(mine | kept))
        return super().formfield_for_foreignkey(db_field, request, **kwargs)


class Admin(Plain):
    """A record that people edit. `engine_fields` are shown and never written by a form."""

    change_form_before_template = "orderhub/seen.html"
    engine_fields: tuple[str, ...] = ()

    def get_readonly_fields(self, request: HttpRequest, obj: Any | None = None) -> tuple[str, ...]:
        named = tuple(super().get_readonly_fields(request, obj))
        owned = tuple(field.name for field in self.model._meta.concrete_fields if field.name in ENGINE)
        return (*named, *(name for name in (*self.engine_fields, *owned) if name not in named))

    def get_object(self, request: HttpRequest, object_id: str, from_field: str | None = None) -> Any | None:
        """The record; while a form is being taken in, read again under a row lock that lasts to the commit."""
        if request.method != "POST" or not connection.in_atomic_block:
            return super().get_object(request, object_id, from_field)
        try:
            key = self.model._meta.pk.to_python(object_id) if from_field is None else object_id
            found = (
                self.get_queryset(request).select_for_update(of=("self",)).filter(**{from_field or "pk": key})
            )
            return found.order_by().first()
        except (ValueError, TypeError, models.ObjectDoesNotExist):
            return None

    def get_form(
        self, request: HttpRequest, obj: Any | None = None, change: bool = False, **kwargs: Any
    ) -> Any:
        made = super().get_form(request, obj, change=change, **kwargs)
        if obj is None or not change or request.method != "POST":
            return made
        stale = request.POST.get(TOKEN, "") != seen(obj)

        class Guarded(made):  # type: ignore[misc, valid-type]
            """Refuses to save over a record that is no longer what the form showed."""

            def clean(self) -> Any:
                cleaned = super().clean()
                if stale:
                    self.add_error(None, stale_message(self.instance))
                return cleaned

        return Guarded

    def render_change_form(
        self, request: HttpRequest, context: dict[str, Any], add: bool = False, change: bool = False,
        form_url: str = "", obj: Any | None = None,
    ) -> HttpResponse:  # fmt: skip
        if obj is not None:
            posted = request.POST.get(TOKEN) if request.method == "POST" else None
            context["seen"] = posted if posted is not None else seen(obj)
        return super().render_change_form(request, context, add, change, form_url, obj)

    def save_model(self, request: HttpRequest, obj: models.Model, form: ModelForm, change: bool) -> None:
        """Write the changed columns and nothing else; a new record is written whole."""
        if not change:
            obj.save()
            return
        names = changed_columns(obj, form)
        if names:
            obj.save(update_fields=names)


class OneRow(Admin):
    """Settings of the whole house: one row, made once, never deleted."""

    def has_add_permission(self, request: HttpRequest) -> bool:
        """While there is none; asked on its own pages only, so that no other page's menu looks for it."""
        match, name = request.resolver_match, f"{self.opts.app_label}_{self.opts.model_name}_"
        here = match is None or (match.url_name or "").startswith(name)
        return here and bool(super().has_add_permission(request)) and not self.model._default_manager.exists()

    def has_delete_permission(self, request: HttpRequest, obj: Any | None = None) -> bool:
        return False


def changed_columns(obj: models.Model, form: ModelForm) -> list[str]:
    """The columns that the form changed, and those that keep the time of a change."""
    columns = {field.name: field for field in obj._meta.concrete_fields}
    names = [name for name in form.changed_data if name in columns and name not in ENGINE]
    extra = getattr(form, "also_written", ())
    names += [name for name in extra if name in columns and name not in names]
    if names:
        names += [name for name, field in columns.items() if getattr(field, "auto_now", False)]
    return names


def stale_message(record: models.Model) -> str:
    """Why nothing was saved, and what to do."""
    state = getattr(record, "get_state_display", None)
    text = _("This record was changed by someone else while you had it open, so nothing was saved.")
    if state is not None:
        text += " " + _("It is now “%(state)s”.") % {"state": state()}
    return text + " " + _("Reload the page to see what it is now, then change it again.")


class Ledger(Plain):
    """A record of what happened: read, searched, never written."""

    actions: Any = None

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any | None = None) -> bool:
        return False


def need(request: HttpRequest, permission: str) -> None:
    """Stop here unless the signed-in person has the permission."""
    if not request.user.has_perm(permission):
        raise PermissionDenied(permission)
