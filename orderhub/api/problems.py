"""Errors of the API as problem+json (RFC 9457): a stable type, words in the caller's language, a pointer to the field."""

from __future__ import annotations

from typing import Any

from django.db import OperationalError
from django.http import Http404
from django.utils.encoding import force_str
from django.utils.translation import gettext as _
from rest_framework.exceptions import (
    APIException,
    AuthenticationFailed,
    NotAuthenticated,
    NotFound,
    ParseError,
    PermissionDenied,
    Throttled,
    ValidationError,
)
from rest_framework.response import Response
from rest_framework.views import exception_handler, set_rollback

#: Types never change; clients switch on them.
TYPE = "urn:orderhub:problem:"


class Problem(APIException):
    """An error with its own stable type. `more` goes into the body beside the standard members."""

    def __init__(self, status: int, code: str, detail: str, **more: Any) -> None:
        super().__init__(detail, code)
        self.status_code = status
        self.code, self.more = code, more


class TooLarge(Problem):
    """413."""

    def __init__(self, most: int) -> None:
        super().__init__(413, "too_large", _("Send at most %(n)d bytes.") % {"n": most})


def invalid(pointer: str, detail: str) -> Problem:
    """422 for one field; `pointer` is a JSON pointer into the body, or the name of a parameter or header."""
    return Problem(
        422, "invalid", _("Some fields are not right."), errors=[{"pointer": pointer, "detail": detail}]
    )


def moved(detail: str, allowed: list[str]) -> Problem:
    """409: the record is not as the caller believes; `allowed` says what can be done with it now."""
    return Problem(409, "state_moved", detail, allowed=allowed)


def problem_json(exc: Exception, context: dict[str, Any]) -> Response | None:
    """DRF's handler, its answer reshaped."""
    if isinstance(exc, OperationalError) and getattr(exc.__cause__, "sqlstate", "") == "55P03":
        exc = Problem(409, "busy", _("Somebody else works on this right now. Try again."))
    response = exception_handler(exc, context)
    if response is None:
        return None
    set_rollback()
    status, code, more = response.status_code, "error", {}
    detail = force_str(exc)
    if isinstance(exc, Problem):
        code, more, detail = exc.code, exc.more, force_str(exc.detail)
    elif isinstance(exc, ValidationError):
        status, code, detail = 422, "invalid", _("Some fields are not right.")
        more = {"errors": list(_pointers(exc.detail, ""))}
    elif isinstance(exc, Http404 | NotFound):
        code, detail = "not_found", _("There is no such record, or it is not yours to see.")
    elif isinstance(exc, NotAuthenticated | AuthenticationFailed):
        code, detail = "not_signed_in", _("Sign in again: the token is missing, over or revoked.")
    elif isinstance(exc, Throttled):
        code, detail = "too_many", _("Too many calls. Try again later.")
    elif isinstance(exc, ParseError):
        code, detail = "unreadable", _("The body is not readable JSON.")
    elif isinstance(exc, PermissionDenied) or status == 403:
        code = "forbidden"
    elif status in (405, 406, 415):
        code = {405: "method", 406: "not_acceptable", 415: "media_type"}[status]
    response.status_code = status
    response.data = {
        "type": TYPE + code, "title": code.replace("_", " "), "status": status, "detail": detail, **more,
    }  # fmt: skip
    response.content_type = "application/problem+json"
    return response


def _pointers(detail: Any, at: str) -> Any:
    if isinstance(detail, dict):
        for name, inner in detail.items():
            yield from _pointers(inner, at if name == "non_field_errors" else f"{at}/{name}")
    elif isinstance(detail, list):
        for place, inner in enumerate(detail):
            nested = isinstance(inner, dict | list)
            yield from _pointers(inner, f"{at}/{place}" if nested else at)
    else:
        yield {"pointer": at, "detail": force_str(detail)}
