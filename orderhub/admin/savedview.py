"""Saved views of lists: one's own to rename, share and delete; those of others that one sees, to look at."""

from __future__ import annotations

from typing import Any

from django import forms
from django.apps import apps
from django.contrib import admin
from django.contrib.auth.models import Group
from django.db.models import QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _now
from django.utils.translation import gettext_lazy as _
from unfold.widgets import UnfoldAdminCheckboxSelectMultipleWidget

from orderhub.admin_site.base import Admin
from orderhub.admin_site.bulk_pages import words
from orderhub.lists.keeping import may_share, seen_by
from orderhub.lists.models import SavedView
from orderhub.roles import BY_CODE


class Roles(forms.ModelMultipleChoiceField):
    """The roles of the house by their names."""

    def label_from_instance(self, group: Any) -> str:
        return str(BY_CODE[group.name].label)


class ViewForm(forms.ModelForm):
    """What an owner may change; a view keeps a name of its own, and what is nobody else's is not shared."""

    class Meta:
        model = SavedView
        fields = ("name", "audience", "roles")

    def clean(self) -> Any:
        given: dict[str, Any] = super().clean() or {}
        view, name, audience = self.instance, given.get("name", "").strip(), given.get("audience", "")
        others = SavedView.objects.filter(owner_id=view.owner_id, of=view.of, name=name).exclude(pk=view.pk)
        if not name:
            self.add_error("name", _now("Give the view a name."))
        elif others.exists():
            self.add_error("name", _now("You have a view of this name."))
        if not may_share(view.query, audience):
            self.add_error(
                "audience",
                _now("It searches for one number, of an order or a person: such a view is not shared."),
            )
        if audience == SavedView.Audience.ROLES and not given.get("roles"):
            self.add_error("roles", _now("Choose who sees the view."))
        return {**given, "name": name}


@admin.register(SavedView)
class SavedViewAdmin(Admin):
    list_display = ("name", "whose_list", "seen", "owner", "shown")
    list_select_related = ("owner",)
    search_fields = ("name",)
    ordering = ("of", "name", "id")
    sortable_by = ()
    actions = None
    engine_fields = ("whose_list", "owner", "filters", "named_columns")
    fieldsets = (
        (
            None,
            {"fields": ("name", ("audience", "roles"), ("whose_list", "owner"), "filters", "named_columns")},
        ),
    )
    form = ViewForm

    def get_queryset(self, request: HttpRequest) -> QuerySet[SavedView]:
        """Those that the person sees; somebody who may do everything sees all that are shared."""
        found: QuerySet[SavedView] = super().get_queryset(request).exclude(name="").prefetch_related("roles")
        return found.filter(pk__in=seen_by(request.user).values("pk"))

    def has_module_permission(self, request: HttpRequest) -> bool:
        return bool(request.user.is_active and request.user.is_staff)

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return self.has_module_permission(request)

    def has_add_permission(self, request: HttpRequest) -> bool:
        """They are saved from their list."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """The owner's only."""
        return self.has_module_permission(request) and (obj is None or obj.owner_id == request.user.pk)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return self.has_change_permission(request, obj)

    def formfield_for_manytomany(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        known = Group.objects.filter(name__in=BY_CODE).order_by("name")
        return Roles(
            known, required=False, label=_("roles"), widget=UnfoldAdminCheckboxSelectMultipleWidget()
        )

    def get_deleted_objects(self, objs: Any, request: HttpRequest) -> Any:
        """What hangs on a view is its owner's to delete with it."""
        told, counts, _needed, protected = super().get_deleted_objects(objs, request)
        return told, counts, set(), protected

    @admin.display(description=_("list"))
    def whose_list(self, view: SavedView) -> str:
        return str(apps.get_model(view.of)._meta.verbose_name_plural) if "." in view.of else view.of

    @admin.display(description=_("seen by"))
    def seen(self, view: SavedView) -> str:
        if view.audience != SavedView.Audience.ROLES:
            return str(view.get_audience_display())
        roles = [
            BY_CODE[group.name].label if group.name in BY_CODE else group.name for group in view.roles.all()
        ]
        return ", ".join(map(str, roles))

    @admin.display(description=_("filters"))
    def filters(self, view: SavedView) -> str:
        """In the words of the list, as whoever owns the view sees them."""
        shown = admin.site._registry.get(apps.get_model(view.of)) if "." in view.of else None
        return ", ".join(words(shown, view.query, view.owner)) or "—" if shown is not None else view.query

    @admin.display(description=_("columns"))
    def named_columns(self, view: SavedView) -> str:
        shown = admin.site._registry.get(apps.get_model(view.of)) if "." in view.of else None
        return (
            ", ".join(
                str(getattr(shown, code).short_description) for code in view.columns if hasattr(shown, code)
            )
            or "—"
        )

    @admin.display(description=_("opens it"))
    def shown(self, view: SavedView) -> SafeString:
        if view.of != "orders.order":
            return format_html("{}", "—")
        address = reverse("admin:orders_order_changelist")
        return format_html('<a class="oh-link" href="{}?view={}">{}</a>', address, view.pk, _now("Open"))
