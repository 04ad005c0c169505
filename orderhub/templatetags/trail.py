"""Where one is, in the words of the menu: the trail above a page says no app, and no name twice."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django import template
from django.apps import apps
from django.urls import reverse

from orderhub.admin_site.sidebar import names

register = template.Library()


@register.filter
def as_in_menu(parts: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """The theme's parts of a trail, each a title and perhaps a link, by the menu's names and without the app."""
    named, above = names(), reverse("admin:index")
    told = [{**part, "title": named.get(str(part.get("link", "")), part["title"])} for part in parts]
    first = str(told[0].get("link", "")).removeprefix(above).strip("/") if told else ""
    return told[1:] if len(told) > 1 and first in _apps() else told


def _apps() -> set[str]:
    return {config.label for config in apps.get_app_configs()}
