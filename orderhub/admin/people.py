"""People and roles, in the house's look."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin
from django.contrib.auth.admin import GroupAdmin as DjangoGroupAdmin
from django.contrib.auth.admin import UserAdmin as DjangoUserAdmin
from django.contrib.auth.models import Group, User
from django.utils.translation import gettext_lazy as _
from django_celery_beat.admin import (
    ClockedScheduleAdmin,
    CrontabScheduleAdmin,
    PeriodicTaskAdmin,
    PeriodicTaskForm,
    TaskSelectWidget,
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
from unfold.widgets import (
    UnfoldAdminSelectMultipleWidget,
    UnfoldAdminSelectWidget,
    UnfoldAdminTextInputWidget,
)

from orderhub.dotted import resolve
from orderhub.scope import SHOPS, WAREHOUSES, Scope

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
class PersonAdmin(DjangoUserAdmin, ModelAdmin):
    form = UserChangeForm
    add_form = UserCreationForm
    change_password_form = AdminPasswordChangeForm
    inlines = (ScopeInline,)
    list_display = ("username", "first_name", "last_name", "email", "is_active", "is_superuser")
    compressed_fields = True
    list_fullwidth = True


@admin.register(Group)
class RoleAdmin(DjangoGroupAdmin, ModelAdmin):
    list_fullwidth = True


class UnfoldTaskSelect(UnfoldAdminSelectWidget, TaskSelectWidget):
    """The choice of a task, drawn by unfold."""


class ScheduleForm(PeriodicTaskForm):
    def __init__(self, *args: object, **kwargs: object) -> None:
        super().__init__(*args, **kwargs)
        self.fields["task"].widget = UnfoldAdminTextInputWidget()
        self.fields["regtask"].widget = UnfoldTaskSelect()


@admin.register(PeriodicTask)
class ScheduleAdmin(PeriodicTaskAdmin, ModelAdmin):
    form = ScheduleForm
    list_fullwidth = True


@admin.register(IntervalSchedule)
class IntervalAdmin(ModelAdmin):
    pass


@admin.register(CrontabSchedule)
class CrontabAdmin(CrontabScheduleAdmin, ModelAdmin):
    pass


@admin.register(ClockedSchedule)
class ClockedAdmin(ClockedScheduleAdmin, ModelAdmin):
    pass
