"""The order page's part about rules: which version touched it, when and why, with the row that matched, in words."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest
from django.urls import reverse
from django.utils.translation import gettext as _

from orderhub.admin_site.marks import moment
from orderhub.dotted import resolve
from orderhub.rules import explaining
from orderhub.rules.models import Trace, Version
from orderhub.rules.registry import NoSuchPoint
from orderhub.rules.registry import point as point_of

SHOWN = 30


def panel(order_id: int, request: HttpRequest) -> dict[str, Any] | None:
    """What rules changed about an order, newest first; None where they changed nothing. Two statements."""
    traces = list(Trace.objects.filter(order_id=order_id).order_by("-id")[:SHOWN])
    if not traces:
        return None
    versions = Version.objects.select_related("rule_set").in_bulk(
        {t.version_id for t in traces if t.version_id}
    )
    may = request.user.has_perm("orderhub.view_ruleset")
    return {
        "template": "orderhub/rules/panel.html",
        "traces": [_told(trace, versions.get(trace.version_id or 0), may) for trace in traces],
    }


def _told(trace: Trace, version: Version | None, may: bool) -> dict[str, Any]:
    told: dict[str, Any] = {
        "point": trace.point, "when": moment(trace.at), "note": trace.note, "said": "", "steps": [],
        "version": _("the policy as shipped") if version is None else f"{version.rule_set.title} {version}", "link": "",
    }  # fmt: skip
    try:
        point = point_of(trace.point)
    except NoSuchPoint:
        return told  # declared by an earlier release
    told["point"] = point.label
    if version is not None:
        told["steps"] = [
            step for row in trace.row if (step := explaining.row_words(point, version.document, row))
        ]
        if may:
            told["link"] = reverse("admin:rules_try", args=[version.pk])
    if point.words:
        told["said"] = resolve(point.words)(trace.answer, trace.row[0] if trace.row else None)
    elif not told["steps"]:
        told["said"] = _(", ").join(
            f"{label} {value}" for label, value in explaining.answer_list(point, trace.answer)
        )
    return told
