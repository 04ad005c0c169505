"""The sidebar: what each role sees follows from its permissions; a page that is not built is not listed."""

from __future__ import annotations

from functools import cache
from typing import Any, NamedTuple

from django.http import HttpRequest
from django.urls import NoReverseMatch, reverse
from django.utils.translation import gettext_lazy as _

from orderhub.admin_site.tabs import bounded_each, shown_count
from orderhub.dotted import resolve


class Item(NamedTuple):
    """A line: words, icon, URL name under `admin:`, permission, query string, the badge: dotted, (request) -> the rows."""

    title: Any
    icon: str
    name: str
    permission: str = ""
    query: str = ""
    badge: str = ""


REVIEWS = "routing.admin.review.badge"
#: What every page counts besides: the reader's unread notices.
BELL = "orderhub.admin.bells.badge"
GROUPS: tuple[tuple[Any, bool, tuple[Item, ...]], ...] = (
    (None, False, (
        Item(_("Today"), "today", "index"),
        Item(_("Order board"), "view_kanban", "board", "orders.view_order"),
        Item(_("Time between touchpoints"), "waterfall_chart", "waterfall", "orders.view_order"),
        Item(_("Reports"), "bar_chart", "reports", "orders.view_order"),
        Item(_("Orders"), "receipt_long", "orders_order_changelist", "orders.view_order"),
        Item(_("Exports"), "download", "exports", "orders.view_order"),
        Item(_("Address review"), "where_to_vote", "address_review", "routing.decide_address", badge=REVIEWS),
        Item(_("Tickets"), "confirmation_number", "orderhub_ticket_changelist", "orderhub.view_ticket"),
        Item(_("Blacklist"), "block", "blacklist", "orders.view_blacklist"),
        Item(_("After-sale cases"), "assignment_return", "orders_case_changelist", "orders.view_case"),
    )),
    (_("Goods and stock"), False, (
        Item(_("Stock that can be believed"), "verified", "shown_board", "inventory.view_stock"),
        Item(_("Numbers in the channels"), "storefront", "orders_listing_changelist", "orders.view_listing"),
        Item(_("Stock"), "inventory_2", "inventory_stock_changelist", "inventory.view_stock"),
        Item(_("Purchase orders"), "local_shipping", "inventory_purchaseorder_changelist", "inventory.view_purchaseorder"),
        Item(_("Import and export"), "swap_vert", "imports", "inventory.view_sku"),
        Item(_("SKUs"), "category", "inventory_sku_changelist", "inventory.view_sku"),
        Item(_("Unmapped codes"), "link_off", "inventory_unknowncode_changelist", "inventory.view_unknowncode"),
        Item(_("Does not add up"), "balance", "inventory_drift_changelist", "inventory.view_drift"),
        Item(_("Stock ledger"), "list_alt", "inventory_movement_changelist", "inventory.view_movement"),
        Item(_("Warehouses"), "warehouse", "inventory_warehouse_changelist", "inventory.view_warehouse"),
    )),
    (_("Shipping"), False, (
        Item(_("Ship together"), "merge", "together", "orders.view_order"),
        Item(_("Parcels"), "package_2", "logistics_parcel_changelist", "logistics.view_parcel"),
        Item(_("Waves"), "conveyor_belt", "logistics_wave_changelist", "logistics.view_wave"),
        Item(_("Pack station"), "scale", "pack_station", "logistics.work_parcel"),
        Item(_("Fence map"), "map", "routing_fence_map", "routing.view_fence"),
        Item(_("Fences"), "polyline", "routing_fence_changelist", "routing.view_fence"),
        Item(_("Outlets"), "storefront", "routing_outlet_changelist", "routing.view_outlet"),
        Item(_("Capacity"), "speed", "routing_capacityday_changelist", "routing.view_capacityday"),
        Item(_("Success rates"), "monitoring", "routing_rate_changelist", "routing.view_rate"),
    )),
    (_("Money"), False, (
        Item(_("Receivables"), "account_balance", "finance_receivable_changelist", "finance.view_receivable"),
        Item(_("Invoices"), "request_quote", "finance_invoice_changelist", "finance.view_invoice"),
    )),
    (_("Connections"), False, (
        Item(_("Sync health"), "sync_alt", "sync_health", "orders.view_shop"),
        Item(_("Shops"), "store", "orders_shop_changelist", "orders.view_shop"),
        Item(_("Platform accounts"), "key", "orderhub_connection_changelist", "orderhub.view_connection"),
        Item(_("Outgoing messages"), "outbox", "orderhub_message_changelist", "orderhub.view_message"),
        Item(_("Webhooks"), "webhook", "orderhub_endpoint_changelist", "orderhub.view_endpoint"),
        Item(_("Payloads"), "move_to_inbox", "orderhub_payload_changelist", "orderhub.view_payload"),
        Item(_("Platform calls"), "call", "orderhub_call_changelist", "orderhub.view_call"),
    )),
    (_("Set up"), True, (
        Item(_("Rules"), "rule_settings", "rules", "orderhub.view_ruleset"),
        Item(_("Complaint words"), "sentiment_dissatisfied", "complaints", "orders.view_complaint"),
        Item(_("Modules"), "toggle_on", "modules", "orderhub.view_moduleswitch"),
        Item(_("Scheduled reports"), "schedule_send", "orders_reportschedule_changelist", "orders.view_reportschedule"),
        Item(_("Schedule"), "schedule", "django_celery_beat_periodictask_changelist", "django_celery_beat.view_periodictask"),
        Item(_("Recipients of notices"), "campaign", "orderhub_recipient_changelist", "orderhub.view_recipient"),
        Item(_("Wordings of notices"), "chat", "orderhub_wording_changelist", "orderhub.view_wording"),
        Item(_("Escalation path"), "escalator", "orderhub_step_changelist", "orderhub.view_step"),
        Item(_("Delivery log"), "mark_email_read", "orderhub_told_changelist", "orderhub.view_told"),
        Item(_("Jobs"), "work_history", "orderhub_job_changelist", "orderhub.view_job"),
        Item(_("People"), "group", "auth_user_changelist", "auth.view_user"),
        Item(_("Roles"), "badge", "auth_group_changelist", "auth.view_group"),
    )),
)  # fmt: skip


