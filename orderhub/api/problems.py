"""Errors of the API as problem+json: what happened and what to do."""

from __future__ import annotations

from typing import Any

from rest_framework.response import Response
from rest_framework.views import exception_handler


def problem_json(exc: Exception, context: dict[str, Any]) -> Response | None:
    """DRF's handler, its answer reshaped to RFC 9457."""
    response = exception_handler(exc, context)
    if response is None:
        return None
    detail = response.data
    title = detail.get("detail") if isinstance(detail, dict) else None
    body: dict[str, Any] = {"type": "about:blank", "status": response.status_code, "title": str(title or exc)}
    if title is None:
        body["errors"] = detail
    response.data = body
    response.content_type = "application/problem+json"
    return response
