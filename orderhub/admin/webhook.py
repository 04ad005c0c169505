"""Webhooks: who is told of orders' events, what was delivered, and sending it again."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _now
from django.utils.translation import gettext_lazy as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST
from unfold.widgets import UnfoldAdminSelectMultipleWidget, UnfoldAdminURLInputWidget

from orderhub.admin_site.base import Admin, need
from orderhub.admin_site.marks import pill
from orderhub.dotted import resolve
from orderhub.models import Message
from orderhub.nudge import nudge
from orderhub.scope import SHOPS, Reach, reach_of
from orderhub.webhooks import addresses, attempts, sending, signing
from orderhub.webhooks.models import Endpoint

CHANGE = "orderhub.change_endpoint"
#: `by() -> [(code, label)]` of the events that there are.
EVENTS = "orders.operations.telling.event_choices"
SHOWN = 20


class EndpointForm(forms.ModelForm):
    """An address that may be called, and what is wanted there. Who is narrowed to shops names some of theirs."""

    reach = Reach()
    url = forms.URLField(
        label=_("address"), max_length=300, assume_scheme="https", widget=UnfoldAdminURLInputWidget()
    )
    events = forms.MultipleChoiceField(
        label=_("only these events"), required=False, widget=UnfoldAdminSelectMultipleWidget(),
        help_text=_("Nothing chosen: every event."),
    )  # fmt: skip
    shops = forms.MultipleChoiceField(
        label=_("only these shops"), required=False, widget=UnfoldAdminSelectMultipleWidget(),
        help_text=_("Nothing chosen: every shop."),
    )  # fmt: skip

    class Meta:
        model = Endpoint
        fields = ("name", "url", "events", "shops", "enabled")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["events"].choices = resolve(EVENTS)()  # type: ignore[attr-defined]
        mine = self.reach.shops
        named = [choice for choice in resolve(SHOPS)() if mine is None or choice[0] in mine]
        self.fields["shops"].choices = named  # type: ignore[attr-defined]
        if mine is not None:
            self.fields["shops"].required = True
            self.fields["shops"].help_text = _now("Choose among your shops.")

    def clean_url(self) -> str:
        """The address, where it may be called."""
        url = str(self.cleaned_data["url"])
        try:
            addresses.parts(url)
        except addresses.Refused as refused:
            raise forms.ValidationError(str(refused)) from refused
        return url


@admin.register(Endpoint)
class EndpointAdmin(Admin):
    form = EndpointForm
    list_display = ("name", "url", "standing")
    ordering = ("name",)
    sortable_by = ()
    actions = None
    fieldsets = ((None, {"fields": ("name", "url", "events", "shops", "enabled")}),)
    change_form_outer_before_template = "orderhub/webhook_head.html"

    def get_queryset(self, request: HttpRequest) -> QuerySet[Endpoint]:
        """Who is narrowed to shops sees what hears of nothing but theirs; what hears of a warehouse's orders alone can't be."""
        found: QuerySet[Endpoint] = super().get_queryset(request)
        reach = reach_of(request.user)
        if reach.warehouses is not None:
            return found.none()
        return (
            found
            if reach.shops is None
            else found.filter(shops__contained_by=list(reach.shops)).exclude(shops=[])
        )

    def has_add_permission(self, request: HttpRequest) -> bool:
        return reach_of(request.user).warehouses is None and bool(super().has_add_permission(request))

    def get_form(
        self, request: HttpRequest, obj: Any | None = None, change: bool = False, **kwargs: Any
    ) -> Any:
        made = super().get_form(request, obj, change=change, **kwargs)
        return type(made.__name__, (made,), {"reach": reach_of(request.user)})

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        """A new webhook gets its secret; one that is switched on again begins afresh."""
        if not change:
            obj.secret_enc = signing.seal(signing.new_secret())
        super().save_model(request, obj, form, change)
        if obj.enabled:
            Endpoint.objects.filter(pk=obj.pk).update(failures=0, failing_since=None, off_why="")

    def change_view(
        self,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        found = get_object_or_404(self.get_queryset(request), pk=object_id)
        told = list(Message.objects.filter(kind=sending.KIND, subject_id=found.pk).order_by("-id")[:SHOWN])
        tries = attempts.of(one.pk for one in told)
        for one in told:
            one.tries = tries.get(one.pk, [])  # type: ignore[attr-defined]
        mine = {"webhook": found, "deliveries": told, "may": request.user.has_perm(CHANGE)}
        return super().change_view(request, object_id, form_url, {**mine, **(extra_context or {})})

    @admin.display(description=_("state"))
    def standing(self, endpoint: Endpoint) -> SafeString:
        if not endpoint.enabled:
            return pill(_now("off"))
        return pill(_now("failing"), "warn") if endpoint.failures else pill(_now("on"), "good")


@never_cache
@require_POST
def secret(request: HttpRequest, endpoint_id: int) -> HttpResponse:
    """A new secret, shown on this page only; the one before signs for a day more."""
    need(request, CHANGE)
    endpoint = get_object_or_404(Endpoint, pk=endpoint_id)
    context = {
        **admin.site.each_context(request), "title": endpoint.name, "opts": Endpoint._meta, "webhook": endpoint,
        "secret": signing.rotate(endpoint),
    }  # fmt: skip
    response = TemplateResponse(request, "orderhub/webhook_secret.html", context)
    response["Cache-Control"] = "no-store"
    return response


@require_POST
def replay(request: HttpRequest, endpoint_id: int) -> HttpResponse:
    """Send one delivery again, or everything that was not delivered."""
    need(request, CHANGE)
    endpoint = get_object_or_404(Endpoint, pk=endpoint_id)
    mine = Message.objects.filter(kind=sending.KIND, subject_id=endpoint.pk)
    one = request.POST.get("message", "")
    chosen = (
        mine.filter(pk=int(one)) if one.isdigit() and len(one) < 19 else mine.filter(state="needs_person")
    )
    count = sending.replay(list(chosen.order_by("id").values_list("id", flat=True)[:5000]))
    nudge("orderhub.drain_outbox")
    messages.success(request, _now("%(n)d deliveries will be made again now.") % {"n": count})
    return HttpResponseRedirect(reverse("admin:orderhub_endpoint_change", args=[endpoint.pk]))
