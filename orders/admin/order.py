"""The order list and the order's own page.

The list reads one page of rows and dresses them with a constant number of queries; nothing counts the table.
The page's form changes only what staff decide (the promised time and the tags); everything else moves by
touches, each a POST of its own.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

from django import forms
from django.contrib import admin
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import path, reverse
from django.utils import timezone
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _now
from django.utils.translation import gettext_lazy as _
from unfold.contrib.filters.admin import ChoicesDropdownFilter, RangeDateTimeFilter
from unfold.widgets import UnfoldAdminSplitDateTimeWidget, UnfoldAdminTextInputWidget

from orderhub.actors import person
from orderhub.admin_site.base import Admin
from orderhub.admin_site.bulk_pages import Bulk
from orderhub.admin_site.marks import (
    NEAR,
    channel_chip,
    copy_button,
    deadline,
    moment,
    pill,
    state_pill,
    yuan,
)
from orderhub.admin_site.registry import WAYBILLS
from orderhub.admin_site.views import Viewed
from orderhub.dotted import resolve
from orders import timeline
from orders.admin import acts, box, columns, known, page
from orders.admin.filters import (
    ENDED,
    TO_SHIP,
    ByShop,
    Channel,
    HeldBy,
    House,
    Pasted,
    Promise,
    Queues,
    Stands,
    Tagged,
    TouchedToday,
    Trouble,
    Urgency,
)
from orders.admin.points import bar, mini, reached
from orders.admin.search import narrow
from orders.admin.urgency import marks
from orders.models import Hold, Order, Receiver
from orders.scope import visible_to


class DetailsForm(forms.ModelForm):
    """What staff may decide on an order: when it is promised, and its tags."""

    tags = forms.CharField(
        label=_("tags"), required=False, max_length=200, widget=UnfoldAdminTextInputWidget(),
        help_text=_("Separated by commas."),
    )  # fmt: skip

    class Meta:
        model = Order
        fields = ("promised_ship_at", "tags")
        field_classes = {"promised_ship_at": forms.SplitDateTimeField}
        widgets = {"promised_ship_at": UnfoldAdminSplitDateTimeWidget()}

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.initial["tags"] = ", ".join(self.instance.tags or [])
        if "promised_ship_at" in self.fields:  # absent where the person may only look
            self.fields["promised_ship_at"].required = False

    def clean_tags(self) -> list[str]:
        words = self.cleaned_data["tags"].replace("，", ",").split(",")
        return list(dict.fromkeys(word.strip() for word in words if word.strip()))

    def clean(self) -> Any:
        if self.instance.state in ENDED:
            self.add_error(None, _now("This order has ended; nothing about it can be changed any more."))
        return super().clean()


def theirs(view: Callable[..., HttpResponse]) -> Callable[..., HttpResponse]:
    """The view, for orders that the person sees; 404 for others."""

    @wraps(view)
    def narrowed(request: HttpRequest, order_id: int, **named: Any) -> HttpResponse:
        if not visible_to(request.user).filter(pk=order_id).exists():
            raise Http404
        return view(request, order_id, **named)

    return narrowed


@admin.register(Order)
class OrderAdmin(columns.MoreColumns, Bulk, Viewed, Admin):
    form = DetailsForm
    list_display = ("order", "status", "life_line", "promised", "amount", "destination", "waybill", "ordered")
    columns_there = (*list_display, *columns.CODES)
    columns_rights = columns.RIGHTS
    columns_needed = "order"
    list_display_links = None
    #: what the bar of picked rows copies: the name in the box's data, and what it says
    bulk_copies = (
        ("number", _("order numbers")), ("theirs", _("channel's numbers")), ("waybills", _("waybills")),
    )  # fmt: skip
    list_select_related = ("shop", "warehouse")
    list_filter = (
        Queues, ("state", ChoicesDropdownFilter), Channel, ("shop", ByShop), Trouble, HeldBy, Promise,
        House, Stands, Urgency, Tagged, TouchedToday, Pasted, ("ordered_at", RangeDateTimeFilter),
    )  # fmt: skip
    search_fields = ("number",)
    search_help_text = _(
        "Order number, waybill, phone or its last 4 digits, SKU, buyer; or paste up to 500 numbers"
    )
    ordering = ("-ordered_at", "-id")
    sortable_by = ()
    actions = None
    fieldsets = ((None, {"fields": (("promised_ship_at", "tags"),)}),)
    readonly_fields = ()
    change_form_template = "orders/order_page.html"
    change_list_template = "orders/order_list.html"

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def get_urls(self) -> list[Any]:
        one = "<int:order_id>/"

        def site(view: Callable[..., HttpResponse]) -> Any:
            return self.admin_site.admin_view(theirs(view))

        return [
            path(one + "touch/<slug:code>/", site(acts.touch), name="order_touch"),
            path(one + "hold/", site(acts.hold), name="order_hold"),
            path(one + "hold/<int:hold_id>/release/", site(acts.release), name="order_release"),
            path(one + "note/", site(acts.note), name="order_note"),
            path(one + "reveal/", site(acts.reveal), name="order_reveal"),
            path(one + "return/", site(acts.receive_return), name="order_return"),
            path("find/", self.admin_site.admin_view(box.search), name="orders_order_find"),
            *super().get_urls(),
        ]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        """The orders that this person sees."""
        return visible_to(request.user, super().get_queryset(request))

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        return (narrow(queryset, search_term, request.user) if search_term.strip() else queryset), False

    def dress(self, request: HttpRequest, rows: list[Order]) -> None:
        """Holds, touchpoints, district, waybills and ambers of the page's rows: four queries, and one for goods."""
        ids = [row.pk for row in rows]
        points = reached(ids)
        holds: dict[int, list[Hold]] = {}
        for hold in Hold.objects.filter(order_id__in=ids, released_at=None).order_by("id"):
            holds.setdefault(hold.order_id, []).append(hold)
        places = {
            row[0]: row[1:]
            for row in Receiver.objects.filter(order_id__in=ids).values_list(
                "order_id", "province", "city", "district", "name_mask", "phone_mask", "address_mask"
            )
        }
        waybills = resolve(WAYBILLS)(ids)
        ambers = known.ambers(request)
        for row in rows:
            row.shown_amber = ambers.get(row.shop_id, NEAR)  # type: ignore[attr-defined]
            row.shown_points = bar(row.state, points.get(row.pk, {}), row.state_since)  # type: ignore[attr-defined]
            row.shown_holds = holds.get(row.pk, [])  # type: ignore[attr-defined]
            place = places.get(row.pk, ("",) * 6)
            row.shown_place, row.shown_masks = place[:3], place[3:]  # type: ignore[attr-defined]
            row.shown_waybills = waybills.get(row.pk, [])  # type: ignore[attr-defined]
        self.dress_more(rows, self.get_list_display(request))

    def change_view(
        self,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        order = page.load(object_id)
        if order is None or not visible_to(request.user).filter(pk=order.pk).exists():
            return self._get_obj_does_not_exist_redirect(request, self.opts, object_id)
        mine = page.context(request, order)
        return super().change_view(request, object_id, form_url, {**mine, **(extra_context or {})})

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        super().save_model(request, obj, form, change)
        names = [str(form.fields[name].label or name) for name in form.changed_data]
        if names:
            now = timezone.now()
            said = {"changed": names}
            timeline.append([timeline.line(obj.pk, "edited", actor=person(request.user), now=now, data=said)])

    def response_change(self, request: HttpRequest, obj: Any) -> HttpResponse:
        self.message_user(request, _now("Saved."))
        return HttpResponseRedirect(reverse("admin:orders_order_change", args=[obj.pk]))

    @admin.display(description=_("order"))
    def order(self, order: Order) -> SafeString:
        return format_html(
            '<a class="oh-known" href="{}"><b class="oh-number">{}</b></a>{}<span class="oh-under">{} '
            '<span class="oh-theirs"><span class="oh-number">{}</span>{}</span></span>',
            reverse("admin:orders_order_change", args=[order.pk]), order.number, copy_button(order.number, _now("order number")),
            channel_chip(order.shop.channel, order.shop.name), order.channel_number,
            copy_button(order.channel_number, _now("channel's number")),
        )  # fmt: skip

    def copied(self, record: Any) -> dict[str, str]:
        """What the bar copies of a picked row, words of one kind by blanks."""
        found = getattr(record, "shown_waybills", [])
        return {"number": record.number, "theirs": record.channel_number, "waybills": " ".join(found)}

    @admin.display(description=_("state"))
    def status(self, order: Order) -> SafeString:
        open_holds = order.shown_holds  # type: ignore[attr-defined]
        chips = ((pill(hold.get_type_display(), "warn", "front_hand", hold.reason),) for hold in open_holds)
        holds = format_html_join("", "{}", chips)
        refund = pill(_now("refund asked"), "bad") if order.refund_state == "asked" else ""
        said = (state_pill(order), holds, refund, marks(order))
        why = open_holds[0].reason if open_holds else ""
        reason = format_html('<span class="oh-why">{}</span>', why) if why else ""
        return format_html('<span class="oh-stack">{}{}{}{}</span>{}', *said, reason)

    @admin.display(description=_("touchpoints"))
    def life_line(self, order: Order) -> SafeString:
        return mini(order.shown_points)  # type: ignore[attr-defined]

    @admin.display(description=_("promised to ship by"))
    def promised(self, order: Order) -> str:
        return deadline(
            order.promised_ship_at,
            order.shipped_at is not None or order.state not in TO_SHIP,
            order.shown_amber,  # type: ignore[attr-defined]
        )

    @admin.display(description=_("amount"))
    def amount(self, order: Order) -> SafeString:
        pieces = _now("%(n)d pcs") % {"n": order.piece_count}
        return format_html(
            '<span class="oh-money">{}</span><span class="oh-under">{}</span>', yuan(order.payable), pieces
        )

    @admin.display(description=_("destination"))
    def destination(self, order: Order) -> SafeString:
        province, city, district = order.shown_place  # type: ignore[attr-defined]
        above = city if city and city != province else province
        return format_html(
            '{}<span class="oh-under">{}</span>',
            district or city or province or "—",
            above if district else "",
        )

    @admin.display(description=_("waybill"))
    def waybill(self, order: Order) -> SafeString:
        found = order.shown_waybills  # type: ignore[attr-defined]
        more = f" +{len(found) - 1}" if len(found) > 1 else ""
        under = order.warehouse.name if order.warehouse else ""
        return format_html(
            '<span class="oh-copied"><span class="oh-number">{}{}</span>{}</span><span class="oh-under">{}</span>',
            found[0] if found else "—",
            more,
            copy_button("\n".join(found), _now("waybill")),
            under,
        )

    @admin.display(description=_("ordered"))
    def ordered(self, order: Order) -> str:
        return moment(order.ordered_at)
