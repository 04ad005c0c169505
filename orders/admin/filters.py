"""The order list's queues and filters; each one leans on an index."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.contrib.postgres.fields import ArrayField
from django.db.models import BigIntegerField, F, Func, IntegerField, Q, QuerySet, Value
from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from unfold.contrib.filters.admin import DropdownFilter, RelatedDropdownFilter

from orderhub.admin_site.tabs import Tab, Tabs
from orderhub.scope import reach_of
from orders import queues, standing
from orders.admin.known import ambers, houses_and_tags, shops, shops_seen
from orders.admin.points import POINTS
from orders.lifecycle import BEFORE_SHIPPING
from orders.models import Event, Hold, HoldType
from orders.models import OrderState as S
from orders.operations import pasting
from orders.standing import TO_SHIP

ENDED = (S.CLOSED, S.CANCELLED)


def late() -> Q:
    """Past the promised time and not shipped."""
    return standing.coloured(standing.RED)


def soon(request: HttpRequest | None = None) -> Q:
    """About to be past it: amber, as the rule of promises says for each shop."""
    return standing.coloured(standing.AMBER, ambers=ambers(request) if request is not None else None)


#: How an address names all abnormal queues.
ANY = "any"


def held() -> Q:
    """Stopped by an open hold."""
    return Q(open_holds__gt=0) & ~Q(state__in=ENDED)


class Queues(Tabs):
    tabs = (
        Tab("all", _("All"), Q()),
        Tab("attention", _("Needs a person"), lambda request: held() | late(), counted=True, tone="bad"),
        Tab("held", _("Held"), lambda request: held(), counted=True, tone="warn"),
        Tab("unpaid", _("Awaiting payment"), Q(state__in=[S.UNPAID, S.CLAIMED])),
        Tab("to_ship", _("To ship"), Q(state__in=TO_SHIP, open_holds=0), counted=True, tone="info"),
        Tab("moving", _("On the way"), Q(state=S.SHIPPED)),
        Tab("aftersale", _("After-sale window"), Q(state=S.SIGNED)),
        Tab("closed", _("Closed"), Q(state__in=ENDED)),
    )


class Channel(DropdownFilter):
    title = _("channel")
    parameter_name = "channel"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        from orderhub.integrations.platforms import name_of

        return [(code, name_of(code)) for code in sorted({shop.channel for shop in shops_seen(request)})]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        if not self.value():
            return queryset
        return queryset.filter(
            shop_id__in=[shop.id for shop in shops(request) if shop.channel == self.value()]
        )


class ByShop(RelatedDropdownFilter):
    """One shop of those that the person sees; it filters also where that is one, or none."""

    def has_output(self) -> bool:
        return True

    def field_choices(self, field: Any, request: HttpRequest, model_admin: Any) -> list[tuple[Any, str]]:
        return [(shop.pk, str(shop)) for shop in shops_seen(request)]


class HeldBy(DropdownFilter):
    title = _("hold")
    parameter_name = "hold"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return list(HoldType.choices)

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        if not self.value():
            return queryset
        return queryset.filter(
            id__in=Hold.objects.filter(type=self.value(), released_at=None).values("order_id")
        )


class Promise(DropdownFilter):
    title = _("promise")
    parameter_name = "promise"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return [
            ("late", _("past the promised time")),
            ("soon", _("about to be past it")),
            ("time", _("in time, or without a promise")),
        ]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        if self.value() == "late":
            return queryset.filter(late()).order_by("promised_ship_at", "id")
        if self.value() == "soon":
            return queryset.filter(soon(request)).order_by("promised_ship_at", "id")
        if self.value() == "time":
            return queryset.filter(standing.coloured(standing.GREEN, ambers=ambers(request)))
        return queryset


class Stands(DropdownFilter):
    """What the board counts: all open orders, those still to ship."""

    title = _("on the board")
    parameter_name = "stands"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return [("open", _("open orders")), ("to_ship", _("to ship"))]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        states = {"open": standing.OPEN, "to_ship": TO_SHIP}.get(self.value() or "")
        return queryset.filter(state__in=states) if states else queryset


class Trouble(DropdownFilter):
    """The normal queue and the abnormal ones; an open order is in exactly one."""

    title = _("queue")
    parameter_name = "trouble"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        kinds = [(queue.code, queue.label) for queue in queues.QUEUES]
        return [(queues.NONE, _("normal")), (ANY, _("any trouble")), *kinds]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        code = self.value() or ""
        if code == ANY:
            return queryset.filter(state__in=standing.OPEN).exclude(queues.within(queues.NONE))
        if code == queues.NONE or code in queues.BY_CODE:
            return queryset.filter(queues.within(code), state__in=standing.OPEN)
        return queryset


class House(DropdownFilter):
    """One warehouse, several (ids with commas), or none yet (0)."""

    title = _("warehouse")
    parameter_name = "house"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        names = [(str(one), name) for one, name in houses_and_tags(request)[0]]
        return [("0", _("none yet")), *names] if reach_of(request.user).warehouses is None else names

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        ids = {int(part) for part in (self.value() or "").split(",") if part.isdecimal() and len(part) < 19}
        if not ids:
            return queryset
        where = Q(warehouse_id__in=ids - {0})
        return queryset.filter(where | Q(warehouse_id=None) if 0 in ids else where)


class Urgency(DropdownFilter):
    title = _("urgency")
    parameter_name = "urgency"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return [("red", _("red")), ("amber", _("amber")), ("first", _("prioritised"))]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        if self.value() in ("red", "amber"):
            return queryset.filter(~Q(alarm=""), alarm=self.value())
        if self.value() == "first":
            return queryset.filter(priority__gt=0, state__in=TO_SHIP).order_by("-priority", "id")
        return queryset


class Tagged(DropdownFilter):
    """The tags of the newest tagged orders; the index on tags is partial, hence the second condition."""

    title = _("tag")
    parameter_name = "tag"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        found = houses_and_tags(request)[1][:50]
        chosen = request.GET.get(self.parameter_name)
        return [(tag, tag) for tag in dict.fromkeys([*found, *([chosen] if chosen else [])])]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        if not self.value():
            return queryset
        return queryset.exclude(tags=[]).filter(tags__contains=[self.value()])


class Pasted(admin.SimpleListFilter):
    """The orders of one's paste, in its order; drawn by the list itself."""

    title = _("pasted numbers")
    parameter_name = "pasted"
    template = "orderhub/nothing.html"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        asked = self.value()
        if asked is None:
            return []
        self.found = pasting.find(asked, request.user)
        request.pasted = self.found or pasting.Found()  # type: ignore[attr-defined]
        return [(asked, str(len(self.found.words) if self.found else 0))]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        if self.value() is None:
            return queryset
        if self.found is None:
            return queryset.none()
        ids = list(self.found.orders)
        place = Func(Value(ids, ArrayField(BigIntegerField())), F("pk"), function="array_position",
                     output_field=IntegerField())  # fmt: skip
        return queryset.filter(pk__in=ids).order_by(place.asc())


class TouchedToday(DropdownFilter):
    title = _("touchpoint reached today")
    parameter_name = "today"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [(str(point), f"C{point} {touch.label}") for point, touch in POINTS.items()]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        if not (self.value() or "").isdigit():
            return queryset
        midnight = timezone.localtime().replace(hour=0, minute=0, second=0, microsecond=0)
        made = Event.objects.filter(point=int(self.value() or 0), occurred_at__gte=midnight)
        return queryset.filter(id__in=made.values("order_id"))


__all__ = [
    "ANY",
    "BEFORE_SHIPPING",
    "ENDED",
    "TO_SHIP",
    "ByShop",
    "Channel",
    "HeldBy",
    "House",
    "Pasted",
    "Promise",
    "Queues",
    "Stands",
    "Tagged",
    "TouchedToday",
    "Trouble",
    "Urgency",
    "held",
    "late",
    "soon",
]
