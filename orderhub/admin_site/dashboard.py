"""The front page: blocks that the apps contribute, each with what waits for a person."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest

from orderhub.admin_site.registry import DASHBOARD
from orderhub.dotted import resolve


def today(request: HttpRequest, context: dict[str, Any]) -> dict[str, Any]:
    """unfold's dashboard callback: every block that has something for this person."""
    blocks = [block for block in (resolve(name)(request) for name in DASHBOARD) if block]
    return {**context, "blocks": blocks}
