"""Who may do what: the roles of the house as Django groups, one table, written by `sync_roles`.

A role's group is named by its code (the code that tickets are addressed to); its label is for people. `sync`
sets the permissions of these groups to the table's and leaves other groups, and who is in which, alone.
Names are `app.codename`; `app.view_*` is that verb on every model of the app, `app.*_model` every verb on one
model. A name that leads to no permission is an error, not a right that is silently missing.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from django.contrib.auth.models import Group, Permission
from django.db import transaction
from django.utils.translation import gettext_lazy as _


@dataclass(frozen=True, slots=True)
class Role:
    """One role. `inherits` are codes of roles whose rights it has as well."""

    code: str
    label: Any
    permissions: tuple[str, ...]
    inherits: tuple[str, ...] = ()


SEE_ORDERS = (
    "orders.view_order", "orders.view_line", "orders.view_receiver", "orders.view_event", "orders.view_hold",
    "orders.view_case", "orders.view_paymentproof", "orderhub.view_ticket", "orderhub.view_note", "orderhub.add_note",
)  # fmt: skip
SEE_STOCK = (
    "inventory.view_sku", "inventory.view_stock", "inventory.view_warehouse", "inventory.view_bin",
    "inventory.view_movement", "inventory.view_reservation", "inventory.view_purchaseorder", "inventory.view_purchaseline",
    "inventory.view_supplier",
    "inventory.view_bundlepart", "inventory.view_backorder", "inventory.view_drift",
)  # fmt: skip
SEE_PARCELS = ("logistics.view_*",)

ROLES: tuple[Role, ...] = (
    Role(
        "customer_service", _("Customer service"),
        (*SEE_ORDERS, *SEE_STOCK, *SEE_PARCELS, "orders.change_order", "orders.add_hold", "orders.change_hold",
         "orders.add_case", "orders.change_case", "orders.reveal_receiver", "orderhub.change_ticket", "orderhub.view_message",
         "routing.decide_address", "orders.view_blacklist", "orders.add_blacklist"),
    ),
    Role(
        "service_lead", _("Service lead"),
        ("orders.view_complaint", "orders.add_complaint", "orders.change_complaintword",
         "orders.view_shop", "orderhub.view_payload", "orderhub.change_payload", "orderhub.change_message",
         "inventory.view_unknowncode", "inventory.change_unknowncode", "inventory.view_skucode", "inventory.add_skucode",
         "routing.view_*", "routing.*_knownplace", "routing.delete_addressmemory", "routing.change_addresspolicy",
         "orderhub.view_ruleset", "orders.change_blacklist"),
        inherits=("customer_service",),
    ),
    Role(
        "warehouse_picker", _("Warehouse lead and pickers"),
        (*SEE_STOCK, *SEE_PARCELS, "orders.view_order", "orders.view_line", "orders.view_event", "orders.view_hold",
         "orders.view_case", "orders.change_case", "logistics.work_parcel", "orderhub.view_ticket", "orderhub.change_ticket",
         "orderhub.view_note", "orderhub.add_note"),
    ),
    Role(
        "warehouse_manager", _("Warehouse manager"),
        ("logistics.void_parcel", "logistics.change_policy", "inventory.change_bin", "inventory.add_bin",
         "inventory.change_stock", "inventory.add_reservation", "inventory.change_reservation", "inventory.change_drift",
         "inventory.change_warehouse", "orders.add_hold", "orders.change_hold", "orderhub.view_message",
         "routing.view_capacityday", "routing.change_capacityday", "routing.view_outlet", "routing.view_rate"),
        inherits=("warehouse_picker",),
    ),
    Role(
        "purchasing", _("Purchasing lead"),
        (*SEE_STOCK, "inventory.add_sku", "inventory.change_sku", "inventory.view_skucode", "inventory.add_skucode",
         "inventory.change_skucode", "inventory.view_unknowncode", "inventory.change_unknowncode", "inventory.*_supplier",
         "inventory.*_shownfactor",
         "inventory.*_bundlepart",
         "inventory.*_purchaseorder", "inventory.*_purchaseline", "orders.view_order", "orders.view_line",
         "orders.view_listing", "orders.change_listing",
         "orderhub.view_ticket", "orderhub.change_ticket"),
    ),
    Role(
        "operations", _("Operations supervisor"),
        ("orders.*_shop", "orders.view_listing", "orders.change_listing",
         "orders.view_payload_raw", "orders.view_staff_report", "orders.*_reportschedule",
         "orders.add_plainrequest",
         "orderhub.*_connection", "orderhub.*_recipient", "orderhub.*_endpoint",
         "orderhub.view_wording", "orderhub.change_wording", "orderhub.*_step", "orderhub.view_told",
         "orderhub.*_moduleswitch", "orderhub.view_call",
         "orderhub.view_ruleset", "orderhub.change_ruleset", "orderhub.publish_ruleset",
         "orderhub.view_heartbeat", "orderhub.view_job", "orderhub.add_job", "inventory.*_sku", "inventory.*_skucode",
         "inventory.*_bundlepart", "inventory.change_stock", "inventory.add_reservation", "inventory.change_reservation",
         "inventory.change_drift",
         "inventory.*_warehouse", "inventory.*_bin", "routing.*_fence", "routing.import_fence", "routing.*_outlet",
         "routing.*_capacityday", "routing.*_override", "django_celery_beat.view_periodictask",
         "django_celery_beat.change_periodictask", "django_celery_beat.view_intervalschedule",
         "django_celery_beat.add_intervalschedule", "logistics.change_policy", "logistics.void_parcel"),
        inherits=("service_lead",),
    ),
    Role(
        "director", _("Operations director"),
        (*SEE_ORDERS, *SEE_STOCK, *SEE_PARCELS, "routing.view_*", "orders.view_shop", "orders.view_listing",
         "orderhub.view_message",
         "orderhub.view_ruleset", "orders.view_staff_report", "orders.*_reportschedule", "orders.approve_plainrequest",
         "orderhub.view_payload", "orderhub.view_call", "orderhub.change_ticket"),
    ),
    Role(
        "finance", _("Finance"),
        (*SEE_ORDERS, "finance.view_*", "orders.add_case", "orders.change_case", "orderhub.view_message",
         "orderhub.change_message", "orderhub.change_ticket", "orderhub.view_connection", "inventory.view_sku"),
    ),
    Role("manager", _("Manager"), ("finance.view_*",), inherits=("director",)),
)  # fmt: skip
BY_CODE = {role.code: role for role in ROLES}


class UnknownPermission(LookupError):
    """The table names a permission that no installed model has."""


def rights(code: str) -> set[str]:
    """Every permission name of a role, inherited ones too, patterns not yet resolved. KeyError for no such role."""
    role = BY_CODE[code]
    return set(role.permissions).union(*(rights(parent) for parent in role.inherits))


def sync_roles() -> dict[str, int]:
    """Make the groups' permissions equal to the table; {role code: permissions}. Repeatable, one transaction."""
    with transaction.atomic():
        known = {
            f"{permission.content_type.app_label}.{permission.codename}": permission
            for permission in Permission.objects.select_related("content_type")
        }
        counts = {}
        for role in ROLES:
            wanted = _resolved(rights(role.code), known)
            group, _made = Group.objects.get_or_create(name=role.code)
            group.permissions.set(wanted)
            counts[role.code] = len(wanted)
    return counts


def _resolved(names: Iterable[str], known: dict[str, Permission]) -> list[Permission]:
    found: dict[str, Permission] = {}
    for name in names:
        if "*" in name:
            head, _star, tail = name.partition("*")
            hits = {full: one for full, one in known.items() if full.startswith(head) and full.endswith(tail)}
        else:
            hits = {name: known[name]} if name in known else {}
        if not hits:
            raise UnknownPermission(name)
        found.update(hits)
    return list(found.values())
