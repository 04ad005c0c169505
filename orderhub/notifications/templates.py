"""What a notice says: one row a template; a line for each thing told, under one title for all that are told together.

A template's fields are references (numbers, names of our places, counts), never a buyer's data: groups are read
by many. `sms` names the option of the SMS account that holds its approved template, `sms_fields` what that takes;
where several notices are told together, `count` is how many.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext_lazy as _


@dataclass(frozen=True, slots=True)
class Template:
    """`title` and `line` are formatted with the notice's params."""

    label: Any
    title: Any
    line: Any
    sms: str = ""
    sms_fields: tuple[str, ...] = ()


TEMPLATES: dict[str, Template] = {
    "pickup_overdue": Template(
        _("Not picked up in time"),
        _("%(warehouse)s: not picked up in time"),
        _("Parcel %(parcel)s, waybill %(waybill)s, shipped more than %(hours)s hours ago"),
        "template_pickup_overdue",
        ("warehouse", "count", "waybill"),
    ),
    "late_payment": Template(
        _("Paid after expiry"),
        _("Paid after the order had expired"),
        _("Order %(number)s: %(amount)s yuan; refund it, or place the order again"),
        "template_needs_person",
        ("number", "reason"),
    ),
    "paid_twice": Template(
        _("Paid twice"),
        _("Orders paid twice"),
        _("Order %(number)s was paid %(times)s times; refund one payment"),
        "template_needs_person",
        ("number", "reason"),
    ),
    "stock_lock": Template(
        _("Nearly used up"),
        _("Goods that are nearly used up: new orders wait"),
        _("%(sku)s: %(free)s of %(on_shelf)s pieces are free (%(share)s%%)"),
    ),
    "watch": Template(
        _("An order waits too long"),
        _("Orders that wait too long"),
        _("Order %(number)s: %(reason)s"),
        "template_needs_person",
        ("number", "reason"),
    ),
    "rule_failing": Template(
        _("A rule fails"),
        _("Rules that fail while orders run"),
        _("%(point)s, version %(version)s: the last good version decides; roll back or correct it"),
    ),
    "needs_person": Template(
        _("Needs a person"),
        _("Orders that need a person"),
        _("Order %(number)s: %(reason)s"),
        "template_needs_person",
        ("number", "reason"),
    ),
}


def title(code: str, params: Mapping[str, Any]) -> str:
    return str(TEMPLATES[code].title) % params


def line(code: str, params: Mapping[str, Any]) -> str:
    return str(TEMPLATES[code].line) % params


def check(code: str, params: Mapping[str, Any]) -> None:
    """KeyError for an unknown template or a missing field: found where the notice is asked for, not at night."""
    title(code, params)
    line(code, params)
