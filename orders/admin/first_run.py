"""The first-run list and what each module needs and moves, computed from what is in the database: nobody ticks a box."""

from __future__ import annotations

from collections.abc import Iterable

from django.contrib.auth import get_user_model
from django.db import connection
from django.http import HttpRequest
from django.urls import NoReverseMatch, reverse
from django.utils.translation import gettext as _

from inventory.models import Sku, Warehouse
from orderhub.admin_site.registry import Need
from orderhub.integrations.models import Connection
from orderhub.notifications.models import Recipient
from orderhub.rules.models import RuleSet
from orderhub.scope import reach_of
from orders.models import OrderState as S
from orders.models import Shop

CARRIERS = ("cainiao", "zto", "pinduoduo", "douyin")
GATEWAYS = ("alipay", "wechatpay")


def _link(name: str) -> str:
    try:
        return reverse(f"admin:{name}")
    except NoReverseMatch:
        return ""


def _connected(platforms: Iterable[str]) -> list[str]:
    rows = Connection.objects.filter(platform__in=list(platforms), state=Connection.State.OK)
    return list(rows.order_by("code").values_list("name", flat=True))


def _named(names: list[str], request: HttpRequest) -> str:
    """Their names; to who is narrowed only how many there are."""
    if names and not reach_of(request.user).everything:
        return _("%(n)d are there") % {"n": len(names)}
    return "、".join(names[:3]) + (f" +{len(names) - 3}" if len(names) > 3 else "")


def steps(request: HttpRequest) -> list[Need]:
    """What a house needs before its first order can ship, in the order in which it is done."""
    connected = Shop.objects.filter(connection__state=Connection.State.OK).order_by("id")
    shops = list(connected.values_list("name", flat=True))
    places = list(Warehouse.objects.filter(active=True).order_by("code").values_list("name", flat=True))
    gates, carriers = _connected(GATEWAYS), _connected(CARRIERS)
    accounts, house = _link("orderhub_connection_changelist"), _link("inventory_warehouse_changelist")
    skus = Sku.objects.count()
    own = Shop.objects.filter(channel="own_shop").exists()
    rules = RuleSet.objects.filter(in_use=True).exclude(live=None).count()
    people = get_user_model().objects.filter(is_active=True, groups__isnull=False).distinct().count()
    told = Recipient.objects.filter(enabled=True).count()
    return [
        Need(_("Connect a shop"), bool(shops), _named(shops, request) or _("No shop is connected."),
             _link("orders_shop_changelist")),
        Need(_("Set up a warehouse"), bool(places), _named(places, request) or _("No warehouse is active."), house),
        Need(_("Enter SKU codes"), skus > 0, _("%(n)d SKUs") % {"n": skus}, _link("inventory_sku_changelist")),
        Need(_("Connect a payment account"), bool(gates) or not own, _named(gates, request) or _unproved(own), accounts),
        Need(_("Connect a carrier"), bool(carriers), _named(carriers, request) or _("No label service is connected."), accounts),
        Need(_("Publish the rules"), rules > 0, _("%(n)d decision points have live rules") % {"n": rules}, _link("rules")),
        Need(_("Give people their roles"), people > 0, _("%(n)d people have a role") % {"n": people},
             _link("auth_user_changelist")),
        Need(_("Say who is told"), told > 0, _("%(n)d recipients of notices") % {"n": told},
             _link("orderhub_recipient_changelist")),
    ]  # fmt: skip


def _unproved(own: bool) -> str:
    """What it means that no gateway is connected."""
    if own:
        return _("Payments can't be proved for the own shop.")
    return _("Marketplaces prove their own payments.")


def needs(request: HttpRequest) -> dict[str, list[Need]]:
    """{module: what it needs}: dependencies, accounts, settings."""
    shops, places = Shop.objects.count(), Warehouse.objects.filter(active=True)
    accounts = _link("orderhub_connection_changelist")

    def account(label: str, platforms: Iterable[str]) -> Need:
        found = _connected(platforms)
        return Need(label, bool(found), _named(found, request) or _("not connected"), accounts)

    located = places.exclude(lng=None).count()
    return {
        "payment": [Need(_("A shop"), shops > 0, str(shops), _link("orders_shop_changelist"))],
        "stock": [
            Need(_("An active warehouse"), places.exists(), str(places.count()), _link("inventory_warehouse_changelist")),
            Need(_("SKUs"), Sku.objects.exists(), str(Sku.objects.count()), _link("inventory_sku_changelist")),
        ],
        "shipping": [account(_("A label service"), CARRIERS)],
        "routing": [
            Need(_("Warehouses with a place on the map"), located > 0, str(located), _link("inventory_warehouse_changelist")),
        ],
        "address": [account(_("Amap"), ("amap",))],
        "tracking": [account(_("Kuaidi100"), ("kuaidi100",))],
        "aftersale": [
            Need(_("A warehouse that takes returns"), places.filter(accepts_returns=True).exists(),
                 str(places.filter(accepts_returns=True).count()), _link("inventory_warehouse_changelist")),
        ],
        "invoice": [],
        "finance": [account(_("Kingdee Cloud"), ("kingdee",))],
    }  # fmt: skip


def waiting(request: HttpRequest) -> dict[str, int]:
    """{module: orders that stand where it takes them on}. One statement."""
    with connection.cursor() as cursor:
        cursor.execute(
            """SELECT count(*) FILTER (WHERE state = %(reserved)s), count(*) FILTER (WHERE state = %(shipped)s),
                      count(*) FILTER (WHERE state = %(signed)s),
                      count(*) FILTER (WHERE state = %(signed)s AND aftersale_until < now())
               FROM orders_order WHERE state IN (%(reserved)s, %(shipped)s, %(signed)s)""",
            {"reserved": S.RESERVED.value, "shipped": S.SHIPPED.value, "signed": S.SIGNED.value},
        )
        reserved, shipped, signed, quiet = cursor.fetchone()
    early = {"routing": reserved, "address": reserved}
    return {**early, "tracking": shipped, "aftersale": signed, "invoice": signed, "finance": quiet}
