"""People and roles, in the house's look."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin
from django.contrib.auth.admin import GroupAdmin as DjangoGroupAdmin
from django.contrib.auth.admin import UserAdmin as DjangoUserAdmin
from django.contrib.auth.models import Group, User
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _
from django_celery_beat.admin import (
    ClockedScheduleAdmin,
    CrontabScheduleAdmin,
    PeriodicTaskAdmin,
)
from django_celery_beat.models import (
    ClockedSchedule,
    CrontabSchedule,
    IntervalSchedule,
    PeriodicTask,
    SolarSchedule,
)
from unfold.admin import ModelAdmin, StackedInline
from unfold.forms import AdminPasswordChangeForm, UserChangeForm, UserCreationForm
from unfold.widgets import UnfoldAdminSelectMultipleWidget

from orderhub.admin_site.base import Named
from orderhub.dotted import resolve
from orderhub.schedule import is_named
from orderhub.scope import SHOPS, WAREHOUSES, Scope

TIMES = ("interval", "crontab", "solar", "clocked", "start_time", "one_off", "expires", "expire_seconds")
SETTABLE = ("enabled", *TIMES)

for model in (User, Group, PeriodicTask, IntervalSchedule, CrontabSchedule, SolarSchedule, ClockedSchedule):
    if admin.site.is_registered(model):
        admin.site.unregister(model)


class ScopeForm(forms.ModelForm):
    """The shops and warehouses that a person is narrowed to, by name."""

    shops = forms.MultipleChoiceField(
        label=_("only these shops"), required=False, widget=UnfoldAdminSelectMultipleWidget(),
        help_text=_("Nothing chosen: every shop."),
    )  # fmt: skip
    warehouses = forms.MultipleChoiceField(
        label=_("only these warehouses"), required=False, widget=UnfoldAdminSelectMultipleWidget(),
        help_text=_("Nothing chosen: every warehouse."),
    )  # fmt: skip

    class Meta:
        model = Scope
        fields = ("shops", "warehouses")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["shops"].choices = resolve(SHOPS)()  # type: ignore[attr-defined]
        self.fields["warehouses"].choices = resolve(WAREHOUSES)()  # type: ignore[attr-defined]


class ScopeInline(StackedInline):
    model = Scope
    form = ScopeForm
    extra = 0


@admin.register(User)
class PersonAdmin(Named, DjangoUserAdmin, ModelAdmin):
    form = UserChangeForm
    add_form = UserCreationForm
    change_password_form = AdminPasswordChangeForm
    inlines = (ScopeInline,)
    list_display = ("username", "first_name", "last_name", "email", "is_active", "is_superuser")
    compressed_fields = True
    list_fullwidth = True


@admin.register(Group)
class RoleAdmin(Named, DjangoGroupAdmin, ModelAdmin):
    list_fullwidth = True


class ScheduleForm(forms.ModelForm):
    """When a task of the house runs, and whether; what it is and is given stands in the code."""

    class Meta:
        model = PeriodicTask
        fields = SETTABLE

    def clean(self) -> Any:
        given = super().clean()
        if given and given.get("expire_seconds") is not None and given.get("expires"):
            raise forms.ValidationError(
                _("Only one of the two can be set: expires, or expires after seconds.")
            )
        return given


@admin.register(PeriodicTask)
class ScheduleAdmin(Named, PeriodicTaskAdmin, ModelAdmin):
    """The schedule of the house: times and on or off are staff's, also a superuser's; tasks and arguments are the code's.

    A row that the schedule does not name (of an older version, or made past these pages) can't be changed, switched or
    run; a superuser may delete it.
    """

    form = ScheduleForm
    list_fullwidth = True
    fieldsets = (
        (None, {"fields": ("name", "task", "enabled", "args", "kwargs")}),
        (_("Schedule"), {"fields": (*TIMES, "last_run_at")}),
    )
    readonly_fields = ("name", "task", "args", "kwargs", "last_run_at")

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any | None = None) -> bool:
        return bool(super().has_change_permission(request, obj)) and (obj is None or is_named(obj))

    def has_delete_permission(self, request: HttpRequest, obj: Any | None = None) -> bool:
        return bool(super().has_delete_permission(request, obj)) and (obj is None or not is_named(obj))

    def get_actions(self, request: HttpRequest) -> dict[str, Any]:
        """Those that switch and run; rows of the schedule are not deleted by the page."""
        found: dict[str, Any] = super().get_actions(request)
        found.pop("delete_selected", None)
        return found

    def response_action(self, request: HttpRequest, queryset: QuerySet[PeriodicTask]) -> Any:
        """An action, on the rows that the schedule names."""
        ids = [row.pk for row in queryset if is_named(row)]
        return super().response_action(request, queryset.filter(pk__in=ids))


@admin.register(IntervalSchedule)
class IntervalAdmin(ModelAdmin):
    pass


@admin.register(CrontabSchedule)
class CrontabAdmin(CrontabScheduleAdmin, ModelAdmin):
    pass


@admin.register(ClockedSchedule)
class ClockedAdmin(ClockedScheduleAdmin, ModelAdmin):
    pass
