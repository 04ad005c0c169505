"""The rule sets that routing ships with: one table of figures, one of preferences by area, channel and amount.

Version 1 of the preferred chain says what `routing/plan.py: POLICY` says: publishing it changes nothing.
"""

from __future__ import annotations

from typing import Any

from django.utils.translation import gettext as _

from orderhub.rules.documents import chain as nodes
from orderhub.rules.documents import table
from routing.plan import POLICY


def chain() -> dict[str, Any]:
    """优先链: the first difference wins."""
    heads = [
        ("outlet_tolerance", _("Equal success, outlets")),
        ("warehouse_tolerance", _("Equal success, warehouses")),
        ("own_first", _("Own warehouse first")),
        ("smoothing", _("Smoothing")),
        ("full_retry_minutes", _("Try again when full, after")),
        ("default_carrier", _("Default carrier")),
    ]
    return nodes([_preferences(), _figures(heads, {})])


def weighted() -> dict[str, Any]:
    """加权: the highest sum of points."""
    heads = [
        ("way", _("Way of comparing")),
        ("weight_inside", _("Weight: serves the address")),
        ("weight_left", _("Weight: places left")),
        ("weight_success", _("Weight: success")),
        ("weight_cost", _("Weight: freight")),
        ("weight_promised", _("Weight: promised time")),
        ("weight_own", _("Weight: own warehouse")),
        ("smoothing", _("Smoothing")),
        ("full_retry_minutes", _("Try again when full, after")),
        ("default_carrier", _("Default carrier")),
    ]
    return nodes([_preferences(), _figures(heads, {"way": "weighted"})])


def _preferences() -> dict[str, Any]:
    """What staff change most: the threshold of 200, and where a district's or a channel's orders would rather go."""
    made = table(
        _("Preferences by area"),
        [
            ("city", _("City")),
            ("district", _("District")),
            ("channel", _("Channel")),
            ("amount", _("Amount")),
        ],
        [
            ("preferred_left", _("Places that count as plenty")),
            ("prefer_warehouse", _("Prefer warehouse")),
            ("exclude_warehouses", _("Exclude warehouses")),
            ("prefer_outlet", _("Prefer outlet")),
            ("prefer_carrier", _("Prefer carrier")),
            ("exclude_carriers", _("Exclude carriers")),
        ],
        [("everywhere", ("", "", "", ""), (_cell(POLICY.preferred_left), "", "", "", "", ""))],
    )
    return _node(made, "preferences")


def _figures(heads: list[tuple[str, str]], other: dict[str, Any]) -> dict[str, Any]:
    values = tuple(_cell(other.get(code, getattr(POLICY, code))) for code, _head in heads)
    return _node(table(_("Figures"), [], heads, [("figures", (), values)]), "figures")


def _node(document: dict[str, Any], identity: str) -> dict[str, Any]:
    """The table of a one-table document as a node that hands on what came before it."""
    node = next(each for each in document["nodes"] if each["type"] == "decisionTableNode")
    return {**node, "id": identity, "content": {**node["content"], "passThrough": True}}


def _cell(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return f"'{value}'" if isinstance(value, str) else f"{value:g}"
