"""Addresses that are none: a problem under the API, the usual page elsewhere."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.utils.translation import gettext as _
from django.views import defaults

from orderhub.api.problems import TYPE


def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    """404."""
    if not request.path.startswith("/api/"):
        return defaults.page_not_found(request, exception)
    text = _("There is no such record, or it is not yours to see.")
    return _problem(404, "not_found", text)


def broken(request: HttpRequest, *_args: Any) -> HttpResponse:
    """500: a fault of ours, logged by Django."""
    if not request.path.startswith("/api/"):
        return defaults.server_error(request)
    return _problem(500, "fault", _("This is a fault of ours. It has been logged."))


def _problem(status: int, code: str, text: str) -> JsonResponse:
    told = {"type": TYPE + code, "title": code.replace("_", " "), "status": status, "detail": text}
    return JsonResponse(told, status=status, content_type="application/problem+json")