def badges() -> list[str]:
    """The dotted names of every badge, for the start-up check."""
    return [*(item.badge for _title, _collapsible, items in GROUPS for item in items if item.badge), BELL]


@cache
def names() -> dict[str, Any]:
    """{address: what the menu calls it} of every line whose page there is."""
    found = {}
    for item in (item for _title, _collapsible, items in GROUPS for item in items):
        try:
            found[reverse(f"admin:{item.name}")] = item.title
        except NoReverseMatch:
            continue
    return found


def counts(request: HttpRequest) -> dict[str, str]:
    """{badge: how many rows wait, at most 999+, "" for none}: the person's badges and bell, one statement a request."""
    found: dict[str, str] | None = getattr(request, "_counted_badges", None)
    if found is None:
        lines = [item for _title, _collapsible, items in GROUPS for item in items if item.badge]
        names = [item.badge for item in lines if request.user.has_perm(item.permission)] + [BELL]
        numbers = bounded_each([resolve(name)(request) for name in names])
        found = {name: shown_count(n) if n else "" for name, n in zip(names, numbers, strict=True)}
        request._counted_badges = found  # type: ignore[attr-defined]
    return found


def navigation(request: HttpRequest) -> list[dict[str, Any]]:
    """unfold's sidebar for the signed-in person: only groups that have something to open."""
    groups = []
    for title, collapsible, items in GROUPS:
        shown = [line for line in (_line(item, request) for item in items) if line]
        if shown:
            groups.append(
                {"title": title, "collapsible": collapsible, "separator": title is not None, "items": shown}
            )
    return groups


def _line(item: Item, request: HttpRequest) -> dict[str, Any] | None:
    if item.permission and not request.user.has_perm(item.permission):
        return None
    try:
        link = reverse(f"admin:{item.name}")
    except NoReverseMatch:
        return None
    line = {
        "title": item.title,
        "icon": item.icon,
        "link": link + item.query,
        "active": _active(link, request),
    }
    count = counts(request)[item.badge] if item.badge else ""
    return {**line, "badge": True, "badge_callback": count, "badge_variant": "primary"} if count else line


def _active(link: str, request: HttpRequest) -> Any:
    here = request.path
    return here == link if link.count("/") < 4 else here.startswith(link)
